// What nobody's SDK sends: forged, expired and replayed tokens, broken cookies, clients that are slow or go away,
// and the secrets that no answer may hold. The code is Clerk's, and the sandbox goes on.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import net from 'node:net';
import { before, test } from 'node:test';
import { payload, Visitor } from './frontend.js';
import { startSandbox } from './sandbox.js';

const password = 'Correct-Horse-9!x';
let sandbox, count = 0;
before(async () => {
  sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
});

const encode = value => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const code = answer => [answer.status, answer.body.errors?.[0].code];
async function person() {
  const email = `bad${++count}@usher-tests.com`, one = new Visitor(sandbox.ready);
  const user = await sandbox.clerk.users.createUser({ emailAddress: [email], password });
  const session = (await one.signIn(email, password)).body.response.created_session_id;
  const { jwt } = (await one.post(`/v1/client/sessions/${session}/tokens`)).body;
  return { user, one, email, session, jwt };
}
const alive = async () => assert.equal((await sandbox.raw('GET', '/v1/users/count')).status, 200);

// The claims of a JWT under other keys than the instance's, or none.
function forgeries(jwt) {
  const [head, body, signature] = jwt.split('.');
  const header = JSON.parse(Buffer.from(head, 'base64url'));
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const other = sign('sha256', Buffer.from(`${head}.${body}`), privateKey).toString('base64url');
  const hmac = `${encode({ ...header, alg: 'HS256' })}.${body}`;
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  return { 'another key': `${head}.${body}.${other}`, 'alg none': `${encode({ ...header, alg: 'none' })}.${body}.`,
    'a public key as secret': `${hmac}.${createHmac('sha256', pem).update(hmac).digest('base64url')}`,
    'other claims': `${head}.${encode({ ...payload(jwt), sub: 'user_1', eid: 'user_1', sid: 'sit_1' })}.${signature}`,
    'no signature': `${head}.${body}.`, 'two parts': `${head}.${body}`, 'no key id': `${encode({ alg: 'RS256' })}.${body}.${signature}`,
    'not JSON': `${encode('{')}.${encode('{')}.${signature}`, 'not base64': '%%%.%%%.%%%', empty: '..', huge: `${head}.${'A'.repeat(60000)}.${signature}` };
}

test('forged, replayed, revoked and mistaken tickets sign nobody in', async () => {
  const { user, jwt } = await person();
  const { token, id } = await sandbox.clerk.signInTokens.createSignInToken({ userId: user.id });
  const redeem = ticket => new Visitor(sandbox.ready).post('/v1/client/sign_ins', { strategy: 'ticket', ticket });
  for (const [what, forged] of Object.entries({ ...forgeries(token), 'a session token': jwt }))
    assert.deepEqual(code(await redeem(forged)), [400, 'ticket_invalid_code'], what);
  const tries = await Promise.all(Array.from({ length: 6 }, () => redeem(token)));
  assert.equal(tries.filter(one => one.body.response?.status === 'complete').length, 1, 'of six at once');
  for (const one of tries.filter(each => each.status !== 200))
    assert.deepEqual(code(one), [400, 'sign_in_token_already_used_code']);
  const other = await sandbox.clerk.signInTokens.createSignInToken({ userId: user.id });
  assert.notEqual(other.id, id);
  await sandbox.clerk.signInTokens.revokeSignInToken(other.id);
  assert.deepEqual(code(await redeem(other.token)), [400, 'sign_in_token_revoked_code']);
});

test('forged session tokens are nobody\'s: for the SDK, for verify and for refresh', async () => {
  const { session, jwt } = await person();
  const refresh = expired_token => sandbox.raw('POST', `/v1/sessions/${session}/refresh`,
    { expired_token, refresh_token: 'x', request_origin: 'http://localhost:3000' });
  for (const [what, forged] of Object.entries(forgeries(jwt))) {
    const state = await sandbox.clerk.authenticateRequest(new Request('https://app.example.test/',
      { headers: { authorization: `Bearer ${forged}` } }));
    assert.equal(state.status, 'signed-out', what);
    assert.equal((await sandbox.raw('POST', '/v1/clients/verify', { token: forged })).status, 401, what);
    assert.equal((await refresh(forged)).body.errors[0].code, 'expired_session_token_invalid', what);
  }
  assert.equal((await refresh(jwt)).body.errors[0].code, 'refresh_token_not_found');
});

test('cookies that are broken, stolen in part, or enormous are no client\'s', async () => {
  const { one, session } = await person();
  const [id, secret] = one.jar.get('__client').split('.');
  for (const cookie of ['__client', '__client=', '__client=.', `__client=${id}`, `__client=${id}.`, `__client=${id}.${secret.slice(1)}x`,
    `__client=${id}.${secret}x`, `__client=${'a'.repeat(6000)}`, '__client="; __client_uat=\'', ';;;=;=;__client',
    `__client=${encodeURIComponent('\u0000')}`, `x__client=${id}.${secret}`]) {
    const answer = await new Visitor(sandbox.ready, { headers: { cookie } }).call('GET', '/v1/client');
    assert.deepEqual([answer.status, answer.body.response], [200, null], cookie.slice(0, 60));
    const touched = await new Visitor(sandbox.ready, { headers: { cookie } }).post(`/v1/client/sessions/${session}/touch`);
    assert.deepEqual(code(touched), [401, 'signed_out'], cookie.slice(0, 60));
  }
  assert.equal((await one.get('/v1/client')).body.response.sessions[0].id, session, 'the owner is still signed in');
});

// Opens a connection, writes, and returns what comes back until it closes or `enough`.
function speak(write, enough = () => false) {
  const { hostname, port } = new URL(sandbox.ready.frontend_api);
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), hostname, () => write(socket));
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', piece => {
      text += piece;
      if (enough(text)) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', error => error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve(text) : reject(error));
  });
}

test('slow clients, and those that go away, hold nobody up', async () => {
  const whole = 'identifier=nobody%40usher-tests.com';
  const head = `POST /v1/client/sign_ins HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${whole.length}\r\n\r\n`;
  const waiting = Array.from({ length: 50 }, () => {
    const { hostname, port } = new URL(sandbox.ready.frontend_api);
    const socket = net.connect(Number(port), hostname, () => socket.write('POST /v1/client/sign_ins HTTP/1.1\r\nHost: a\r\nContent-Le'));
    socket.on('error', () => {});
    return socket;
  });
  const drip = await speak(async socket => {
    for (const byte of head + whole) {
      socket.write(byte);
      await new Promise(resolve => setImmediate(resolve));
    }
  }, text => text.includes('form_identifier_not_found'));
  assert.match(drip, /^HTTP\/1\.1 422 /);
  await speak(socket => socket.end(head + 'half'));
  await speak(socket => {
    socket.write(head + whole);
    socket.destroy();
  });
  await alive();
  for (const socket of waiting) socket.destroy();
  await alive();
});

test('requests that are no HTTP, or say two things, are refused', async () => {
  for (const text of ['\x16\x03\x01\x02\x00\x01\x00', 'GET\r\n\r\n', `GET /${'a'.repeat(100000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
    'POST /v1/users HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n', 'POST /v1/users HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n',
    'POST /v1/users HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(20000)}\r\n`]) {
    // Where the rest may still come, the server waits for it: then we go.
    const answer = await speak(socket => socket.end(text, 'latin1', () => setTimeout(() => socket.destroy(), 2000)));
    assert.match(answer, /^$|^HTTP\/1\.[01] 4\d\d /, text.slice(0, 40));
    await alive();
  }
});

test('of parallel creates with one email, one wins; all others have Clerk\'s code', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => sandbox.raw('POST', '/v1/users',
    { email_address: ['parallel@usher-tests.com'], password })));
  assert.equal(all.filter(one => one.status === 200).length, 1);
  for (const one of all.filter(each => each.status !== 200)) assert.deepEqual(code(one), [422, 'form_identifier_exists']);
});

test('passwords, digests and secrets are in no answer', async () => {
  const secrets = { totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', passwordDigest: '5f4dcc3b5aa765d61d8327deb882cf99' };
  const user = await sandbox.clerk.users.createUser({ emailAddress: ['secrets@usher-tests.com'], passwordHasher: 'md5', ...secrets,
    backupCodes: ['never-shown-1'] });
  const one = new Visitor(sandbox.ready);
  const signIn = await one.post('/v1/client/sign_ins', { identifier: 'secrets@usher-tests.com', password: 'password', strategy: 'password' });
  const answers = [signIn.body, (await one.get('/v1/client')).body];
  for (const route of [`/v1/users/${user.id}`, '/v1/users?limit=500', `/v1/sandbox/users/${user.id}`, '/v1/sandbox/users', '/v1/sandbox/requests',
    '/v1/sandbox/overview', '/v1/instance', '/v1/jwks']) answers.push((await sandbox.raw('GET', route)).body);
  const text = JSON.stringify(answers);
  for (const secret of [...Object.values(secrets), 'never-shown-1', password, sandbox.ready.secret_key, '$2b$', '$2a$', 'PRIVATE'])
    assert.equal(text.includes(secret), false, secret);
});
