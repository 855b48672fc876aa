// A session token that has expired: what @clerk/backend and @clerk/express make of it with a refresh token (cookie
// __refresh, from a handshake), without one, and with a wrong one. The sandbox's clock is behind when the token is made.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from './ending.js';
import { payload, Visitor } from './frontend.js';
import { startSandbox, takeConformance } from './sandbox.js';

process.env.CLERK_TELEMETRY_DISABLED = '1';
const password = 'Correct-Horse-9!x', origin = 'https://app.example.test';
const folder = temporaryFolder();
const clock = path.join(folder, 'clock');
let sandbox, ada, session, expired, jar = {}, suffix;

// By how many seconds the sandbox's clock is ahead of ours.
const setClock = seconds => {
  const number = Buffer.alloc(8);
  number.writeBigInt64LE(BigInt(seconds));
  fs.writeFileSync(clock, number, { flag: fs.existsSync(clock) ? 'r+' : 'w' });
};

before(async () => {
  setClock(-120);
  Object.assign(process.env, { CLOCKWARP: clock,
    LD_PRELOAD: path.join(path.dirname(process.env.USHER), 'tests', 'faults', 'clockwarp.so') });
  sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
  delete process.env.LD_PRELOAD;
  ada = await sandbox.clerk.users.createUser({ emailAddress: ['refresh@usher-tests.com'], password });
  const one = new Visitor(sandbox.ready, { headers: { origin } });
  session = (await one.signIn('refresh@usher-tests.com', password)).body.response.created_session_id;
  await one.get(`/v1/client/handshake?redirect_url=${encodeURIComponent(`${origin}/`)}&format=nonce`);
  const { directives } = (await sandbox.raw('GET', `/v1/clients/handshake_payload?nonce=${one.jar.get('__clerk_handshake_nonce')}`)).body;
  for (const directive of directives) {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(directive);
    if (value) jar[name] = value;
    if (name.startsWith('__refresh')) assert.match(directive, /; HttpOnly/);
  }
  expired = jar.__session;
  suffix = Object.keys(jar).find(name => name.startsWith('__refresh')).slice('__refresh'.length);
  setClock(0);
  assert.ok(payload(expired).exp * 1000 < Date.now());
});

const cookie = (changes = {}) => Object.entries({ ...jar, ...changes }).filter(([, value]) => value)
  .map(([name, value]) => `${name}=${value}`).join('; ');
const ask = (headers, method = 'GET') => sandbox.clerk.authenticateRequest(new Request(`${origin}/`, { method,
  headers: { 'sec-fetch-dest': 'document', ...headers } }));
const refresh = changes => sandbox.raw('POST', `/v1/sessions/${session}/refresh`, { expired_token: expired,
  refresh_token: jar[`__refresh${suffix}`], request_origin: origin, ...changes });
const codeOf = answer => [answer.status, answer.body.errors?.[0].code];

test('@clerk/backend: an expired token in the header signs nobody in', async () => {
  const state = await ask({ authorization: `Bearer ${expired}`, 'sec-fetch-dest': 'empty' });
  assert.deepEqual([state.status, state.reason], ['signed-out', 'session-token-expired-refresh-non-eligible-no-refresh-cookie']);
});

test('@clerk/backend: by cookie it asks for a handshake, or, with a refresh token, for a fresh one', async () => {
  const without = await ask({ cookie: cookie({ [`__refresh${suffix}`]: '' }) });
  assert.deepEqual([without.status, without.reason], ['handshake', 'session-token-expired-refresh-non-eligible-no-refresh-cookie']);
  const state = await ask({ cookie: cookie() });
  assert.deepEqual([state.status, state.toAuth().userId, state.toAuth().sessionId], ['signed-in', ada.id, session]);
  const set = state.headers.getSetCookie().filter(one => one.startsWith('__session'));
  assert.deepEqual(set.map(one => one.split('=')[0]).sort(), ['__session', `__session${suffix}`]);
  const fresh = payload(set[0].split('=')[1].split(';')[0]);
  assert.deepEqual([fresh.sid, fresh.azp, fresh.exp * 1000 > Date.now()], [session, origin, true]);
  assert.equal((await ask({ cookie: cookie() }, 'POST')).status, 'signed-out');
});

test('@clerk/express: the page is there at once, and the browser gets the new token', async () => {
  Object.assign(process.env, { CLERK_SECRET_KEY: sandbox.ready.secret_key, CLERK_PUBLISHABLE_KEY: sandbox.ready.publishable_key,
    CLERK_API_URL: sandbox.ready.backend_api });
  const { default: express } = await import('express');
  const { clerkMiddleware, getAuth } = await import('@clerk/express');
  const application = express().set('trust proxy', true);
  application.use(clerkMiddleware({ secretKey: sandbox.ready.secret_key, publishableKey: sandbox.ready.publishable_key,
    apiUrl: sandbox.ready.backend_api }));
  application.get('/', (request, answer) => answer.send(`user ${getAuth(request).userId}`));
  const server = application.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const get = headers => fetch(`http://127.0.0.1:${server.address().port}/`, { redirect: 'manual', headers: {
    'x-forwarded-host': 'app.example.test', 'x-forwarded-proto': 'https', ...headers } });
  const page = await get({ cookie: cookie(), 'sec-fetch-dest': 'document', accept: 'text/html' });
  assert.deepEqual([page.status, await page.text()], [200, `user ${ada.id}`]);
  assert.ok(page.headers.getSetCookie().some(one => one.startsWith('__session=')));
  const sent = await get({ cookie: cookie({ [`__refresh${suffix}`]: '' }), 'sec-fetch-dest': 'document', accept: 'text/html' });
  assert.equal(sent.status, 307);
  assert.match(sent.headers.get('location'), /^https:\/\/clerk\.example\.test\/v1\/client\/handshake\?/);
  assert.equal(await (await get({ authorization: `Bearer ${expired}` })).text(), 'user null');
  server.closeAllConnections();
  server.close();
});

test('as a token; what is wrong is a 401 with Clerk\'s code', async () => {
  const token = await refresh({ format: 'token' });
  assert.deepEqual([token.status, payload(token.body.jwt).sid], [200, session]);
  const [head, body, signature] = expired.split('.');
  for (const [changes, code] of [[{ refresh_token: 'x' }, 'refresh_token_not_found'],
    [{ refresh_token: 'x'.repeat(40) }, 'refresh_token_not_found'],
    [{ request_origin: 'https://evil.test' }, 'refresh_request_origin_azp_mismatch'],
    [{ expired_token: 'x' }, 'expired_session_token_invalid'],
    [{ expired_token: `${head}.${body}.${signature.split('').reverse().join('')}` }, 'expired_session_token_invalid']])
    assert.deepEqual(codeOf(await refresh(changes)), [401, code], JSON.stringify(changes));
  assert.deepEqual(codeOf(await refresh({ format: 'pdf' })), [422, 'form_param_value_invalid']);
  assert.deepEqual(codeOf(await refresh({ refresh_token: undefined })), [422, 'form_param_missing']);
  const other = await sandbox.clerk.sessions.createSession({ userId: ada.id });
  assert.deepEqual(codeOf(await sandbox.raw('POST', `/v1/sessions/${other.id}/refresh`, { expired_token: expired,
    refresh_token: jar[`__refresh${suffix}`], request_origin: origin })), [401, 'refresh_sid_mismatch']);
  await sandbox.clerk.sessions.revokeSession(session);
  assert.deepEqual(codeOf(await refresh()), [401, 'session_refresh_inactive_session']);
  const state = await ask({ cookie: cookie() });
  assert.deepEqual([state.status, /session_refresh_inactive_session/.test(state.reason)], ['handshake', true]);
  setClock(90000);
  assert.deepEqual(codeOf(await refresh()), [401, 'session_refresh_expired_session_token_too_old']);
  setClock(0);
});

test('every answer was as the OpenAPI file has it', () => {
  // The file does not tell of this path: its place is taken by that of a client. The last one is the application's page.
  const known = /^GET \/(clients\/handshake_payload|) \d+: /;
  assert.deepEqual(takeConformance().problems.filter(one => !known.test(one)), []);
});
