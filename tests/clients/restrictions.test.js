// Allowlist and blocklist: by Clerk's Node SDK, and what they do to those who sign up and in.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Visitor } from './frontend.js';
import { assertRefused, sandboxForFile } from './sandbox.js';

let allow, block, users, count = 0;
const sandbox = sandboxForFile(({ clerk }) =>
  ({ allowlistIdentifiers: allow, blocklistIdentifiers: block, users } = clerk));
const fresh = (domain = 'usher-tests.com') => `listed${++count}@${domain}`;
const restrict = body => sandbox.clerk.instance.updateRestrictions(body);
const off = () => restrict({ allowlist: false, blocklist: false, blockEmailSubaddresses: false,
  blockDisposableEmailDomains: false, allowlistBlocklistDisabledOnSignIn: false });
const password = 'Correct-Horse-9!x';
async function post(route, form) {
  const visitor = new Visitor(sandbox.ready, { devBrowser: undefined });
  const answer = await visitor.post(route, form);
  assert.deepEqual(visitor.problems, []);
  return answer;
}
const signUp = form => post('/v1/client/sign_ups', form);
const signIn = identifier => post('/v1/client/sign_ins', { identifier });
const said = answer => [answer.status, answer.code, answer.body.errors?.[0].meta?.param_name];
const refused = param => [403, 'not_allowed_access', param];

describe('the lists', () => {
  test('identifiers of every type are added, listed and deleted', async () => {
    for (const [identifier, type] of [['Ada@usher-tests.com', 'email_address'], ['*@usher-tests.com', 'email_address'],
      ['+14155552671', 'phone_number'], [`0x${'aB'.repeat(20)}`, 'web3_wallet']]) {
      const made = await allow.createAllowlistIdentifier({ identifier, notify: false });
      assert.match(made.id, /^alid_/);
      assert.deepEqual([made.identifier, made.identifierType, made.instanceId],
        [identifier, type, (await sandbox.clerk.instance.get()).id]);
      const blocked = await block.createBlocklistIdentifier({ identifier });
      assert.deepEqual([blocked.identifier, blocked.identifierType], [identifier, type]);
    }
    const allowed = await allow.getAllowlistIdentifierList(), blocked = await block.getBlocklistIdentifierList();
    assert.deepEqual([allowed.totalCount, allowed.data.length, blocked.totalCount, blocked.data.length], [4, 4, 4, 4]);
    assert.equal((await allow.getAllowlistIdentifierList({ limit: 1, offset: 3 })).data[0].identifier, 'Ada@usher-tests.com');
    assert.equal((await sandbox.raw('GET', '/v1/allowlist_identifiers')).body.length, 4);
    for (const { id } of allowed.data) assert.equal((await allow.deleteAllowlistIdentifier(id)).id, id);
    for (const { id } of blocked.data) assert.equal((await block.deleteBlocklistIdentifier(id)).id, id);
    assert.deepEqual([(await allow.getAllowlistIdentifierList()).data, (await block.getBlocklistIdentifierList()).data], [[], []]);
  });

  test('who is to be notified gets an invitation', async () => {
    const identifier = fresh();
    const { body } = await sandbox.raw('POST', '/v1/allowlist_identifiers', { identifier, notify: true });
    assert.match(body.invitation_id, /^inv_/);
    const [invitation] = (await sandbox.clerk.invitations.getInvitationList({ query: identifier })).data;
    assert.equal(invitation.id, body.invitation_id);
    const [mail] = (await sandbox.raw('GET', `/v1/sandbox/outbox?to=${identifier}`)).body;
    assert.equal(mail.slug, 'invitation');
    assert.equal((await allow.createAllowlistIdentifier({ identifier: '*@notified-tests.com', notify: true })).invitationId, undefined);
  });

  test('what is wrong is refused', async () => {
    for (const list of ['allowlist', 'blocklist']) {
      const at = `/v1/${list}_identifiers`;
      const { body } = await sandbox.raw('POST', at, { identifier: 'twice@usher-tests.com' });
      for (const [given, code, param = 'identifier'] of [
        [{ identifier: 'TWICE@usher-tests.com' }, 'form_identifier_exists'],
        [{ identifier: 'nobody' }, 'form_param_format_invalid'],
        [{ identifier: '*@' }, 'form_param_format_invalid'],
        [{ identifier: '*@*.com' }, 'form_param_format_invalid'],
        [{ identifier: '+12' }, 'form_param_format_invalid'],
        [{ identifier: `0x${'g'.repeat(40)}` }, 'form_param_format_invalid'],
        [{ identifier: 'a\0b@usher-tests.com' }, 'form_param_format_invalid'],
        [{ identifier: `${'x'.repeat(250)}@usher-tests.com` }, 'form_param_max_length_exceeded'],
        [{ identifier: '' }, 'form_param_min_length_exceeded'],
        [{ identifier: 1 }, 'form_param_type_invalid'],
        [{ identifier: null }, 'form_param_nil'],
        [{}, 'form_param_missing'],
        [{ identifier: 'new@usher-tests.com', colour: 1 }, 'form_param_unknown', 'colour'],
      ]) await assertRefused(sandbox, 'POST', at, given, 422, code, param);
      await assertRefused(sandbox, 'GET', `${at}?limit=0`, undefined, 422, 'form_param_value_invalid', 'limit');
      await assertRefused(sandbox, 'DELETE', `${at}/alid_nothing`, undefined, 404, 'resource_not_found');
      const other = list === 'allowlist' ? 'blocklist' : 'allowlist';
      await assertRefused(sandbox, 'DELETE', `/v1/${other}_identifiers/${body.id}`, undefined, 404, 'resource_not_found');
      await sandbox.raw('DELETE', `${at}/${body.id}`);
      await assertRefused(sandbox, 'DELETE', `${at}/${body.id}`, undefined, 404, 'resource_not_found');
    }
    await assertRefused(sandbox, 'POST', '/v1/allowlist_identifiers', { identifier: 'n@usher-tests.com', notify: 'yes' },
      422, 'form_param_type_invalid', 'notify');
  });
});

describe('who may come', () => {
  test('blocked addresses, domains and phone numbers cannot sign up, once the switch is on', async () => {
    const address = fresh(), phone = '+14155552680';
    for (const identifier of [address, '*@blocked-tests.com', phone]) await block.createBlocklistIdentifier({ identifier });
    assert.equal((await signUp({ email_address: address })).status, 200);
    await restrict({ blocklist: true });
    assert.deepEqual(said(await signUp({ email_address: address.toUpperCase() })), refused('email_address'));
    assert.deepEqual(said(await signUp({ email_address: fresh('Blocked-Tests.com') })), refused('email_address'));
    assert.deepEqual(said(await signUp({ phone_number: phone })), refused('phone_number'));
    assert.equal((await signUp({ email_address: fresh() })).status, 200);
    // The Backend API may do what it wants; then nobody signs in by it, unless the lists do not count there.
    const user = await users.createUser({ emailAddress: [fresh('blocked-tests.com')], username: `blocked_${count}`, password });
    for (const identifier of [user.emailAddresses[0].emailAddress, user.username])
      assert.deepEqual(said(await signIn(identifier)), refused('identifier'));
    await restrict({ allowlistBlocklistDisabledOnSignIn: true });
    assert.equal((await signIn(user.username)).status, 200);
    await off();
  });

  test('with an allowlist nobody else comes, and who is on both lists is allowed', async () => {
    const address = fresh();
    await restrict({ allowlist: true, blocklist: true });
    assert.deepEqual(said(await signUp({ email_address: address })), refused('email_address'));
    await allow.createAllowlistIdentifier({ identifier: address, notify: false });
    await block.createBlocklistIdentifier({ identifier: address });
    assert.equal((await signUp({ email_address: address })).status, 200);
    assert.deepEqual(said(await signUp({ phone_number: '+14155552681' })), refused('phone_number'));
    await off();
  });

  test('subaddresses and throw-away domains', async () => {
    await restrict({ blockEmailSubaddresses: true, blockDisposableEmailDomains: true });
    for (const local of ['a+b', 'a=b', 'a#b'])
      assert.deepEqual(said(await signUp({ email_address: `${local}@usher-tests.com` })), refused('email_address'));
    assert.deepEqual(said(await signUp({ email_address: fresh('Mailinator.com') })),
      [403, 'form_email_address_blocked', 'email_address']);
    await off();
    assert.equal((await signUp({ email_address: fresh('mailinator.com') })).status, 200);
  });

  test('nor does a user add such an address', async () => {
    const user = await users.createUser({ emailAddress: [fresh()], password });
    const visitor = new Visitor(sandbox.ready);
    await visitor.signIn(user.emailAddresses[0].emailAddress, password);
    await restrict({ blocklist: true });
    assert.deepEqual(said(await visitor.post('/v1/me/email_addresses', { email_address: fresh('blocked-tests.com') })),
      refused('email_address'));
    assert.deepEqual(visitor.problems, []);
    await off();
  });
});
