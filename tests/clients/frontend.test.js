// The sandbox's Frontend API by plain requests: every route, every refusal that people meet, bad input.
import assert from 'node:assert/strict';
import { afterEach, before, describe, test } from 'node:test';
import { frontendCalls, frontendRoutes, payload, Visitor } from './frontend.js';
import { startSandbox } from './sandbox.js';
import { totp } from './totp.js';

const password = 'Correct-Horse-9!x';
let sandbox, users, count = 0, visitors = [];

const visitor = options => {
  const one = new Visitor(sandbox.ready, options);
  visitors.push(one);
  return one;
};
const fresh = () => `front${++count}@usher-tests.com`;
const create = (fields = {}) => users.createUser({ emailAddress: [fresh()], password, ...fields });
const settings = body => sandbox.raw('PATCH', '/v1/sandbox/settings', body);
const emailOf = user => user.emailAddresses[0].emailAddress;
async function codeTo(address) {
  const { body } = await sandbox.raw('GET', `/v1/sandbox/outbox?to=${encodeURIComponent(address)}`);
  return body[0].code;
}
async function signedIn(fields) {
  const user = await create(fields), one = visitor();
  const done = await one.signIn(emailOf(user), password);
  assert.equal(done.body.response.status, 'complete');
  return { user, one, session: done.body.response.created_session_id };
}

before(async () => {
  sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
  users = sandbox.clerk.users;
});
afterEach(() => {
  const problems = visitors.flatMap(one => one.problems);
  visitors = [];
  assert.deepEqual(problems, []);
});

describe('signing in', () => {
  test('identifier first, wrong password, right password, touch, tokens, out', async () => {
    const user = await create(), one = visitor();
    assert.deepEqual((await one.get('/v1/client')).body, { response: null, client: null });
    const first = await one.post('/v1/client/sign_ins', { identifier: emailOf(user).toUpperCase() });
    assert.equal(first.body.response.status, 'needs_first_factor');
    assert.equal(first.body.client.sign_in.id, first.body.response.id);
    const attempt = `/v1/client/sign_ins/${first.body.response.id}`;
    const wrong = await one.post(`${attempt}/attempt_first_factor`, { strategy: 'password', password: 'x' });
    assert.deepEqual([wrong.status, wrong.code, wrong.body.errors[0].meta.param_name],
      [422, 'form_password_incorrect', 'password']);
    assert.equal((await one.get(attempt)).body.response.status, 'needs_first_factor');
    const before = one.jar.get('__client');
    const done = await one.post(`${attempt}/attempt_first_factor`, { strategy: 'password', password });
    assert.equal(done.body.response.status, 'complete');
    assert.equal(done.body.client.sign_in, null);
    assert.notEqual(one.jar.get('__client'), before, 'the secret rotates');
    assert.equal(done.headers.getSetCookie().at(-1).split('=')[0], '__client', 'and comes last');
    const [session] = done.body.client.sessions;
    assert.equal(session.id, done.body.response.created_session_id);
    const claims = payload(session.last_active_token.jwt);
    assert.equal(claims.exp - claims.iat, 60);
    assert.deepEqual([claims.sub, claims.sid, claims.v, claims.sts, claims.azp, claims.iss],
      [user.id, session.id, 2, 'active', 'http://localhost:3000', 'https://clerk.example.test']);
    assert.ok(Number(one.jar.get('__client_uat')) <= claims.iat);

    const at = `/v1/client/sessions/${session.id}`;
    assert.equal((await one.get(at)).body.response.id, session.id);
    assert.equal((await one.post(`${at}/touch`, { active_organization_id: '', intent: 'focus' })).status, 200);
    assert.equal((await one.post(`${at}/tokens`, { organization_id: '' })).body.object, 'token');
    const made = await sandbox.raw('POST', '/v1/jwt_templates', { name: 'other', claims: { mail: '{{user.primary_email_address}}', n: 7 } });
    assert.equal(made.status, 200);
    const other = payload((await one.post(`${at}/tokens/other`)).body.jwt);
    assert.deepEqual([other.mail, other.n, other.sid], [emailOf(user), 7, undefined]);
    assert.equal((await one.post(`${at}/tokens/none`)).code, 'resource_not_found');

    const out = await one.call('DELETE', '/v1/client/sessions');
    assert.deepEqual(out.body.response.sessions, []);
    assert.equal(one.jar.get('__client_uat'), '0');
    assert.equal((await one.post(`${at}/tokens`)).code, 'authentication_invalid');
  });

  test('in one request, with and without a strategy', async () => {
    const user = await create();
    for (const form of [{ strategy: 'password' }, {}]) {
      const done = await visitor().post('/v1/client/sign_ins', { identifier: emailOf(user), password, ...form });
      assert.equal(done.body.response.status, 'complete');
    }
    const one = visitor();
    const wrong = await one.post('/v1/client/sign_ins', { identifier: emailOf(user), password: 'x' });
    assert.equal(wrong.code, 'form_password_incorrect');
    assert.ok(one.jar.get('__client'), 'the failed try gives the browser its client');
  });

  test('by username and phone number; nobody; without a password; a second time', async () => {
    const user = await create({ username: 'front_door', phoneNumber: ['+14155552699'] });
    for (const identifier of ['front_door', 'FRONT_DOOR', '+14155552699'])
      assert.equal((await visitor().signIn(identifier, password)).body.response.status, 'complete');
    assert.equal((await visitor().post('/v1/client/sign_ins', { identifier: 'nobody' })).code,
      'form_identifier_not_found');
    const bare = await create({ password: undefined, skipPasswordRequirement: true });
    assert.equal((await visitor().signIn(emailOf(bare), password)).code, 'strategy_for_user_invalid');
    const one = visitor();
    await one.signIn(emailOf(user), password);
    assert.equal((await one.post('/v1/client/sign_ins', { identifier: emailOf(user) })).code, 'session_exists');
  });

  test('codes by email and text message', async () => {
    const user = await create({ phoneNumber: ['+14155552698'] });
    for (const [strategy, address] of [['email_code', emailOf(user)], ['phone_code', '+14155552698']]) {
      const one = visitor();
      const { body } = await one.post('/v1/client/sign_ins', { identifier: emailOf(user) });
      const attempt = `/v1/client/sign_ins/${body.response.id}`;
      assert.equal((await one.post(`${attempt}/attempt_first_factor`, { strategy, code: '1' })).code,
        'verification_missing');
      const sent = await one.post(`${attempt}/prepare_first_factor`, { strategy });
      assert.equal(sent.body.response.first_factor_verification.strategy, strategy);
      assert.equal((await one.post(`${attempt}/attempt_first_factor`, { strategy, code: 'wrong' })).code,
        'form_code_incorrect');
      const done = await one.post(`${attempt}/attempt_first_factor`, { strategy, code: await codeTo(address) });
      assert.equal(done.body.response.status, 'complete');
    }
  });

  test('three wrong codes end a code; test addresses take 424242', async () => {
    await sandbox.raw('PATCH', '/v1/instance', { test_mode: true });
    const user = await create({ emailAddress: [`ada+clerk_test${++count}@usher-tests.com`.replace(/(\+clerk_test)(\d+)/, '$2$1')] });
    const one = visitor();
    const { body } = await one.post('/v1/client/sign_ins', { identifier: emailOf(user), strategy: 'email_code' });
    const attempt = `/v1/client/sign_ins/${body.response.id}/attempt_first_factor`;
    for (let i = 0; i < 3; i++)
      assert.equal((await one.post(attempt, { strategy: 'email_code', code: '000000' })).code, 'form_code_incorrect');
    assert.equal((await one.post(attempt, { strategy: 'email_code', code: '424242' })).code, 'verification_failed');
    await one.post(`/v1/client/sign_ins/${body.response.id}/prepare_first_factor`, { strategy: 'email_code' });
    assert.equal((await one.post(attempt, { strategy: 'email_code', code: '424242' })).body.response.status, 'complete');
  });

  test('a second factor: TOTP, a backup code that is used up, a text message', async () => {
    const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
    const user = await create({ totpSecret: secret, backupCodes: ['backup-1', 'backup-2'] });
    for (const [strategy, code, ends] of [['totp', '000000', 'form_code_incorrect'], ['totp', null, 'complete'],
      ['backup_code', 'backup-1', 'complete'], ['backup_code', 'backup-1', 'form_code_incorrect']]) {
      const one = visitor();
      const { body } = await one.signIn(emailOf(user), password);
      assert.equal(body.response.status, 'needs_second_factor');
      assert.deepEqual(body.response.supported_second_factors.map(f => f.strategy), ['totp', 'backup_code']);
      const done = await one.post(`/v1/client/sign_ins/${body.response.id}/attempt_second_factor`,
        { strategy, code: code ?? totp(secret) });
      assert.equal(done.code ?? done.body.response.status, ends);
    }
    const phone = await create({ phoneNumber: ['+14155552697'] });
    await sandbox.raw('PATCH', `/v1/phone_numbers/${phone.phoneNumbers[0].id}`, { reserved_for_second_factor: true });
    const one = visitor();
    const { body } = await one.signIn(emailOf(phone), password);
    const attempt = `/v1/client/sign_ins/${body.response.id}`;
    await one.post(`${attempt}/prepare_second_factor`, { strategy: 'phone_code' });
    const done = await one.post(`${attempt}/attempt_second_factor`,
      { strategy: 'phone_code', code: await codeTo('+14155552697') });
    assert.equal(done.body.response.status, 'complete');
    assert.deepEqual(done.body.client.sessions[0].factor_verification_age, [0, 0]);
  });

  test('a reset password', async () => {
    const user = await create(), one = visitor();
    const { body } = await one.post('/v1/client/sign_ins', { identifier: emailOf(user) });
    const attempt = `/v1/client/sign_ins/${body.response.id}`, strategy = 'reset_password_email_code';
    assert.equal((await one.post(`${attempt}/reset_password`, { password })).code, 'client_state_invalid');
    await one.post(`${attempt}/prepare_first_factor`, { strategy });
    const proven = await one.post(`${attempt}/attempt_first_factor`, { strategy, code: await codeTo(emailOf(user)) });
    assert.equal(proven.body.response.status, 'needs_new_password');
    assert.equal((await one.post(`${attempt}/reset_password`, { password: 'short' })).code,
      'form_password_length_too_short');
    assert.equal((await one.post(`${attempt}/reset_password`, { password: 'Another-Horse-8!' })).body.response.status,
      'complete');
    assert.equal((await visitor().signIn(emailOf(user), 'Another-Horse-8!')).body.response.status, 'complete');
    assert.equal((await visitor().signIn(emailOf(user), password)).code, 'form_password_incorrect');
  });

  test('attempts and the length of a lock are the instance\'s; unlocking counts from anew', async () => {
    await settings({ lockout_max_attempts: 3, lockout_minutes: 7 });
    const user = await create(), one = visitor();
    const state = async () => (await sandbox.raw('GET', `/v1/users/${user.id}`)).body;
    assert.equal((await state()).verification_attempts_remaining, 3);
    await one.signIn(emailOf(user), 'x');
    assert.equal((await state()).verification_attempts_remaining, 2);
    await one.signIn(emailOf(user), 'x');
    assert.equal((await one.signIn(emailOf(user), 'x')).code, 'user_locked');
    const locked = await state();
    assert.deepEqual([locked.locked, locked.verification_attempts_remaining], [true, 0]);
    assert.ok(locked.lockout_expires_in_seconds > 360 && locked.lockout_expires_in_seconds <= 420, 'in seven minutes');
    const free = await users.unlockUser(user.id);
    assert.deepEqual([free.locked, free.raw.verification_attempts_remaining], [false, 3]);
    await settings({ lockout_minutes: 0 });
    const forever = await users.lockUser(user.id);
    assert.deepEqual([forever.locked, forever.raw.lockout_expires_in_seconds], [true, null]);
    assert.equal((await one.signIn(emailOf(user), password)).code, 'user_locked');
    await settings({ lockout_enabled: false });
    assert.equal((await state()).verification_attempts_remaining, null);
    await settings({ lockout_enabled: true, lockout_max_attempts: 10, lockout_minutes: 60 });
  });

  test('a ban ends every session at once; a lock lets them go on; who is deleted is gone', async () => {
    const banned = await signedIn(), locked = await signedIn(), deleted = await signedIn();
    const tokens = who => who.one.post(`/v1/client/sessions/${who.session}/tokens`);
    await users.banUser(banned.user.id);
    assert.equal((await tokens(banned)).code, 'authentication_invalid');
    assert.deepEqual((await banned.one.get('/v1/client')).body.response.sessions, []);
    assert.equal((await sandbox.clerk.sessions.getSession(banned.session)).status, 'revoked');
    await users.unbanUser(banned.user.id);
    assert.equal((await banned.one.signIn(emailOf(banned.user), password)).body.response.status, 'complete');
    await users.lockUser(locked.user.id);
    assert.equal((await tokens(locked)).status, 200);
    await users.deleteUser(deleted.user.id);
    assert.equal((await tokens(deleted)).code, 'authentication_invalid');
    assert.equal((await deleted.one.get('/v1/me')).code, 'authentication_invalid');
  });

  test('ten wrong passwords lock; a banned user and a locked one stay out', async () => {
    const user = await create(), one = visitor();
    for (let i = 0; i < 9; i++)
      assert.equal((await one.signIn(emailOf(user), 'x')).code, 'form_password_incorrect');
    assert.equal((await one.signIn(emailOf(user), 'x')).code, 'user_locked');
    assert.equal((await one.signIn(emailOf(user), password)).code, 'user_locked');
    assert.equal((await users.getUser(user.id)).locked, true);
    await users.unlockUser(user.id);
    const done = await visitor().signIn(emailOf(user), password);
    assert.equal(done.body.response.status, 'complete');
    await users.banUser(user.id);
    assert.equal((await visitor().signIn(emailOf(user), password)).code, 'user_banned');
  });

  test('with enumeration protection nobody and somebody look the same', async () => {
    const user = await create();
    await settings({ enumeration_protection: true });
    try {
      for (const identifier of ['nobody@usher-tests.com', emailOf(user)]) {
        const one = visitor();
        const first = await one.post('/v1/client/sign_ins', { identifier });
        assert.equal(first.body.response.status, 'needs_first_factor');
        assert.deepEqual(first.body.response.supported_first_factors.map(f => f.strategy),
          ['password', 'email_code', 'reset_password_email_code']);
        const wrong = await one.post(`/v1/client/sign_ins/${first.body.response.id}/attempt_first_factor`,
          { strategy: 'password', password: 'x' });
        assert.deepEqual([wrong.status, wrong.code], [422, 'form_password_or_identifier_incorrect']);
      }
    } finally {
      await settings({ enumeration_protection: false });
    }
  });

  test('an untrusted device is asked for a code, but not who was migrated past it', async () => {
    await settings({ client_trust: true });
    try {
      const user = await create(), one = visitor();
      const first = await one.signIn(emailOf(user), password);
      assert.deepEqual([first.body.response.status, first.body.response.client_trust_state], ['needs_client_trust', 'new']);
      const attempt = `/v1/client/sign_ins/${first.body.response.id}`;
      await one.post(`${attempt}/prepare_second_factor`, { strategy: 'email_code' });
      const done = await one.post(`${attempt}/attempt_second_factor`,
        { strategy: 'email_code', code: await codeTo(emailOf(user)) });
      assert.equal(done.body.response.status, 'complete');
      await one.call('DELETE', '/v1/client/sessions');
      assert.equal((await one.signIn(emailOf(user), password)).body.response.status, 'complete', 'known by now');
      const moved = await create({ bypassClientTrust: true });
      assert.equal((await visitor().signIn(emailOf(moved), password)).body.response.status, 'complete');
    } finally {
      await settings({ client_trust: false });
    }
  });

  test('tickets: accepted once, revoked, expired, forged', async () => {
    const user = await create();
    const ticket = async seconds => sandbox.clerk.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: seconds });
    const redeem = token => visitor().post('/v1/client/sign_ins', { strategy: 'ticket', ticket: token });
    const first = await ticket(60);
    const done = await redeem(first.token);
    assert.equal(done.body.response.status, 'complete');
    assert.equal(done.body.response.first_factor_verification.strategy, 'ticket');
    assert.equal((await redeem(first.token)).code, 'sign_in_token_already_used_code');
    const second = await ticket(60);
    assert.equal((await sandbox.clerk.signInTokens.revokeSignInToken(second.id)).status, 'revoked');
    assert.equal((await redeem(second.token)).code, 'sign_in_token_revoked_code');
    const [head, body] = first.token.split('.');
    for (const forged of ['', 'x', `${head}.${body}.AAAA`, `${head}.${Buffer.from('{}').toString('base64url')}.${first.token.split('.')[2]}`,
      done.body.client.sessions[0].last_active_token.jwt])
      assert.match((await redeem(forged)).code, /^(ticket_invalid_code|form_param_missing)$/);
    const short = await ticket(1);
    await new Promise(resolve => setTimeout(resolve, 1100));
    assert.equal((await redeem(short.token)).code, 'ticket_expired_code');
    await settings({ sign_in_url: 'https://app.example.test/sign-in' });
    const link = await visitor().get(`/v1/tickets/accept?ticket=${(await ticket(60)).token}`);
    assert.equal(link.status, 303);
    assert.match(link.headers.get('location'), /^https:\/\/app\.example\.test\/sign-in\?__clerk_ticket=[\w.-]+&__clerk_status=sign_in$/);
  });

  test('an actor token impersonates: the token says who acts', async () => {
    const user = await create();
    const { body } = await sandbox.raw('POST', '/v1/actor_tokens', { user_id: user.id, actor: { sub: 'user_admin' } });
    const done = await visitor().post('/v1/client/sign_ins', { strategy: 'ticket', ticket: body.token });
    assert.deepEqual(payload(done.body.client.sessions[0].last_active_token.jwt).act, { sub: 'user_admin' });
  });
});

describe('sessions and clients', () => {
  test('end and remove; several sessions on one client', async () => {
    await settings({ single_session_mode: false });
    try {
      const { one, user, session } = await signedIn();
      assert.equal((await one.post('/v1/client/sign_ins', { identifier: emailOf(user) })).code,
        'identifier_already_signed_in');
      const second = await create();
      const done = await one.signIn(emailOf(second), password);
      assert.equal(done.body.client.sessions.length, 2);
      const ended = await one.post(`/v1/client/sessions/${session}/end`);
      assert.equal(ended.body.response.status, 'ended');
      assert.equal(ended.body.client.sessions.length, 1);
      const removed = await one.post(`/v1/client/sessions/${done.body.response.created_session_id}/remove`);
      assert.equal(removed.body.response.status, 'removed');
      assert.equal(one.jar.get('__client_uat'), '0');
    } finally {
      await settings({ single_session_mode: true });
    }
  });

  test('a client is made, replaced and deleted; a stale cookie is told to be signed out', async () => {
    const one = visitor();
    assert.equal((await one.post('/v1/client')).body.response.object, 'client');
    assert.equal((await one.call('PUT', '/v1/client')).status, 200);
    assert.equal((await one.call('DELETE', '/v1/client')).status, 200);
    one.jar.set('__client_uat', '17');
    await one.get('/v1/client');
    assert.equal(one.jar.get('__client_uat'), '0');
    for (const cookie of ['x', 'client_1.x', '.', `client_${'a'.repeat(3000)}`]) {
      one.jar.set('__client', cookie);
      assert.deepEqual((await one.get('/v1/client')).body, { response: null, client: null });
    }
  });

  test('another client\'s session is not there', async () => {
    const { session } = await signedIn(), other = await signedIn();
    assert.equal((await other.one.post(`/v1/client/sessions/${session}/tokens`)).code, 'resource_not_found');
    assert.equal((await visitor().get('/v1/me')).code, 'signed_out');
  });

  test('a key is rotated: new tokens have a new kid, old ones are still good', async () => {
    const { one, session } = await signedIn();
    const kid = async () => JSON.parse(Buffer.from((await one.post(`/v1/client/sessions/${session}/tokens`)).body.jwt.split('.')[0], 'base64url')).kid;
    const before = await kid();
    await sandbox.raw('POST', '/v1/sandbox/rotate_key');
    assert.notEqual(await kid(), before);
    const { body } = await one.get('/.well-known/jwks.json');
    assert.equal(body.keys.length, 2);
    assert.ok(body.keys.some(key => key.kid === before));
  });
});

describe('signing up', () => {
  test('in two requests, the address verified, then taken', async () => {
    const one = visitor(), email = fresh();
    const first = await one.post('/v1/client/sign_ups', { email_address: email, first_name: 'New' });
    assert.deepEqual([first.body.response.status, first.body.response.missing_fields, first.body.response.unverified_fields],
      ['missing_requirements', ['password'], ['email_address']]);
    const at = `/v1/client/sign_ups/${first.body.response.id}`;
    assert.equal((await one.call('PATCH', at, { password: 'short' })).code, 'form_password_length_too_short');
    assert.deepEqual((await one.call('PATCH', at, { password, unsafe_metadata: '{"theme":"dark"}' })).body.response.missing_fields, []);
    assert.equal((await one.get(at)).body.response.has_password, true);
    assert.equal((await one.post(`${at}/attempt_verification`, { strategy: 'email_code', code: '1' })).code, 'verification_missing');
    await one.post(`${at}/prepare_verification`, { strategy: 'email_code' });
    assert.equal((await one.post(`${at}/attempt_verification`, { strategy: 'email_code', code: '1' })).code, 'form_code_incorrect');
    const done = await one.post(`${at}/attempt_verification`, { strategy: 'email_code', code: await codeTo(email) });
    assert.equal(done.body.response.status, 'complete');
    const user = await users.getUser(done.body.response.created_user_id);
    assert.deepEqual([user.firstName, user.unsafeMetadata.theme, user.emailAddresses[0].verification.status],
      ['New', 'dark', 'verified']);
    assert.equal((await one.call('PATCH', at, { first_name: 'x' })).code, 'sign_up_cannot_be_updated');
    assert.equal((await visitor().post('/v1/client/sign_ups', { email_address: email })).code, 'form_identifier_exists');
  });

  test('what an instance does not want is refused', async () => {
    const up = form => visitor().post('/v1/client/sign_ups', form);
    assert.equal((await up({ email_address: 'x@corp.local' })).code, 'form_param_format_invalid');
    assert.equal((await up({ username: 'a' })).code, 'form_username_invalid_length');
    assert.equal((await up({ unsafe_metadata: '[' })).code, 'form_param_format_invalid');
    for (const [mode, code] of [['restricted', 'sign_up_mode_restricted'], ['waitlist', 'sign_up_restricted_waitlist']]) {
      await settings({ sign_up_mode: mode });
      assert.equal((await up({ email_address: fresh() })).code, code);
    }
    await settings({ sign_up_mode: 'public' });
    assert.equal((await visitor().post('/v1/waitlist', { email_address: fresh() })).code, 'waitlist_not_accepting_entries');
  });
});

describe('the user himself', () => {
  test('names, username, metadata; the private ones are not shown', async () => {
    const { one, user } = await signedIn({ privateMetadata: { secret: 1 } });
    const changed = await one.call('PATCH', '/v1/me', { first_name: 'Grace', username: 'grace_h', unsafe_metadata: '{"a":1}' });
    assert.deepEqual([changed.body.response.first_name, changed.body.response.username], ['Grace', 'grace_h']);
    assert.ok(!JSON.stringify(changed.body).includes('private_metadata'));
    const merged = await one.call('PATCH', '/v1/me/metadata', { unsafe_metadata: '{"b":2}' });
    assert.deepEqual(merged.body.response.unsafe_metadata, { a: 1, b: 2 });
    assert.equal((await one.call('PATCH', '/v1/me', { username: 'x' })).code, 'form_username_invalid_length');
    assert.equal((await one.call('PATCH', '/v1/me', { first_name: '' })).body.response.first_name, null);
    assert.equal((await one.get('/v1/me')).body.response.id, user.id);
  });

  test('the picture: as a file or as base64, and taken away again', async () => {
    const { one, user } = await signedIn();
    const bytes = Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(500, 7)]);
    const data = new FormData();
    data.set('file', new File([bytes], 'me.png'));
    const made = (await one.post('/v1/me/profile_image', data)).body.response;
    assert.deepEqual([made.object, made.name], ['image', 'me.png']);
    assert.deepEqual(Buffer.from(await (await fetch(made.public_url)).arrayBuffer()), bytes);
    const base64 = { 'content-type': 'application/octet-stream' };
    for (const body of [bytes.toString('base64'), `data:image/png;base64,${bytes.toString('base64')}`]) {
      const { body: { response } } = await one.post('/v1/me/profile_image', body, base64);
      assert.notEqual(response.public_url, made.public_url);
      assert.deepEqual([(await users.getUser(user.id)).imageUrl, (await one.get('/v1/me')).body.response.has_image],
        [response.public_url, true]);
    }
    assert.equal((await one.post('/v1/me/profile_image', 'no base64!', base64)).code, 'request_body_invalid');
    assert.equal((await one.post('/v1/me/profile_image', 'aGVsbG8=', base64)).code, 'unsupported_content_type');
    assert.equal((await one.call('DELETE', '/v1/me/profile_image')).body.response.deleted, true);
    assert.equal((await one.call('DELETE', '/v1/me/profile_image')).code, 'image_not_found');
    assert.equal((await users.getUser(user.id)).hasImage, false);
  });

  test('the password: changed with the current one only', async () => {
    const { one, user } = await signedIn();
    const change = form => one.post('/v1/me/change_password', form);
    assert.equal((await change({ current_password: 'x', new_password: 'Another-Horse-8!' })).code, 'form_password_incorrect');
    assert.equal((await change({ current_password: password, new_password: 'short' })).code, 'form_password_length_too_short');
    assert.equal((await change({ current_password: password, new_password: 'Another-Horse-8!' })).status, 200);
    assert.equal((await visitor().signIn(emailOf(user), 'Another-Horse-8!')).body.response.status, 'complete');
    assert.equal((await one.post('/v1/me/remove_password', { current_password: 'Another-Horse-8!' })).code, 'password_required');
  });

  test('email addresses and phone numbers, verified by codes', async () => {
    const { one, user } = await signedIn();
    for (const [kind, value, strategy, id] of [['email_address', fresh(), 'email_code', 'email_addresses'],
      ['phone_number', '+14155552696', 'phone_code', 'phone_numbers']]) {
      const made = await one.post(`/v1/me/${id}`, { [kind]: value });
      assert.equal(made.body.response.verification, null);
      const at = `/v1/me/${id}/${made.body.response.id}`;
      await one.post(`${at}/prepare_verification`, { strategy });
      assert.equal((await one.post(`${at}/attempt_verification`, { code: '0' })).code, 'form_code_incorrect');
      const done = await one.post(`${at}/attempt_verification`, { code: await codeTo(value) });
      assert.equal(done.body.response.verification.status, 'verified');
      assert.equal((await one.get(at)).body.response.id, made.body.response.id);
      assert.equal((await one.get(`/v1/me/${id}`)).body.at(-1).id, made.body.response.id);
      if (kind === 'phone_number') {
        const factor = await one.call('PATCH', at, { reserved_for_second_factor: 'true' });
        assert.equal(factor.body.response.reserved_for_second_factor, true);
      } else {
        await one.call('PATCH', '/v1/me', { primary_email_address_id: made.body.response.id });
        assert.equal((await users.getUser(user.id)).primaryEmailAddressId, made.body.response.id);
      }
      assert.equal((await one.call('DELETE', at)).body.response.deleted, true);
    }
    const last = (await one.get('/v1/me/email_addresses')).body[0];
    assert.equal((await one.call('DELETE', `/v1/me/email_addresses/${last.id}`)).code,
      'last_required_identification_deletion_failed');
  });

  test('TOTP and backup codes', async () => {
    const { one } = await signedIn();
    assert.equal((await one.post('/v1/me/backup_codes')).code, 'backup_codes_not_available');
    const made = await one.post('/v1/me/totp');
    assert.match(made.body.response.uri, /^otpauth:\/\/totp\//);
    assert.equal((await one.post('/v1/me/totp/attempt_verification', { code: '000000' })).code, 'form_code_incorrect');
    const code = totp(made.body.response.secret);
    assert.equal((await one.post('/v1/me/totp/attempt_verification', { code })).body.response.verified, true);
    assert.equal((await one.post('/v1/me/totp')).code, 'totp_already_enabled');
    assert.equal((await one.post('/v1/me/backup_codes')).body.response.codes.length, 10);
    assert.equal((await one.call('DELETE', '/v1/me/totp')).body.response.deleted, true);
  });

  test('sessions elsewhere are seen and revoked; the user deletes himself', async () => {
    const { one, user } = await signedIn(), elsewhere = visitor();
    const there = (await elsewhere.signIn(emailOf(user), password)).body.response.created_session_id;
    assert.equal((await one.get('/v1/me/sessions/active')).body.length, 2);
    assert.equal((await one.post(`/v1/me/sessions/${there}/revoke`)).body.response.status, 'revoked');
    assert.equal((await one.get('/v1/me/sessions')).body.length, 2);
    assert.equal((await one.get('/v1/me/sessions/active')).body.length, 1);
    assert.equal((await elsewhere.post(`/v1/client/sessions/${there}/tokens`)).code, 'authentication_invalid');
    assert.equal((await one.call('DELETE', '/v1/me')).body.response.deleted, true);
    assert.equal((await one.get('/v1/client')).body.response.sessions.length, 0);
  });

  test('a session tells the browser and the address that it began at', async () => {
    const agents = {
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36':
        ['Macintosh', 'Chrome', '156.0.0.0', false],
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.1':
        ['Windows', 'Microsoft Edge', '150.0.1', false],
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1':
        ['iPhone', 'Safari', '18.1', true],
      'Mozilla/5.0 (Android 14; Mobile; rv:130.0) Gecko/130.0 Firefox/130.0': ['Android', 'Firefox', '130.0', true],
      'curl/8.5 Chrome/': [undefined, 'Chrome', undefined, false],
      'nothing known': [undefined, undefined, undefined, false],
    };
    for (const [agent, [type, name, version, mobile]] of Object.entries(agents)) {
      const one = visitor({ headers: { 'user-agent': agent } });
      await one.signIn(emailOf(await create()), password);
      const [{ latest_activity: at }] = (await one.get('/v1/me/sessions/active')).body;
      assert.deepEqual([at.device_type, at.browser_name, at.browser_version, at.is_mobile, at.ip_address],
        [type, name, version, mobile, '127.0.0.1'], agent);
    }
  });

  test('clerk-js ends some of its paths in a slash', async () => {
    const { one } = await signedIn();
    const added = await one.post('/v1/me/email_addresses/', { email_address: `slash${count}@usher-tests.com` });
    assert.equal(added.status, 200);
    assert.equal((await one.get(`/v1/me/email_addresses/${added.body.response.id}/`)).body.response.id, added.body.response.id);
    for (const none of ['/v1/me/email_addresses//', '/v1//me', '//v1/me', '/v1/me/email_addresses/x/y/'])
      assert.equal((await fetch(sandbox.ready.frontend_api + none)).status, 404, none);
  });
});

describe('proxies, origins, redirects', () => {
  const proxied = headers => visitor({ headers: { 'clerk-proxy-url': 'https://app.other.com/__clerk', ...headers } });

  test('a proxy must know the secret key; cookies are then for its host', async () => {
    assert.equal((await proxied().get('/v1/environment')).code, 'proxy_request_missing_secret_key');
    assert.equal((await proxied({ 'clerk-secret-key': 'sk_live_x' }).get('/v1/environment')).code,
      'proxy_request_invalid_secret_key');
    const one = proxied({ 'clerk-secret-key': sandbox.ready.secret_key, 'x-forwarded-for': '203.0.113.9, 10.0.0.1' });
    assert.equal((await one.get('/v1/environment')).status, 200);
    const { headers } = await one.post('/v1/client');
    const [uat] = headers.getSetCookie();
    assert.match(uat, /^__client_uat=0; Path=\/; Domain=other\.com;.* Secure/);
    assert.doesNotMatch(headers.getSetCookie().at(-1), /Domain/);
    assert.deepEqual((await one.get('/v1/proxy-health')).body, { status: 'healthy', x_forwarded_for: '203.0.113.9, 10.0.0.1' });
  });

  test('the origin is echoed, also on errors, never as *', async () => {
    const { headers } = await visitor().post('/v1/client/sign_ins', { identifier: 'nobody' });
    assert.equal(headers.get('access-control-allow-origin'), 'http://localhost:3000');
    assert.equal(headers.get('access-control-allow-credentials'), 'true');
    assert.equal(headers.get('vary'), 'Origin');
  });

  test('a handshake by nonce and by token; strangers\' pages are refused', async () => {
    const { one } = await signedIn();
    const back = 'https://app.example.test/page?x=1';
    const start = (url, format) => one.get(`/v1/client/handshake?redirect_url=${encodeURIComponent(url)}&format=${format}`);
    const nonce = await start(back, 'nonce');
    assert.deepEqual([nonce.status, nonce.headers.get('location')], [307, back]);
    const value = one.jar.get('__clerk_handshake_nonce');
    for (let i = 0; i < 2; i++) {
      const { body } = await sandbox.raw('GET', `/v1/clients/handshake_payload?nonce=${value}`);
      assert.equal(body.nonce, value);
      const session = body.directives.find(d => d.startsWith('__session='));
      assert.equal(payload(session.slice(10).split(';')[0]).azp, 'https://app.example.test');
      assert.ok(body.directives.some(d => d.startsWith('__clerk_handshake_nonce=;')));
    }
    await start(back, 'token');
    const directives = payload(one.jar.get('__clerk_handshake')).handshake;
    assert.ok(directives.some(d => d.startsWith('__client_uat=')));
    for (const url of ['https://evil.test/', 'javascript:alert(1)', '//evil.test', 'https://app.example.test@evil.test/',
      'https://app.example.test.evil.test/', 'https://evil.test\\.example.test/'])
      assert.match((await start(url, 'nonce')).code, /invalid_redirect_url|form_param_missing/, url);
    assert.equal((await sandbox.raw('GET', '/v1/clients/handshake_payload?nonce=none')).status, 404);
  });
});

describe('development instances', () => {
  test('a dev browser stands for the cookie; without one there is a 401', async () => {
    const dev = await startSandbox('--limits', 'off', '--secret-key', 'sk_test_frontend000000000000000000000',
      '--frontend-host', 'happy-hippo-1.clerk.accounts.dev');
    const one = new Visitor(dev.ready);
    assert.equal((await one.get('/v1/client')).code, 'dev_browser_unauthenticated');
    assert.equal((await one.call('PATCH', '/v1/environment')).status, 200);
    const made = await one.post('/v1/dev_browser');
    one.devBrowser = made.body.id;
    await dev.clerk.users.createUser({ emailAddress: ['dev@usher-tests.com'], password });
    const done = await one.signIn('dev@usher-tests.com', password);
    assert.equal(done.body.response.status, 'complete');
    assert.deepEqual(done.headers.getSetCookie(), []);
    const back = await one.get('/v1/client/handshake?redirect_url=http://localhost:3000/&format=nonce');
    assert.match(back.headers.get('location'), /^http:\/\/localhost:3000\/\?__clerk_handshake_nonce=\w+$/);
    one.devBrowser = 'dvb_unknown';
    assert.equal((await one.get('/v1/client')).code, 'dev_browser_unauthenticated');
    assert.deepEqual(one.problems, []);
  });
  test('a production instance has none', async () => {
    assert.equal((await visitor().post('/v1/dev_browser')).status, 400);
  });
});

describe('limits and bad input', () => {
  test('sign-ins are limited per user and address', async () => {
    const own = await startSandbox();
    const one = new Visitor(own.ready);
    const answers = await Promise.all(Array.from({ length: 8 }, () =>
      one.post('/v1/client/sign_ins', { identifier: 'nobody@usher-tests.com' })));
    const refused = answers.filter(answer => answer.status === 429);
    assert.ok(answers.filter(answer => answer.status === 422).length === 8 - refused.length);
    assert.ok(refused.length >= 1 && refused.length <= 3, `${refused.length} of 8 at once`);
    assert.match(refused[0].headers.get('retry-after'), /^\d+$/);
    assert.equal((await one.post('/v1/client/sign_ins', { identifier: 'somebody@usher-tests.com' })).status, 422);
  });

  test('broken forms, wrong types, huge bodies, unknown paths: Clerk\'s codes, no crash', async () => {
    const one = visitor();
    const send = (body, type) => one.post('/v1/client/sign_ins', body, { 'content-type': type });
    const form = 'application/x-www-form-urlencoded';
    assert.equal((await send('identifier=%', form)).code, 'malformed_request_parameters');
    assert.equal((await send('identifier=%FF', form)).code, 'malformed_request_parameters');
    assert.equal((await send('identifier=%00', form)).code, 'malformed_request_parameters');
    assert.equal((await send('a&'.repeat(5000), form)).code, 'malformed_request_parameters');
    assert.equal((await send('{"identifier":"x"}', 'application/json')).code, 'unsupported_content_type');
    assert.equal((await send(`identifier=${'x'.repeat(2 << 20)}`, form)).code, 'request_body_too_large');
    assert.equal((await send(`identifier=${'x'.repeat(100000)}`, form)).code, 'form_identifier_not_found');
    assert.equal((await send('strategy=password', form)).code, 'form_param_missing');
    assert.equal((await send('', form)).body.response.status, 'needs_identifier');
    const away = await fetch(`${sandbox.ready.frontend_api}/v1/client/nothing`);
    assert.deepEqual([away.status, (await away.json()).errors[0].code], [404, 'resource_not_found']);
  });

  test('parallel sign-ups with one address make one user', async () => {
    const email = fresh();
    await settings({ 'email_address.verify_at_sign_up': false });
    const all = await Promise.all(Array.from({ length: 8 }, () =>
      visitor().post('/v1/client/sign_ups', { email_address: email, password })));
    await settings({ 'email_address.verify_at_sign_up': true });
    assert.equal(all.filter(answer => answer.body.response?.status === 'complete').length, 1);
    assert.ok(all.every(answer => answer.status === 200 || answer.code === 'form_identifier_exists'));
  });

  test('health', async () => {
    assert.equal((await visitor().get('/v1/health')).status, 200);
  });
});

test('every endpoint of the Frontend API in the sandbox\'s table was called above', () => {
  const called = frontendCalls(); // those of organizations: front_organizations.test.js
  assert.deepEqual(frontendRoutes().filter(route => !called.has(route) && !/organization/.test(route)), []);
});
