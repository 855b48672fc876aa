// Starts `usher sandbox` on a free port of the loopback address, and stops it at the end. Its answers to the
// SDK pass through here: each is held against Clerk's OpenAPI file.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { afterEach, before } from 'node:test';
import { atEnd, spawnChild } from './ending.js';
import { backendApi } from './openapi.js';

// The SDK takes hold of fetch when it is loaded: load it behind this.
const realFetch = globalThis.fetch;
const seen = { openApi: null, problems: [], answers: 0, errors: new Set() };

globalThis.fetch = async (input, init) => {
  const answer = await realFetch(input, init);
  const url = new URL(input instanceof Request ? input.url : input);
  const method = init?.method ?? input.method ?? 'GET';
  const body = await answer.clone().text();
  seen.openApi ??= backendApi();
  seen.answers++;
  // The sandbox's own endpoints, by which tests look inside, are none of Clerk's; frontend.js looks at what browsers get.
  if (url.pathname.startsWith('/v1/sandbox/')) return answer;
  if (!new Headers(init?.headers ?? input.headers).has('authorization')) return answer;
  if (answer.status >= 400)
    seen.errors.add(`${seen.openApi.operationOf(method, url.pathname.replace(/^\/v1/, ''))} ${answer.status}`);
  seen.problems.push(...seen.openApi.problems(method, url.pathname.replace(/^\/v1/, ''), answer.status,
    answer.headers.get('content-type'), body, url.searchParams.get('paginated') === 'true'));
  return answer;
};

export const { createClerkClient } = await import('@clerk/backend');
export const { isClerkAPIResponseError } = await import('@clerk/backend/errors');

// Since the last call: how many answers were checked, and what was wrong with them.
export function takeConformance() {
  const { answers, problems } = seen;
  seen.problems = [];
  seen.answers = 0;
  return { answers, problems };
}

let keys = 0;

// Which endpoints a sandbox was asked for, by its own count, for routes.js.
async function recordCalls({ backend_api, secret_key }) {
  if (!process.env.USHER_CALLS) return;
  const answer = await realFetch(`${backend_api}/v1/sandbox/routes`,
    { headers: { authorization: `Bearer ${secret_key}` } });
  fs.writeFileSync(path.join(process.env.USHER_CALLS, `${process.pid}-${keys++}.json`), await answer.text());
}

// Which errors the Backend API has answered in this file of tests, as "operationId status", for statuses.js.
process.on('exit', () => {
  if (process.env.USHER_CALLS)
    fs.writeFileSync(path.join(process.env.USHER_CALLS, `${process.pid}.errors`), [...seen.errors].join('\n'));
});

// options: further arguments of `usher sandbox`. Returns { clerk, ready, raw, stop }; what no test stops ends with the file.
export async function startSandbox(...options) {
  const key = `sk_live_${'clients'.padEnd(30, '0')}${keys++}`;
  const child = spawnChild(process.env.USHER, ['sandbox', '--listen', '127.0.0.1:0', '--data', ':memory:',
    '--secret-key', key, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise(resolve => child.once('exit', (status, signal) => resolve({ status, signal })));
  const first = new Promise(resolve => readline.createInterface(child.stdout).once('line', resolve));
  const line = await Promise.race([first, exited.then(how => {
    throw new Error(`usher sandbox ended at once: ${JSON.stringify(how)}`);
  })]);
  const ready = JSON.parse(line);
  return {
    ready,
    clerk: createClerkClient({ secretKey: ready.secret_key, apiUrl: ready.backend_api,
      publishableKey: ready.publishable_key, telemetry: { disabled: true } }),
    clerkWithKey: secretKey => createClerkClient({ secretKey, apiUrl: ready.backend_api,
      telemetry: { disabled: true } }),
    // A request without the SDK, for what the SDK does not call; returns { status, body }.
    async raw(method, route, body) {
      const answer = await fetch(ready.backend_api + route, { method,
        headers: { authorization: `Bearer ${ready.secret_key}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body) });
      const text = await answer.text();
      return { status: answer.status, body: text === '' ? null : JSON.parse(text) };
    },
    // Asked to stop, it must end well.
    stop: atEnd(async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) await recordCalls(ready);
      child.kill(signal);
      const how = await exited;
      if (signal === 'SIGTERM') assert.deepEqual(how, { status: 0, signal: null });
      return how;
    }),
  };
}

// Awaits a refusal of the API; returns the SDK's error.
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    if (isClerkAPIResponseError(error)) return error;
    throw error;
  }
  throw new Error('the API did not refuse');
}

// For a file of tests: a sandbox without limits from its first test to its last, and behind every test a look
// at what the OpenAPI file says of the answers. Returns an object that gets what startSandbox returns, and then
// calls `ready` with it.
export function sandboxForFile(ready) {
  const sandbox = {};
  before(async () => ready(Object.assign(sandbox, await startSandbox('--limits', 'off'))));
  afterEach(() => {
    const { answers, problems } = takeConformance();
    assert.deepEqual(problems, [], `${answers} answers held against the OpenAPI file`);
  });
  return sandbox;
}

// Asserts that a request without the SDK is refused with that status, code and parameter (undefined: none).
export async function assertRefused(sandbox, method, route, body, status, code, param) {
  const answer = await sandbox.raw(method, route, body);
  const error = answer.body?.errors?.[0];
  assert.deepEqual([answer.status, error?.code, error?.meta?.param_name], [status, code, param],
    `${method} ${route} ${JSON.stringify(body)}`);
}
