// Sessions, clients, tickets, JWT templates and session claims through Clerk's own Node SDK.
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { afterEach, before, describe, test } from 'node:test';
import { refusal, startSandbox, takeConformance } from './sandbox.js';

let sandbox, count = 0;
const create = (fields = {}) => sandbox.clerk.users.createUser({
  emailAddress: [`session${++count}@usher-tests.com`], skipPasswordRequirement: true, ...fields });

before(async () => {
  sandbox = await startSandbox('--limits', 'off');
});

// The file does not know ?paginated=true, which the SDK sends; the Platform API is in another one.
const differences = [/^GET \/(sessions|clients|jwt_templates) 200: is no array$/, /^\w+ \/platform\/.*: no such operation/];
afterEach(() => {
  const { answers, problems } = takeConformance();
  assert.deepEqual(problems.filter(one => !differences.some(known => known.test(one))), [],
    `${answers} answers held against the OpenAPI file`);
});

describe('sessions, clients and tokens', () => {
  let user, session;
  const payload = jwt => JSON.parse(Buffer.from(jwt.split('.')[1], 'base64url').toString());
  before(async () => {
    user = await create({ externalId: 'legacy|77', firstName: 'Ada' });
    session = await sandbox.clerk.sessions.createSession({ userId: user.id });
  });

  test('a session is listed, read, gives tokens and is revoked', async () => {
    const { sessions } = sandbox.clerk;
    assert.equal(session.status, 'active');
    assert.equal((await sessions.getSession(session.id)).userId, user.id);
    const list = await sessions.getSessionList({ userId: user.id });
    assert.deepEqual([list.totalCount, list.data[0].id], [1, session.id]);
    assert.equal((await sessions.getSessionList({ clientId: session.clientId, status: 'ended' })).totalCount, 0);
    assert.equal(payload((await sessions.getToken(session.id)).jwt).sub, user.id);
    const refused = await sandbox.raw('POST', `/v1/sessions/${session.id}/refresh`, {
      expired_token: 'x', refresh_token: 'x', request_origin: 'http://localhost' });
    assert.equal(refused.body.errors[0].code, 'expired_session_token_invalid');
    const other = await sessions.createSession({ userId: user.id });
    assert.equal((await sessions.revokeSession(other.id)).status, 'revoked');
    assert.equal((await refusal(sessions.getToken(other.id))).status, 404);
    assert.equal((await refusal(sessions.revokeSession(other.id))).errors[0].code, 'invalid_action_for_session');
    assert.equal((await refusal(sessions.getSession('sess_none'))).status, 404);
  });

  test('no token is given any more from the answer on that ended the session', async () => {
    const { users, sessions } = sandbox.clerk;
    const ends = [(_, { id }) => sessions.revokeSession(id), ({ id }) => users.banUser(id), ({ id }) => users.deleteUser(id)];
    for (const end of ends) {
      const whose = await create(), open = await sessions.createSession({ userId: whose.id });
      assert.equal(payload((await sessions.getToken(open.id)).jwt).sid, open.id);
      await end(whose, open);
      const answers = await Promise.all(Array.from({ length: 8 }, () => refusal(sessions.getToken(open.id))));
      assert.deepEqual(answers.map(answer => answer.status), Array(8).fill(404));
    }
  });

  // More connections than a thread signs for itself; the rest goes to the signers.
  test('tokens for a crowd are signed as well as those for one', async () => {
    const { keys: [jwk] } = (await sandbox.raw('GET', '/v1/jwks')).body;
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    const ask = () => sandbox.raw('POST', `/v1/sessions/${session.id}/tokens`, {});
    const jwts = (await Promise.all(Array.from({ length: 300 }, ask))).map(({ body }) => body.jwt);
    for (const jwt of jwts) {
      const [head, body, signature] = jwt.split('.');
      assert.ok(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')), jwt);
    }
    assert.equal(new Set(jwts.map(jwt => payload(jwt).jti)).size, jwts.length);
  });

  test('clients are listed, read and verified', async () => {
    const { clients } = sandbox.clerk;
    assert.deepEqual((await clients.getClient(session.clientId)).sessionIds, [session.id]);
    assert.ok((await clients.getClientList()).totalCount >= 1);
    const { jwt } = await sandbox.clerk.sessions.getToken(session.id);
    assert.equal((await clients.verifyClient(jwt)).id, session.clientId);
    assert.equal((await refusal(clients.verifyClient('a.b.c'))).status, 401);
    assert.equal((await sandbox.raw('GET', '/v1/clients/handshake_payload?nonce=none')).status, 404);
  });

  test('JWT templates: made, changed, used, deleted', async () => {
    const { jwtTemplates } = sandbox.clerk;
    const made = await jwtTemplates.create({ name: 'api', lifetime: 120,
      claims: { sub2: '{{user.external_id}}', greeting: 'Hi {{user.first_name}}', list: ['{{user.none}}', 1] } });
    const token = payload((await sandbox.clerk.sessions.getToken(session.id, 'api')).jwt);
    assert.deepEqual([token.sub2, token.greeting, token.list, token.exp - token.iat],
      ['legacy|77', 'Hi Ada', [null, 1], 120]);
    await jwtTemplates.update({ templateId: made.id, name: 'api', claims: {}, customSigningKey: true,
      signingAlgorithm: 'HS256', signingKey: 'a secret of its own' });
    const { jwt } = await sandbox.clerk.sessions.getToken(session.id, 'api');
    const [head, body, signature] = jwt.split('.');
    assert.equal(createHmac('sha256', 'a secret of its own').update(`${head}.${body}`).digest('base64url'), signature);
    assert.equal((await jwtTemplates.get(made.id)).customSigningKey, true);
    assert.equal((await jwtTemplates.list()).totalCount, 1);
    const wrong = claims => refusal(jwtTemplates.create({ name: 'wrong', claims }));
    assert.equal((await wrong({ sub: 'x' })).errors[0].code, 'form_param_value_invalid');
    assert.equal((await wrong({ a: '{{' })).errors[0].code, 'form_param_value_invalid');
    assert.equal((await refusal(jwtTemplates.create({ name: 'api', claims: {} }))).errors[0].code, 'form_param_value_invalid');
    assert.equal((await jwtTemplates.delete(made.id)).deleted, true);
  });

  test('templates are signed with keys of one\'s own: RSA and elliptic curves, in all their sizes', async () => {
    const { jwtTemplates } = sandbox.clerk;
    const keys = { rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }) };
    for (const curve of ['P-256', 'P-384', 'P-521']) keys[curve] = generateKeyPairSync('ec', { namedCurve: curve });
    const pem = (key, type = 'pkcs8') => key.privateKey.export({ type, format: 'pem' });
    const fields = { name: 'signed', claims: { a: 1 }, customSigningKey: true };
    const template = await jwtTemplates.create({ ...fields, signingAlgorithm: 'RS256', signingKey: pem(keys.rsa, 'pkcs1') });
    for (const [algorithm, key] of [['RS256', 'rsa'], ['RS384', 'rsa'], ['RS512', 'rsa'], ['ES256', 'P-256'],
      ['ES384', 'P-384'], ['ES512', 'P-521']]) {
      await jwtTemplates.update({ templateId: template.id, ...fields, signingAlgorithm: algorithm, signingKey: pem(keys[key]) });
      const { jwt } = await sandbox.clerk.sessions.getToken(session.id, 'signed');
      const [head, body, signature] = jwt.split('.');
      assert.equal(JSON.parse(Buffer.from(head, 'base64url')).alg, algorithm);
      assert.ok(verify(`sha${algorithm.slice(2)}`, Buffer.from(`${head}.${body}`),
        { key: keys[key].publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')), algorithm);
    }
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const sealed = keys.rsa.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    for (const [signingAlgorithm, signingKey, param] of [['RS256', 'no key', 'signing_key'], ['RS256', pem(weak), 'signing_key'],
      ['RS256', sealed, 'signing_key'], ['RS256', pem(keys['P-256']), 'signing_key'], ['ES256', pem(keys['P-384']), 'signing_key'],
      ['none', 'x', 'signing_algorithm'], ['PS256', pem(keys.rsa), 'signing_algorithm']]) {
      const { errors: [error] } = await refusal(jwtTemplates.create({ ...fields, name: 'bad', signingAlgorithm, signingKey }));
      assert.deepEqual([error.code, error.meta.paramName], ['form_param_value_invalid', param], signingAlgorithm);
    }
    const shown = JSON.stringify((await sandbox.raw('GET', '/v1/jwt_templates')).body);
    assert.equal(shown.includes('PRIVATE'), false, 'no answer shows a key');
    await jwtTemplates.delete(template.id);
  });

  test('tickets, actor tokens and testing tokens', async () => {
    const { signInTokens, actorTokens, testingTokens } = sandbox.clerk;
    const ticket = await signInTokens.createSignInToken({ userId: user.id });
    assert.match(ticket.url, /\/v1\/tickets\/accept\?ticket=/);
    assert.equal((await signInTokens.revokeSignInToken(ticket.id)).status, 'revoked');
    assert.equal((await refusal(signInTokens.revokeSignInToken(ticket.id))).errors[0].code,
      'sign_in_token_cannot_be_revoked_code');
    const actor = await actorTokens.create({ userId: user.id, actor: { sub: 'user_1' } });
    assert.equal((await actorTokens.revoke(actor.id)).status, 'revoked');
    assert.ok((await testingTokens.createTestingToken()).token);
  });

  test('session claims are set as on the Platform API, and default ones are not', async () => {
    const at = '/v1/platform/applications/app_1/instances/production/config';
    const set = (body, query = '') => sandbox.raw('PATCH', at + query, body);
    const claims = { userId: '{{user.external_id || user.id}}' };
    const changed = await set({ session: { claims } });
    assert.deepEqual(changed.body.after, { session: { claims } });
    assert.deepEqual((await sandbox.raw('GET', at)).body.session.claims, claims);
    assert.equal(payload((await sandbox.clerk.sessions.getToken(session.id)).jwt).userId, 'legacy|77');
    for (const [body, code] of [[{ session: { claims: { sub: 'x' } } }, 'config_validation_error'],
      [{ session: { claims: { a: '{{' } } }, 'config_validation_error'], [{ session: { claims: [] } }, 'config_validation_error'],
      [{ other: 1 }, 'unknown_config_key'], [{ session: { claims: null } }, 'destructive_operation_not_allowed']])
      assert.equal((await set(body)).body.errors[0].code, code);
    assert.equal(payload((await sandbox.clerk.sessions.getToken(session.id)).jwt).userId, 'legacy|77', 'they stay');
    assert.equal((await set({ session: { claims: null } }, '?destructive=true')).status, 200);
    assert.equal(payload((await sandbox.clerk.sessions.getToken(session.id)).jwt).userId, undefined);
  });
});
