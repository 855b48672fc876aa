// Invitations to organizations, by Clerk's own Node SDK.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Visitor } from './frontend.js';
import { assertRefused, refusal, sandboxForFile, startSandbox } from './sandbox.js';

let organizations, users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ organizations, users } = clerk));
const fresh = () => `guest${++count}@usher-tests.com`;
const createUser = (fields = {}) => users.createUser({ emailAddress: [fresh()], skipPasswordRequirement: true, ...fields });
const create = (fields = {}) => organizations.createOrganization({ name: `Organization ${++count}`, ...fields });
const invite = (organizationId, fields = {}) =>
  organizations.createOrganizationInvitation({ organizationId, emailAddress: fresh(), role: 'org:member', ...fields });
const code = async promise => (await refusal(promise)).errors[0].code;
const raw = async (method, route, body) => (await sandbox.raw(method, route, body)).body;
const emails = list => list.data.map(i => i.emailAddress);
const DAY = 86400000;
const ticketOf = ({ url }) => new URL(url).searchParams.get('ticket');
async function visit(method, route, form) {
  const visitor = new Visitor(sandbox.ready);
  const answer = await visitor.call(method, route, form);
  assert.deepEqual(visitor.problems, []);
  return answer;
}
const signIn = ticket => visit('POST', '/v1/client/sign_ins', { strategy: 'ticket', ticket });
const signUp = (ticket, fields = {}) =>
  visit('POST', '/v1/client/sign_ups', { strategy: 'ticket', ticket, password: 'Correct-Horse-9!x', ...fields });
const follow = ticket => visit('GET', `/v1/tickets/accept?ticket=${ticket}`);

describe('invitations to organizations', () => {
  test('one takes every field, is given back, and its link is in the email', async () => {
    const ada = await createUser({ firstName: 'Ada', lastName: 'Byron' });
    const { id } = await create({ name: 'Acme & Sons', createdBy: ada.id });
    const made = await invite(id, { emailAddress: 'New.Member@usher-tests.com', role: 'org:admin', inviterUserId: ada.id,
      redirectUrl: 'https://app.example.com/join?a=1', expiresInDays: 3, publicMetadata: { seat: 1 },
      privateMetadata: { pay: 2 } });
    assert.match(made.id, /^orginv_[0-9A-Za-z]{20,}$/);
    assert.deepEqual([made.emailAddress, made.role, made.roleName, made.organizationId, made.status],
      ['New.Member@usher-tests.com', 'org:admin', 'Admin', id, 'pending']);
    assert.deepEqual([made.publicMetadata, made.privateMetadata, made.expiresAt - made.createdAt],
      [{ seat: 1 }, { pay: 2 }, 3 * DAY]);
    assert.deepEqual([made.raw.inviter_id, made.raw.public_inviter_data], [ada.id, { user_id: ada.id,
      first_name: 'Ada', last_name: 'Byron', image_url: '', has_image: false,
      identifier: ada.emailAddresses[0].emailAddress }]);
    assert.match(made.url, /^https:\/\/127\.0\.0\.1:\d+\/v1\/tickets\/accept\?ticket=[\w-]+\.[\w-]+\.[\w-]+$/);
    assert.deepEqual(await organizations.getOrganizationInvitation({ organizationId: id, invitationId: made.id }), made);
    const [mail] = await raw('GET', '/v1/sandbox/outbox?to=New.Member@usher-tests.com');
    assert.deepEqual([mail.slug, mail.subject], ['organization_invitation', 'You are invited to join Acme & Sons']);
    assert.ok(mail.body.endsWith(` ${made.url}`));
  });

  test('the least that it takes: nobody sent it, it holds 30 days; notify=false sends no email', async () => {
    const { id } = await create();
    const made = await invite(id, { notify: false });
    assert.deepEqual([made.raw.inviter_id, made.raw.public_inviter_data, made.publicMetadata,
      made.expiresAt - made.createdAt], [null, null, {}, 30 * DAY]);
    assert.deepEqual(await raw('GET', `/v1/sandbox/outbox?to=${made.emailAddress}`), []);
  });

  test('several at once: all of them or none', async () => {
    const { id } = await create();
    const made = await organizations.createOrganizationInvitationBulk(id,
      ['b1@usher-tests.com', 'b2@usher-tests.com'].map(emailAddress => ({ emailAddress, role: 'org:member' })));
    assert.deepEqual([made.totalCount, emails(made)], [2, ['b1@usher-tests.com', 'b2@usher-tests.com']]);
    const more = ['b3@usher-tests.com', 'b1@usher-tests.com'].map(email_address => ({ email_address, role: 'org:member' }));
    const route = `/v1/organizations/${id}/invitations/bulk`;
    await assertRefused(sandbox, 'POST', route, more, 400, 'organization_invitation_not_unique');
    await assertRefused(sandbox, 'POST', route, [more[0], more[0]], 400, 'organization_invitation_not_unique');
    assert.equal((await organizations.getOrganizationInvitationList({ organizationId: id })).totalCount, 2);
    assert.deepEqual(await raw('GET', '/v1/sandbox/outbox?to=b3@usher-tests.com'), []);
    await assertRefused(sandbox, 'POST', route, Array(11).fill(more[0]), 400, 'bulk_size_exceeded');
    for (const body of [[], [3], {}, more[0], undefined])
      await assertRefused(sandbox, 'POST', route, body, 400, 'request_body_invalid');
  });

  test('lists of one organization, of a user and of all', async () => {
    const [one, two] = [await create({ name: 'One' }), await create({ name: 'Two' })];
    const bob = await createUser({ emailAddress: ['Bob.Guest@usher-tests.com'] });
    const made = [];
    for (const emailAddress of ['c@usher-tests.com', 'a@usher-tests.com', 'bob.guest@usher-tests.com'])
      made.push(await invite(one.id, { emailAddress }));
    await invite(two.id, { emailAddress: 'BOB.guest@usher-tests.com' });
    await organizations.revokeOrganizationInvitation({ organizationId: one.id, invitationId: made[1].id });
    const list = async params => emails(await organizations.getOrganizationInvitationList({ organizationId: one.id,
      ...params })).map(e => e[0]);
    assert.deepEqual(await list(), ['b', 'a', 'c']);
    assert.deepEqual(await list({ status: ['pending'] }), ['b', 'c']);
    assert.deepEqual(await list({ status: ['revoked', 'pending'], limit: 2, offset: 1 }), ['a', 'c']);
    assert.deepEqual(await list({ status: ['accepted'] }), []);
    const page = await raw('GET', `/v1/organizations/${one.id}/invitations?order_by=%2Bemail_address&limit=2`);
    assert.deepEqual([page.total_count, page.data.map(i => i.email_address[0]), page.data[0].url], [3, ['a', 'b'], null]);
    const found = await raw('GET', `/v1/organizations/${one.id}/invitations?email_address=C@usher-tests.com`);
    assert.deepEqual(found.data.map(i => i.id), [made[0].id]);
    const pending = await raw('GET', `/v1/organizations/${one.id}/invitations/pending?limit=1`);
    assert.deepEqual([pending.total_count, pending.data[0].id], [2, made[2].id]);
    const own = await users.getOrganizationInvitationList({ userId: bob.id });
    assert.deepEqual([own.totalCount, own.data.map(i => i.publicOrganizationData.name)], [2, ['Two', 'One']]);
    assert.equal((await users.getOrganizationInvitationList({ userId: bob.id, status: 'revoked' })).totalCount, 0);
    const all = await raw('GET', '/v1/organization_invitations?query=BOB.GUEST&order_by=-created_at&status=pending');
    assert.deepEqual(all.data.map(i => i.public_organization_data.id), [two.id, one.id]);
    await organizations.deleteOrganization(two.id);
    assert.equal((await users.getOrganizationInvitationList({ userId: bob.id })).totalCount, 1);
  });

  test('revoking ends it, once, by somebody who may; the address may be invited again', async () => {
    const [ada, bob, cid] = [await createUser(), await createUser(), await createUser()];
    const { id } = await create({ createdBy: ada.id });
    await organizations.createOrganizationMembership({ organizationId: id, userId: bob.id, role: 'org:member' });
    const made = await invite(id);
    const revoke = (requestingUserId, invitationId = made.id) =>
      organizations.revokeOrganizationInvitation({ organizationId: id, invitationId, requestingUserId });
    const { status, body } = await sandbox.raw('POST', `/v1/organizations/${id}/invitations/${made.id}/revoke`,
      { requesting_user_id: bob.id });
    assert.deepEqual([status, body.errors[0].code, body.errors[0].meta],
      [403, 'missing_organization_permission', { permissions: ['org:sys_memberships:manage'] }]);
    assert.equal(await code(revoke(cid.id)), 'not_a_member_in_organization');
    assert.equal(await code(revoke('user_nobody')), 'resource_not_found');
    assert.equal(await code(invite(id, { emailAddress: made.emailAddress.toUpperCase() })),
      'organization_invitation_not_unique');
    const gone = await revoke(ada.id);
    assert.deepEqual([gone.status, gone.url], ['revoked', null]);
    assert.equal(await code(revoke()), 'organization_invitation_not_pending');
    assert.equal((await invite(id, { emailAddress: made.emailAddress })).status, 'pending');
  });

  test('a limit of members counts pending invitations; members are not invited; a role that is invited stays', async () => {
    const ada = await createUser();
    const { id } = await create({ createdBy: ada.id, maxAllowedMemberships: 2 });
    assert.equal(await code(invite(id, { emailAddress: ada.emailAddresses[0].emailAddress })),
      'already_a_member_in_organization');
    const role = await raw('POST', '/v1/organization_roles', { name: 'Guest', key: 'org:guest' });
    const made = await invite(id, { role: role.id });
    assert.deepEqual([made.role, made.roleName], ['org:guest', 'Guest']);
    assert.equal(await code(invite(id)), 'organization_membership_quota_exceeded');
    await assertRefused(sandbox, 'DELETE', `/v1/organization_roles/${role.id}`, undefined, 422,
      'organization_role_exists_in_invitations');
    await raw('PATCH', `/v1/organization_roles/${role.id}`, { key: 'org:visitor' });
    assert.equal((await organizations.getOrganizationInvitation({ organizationId: id, invitationId: made.id })).role,
      'org:visitor');
    await organizations.revokeOrganizationInvitation({ organizationId: id, invitationId: made.id });
    assert.equal((await raw('DELETE', `/v1/organization_roles/${role.id}`)).deleted, true);
    assert.equal((await organizations.getOrganizationInvitation({ organizationId: id, invitationId: made.id })).role,
      'org:guest');
    assert.equal((await invite(id)).status, 'pending');
  });

  test('whoever is a user already joins by signing in with the link, once', async () => {
    const ada = await createUser();
    const { id } = await create({ maxAllowedMemberships: 1 });
    const made = await invite(id, { emailAddress: ada.emailAddresses[0].emailAddress, role: 'org:admin',
      redirectUrl: 'https://app.usher-tests.com/join?a=b', publicMetadata: { seat: 1 }, privateMetadata: { pay: 2 } });
    const ticket = ticketOf(made);
    const link = await follow(ticket);
    const landed = new URL(link.headers.get('location'));
    assert.deepEqual([link.status, landed.origin, landed.searchParams.get('a'), landed.searchParams.get('__clerk_status'),
      landed.searchParams.get('__clerk_ticket')], [303, 'https://app.usher-tests.com', 'b', 'sign_in', ticket]);
    assert.equal((await signUp(ticket)).code, 'invitation_account_exists');
    assert.equal((await signIn(ticket)).body.response.status, 'complete');
    const { data: [membership] } = await organizations.getOrganizationMembershipList({ organizationId: id });
    assert.deepEqual([membership.publicUserData.userId, membership.role, membership.publicMetadata,
      membership.privateMetadata], [ada.id, 'org:admin', { seat: 1 }, { pay: 2 }]);
    const now = await organizations.getOrganizationInvitation({ organizationId: id, invitationId: made.id });
    assert.deepEqual([now.status, now.url], ['accepted', null]);
    assert.equal((await signIn(ticket)).code, 'organization_invitation_already_accepted');
    assert.equal((await follow(ticket)).code, 'organization_invitation_already_accepted');
    assert.equal(await code(organizations.revokeOrganizationInvitation({ organizationId: id, invitationId: made.id })),
      'organization_invitation_not_pending');
  });

  test('whoever is not signs up with it: verified and a member at once, also where sign-ups are restricted', async () => {
    const { id } = await create();
    const made = await invite(id, { emailAddress: 'Eve.Guest@usher-tests.com', publicMetadata: { seat: 3 } });
    const ticket = ticketOf(made);
    await sandbox.raw('PATCH', '/v1/sandbox/settings', { sign_up_mode: 'restricted', sign_up_url: 'https://app.usher-tests.com/up' });
    assert.match((await follow(ticket)).headers.get('location'), /^https:\/\/app\.usher-tests\.com\/up\?.*&__clerk_status=sign_up$/);
    assert.equal((await signIn(ticket)).code, 'invitation_account_not_exists');
    assert.equal((await signUp(ticket, { email_address: 'other@usher-tests.com' })).code, 'form_param_value_conflict');
    const { body: { response } } = await signUp(ticket);
    assert.equal(response.status, 'complete');
    await sandbox.raw('PATCH', '/v1/sandbox/settings', { sign_up_mode: 'public', sign_up_url: null });
    const eve = await users.getUser(response.created_user_id);
    assert.deepEqual([eve.emailAddresses[0].emailAddress, eve.emailAddresses[0].verification.status, eve.publicMetadata],
      ['Eve.Guest@usher-tests.com', 'verified', {}]);
    const { data: [membership] } = await users.getOrganizationMembershipList({ userId: eve.id });
    assert.deepEqual([membership.organization.id, membership.publicMetadata], [id, { seat: 3 }]);
    assert.equal((await signUp(ticket)).code, 'organization_invitation_already_accepted');
  });

  test('a ticket that was revoked or forged, or whose organization is gone, opens nothing', async () => {
    const { id } = await create();
    const [revoked, orphan] = [await invite(id), await invite(id)];
    await organizations.revokeOrganizationInvitation({ organizationId: id, invitationId: revoked.id });
    for (const open of [signIn, signUp, follow]) {
      assert.equal((await open(ticketOf(revoked))).code, 'organization_invitation_revoked_code');
      assert.equal((await open(ticketOf(orphan).slice(0, -4) + 'AAAA')).code, 'ticket_invalid_code');
    }
    await organizations.deleteOrganization(id);
    for (const open of [signIn, signUp, follow]) assert.equal((await open(ticketOf(orphan))).code, 'ticket_invalid_code');
  });

  test('what is wrong is refused, each with its code', async () => {
    const [one, two] = [await create(), await create()];
    const ada = await createUser();
    const { id: other } = await invite(two.id);
    const ok = { email_address: 'right@usher-tests.com', role: 'org:member' };
    const at = `organizations/${one.id}/invitations`;
    for (const [method, route, body, status, expected, param] of [
      ['POST', at, {}, 422, 'form_param_missing', 'email_address'],
      ['POST', at, undefined, 422, 'form_param_missing', 'email_address'],
      ['POST', at, { email_address: 'x@usher-tests.com' }, 422, 'form_param_missing', 'role'],
      ['POST', at, { ...ok, email_address: null }, 422, 'form_param_nil', 'email_address'],
      ['POST', at, { ...ok, email_address: 'nobody' }, 422, 'form_param_format_invalid', 'email_address'],
      ['POST', at, { ...ok, email_address: 7 }, 422, 'form_param_type_invalid', 'email_address'],
      ['POST', at, { ...ok, role: 'org:nothing' }, 422, 'form_resource_not_found', 'role'],
      ['POST', at, { ...ok, expires_in_days: 0 }, 422, 'form_param_value_invalid', 'expires_in_days'],
      ['POST', at, { ...ok, expires_in_days: 366 }, 422, 'form_param_value_invalid', 'expires_in_days'],
      ['POST', at, { ...ok, expires_in_days: '7' }, 422, 'form_param_type_invalid', 'expires_in_days'],
      ['POST', at, { ...ok, redirect_url: 'javascript:alert(1)' }, 422, 'form_param_format_invalid', 'redirect_url'],
      ['POST', at, { ...ok, redirect_url: `https://a.b/${'x'.repeat(2048)}` }, 422, 'form_param_max_length_exceeded',
        'redirect_url'],
      ['POST', at, { ...ok, public_metadata: [] }, 422, 'form_param_type_invalid', 'public_metadata'],
      ['POST', at, { ...ok, private_metadata: 1 }, 422, 'form_param_type_invalid', 'private_metadata'],
      ['POST', at, { ...ok, notify: 'no' }, 422, 'form_param_type_invalid', 'notify'],
      ['POST', at, { ...ok, colour: 1 }, 422, 'form_param_unknown', 'colour'],
      ['POST', at, { ...ok, inviter_user_id: 'user_nobody' }, 404, 'resource_not_found'],
      ['POST', at, { ...ok, inviter_user_id: ada.id }, 403, 'not_a_member_in_organization'],
      ['POST', 'organizations/org_nothing/invitations', ok, 404, 'resource_not_found'],
      ['POST', 'organizations/org_nothing/invitations/bulk', [ok], 404, 'resource_not_found'],
      ['POST', `${at}/bulk`, [{ ...ok, role: null }], 422, 'form_param_nil', 'role'],
      ['POST', `${at}/bulk`, [{ ...ok, colour: 1 }], 422, 'form_param_unknown', 'colour'],
      ['GET', `${at}/${other}`, undefined, 404, 'resource_not_found'],
      ['GET', `${at}/orginv_nothing`, undefined, 404, 'resource_not_found'],
      ['POST', `${at}/${other}/revoke`, {}, 404, 'resource_not_found'],
      ['POST', `organizations/${two.id}/invitations/${other}/revoke`, { requesting_user_id: 5 }, 422,
        'form_param_type_invalid', 'requesting_user_id'],
      ['POST', `organizations/${two.id}/invitations/${other}/revoke`, { why: 1 }, 422, 'form_param_unknown', 'why'],
      ['GET', `${at}?status=lost`, undefined, 422, 'form_param_value_invalid', 'status'],
      ['GET', `${at}?order_by=role`, undefined, 422, 'form_param_value_invalid', 'order_by'],
      ['GET', `${at}/pending?limit=0`, undefined, 422, 'form_param_value_invalid', 'limit'],
      ['GET', 'organizations/org_nothing/invitations', undefined, 404, 'resource_not_found'],
      ['GET', 'organizations/org_nothing/invitations/pending', undefined, 404, 'resource_not_found'],
      ['GET', 'organization_invitations?offset=-1', undefined, 422, 'form_param_type_invalid', 'offset'],
      ['GET', 'users/user_nobody/organization_invitations', undefined, 404, 'resource_not_found'],
    ]) await assertRefused(sandbox, method, `/v1/${route}`, body, status, expected, param);
    await sandbox.clerk.instance.updateOrganizationSettings({ enabled: false });
    for (const [method, route, body] of [['POST', at, ok], ['POST', `${at}/bulk`, [ok]], ['GET', at],
      ['GET', `${at}/pending`], ['GET', `${at}/${other}`], ['POST', `${at}/${other}/revoke`],
      ['GET', 'organization_invitations'], ['GET', `users/${ada.id}/organization_invitations`]])
      await assertRefused(sandbox, method, `/v1/${route}`, body, 403, 'organization_not_enabled_in_instance');
    await sandbox.clerk.instance.updateOrganizationSettings({ enabled: true });
  });

  test('250 an hour, and 50 bulks', async () => {
    const limited = await startSandbox();
    const { id } = await limited.clerk.organizations.createOrganization({ name: 'Busy' });
    for (const [route, allowed] of [['', 250], ['/bulk', 50]]) {
      const statuses = new Map();
      for (let i = 0; i <= allowed; i++) {
        const body = { email_address: `busy${i}${route.length}@usher-tests.com`, role: 'org:member', notify: false };
        const { status } = await limited.raw('POST', `/v1/organizations/${id}/invitations${route}`, route ? [body] : body);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      assert.deepEqual([...statuses], [[200, allowed], [429, 1]]);
    }
    assert.equal((await limited.clerk.organizations.getOrganizationInvitationList({ organizationId: id })).totalCount, 300);
    await limited.stop();
  });
});
