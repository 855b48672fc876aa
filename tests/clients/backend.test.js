// Clerk's own Node SDK (@clerk/backend) against the sandbox: what an application's server does to users.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { refusal, sandboxForFile, startSandbox } from './sandbox.js';
import { totp } from './totp.js';

// A digest of every hasher with the password that matches it, from digests that other programs made.
function digestsByHasher() {
  const lines = fs.readFileSync(path.join(process.env.USHER_SHARED, 'digests', 'vectors.jsonl'), 'utf8');
  const byHasher = new Map();
  for (const line of lines.split('\n').filter(Boolean)) {
    const vector = JSON.parse(line);
    const usable = vector.match && vector.password && !/\0/.test(vector.password + vector.digest);
    if (usable && vector.password.length <= 72 && !byHasher.has(vector.hasher))
      byHasher.set(vector.hasher, vector);
  }
  return [...byHasher.values()];
}

let users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => (users = clerk.users));
const fresh = () => `user${++count}@usher-tests.com`;
const create = (fields = {}) =>
  users.createUser({ emailAddress: [fresh()], skipPasswordRequirement: true, ...fields });

describe('users', () => {
  test('createUser takes every field of a migrated user and getUser gives it back', async () => {
    const made = await users.createUser({
      externalId: 'auth0|5f1', emailAddress: ['Ada.Lovelace@usher-tests.com', 'ada@usher-tests.com'],
      emailAddressIdentificationStatus: ['verified', 'reserved'],
      phoneNumber: ['+14155552671'], phoneNumberIdentificationStatus: ['verified'],
      username: 'ada_lovelace', firstName: 'Ada', lastName: 'Lovelace', locale: 'en-GB',
      publicMetadata: { plan: 'pro', seats: 3 }, privateMetadata: { crm: { id: 7 } },
      unsafeMetadata: { theme: 'dark' }, createdAt: new Date('2015-12-10T08:30:00.123Z'),
      legalAcceptedAt: new Date('2016-01-01T00:00:00Z'), skipPasswordRequirement: true,
    });
    const user = await users.getUser(made.id);
    assert.match(user.id, /^user_[0-9A-Za-z]{20,}$/);
    assert.equal(user.externalId, 'auth0|5f1');
    assert.deepEqual([user.firstName, user.lastName, user.username, user.locale],
      ['Ada', 'Lovelace', 'ada_lovelace', 'en-GB']);
    assert.equal(user.createdAt, Date.parse('2015-12-10T08:30:00.123Z'));
    assert.equal(user.legalAcceptedAt, Date.parse('2016-01-01T00:00:00Z'));
    assert.deepEqual([user.publicMetadata, user.privateMetadata, user.unsafeMetadata],
      [{ plan: 'pro', seats: 3 }, { crm: { id: 7 } }, { theme: 'dark' }]);
    assert.equal(user.passwordEnabled, false);
    assert.deepEqual(user.emailAddresses.map(e => e.emailAddress.toLowerCase()),
      ['ada.lovelace@usher-tests.com', 'ada@usher-tests.com']);
    assert.equal(user.emailAddresses[0].verification.status, 'verified');
    assert.deepEqual(user.raw.email_addresses.map(e => e.reserved), [false, true]);
    assert.equal(user.primaryEmailAddress.emailAddress.toLowerCase(), 'ada.lovelace@usher-tests.com');
    assert.equal(user.primaryPhoneNumber.phoneNumber, '+14155552671');
  });

  for (const { hasher, digest, password } of digestsByHasher()) {
    test(`a ${hasher} digest signs in with the old password and with no other`, async () => {
      const user = await create({ passwordHasher: hasher, passwordDigest: digest });
      assert.equal(user.passwordEnabled, true);
      const wrong = await refusal(users.verifyPassword({ userId: user.id, password: password + 'x' }));
      assert.equal(wrong.status, 422);
      assert.deepEqual(await users.verifyPassword({ userId: user.id, password }), { verified: true });
    });
  }

  test('a password in plain text works as well', async () => {
    const user = await create({ password: 'Correct-Horse-9!x' });
    assert.deepEqual(await users.verifyPassword({ userId: user.id, password: 'Correct-Horse-9!x' }),
      { verified: true });
  });

  test('getUserList filters by each identifier, pages and sorts', async () => {
    const made = [];
    for (let i = 0; i < 7; i++)
      made.push(await create({ externalId: `page+${i}`, username: `pageuser${i}`,
        createdAt: new Date(Date.UTC(2001, 0, 1 + i)) }));
    const ids = made.map(u => u.id);
    const list = async filter => (await users.getUserList(filter)).data.map(u => u.id);
    assert.deepEqual(await list({ userId: [ids[3]] }), [ids[3]]);
    assert.deepEqual(await list({ emailAddress: [made[2].emailAddresses[0].emailAddress] }), [ids[2]]);
    assert.deepEqual(await list({ username: ['pageuser5'] }), [ids[5]]);
    // A leading + is stripped, so a literal value is sent with one in front.
    assert.deepEqual(await list({ externalId: ['+page+1', '+page+4'], orderBy: '+created_at' }), [ids[1], ids[4]]);
    assert.deepEqual(await list({ userId: ids, orderBy: '-created_at', limit: 3 }), [ids[6], ids[5], ids[4]]);
    assert.deepEqual(await list({ userId: ids, orderBy: '-created_at', limit: 3, offset: 3 }),
      [ids[3], ids[2], ids[1]]);
    assert.deepEqual(await list({ userId: ids, orderBy: '+created_at', limit: 2, offset: 6 }), [ids[6]]);
    const page = await users.getUserList({ userId: ids, limit: 2 });
    assert.equal(page.totalCount, 7);
    assert.equal(await users.getCount({ externalId: ['+page+0', '+nobody'] }), 1);
    const all = await users.getCount();
    assert.equal(all, (await users.getUserList({ limit: 500 })).data.length);
  });

  test('updateUser changes what it is given and nothing else', async () => {
    const user = await create({ firstName: 'Old', lastName: 'Name', externalId: 'update-1' });
    const updated = await users.updateUser(user.id, { firstName: 'New', username: 'new_name_1' });
    assert.deepEqual([updated.firstName, updated.lastName, updated.username, updated.externalId],
      ['New', 'Name', 'new_name_1', 'update-1']);
    assert.ok(updated.updatedAt >= user.updatedAt);
  });

  test('updateUserMetadata merges deeply, null removes; replaceUserMetadata replaces', async () => {
    const user = await create({ publicMetadata: { a: { b: 1, c: 2 }, d: 3 }, privateMetadata: { p: 1 } });
    const merged = await users.updateUserMetadata(user.id, { publicMetadata: { a: { b: 9, e: 4 }, d: null } });
    assert.deepEqual(merged.publicMetadata, { a: { b: 9, c: 2, e: 4 } });
    assert.deepEqual(merged.privateMetadata, { p: 1 });
    const replaced = await users.replaceUserMetadata(user.id, { publicMetadata: { only: true } });
    assert.deepEqual(replaced.publicMetadata, { only: true });
    assert.deepEqual(replaced.privateMetadata, { p: 1 });
  });

  test('banUser, unbanUser, lockUser and unlockUser', async () => {
    const { id } = await create();
    assert.equal((await users.banUser(id)).banned, true);
    assert.equal((await users.unbanUser(id)).banned, false);
    assert.equal((await users.lockUser(id)).locked, true);
    assert.equal((await users.unlockUser(id)).locked, false);
  });

  test('deleteUser frees the identifiers', async () => {
    const emailAddress = [fresh()];
    const { id } = await users.createUser({ emailAddress, skipPasswordRequirement: true });
    const gone = await users.deleteUser(id);
    assert.equal(gone.id, id);
    assert.equal((await refusal(users.getUser(id))).status, 404);
    await users.createUser({ emailAddress, skipPasswordRequirement: true });
  });
});

describe('identifiers', () => {
  test('email addresses are added, verified, made primary and deleted', async () => {
    const user = await create();
    const { emailAddresses } = sandbox.clerk;
    const added = await emailAddresses.createEmailAddress({ userId: user.id, emailAddress: fresh(),
      verified: false, primary: false });
    assert.match(added.id, /^idn_/);
    assert.notEqual(added.verification?.status, 'verified');
    const updated = await emailAddresses.updateEmailAddress(added.id, { verified: true, primary: true });
    assert.equal(updated.verification.status, 'verified');
    assert.equal((await users.getUser(user.id)).primaryEmailAddressId, added.id);
    assert.equal((await emailAddresses.getEmailAddress(added.id)).emailAddress, added.emailAddress);
    const old = user.emailAddresses[0].id;
    assert.equal((await emailAddresses.deleteEmailAddress(old)).id, old);
    assert.deepEqual((await users.getUser(user.id)).emailAddresses.map(e => e.id), [added.id]);
  });

  test('phone numbers are added, verified and deleted', async () => {
    const user = await create();
    const { phoneNumbers } = sandbox.clerk;
    const added = await phoneNumbers.createPhoneNumber({ userId: user.id, phoneNumber: '+4930901820',
      verified: true, primary: true });
    assert.equal((await users.getUser(user.id)).primaryPhoneNumber.phoneNumber, '+4930901820');
    assert.equal((await phoneNumbers.getPhoneNumber(added.id)).verification.status, 'verified');
    await phoneNumbers.updatePhoneNumber(added.id, { verified: false });
    await phoneNumbers.deletePhoneNumber(added.id);
    assert.deepEqual((await users.getUser(user.id)).phoneNumbers, []);
  });
});

describe('the rest of a user', () => {
  test('TOTP and backup codes are verified, used up and removed', async () => {
    const { id } = await create({ totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DP', backupCodes: ['aaaa1111', 'bbbb2222'] });
    const user = await users.getUser(id);
    assert.deepEqual([user.totpEnabled, user.backupCodeEnabled, user.twoFactorEnabled], [true, true, true]);
    assert.deepEqual(await users.verifyTOTP({ userId: id, code: totp('JBSWY3DPEHPK3PXPJBSWY3DP') }),
      { verified: true, code_type: 'totp' });
    assert.deepEqual(await users.verifyTOTP({ userId: id, code: 'aaaa1111' }),
      { verified: true, code_type: 'backup_code' });
    assert.equal((await refusal(users.verifyTOTP({ userId: id, code: 'aaaa1111' }))).status, 422);
    await users.deleteUserBackupCodes(id);
    assert.equal((await users.getUser(id)).backupCodeEnabled, false);
    await users.deleteUserTOTP(id);
    assert.equal((await users.getUser(id)).twoFactorEnabled, false);
    const other = await create({ totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DP' });
    await users.disableUserMFA(other.id);
    assert.equal((await users.getUser(other.id)).totpEnabled, false);
  });

  test('removePassword leaves a user without one', async () => {
    const { id } = await create({ password: 'Correct-Horse-9!x', username: 'no_password_1' });
    assert.equal((await users.removePassword(id)).passwordEnabled, false);
  });

  test('ban and unban take lists', async () => {
    const ids = [(await create()).id, (await create()).id];
    assert.equal((await sandbox.raw('POST', '/v1/users/ban', { user_ids: ids })).status, 200);
    for (const id of ids) assert.equal((await users.getUser(id)).banned, true);
    await sandbox.raw('POST', '/v1/users/unban', { user_ids: ids });
    for (const id of ids) assert.equal((await users.getUser(id)).banned, false);
  });

  test('identifiers are replaced', async () => {
    const { id } = await create();
    const emailAddress = fresh();
    await users.replaceUserEmailAddress(id, { emailAddress });
    assert.deepEqual((await users.getUser(id)).emailAddresses.map(e => e.emailAddress), [emailAddress]);
    await users.replaceUserPhoneNumber(id, { phoneNumber: '+14155552672' });
    assert.deepEqual((await users.getUser(id)).phoneNumbers.map(p => p.phoneNumber), ['+14155552672']);
  });

  test('a migrated user is in no organization', async () => {
    const { id } = await create();
    assert.deepEqual(await users.getOrganizationMembershipList({ userId: id }), { data: [], totalCount: 0 });
  });

  test('an insecure digest becomes bcrypt at the first sign-in, and a wrong password changes nothing', async () => {
    const md5 = createHash('md5').update('Correct-Horse-9').digest('hex');
    const { id } = await create({ passwordHasher: 'md5', passwordDigest: md5 });
    const hasher = async () => JSON.stringify((await sandbox.raw('GET', `/v1/sandbox/users/${id}`)).body);
    await refusal(users.verifyPassword({ userId: id, password: 'wrong' }));
    assert.match(await hasher(), /"md5"/);
    await users.verifyPassword({ userId: id, password: 'Correct-Horse-9' });
    assert.match(await hasher(), /"bcrypt"/);
    await users.verifyPassword({ userId: id, password: 'Correct-Horse-9' });
    assert.equal((await sandbox.raw('GET', '/v1/sandbox/stats')).status, 200);
  });
});

describe('refusals', () => {
  const cases = [
    ['a malformed email address', { emailAddress: ['nobody'] }, 422, 'form_param_format_invalid', 'email_address'],
    ['a phone number that is not E.164', { phoneNumber: ['555-0100'] }, 422, undefined, 'phone_number'],
    ['an unknown hasher', { passwordHasher: 'rot13', passwordDigest: 'x' }, 422, undefined, undefined],
    ['a digest of another shape', { passwordHasher: 'bcrypt', passwordDigest: 'abc' }, 422,
      'form_password_digest_invalid_code', undefined],
    ['statuses that do not run parallel', { emailAddressIdentificationStatus: ['verified', 'reserved'] }, 422,
      'form_param_array_length_mismatch', undefined],
  ];
  for (const [title, fields, status, code, param] of cases) {
    test(`createUser refuses ${title}`, async () => {
      const before = await users.getCount();
      const error = await refusal(create(fields));
      assert.equal(error.status, status, JSON.stringify(error.errors));
      if (code) assert.equal(error.errors[0].code, code);
      if (param) assert.equal(error.errors[0].meta.paramName, param);
      assert.ok(error.errors[0].message && error.errors[0].longMessage);
      assert.equal(await users.getCount(), before);
    });
  }

  test('an identifier in use is refused, and the error says which', async () => {
    const emailAddress = [fresh()];
    await create({ emailAddress, externalId: 'taken-1', username: 'taken_name' });
    for (const [fields, param] of [[{ emailAddress: [emailAddress[0].toUpperCase()] }, 'email_address'],
      [{ externalId: 'taken-1' }, 'external_id'], [{ username: 'Taken_Name' }, 'username']]) {
      const error = await refusal(create(fields));
      assert.equal(error.errors[0].code, 'form_identifier_exists');
      assert.equal(error.errors[0].meta.paramName, param);
    }
  });

  test('unknown users and addresses are 404 resource_not_found', async () => {
    for (const call of [() => users.getUser('user_000000000000000000000000000'),
      () => sandbox.clerk.emailAddresses.getEmailAddress('idn_000000000000000000000000000')]) {
      const error = await refusal(call());
      assert.equal(error.status, 404);
      assert.equal(error.errors[0].code, 'resource_not_found');
    }
  });

  test('a wrong secret key is 401', async () => {
    const error = await refusal(sandbox.clerkWithKey('sk_live_wrong').users.getCount());
    assert.equal(error.status, 401);
  });

  test('verifyPassword of a user without password is 400', async () => {
    const { id } = await create();
    assert.equal((await refusal(users.verifyPassword({ userId: id, password: 'x' }))).status, 400);
  });
});

describe('keys and limits', () => {
  test('the instance is told', async () => {
    const { body } = await sandbox.raw('GET', '/v1/instance');
    assert.equal(body.object, 'instance');
  });

  test('settings are changed and shown, each by its resource', async () => {
    const { instance } = sandbox.clerk;
    assert.equal(await instance.update({ supportEmail: 'help@usher-tests.com', testMode: true }), undefined);
    const restrictions = await instance.updateRestrictions({ blockEmailSubaddresses: true });
    assert.deepEqual([restrictions.blockEmailSubaddresses, restrictions.allowlist], [true, false]);
    const organizations = await instance.updateOrganizationSettings({ enabled: true, maxAllowedMemberships: 50,
      domainsEnrollmentModes: ['manual_invitation', 'automatic_suggestion'] });
    assert.equal(organizations.maxAllowedMemberships, 50);
    assert.deepEqual((await instance.getOrganizationSettings?.() ?? organizations).domainsEnrollmentModes,
      ['manual_invitation', 'automatic_suggestion']);
    const change = async (method, route, body) => (await sandbox.raw(method, route, body)).body;
    assert.equal((await change('GET', '/v1/instance/organization_settings')).max_allowed_memberships, 50);
    assert.equal((await change('PATCH', '/v1/instance/protect', { rules_enabled: true })).rules_enabled, true);
    assert.equal((await change('GET', '/v1/instance/protect')).rules_enabled, true);
    assert.deepEqual((await change('PATCH', '/v1/instance/communication',
      { blocked_country_codes: ['KP'] })).blocked_country_codes, ['KP']);
    assert.deepEqual((await change('PATCH', '/v1/instance/communication',
      { blocked_country_codes: null })).blocked_country_codes, ['KP']);
    assert.deepEqual((await change('GET', '/v1/instance/communication')).blocked_country_codes, ['KP']);
    assert.equal((await change('PATCH', '/v1/instance/oauth_application_settings',
      { oauth_jwt_access_tokens: true, default_scopes: ['email'] })).oauth_jwt_access_tokens, true);
    assert.deepEqual((await change('GET', '/v1/instance/oauth_application_settings')).default_scopes, ['email']);
    assert.equal((await change('PATCH', '/v1/beta_features/instance_settings',
      { restricted_to_allowlist: false, test_mode: true })).restricted_to_allowlist, false);
    await instance.update({ allowedOrigins: ['https://app.usher-tests.com'] });
    assert.deepEqual((await change('GET', '/v1/instance')).allowed_origins, ['https://app.usher-tests.com']);
  });

  test('settings that are wrong are refused, each with its code', async () => {
    for (const [route, body, code, param] of [
      ['/v1/instance', { colour: 'blue' }, 'form_param_unknown', 'colour'],
      ['/v1/instance', { test_mode: 'yes' }, 'form_param_type_invalid', 'test_mode'],
      ['/v1/instance', { allowed_origins: ['example.com'] }, 'form_invalid_origin', 'allowed_origins'],
      ['/v1/instance', { preferred_sign_in_strategy_when_password_required: 'telepathy' },
        'form_param_value_invalid', 'preferred_sign_in_strategy_when_password_required'],
      ['/v1/instance/restrictions', { allowlist: 1 }, 'form_param_type_invalid', 'allowlist'],
      ['/v1/instance/organization_settings', { max_allowed_memberships: -1 }, 'form_param_value_invalid',
        'max_allowed_memberships'],
      ['/v1/instance/organization_settings', { domains_enrollment_modes: ['magic'] }, 'form_param_value_invalid',
        'domains_enrollment_modes'],
      ['/v1/instance/communication', { blocked_country_codes: ['Germany'] }, 'form_param_format_invalid',
        'blocked_country_codes'],
      ['/v1/sandbox/settings', { 'email_address.maybe': true }, 'form_param_unknown', 'email_address.maybe'],
    ]) {
      const { status, body: { errors: [error] } } = await sandbox.raw('PATCH', route, body);
      assert.deepEqual([status, error.code, error.meta.param_name], [422, code, param]);
    }
  });

  test('CreateUser obeys the settings', async () => {
    const own = await startSandbox('--limits', 'off');
    const set = body => own.raw('PATCH', '/v1/sandbox/settings', body);
    const refused = async fields => (await refusal(own.clerk.users.createUser(
      { emailAddress: [fresh()], skipPasswordRequirement: true, ...fields }))).errors[0];
    try {
      assert.equal((await set({ 'phone_number.enabled': false, 'authenticator_app.enabled': false,
        'first_name.required': true, username_min_length: 6, password_min_length: 10,
        password_require_numbers: true })).body['phone_number.enabled'], false);
      assert.equal((await own.raw('GET', '/v1/sandbox/settings')).body.username_min_length, 6);
      for (const [fields, code] of [
        [{ phoneNumber: ['+14155552671'], firstName: 'Ada' }, 'form_param_unknown'],
        [{ totpSecret: 'JBSWY3DPEHPK3PXPJBSWY3DP', firstName: 'Ada' }, 'feature_not_enabled'],
        [{}, 'form_data_missing'],
        [{ firstName: 'Ada', username: 'ada_l' }, 'form_username_invalid_length'],
        [{ firstName: 'Ada', password: 'Nine-char' }, 'form_password_length_too_short'],
        [{ firstName: 'Ada', password: 'Without-digits' }, 'form_password_no_number'],
      ]) assert.equal((await refused(fields)).code, code);
      await own.clerk.users.createUser({ emailAddress: [fresh()], firstName: 'Ada', password: 'x',
        skipPasswordChecks: true });
      assert.deepEqual((await own.raw('POST', '/v1/instance/change_domain',
        { home_url: 'https://usher-tests.com', is_secondary: false })).status, 202);
      assert.deepEqual((await own.raw('PUT', '/v1/beta_features/domain',
        { home_url: 'https://other-tests.com', is_secondary: false })).status, 202);
    } finally {
      await own.stop();
    }
  });

  test('jwks.getJwks gives an RS256 key', async () => {
    const { keys } = await sandbox.clerk.jwks.getJwks();
    assert.ok(keys.length >= 1);
    assert.deepEqual([keys[0].kty, keys[0].alg, keys[0].use], ['RSA', 'RS256', 'sig']);
  });

  test('over the limit the SDK gets 429 with the seconds to wait', async () => {
    const limited = await startSandbox('--limits', '3/600');
    try {
      let error;
      for (let i = 0; i < 6 && !error; i++)
        await limited.clerk.users.getUserList({ limit: 1 }).catch(e => (error = e));
      assert.equal(error?.status, 429);
      assert.ok(error.retryAfter >= 1 && error.retryAfter <= 600, `retryAfter ${error.retryAfter}`);
      await limited.clerk.jwks.getJwks();
    } finally {
      await limited.stop();
    }
  });
});
