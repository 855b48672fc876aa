// Passwords that others know, codes that an application's server checks itself, and what users here never have.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Visitor } from './frontend.js';
import { assertRefused, refusal, sandboxForFile } from './sandbox.js';

let users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ users } = clerk));
const password = 'Correct-Horse-9!x';
const fresh = () => `credential${++count}@usher-tests.com`;
const create = (fields = {}) => users.createUser({ emailAddress: [fresh()], password, ...fields });
const post = async (route, body) => sandbox.raw('POST', `/v1${route}`, body);
const codeTo = async address =>
  (await sandbox.raw('GET', `/v1/sandbox/outbox?to=${encodeURIComponent(address)}`)).body[0].code;

describe('a compromised password', () => {
  test('signs nobody in until it is reset, or the mark is taken away', async () => {
    const user = await create(), address = user.emailAddresses[0].emailAddress;
    const earlier = new Visitor(sandbox.ready), visitor = new Visitor(sandbox.ready);
    await earlier.signIn(address, password);
    const marked = await users.setPasswordCompromised(user.id, { revokeAllSessions: true });
    assert.equal(marked.id, user.id);
    assert.deepEqual((await sandbox.clerk.sessions.getSessionList({ userId: user.id })).data.map(s => s.status), ['revoked']);
    const refused = await visitor.signIn(address, password);
    assert.deepEqual([refused.status, refused.code, refused.body.errors[0].meta.param_name],
      [422, 'form_password_compromised', 'password']);
    assert.equal((await visitor.signIn(address, 'wrong')).code, 'form_password_incorrect');
    await users.unsetPasswordCompromised(user.id);
    assert.equal((await visitor.signIn(address, password)).body.response.status, 'complete');

    await users.setPasswordCompromised(user.id);
    const other = new Visitor(sandbox.ready);
    const { body: { response } } = await other.post('/v1/client/sign_ins', { identifier: address });
    const at = `/v1/client/sign_ins/${response.id}`;
    assert.equal((await other.post(`${at}/attempt_first_factor`, { strategy: 'password', password })).code, 'form_password_compromised');
    const strategy = 'reset_password_email_code';
    await other.post(`${at}/prepare_first_factor`, { strategy });
    const proven = await other.post(`${at}/attempt_first_factor`, { strategy, code: await codeTo(address) });
    assert.equal(proven.body.response.status, 'needs_new_password');
    assert.equal((await other.post(`${at}/reset_password`, { password: `New-${password}` })).body.response.status, 'complete');
    assert.equal((await new Visitor(sandbox.ready).signIn(address, `New-${password}`)).body.response.status, 'complete');
    assert.deepEqual([...earlier.problems, ...visitor.problems, ...other.problems], []);
  });

  test('what is wrong is refused', async () => {
    const { id } = await create(), bare = await create({ password: undefined, skipPasswordRequirement: true });
    for (const way of ['set', 'unset']) {
      await assertRefused(sandbox, 'POST', `/v1/users/user_nobody/password/${way}_compromised`, undefined, 404, 'resource_not_found');
      await assertRefused(sandbox, 'POST', `/v1/users/${bare.id}/password/${way}_compromised`, undefined, 400, 'no_password_set');
    }
    const at = `/v1/users/${id}/password/set_compromised`;
    await assertRefused(sandbox, 'POST', at, { revoke_all_sessions: 'yes' }, 422, 'form_param_type_invalid', 'revoke_all_sessions');
    await assertRefused(sandbox, 'POST', at, { colour: 1 }, 422, 'form_param_unknown', 'colour');
  });
});

describe('codes that a server checks', () => {
  for (const [kind, value] of [['email_address', fresh()], ['phone_number', '+14155552690']]) {
    test(`${kind}: sent, wrong, right, used up; the address is verified then`, async () => {
      const user = await create();
      const { body: { id } } = await post(`/${kind === 'email_address' ? 'email_addresses' : 'phone_numbers'}`,
        { user_id: user.id, [kind]: value, verified: false });
      const at = `/${kind === 'email_address' ? 'email_addresses' : 'phone_numbers'}/${id}`;
      const { status, body: sent } = await post(`${at}/prepare_verification`);
      assert.equal(status, 200);
      assert.match(sent.id, /^ver_/);
      assert.deepEqual([sent.status, sent.strategy, sent.attempts, sent.channel],
        ['unverified', kind === 'email_address' ? 'email_code' : 'phone_code', 0, kind === 'email_address' ? undefined : 'sms']);
      const right = await codeTo(value), wrong = right === '000000' ? '111111' : '000000';
      const attempt = code => post(`${at}/attempt_verification`, { verification_id: sent.id, code });
      const once = await attempt(wrong);
      assert.deepEqual([once.status, once.body.status, once.body.attempts], [200, 'unverified', 1]);
      const state = async () => (await sandbox.raw('GET', `/v1${at}`)).body.verification?.status;
      assert.notEqual(await state(), 'verified');
      assert.deepEqual([(await attempt(right)).body.status, await state()], ['verified', 'verified']);
      assert.equal((await attempt(right)).body.errors[0].code, 'verification_already_verified');
      // A second one of its own: three wrong codes end it.
      const { body: next } = await post(`${at}/prepare_verification`);
      assert.notEqual(next.id, sent.id);
      for (const expected of ['unverified', 'unverified', 'failed', 'failed'])
        assert.equal((await post(`${at}/attempt_verification`, { verification_id: next.id, code: 'x' })).body.status, expected);
      assert.equal(await state(), 'verified');
    });
  }

  test('what is wrong is refused', async () => {
    const [one, other] = [await create(), await create()].map(u => `/v1/email_addresses/${u.emailAddresses[0].id}`);
    const { body: { id } } = await sandbox.raw('POST', `${one}/prepare_verification`);
    for (const [body, expected, param] of [
      [{ code: '1' }, 'form_param_missing', 'verification_id'],
      [{ verification_id: id }, 'form_param_missing', 'code'],
      [{ verification_id: id, code: 123456 }, 'form_param_type_invalid', 'code'],
      [{ verification_id: id, code: '1\0' }, 'form_param_format_invalid', 'code'],
      [{ verification_id: id, code: '1', colour: 1 }, 'form_param_unknown', 'colour'],
    ]) await assertRefused(sandbox, 'POST', `${one}/attempt_verification`, body, 422, expected, param);
    for (const verification_id of [id, 'ver_nothing', one.split('/').at(-1)])
      await assertRefused(sandbox, 'POST', `${other}/attempt_verification`, { verification_id, code: '1' }, 404, 'resource_not_found');
    for (const kind of ['email_addresses', 'phone_numbers']) {
      await assertRefused(sandbox, 'POST', `/v1/${kind}/idn_nothing/prepare_verification`, undefined, 404, 'resource_not_found');
      await assertRefused(sandbox, 'POST', `/v1/${kind}/idn_nothing/attempt_verification`, { verification_id: id, code: '1' }, 404, 'resource_not_found');
    }
    await assertRefused(sandbox, 'POST', one.replace('email_addresses', 'phone_numbers') + '/prepare_verification', undefined, 404, 'resource_not_found');
  });
});

test('passkeys, wallets, social accounts and trusted devices: nobody has any', async () => {
  const { id } = await create();
  for (const [work, name] of [['deleteUserPasskey', 'passkeyIdentificationId'],
    ['deleteUserWeb3Wallet', 'web3WalletIdentificationId'], ['deleteUserExternalAccount', 'externalAccountId']])
    assert.equal((await refusal(users[work]({ userId: id, [name]: 'idn_1' }))).errors[0].code, 'resource_not_found');
  assert.equal((await refusal(users.getUserOauthAccessToken(id, 'google'))).errors[0].code, 'oauth_token_provider_not_enabled');
  for (const what of ['passkeys/passkey_1', 'web3_wallets/idn_1', 'external_accounts/eac_1', 'trusted_devices/td_1'])
    for (const user of [id, 'user_nobody'])
      await assertRefused(sandbox, 'DELETE', `/v1/users/${user}/${what}`, undefined, 404, 'resource_not_found');
  assert.deepEqual((await sandbox.raw('GET', `/v1/users/${id}/trusted_devices`)).body, { data: [], total_count: 0 });
  await assertRefused(sandbox, 'GET', '/v1/users/user_nobody/trusted_devices', undefined, 404, 'resource_not_found');
  await assertRefused(sandbox, 'GET', `/v1/users/${id}/oauth_access_tokens/oauth_google`, undefined, 404, 'oauth_token_provider_not_enabled');
  await assertRefused(sandbox, 'GET', '/v1/users/user_nobody/oauth_access_tokens/oauth_google', undefined, 404, 'resource_not_found');
});
