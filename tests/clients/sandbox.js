// Starts `usher sandbox` on a free port of the loopback address, and stops it again. Its answers to the
// SDK pass through here: each is held against Clerk's OpenAPI file.
import { spawn } from 'node:child_process';
import readline from 'node:readline';
import { backendApi } from './openapi.js';

// The SDK takes hold of fetch when it is loaded: load it behind this.
const realFetch = globalThis.fetch;
const seen = { openApi: null, problems: [], answers: 0, operations: new Set() };

globalThis.fetch = async (input, init) => {
  const answer = await realFetch(input, init);
  const url = new URL(input instanceof Request ? input.url : input);
  const method = init?.method ?? input.method ?? 'GET';
  const body = await answer.clone().text();
  seen.openApi ??= backendApi();
  seen.answers++;
  seen.operations.add(`${method} ${url.pathname.replace(/\/[a-z]+_[0-9A-Za-z]{6,}/g, '/{id}')} ${answer.status}`);
  seen.problems.push(...seen.openApi.problems(method, url.pathname.replace(/^\/v1/, ''), answer.status,
    answer.headers.get('content-type'), body));
  return answer;
};

export const { createClerkClient } = await import('@clerk/backend');
export const { isClerkAPIResponseError } = await import('@clerk/backend/errors');

// Since the last call: how many answers were checked, and what was wrong with them.
export function takeConformance() {
  const taken = { ...seen, operations: [...seen.operations] };
  seen.problems = [];
  seen.answers = 0;
  return taken;
}

let keys = 0;

// options: further arguments of `usher sandbox`. Returns { clerk, ready, stop }.
export async function startSandbox(...options) {
  const key = `sk_live_${'clients'.padEnd(30, '0')}${keys++}`;
  const child = spawn(process.env.USHER, ['sandbox', '--listen', '127.0.0.1:0', '--data', ':memory:',
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
    async stop() {
      child.kill('SIGTERM');
      return exited;
    },
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
