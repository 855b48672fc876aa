// Organizations, memberships, roles and permissions, by Clerk's own Node SDK.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRefused, refusal, sandboxForFile } from './sandbox.js';

let organizations, users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ organizations, users } = clerk));
const fresh = () => `member${++count}@usher-tests.com`;
const createUser = (fields = {}) => users.createUser({ emailAddress: [fresh()], skipPasswordRequirement: true, ...fields });
const create = (fields = {}) => organizations.createOrganization({ name: `Organization ${++count}`, ...fields });
const join = (organizationId, userId, role = 'org:member') =>
  organizations.createOrganizationMembership({ organizationId, userId, role });
const code = async promise => (await refusal(promise)).errors[0].code;
const raw = async (method, route, body) => (await sandbox.raw(method, route, body)).body;

describe('organizations', () => {
  test('createOrganization takes every field and getOrganization gives it back, by id and by slug', async () => {
    const ada = await createUser({ firstName: 'Ada' });
    const made = await create({ name: 'Acme & Sons', slug: 'acme', createdBy: ada.id, maxAllowedMemberships: 7,
      publicMetadata: { plan: 'pro' }, privateMetadata: { crm: 9 } });
    assert.match(made.id, /^org_[0-9A-Za-z]{20,}$/);
    for (const found of [await organizations.getOrganization({ organizationId: made.id, includeMembersCount: true }),
      await organizations.getOrganization({ slug: 'acme', includeMembersCount: true })]) {
      assert.deepEqual([found.id, found.name, found.slug, found.createdBy, found.maxAllowedMemberships,
        found.membersCount], [made.id, 'Acme & Sons', 'acme', ada.id, 7, 1]);
      assert.deepEqual([found.publicMetadata, found.privateMetadata], [{ plan: 'pro' }, { crm: 9 }]);
    }
    const { data: [membership] } = await organizations.getOrganizationMembershipList({ organizationId: made.id });
    assert.deepEqual([membership.role, membership.publicUserData.userId, membership.publicUserData.identifier],
      ['org:admin', ada.id, ada.emailAddresses[0].emailAddress]);
    assert.ok(membership.permissions.includes('org:sys_memberships:manage'));
  });

  test('one made without a slug gets one; created_at of a migrated one is kept', async () => {
    const made = await raw('POST', '/v1/organizations', { name: 'Größe Ltd', created_at: '2019-05-01T10:00:00Z' });
    assert.match(made.slug, /^gr-e-ltd-[0-9a-z]+$/);
    assert.equal(made.created_at, Date.parse('2019-05-01T10:00:00Z'));
    assert.equal('members_count' in made, false);
  });

  test('update, metadata (merge and replace) and delete', async () => {
    const { id } = await create({ publicMetadata: { a: { b: 1, c: 2 } } });
    const updated = await organizations.updateOrganization(id, { name: 'New name', slug: `new-${count}`,
      maxAllowedMemberships: 3, adminDeleteEnabled: false });
    assert.deepEqual([updated.name, updated.maxAllowedMemberships, updated.adminDeleteEnabled], ['New name', 3, false]);
    const merged = await organizations.updateOrganizationMetadata(id, { publicMetadata: { a: { b: null, d: 3 } } });
    assert.deepEqual(merged.publicMetadata, { a: { c: 2, d: 3 } });
    const replaced = await organizations.replaceOrganizationMetadata(id, { publicMetadata: { only: 1 } });
    assert.deepEqual(replaced.publicMetadata, { only: 1 });
    const user = await createUser();
    await join(id, user.id);
    await organizations.deleteOrganization(id);
    assert.equal(await code(organizations.getOrganization({ organizationId: id })), 'resource_not_found');
    assert.equal((await users.getOrganizationMembershipList({ userId: user.id })).totalCount, 0);
  });

  test('the list filters, sorts and pages', async () => {
    const [ada, bob] = [await createUser(), await createUser()];
    const made = [];
    for (const name of ['Zeta List', 'Alpha List', 'Mid_List%']) made.push(await create({ name, createdBy: ada.id }));
    await join(made[1].id, bob.id);
    const list = async params => (await organizations.getOrganizationList(params)).data.map(o => o.id);
    const ids = made.map(o => o.id);
    assert.deepEqual(await list({ userId: [ada.id], orderBy: '+name' }), [ids[1], ids[2], ids[0]]);
    assert.deepEqual(await list({ userId: [ada.id], orderBy: '-members_count', limit: 1 }), [ids[1]]);
    assert.deepEqual(await list({ userId: [bob.id] }), [ids[1]]);
    assert.deepEqual(await list({ userId: [ada.id], limit: 2, offset: 1 }), [ids[1], ids[0]]);
    assert.deepEqual(await list({ query: 'mid_list%' }), [ids[2]]);
    assert.deepEqual(await list({ query: ids[0] }), [ids[0]]);
    assert.deepEqual(await list({ organizationId: [ids[0], ids[2]], orderBy: '+created_at' }), [ids[0], ids[2]]);
    const page = await organizations.getOrganizationList({ userId: [ada.id], limit: 1, includeMembersCount: true });
    assert.deepEqual([page.totalCount, page.data[0].membersCount], [3, 1]);
    const { data: [first] } = await raw('GET',
      `/v1/organizations?organization_id=${ids[0]}&include_missing_member_with_elevated_permissions=true`);
    assert.equal(first.missing_member_with_elevated_permissions, false);
    assert.deepEqual((await users.getUserList({ organizationId: [ids[1]] })).data.map(u => u.id), [bob.id, ada.id]);
  });

  test('what is wrong is refused, each with its code', async () => {
    await create({ slug: 'taken-slug' });
    const { id } = await create();
    for (const [method, route, body, status, expected, param] of [
      ['POST', '', { name: 'X', slug: 'taken-slug' }, 422, 'form_identifier_exists', 'slug'],
      ['POST', '', { name: 'X', slug: 'Not a slug' }, 422, 'form_param_format_invalid', 'slug'],
      ['POST', '', { name: '' }, 422, 'form_param_min_length_exceeded', 'name'],
      ['POST', '', { name: 'x'.repeat(257) }, 422, 'form_param_max_length_exceeded', 'name'],
      ['POST', '', {}, 422, 'form_param_missing', 'name'],
      ['POST', '', { name: 'X', colour: 1 }, 422, 'form_param_unknown', 'colour'],
      ['POST', '', { name: 'X', max_allowed_memberships: -1 }, 422, 'form_param_value_invalid', 'max_allowed_memberships'],
      ['POST', '', { name: 'X', created_at: 'yesterday' }, 422, 'form_param_invalid_date', 'created_at'],
      ['POST', '', { name: 'X', created_by: 'user_nobody' }, 400, 'organization_creator_not_found', 'created_by'],
      ['PATCH', `/${id}`, { slug: 'taken-slug' }, 422, 'form_identifier_exists', 'slug'],
      ['PATCH', `/${id}`, { public_metadata: {} }, 422, 'form_param_unknown', 'public_metadata'],
      ['PATCH', `/${id}/metadata`, { public_metadata: [] }, 422, 'form_param_type_invalid', 'public_metadata'],
      ['PATCH', `/${id}/metadata`, { unsafe_metadata: {} }, 422, 'form_param_unknown', 'unsafe_metadata'],
      ['PATCH', '/org_nothing', { name: 'X' }, 404, 'resource_not_found'],
      ['GET', '?order_by=colour', undefined, 422, 'form_param_value_invalid', 'order_by'],
      ['GET', '?limit=501', undefined, 422, 'form_param_value_invalid', 'limit'],
      ['GET', '?include_members_count=maybe', undefined, 422, 'form_param_type_invalid', 'include_members_count'],
    ]) await assertRefused(sandbox, method, `/v1/organizations${route}`, body, status, expected, param);
  });

  test('when organizations are off every endpoint says so', async () => {
    const { instance } = sandbox.clerk;
    await instance.updateOrganizationSettings({ enabled: false });
    assert.equal(await code(create()), 'organization_not_enabled_in_instance');
    assert.equal(await code(organizations.getOrganizationList()), 'organization_not_enabled_in_instance');
    await instance.updateOrganizationSettings({ enabled: true });
  });
});

describe('memberships', () => {
  test('create, update, metadata and delete', async () => {
    const [ada, bob] = [await createUser(), await createUser({ username: `bob_${count}`, firstName: 'Bob' })];
    const { id } = await create({ createdBy: ada.id });
    const made = await organizations.createOrganizationMembership({ organizationId: id, userId: bob.id,
      role: 'org:member', publicMetadata: { seat: 1 } });
    assert.match(made.id, /^orgmem_/);
    assert.deepEqual([made.role, made.raw.role_name, made.publicUserData.firstName, made.publicMetadata],
      ['org:member', 'Member', 'Bob', { seat: 1 }]);
    assert.equal((await organizations.updateOrganizationMembership({ organizationId: id, userId: bob.id,
      role: 'org:admin' })).role, 'org:admin');
    assert.deepEqual((await organizations.updateOrganizationMembershipMetadata({ organizationId: id,
      userId: bob.id, publicMetadata: { desk: 2 }, privateMetadata: { pay: 3 } })).publicMetadata, { seat: 1, desk: 2 });
    assert.equal((await organizations.deleteOrganizationMembership({ organizationId: id, userId: bob.id })).role,
      'org:admin');
    const list = await organizations.getOrganizationMembershipList({ organizationId: id });
    assert.deepEqual([list.totalCount, list.data[0].publicUserData.userId], [1, ada.id]);
  });

  test('lists of one organization, of a user and of all', async () => {
    const members = [];
    for (const firstName of ['Cleo', 'Ann', 'Bea']) members.push(await createUser({ firstName }));
    const { id } = await create({ createdBy: members[0].id });
    await join(id, members[1].id);
    await join(id, members[2].id);
    const list = async params => (await organizations.getOrganizationMembershipList({ organizationId: id, ...params }))
      .data.map(m => m.publicUserData.firstName);
    assert.deepEqual(await list({ orderBy: '+first_name' }), ['Ann', 'Bea', 'Cleo']);
    assert.deepEqual(await list({ role: ['org:admin'] }), ['Cleo']);
    assert.deepEqual(await list({ userId: [members[2].id] }), ['Bea']);
    assert.deepEqual(await list({ emailAddress: [members[1].emailAddresses[0].emailAddress] }), ['Ann']);
    assert.deepEqual(await list({ orderBy: '+created_at', limit: 1, offset: 1 }), ['Ann']);
    assert.deepEqual(await list({ query: 'cle' }), ['Cleo']);
    const own = await users.getOrganizationMembershipList({ userId: members[1].id });
    assert.deepEqual([own.totalCount, own.data[0].organization.id], [1, id]);
    const all = await organizations.getInstanceOrganizationMembershipList({ limit: 3 });
    assert.deepEqual(all.data.map(m => m.publicUserData.firstName), ['Bea', 'Ann', 'Cleo']);
    await users.deleteUser(members[2].id);
    assert.equal((await organizations.getOrganization({ organizationId: id, includeMembersCount: true })).membersCount, 2);
  });

  test('limits, doubles and the last admin', async () => {
    const [ada, bob, cid] = [await createUser(), await createUser(), await createUser()];
    const { id } = await create({ createdBy: ada.id, maxAllowedMemberships: 2 });
    await join(id, bob.id);
    assert.equal(await code(join(id, bob.id)), 'organization_membership_quota_exceeded');
    assert.equal(await code(join(id, cid.id)), 'organization_membership_quota_exceeded');
    await organizations.updateOrganization(id, { maxAllowedMemberships: 0 });
    assert.equal(await code(join(id, bob.id)), 'already_a_member_in_organization');
    assert.equal(await code(join(id, cid.id, 'org:nothing')), 'form_resource_not_found');
    assert.equal(await code(join(id, 'user_nobody')), 'resource_not_found');
    const member = { organizationId: id, userId: ada.id };
    assert.equal(await code(organizations.updateOrganizationMembership({ ...member, role: 'org:member' })),
      'organization_minimum_permissions_needed');
    assert.equal(await code(organizations.deleteOrganizationMembership(member)), 'organization_minimum_permissions_needed');
    assert.equal(await code(organizations.deleteOrganizationMembership({ organizationId: id, userId: cid.id })),
      'resource_not_found');
    await assertRefused(sandbox, 'POST', `/v1/organizations/${id}/memberships`, { user_id: cid.id }, 422,
      'form_param_missing', 'role');
  });
});

describe('roles and permissions', () => {
  test('Clerk\'s own are there from the start', async () => {
    const roles = await raw('GET', '/v1/organization_roles?order_by=%2Bkey');
    assert.deepEqual(roles.data.map(r => [r.key, r.is_creator_eligible]), [['org:admin', true], ['org:member', false]]);
    const permissions = await raw('GET', '/v1/organization_permissions?limit=100');
    assert.equal(permissions.total_count, 8);
    assert.ok(permissions.data.every(p => p.type === 'system' && p.key.startsWith('org:sys_')));
    const [{ id }] = permissions.data;
    await assertRefused(sandbox, 'PATCH', `/v1/organization_permissions/${id}`, { name: 'X' }, 403,
      'organization_system_permission_not_modifiable');
    await assertRefused(sandbox, 'DELETE', `/v1/organization_permissions/${id}`, undefined, 403,
      'organization_system_permission_not_modifiable');
  });

  test('one\'s own are made, changed, assigned and deleted', async () => {
    const permission = await raw('POST', '/v1/organization_permissions',
      { name: 'Read reports', key: 'org:reports:read', description: 'All of them' });
    assert.deepEqual([permission.type, permission.key], ['user', 'org:reports:read']);
    assert.equal((await raw('GET', `/v1/organization_permissions/${permission.id}`)).name, 'Read reports');
    const role = await raw('POST', '/v1/organization_roles', { name: 'Auditor', key: 'org:auditor',
      permissions: [permission.id] });
    assert.deepEqual(role.permissions.map(p => p.key), ['org:reports:read']);
    await raw('PATCH', `/v1/organization_permissions/${permission.id}`, { key: 'org:reports:view' });
    assert.equal((await raw('GET', `/v1/organization_roles/${role.id}`)).permissions[0].key, 'org:reports:view');
    const { data: [other] } = await raw('GET', '/v1/organization_permissions?query=manage%20members');
    const wider = await raw('POST', `/v1/organization_roles/${role.id}/permissions/${other.id}`);
    assert.deepEqual([wider.permissions.length, wider.is_creator_eligible], [2, true]);
    await assertRefused(sandbox, 'POST', `/v1/organization_roles/${role.id}/permissions/${other.id}`, undefined, 409,
      'organization_role_permission_association_exists');
    assert.equal((await raw('DELETE', `/v1/organization_roles/${role.id}/permissions/${other.id}`)).permissions.length, 1);
    await assertRefused(sandbox, 'DELETE', `/v1/organization_roles/${role.id}/permissions/${other.id}`, undefined, 404,
      'organization_role_permission_association_not_found');
    const user = await createUser();
    const { id } = await create();
    assert.deepEqual((await join(id, user.id, 'org:auditor')).permissions, ['org:reports:view']);
    assert.equal((await raw('PATCH', `/v1/organization_roles/${role.id}`, { key: 'org:reviewer' })).key, 'org:reviewer');
    const { data: [membership] } = await organizations.getOrganizationMembershipList({ organizationId: id });
    assert.deepEqual([membership.role, membership.raw.role_name], ['org:reviewer', 'Auditor']);
    await assertRefused(sandbox, 'DELETE', `/v1/organization_roles/${role.id}`, undefined, 422,
      'organization_role_assigned_members');
    await organizations.deleteOrganization(id);
    assert.equal((await raw('DELETE', `/v1/organization_roles/${role.id}`)).deleted, true);
    assert.equal((await raw('DELETE', `/v1/organization_permissions/${permission.id}`)).deleted, true);
  });

  test('the settings say which role creators get, and who joins by a domain', async () => {
    const { data: [admin, member] } = await raw('GET', '/v1/organization_roles?order_by=%2Bkey');
    const manage = admin.permissions.find(p => p.key === 'org:sys_memberships:manage');
    const owner = await raw('POST', '/v1/organization_roles', { name: 'Owner', key: 'org:owner', permissions: [manage.id] });
    const set = body => sandbox.raw('PATCH', '/v1/instance/organization_settings', body);
    const changed = await set({ creator_role_id: owner.id, domains_default_role_id: owner.id });
    assert.deepEqual([changed.body.creator_role, changed.body.domains_default_role], ['org:owner', 'org:owner']);
    const same = await set({ creator_role_id: null, domains_default_role_id: member.id });
    assert.deepEqual([same.body.creator_role, same.body.domains_default_role], ['org:owner', 'org:member']);
    const ada = await createUser();
    const { id } = await create({ createdBy: ada.id });
    assert.equal((await organizations.getOrganizationMembershipList({ organizationId: id })).data[0].role, 'org:owner');
    const at = '/v1/instance/organization_settings';
    for (const [body, status, expected, param] of [
      [{ creator_role_id: member.id }, 422, 'organization_missing_creator_role_permissions', 'creator_role_id'],
      [{ creator_role_id: 'role_nothing' }, 404, 'resource_not_found'],
      [{ creator_role_id: 'org:admin' }, 404, 'resource_not_found'],
      [{ creator_role_id: 7 }, 422, 'form_param_type_invalid', 'creator_role_id'],
      [{ domains_default_role_id: 'role_nothing' }, 404, 'resource_not_found'],
      [{ creator_role: 'org:admin' }, 422, 'form_param_unknown', 'creator_role'],
      [{ domains_enrollment_modes: ['magic'] }, 422, 'form_param_value_invalid', 'domains_enrollment_modes'],
    ]) await assertRefused(sandbox, 'PATCH', at, body, status, expected, param);
    const role = `/v1/organization_roles/${owner.id}`;
    await assertRefused(sandbox, 'DELETE', `${role}/permissions/${manage.id}`, undefined, 422,
      'organization_missing_creator_role_permissions');
    await assertRefused(sandbox, 'PATCH', role, { permissions: [] }, 422, 'organization_missing_creator_role_permissions');
    await assertRefused(sandbox, 'DELETE', role, undefined, 422, 'organization_role_default_creator_role');
    await set({ creator_role_id: admin.id });
    await organizations.deleteOrganization(id);
    assert.equal((await raw('DELETE', role)).deleted, true);
  });

  test('what is wrong is refused, each with its code', async () => {
    const { data: [admin] } = await raw('GET', '/v1/organization_roles?query=ORG:adm');
    for (const [method, route, body, status, expected, param] of [
      ['POST', 'organization_roles', { name: 'X', key: 'org:admin' }, 422, 'form_identifier_exists', 'key'],
      ['POST', 'organization_roles', { name: 'X', key: 'admin' }, 422, 'form_param_format_invalid', 'key'],
      ['POST', 'organization_roles', { name: 'X', key: 'org:x', permissions: ['perm_nothing'] }, 422,
        'form_resource_not_found', 'permissions'],
      ['POST', 'organization_permissions', { name: 'X', key: 'org:sys_profile:paint' }, 422,
        'form_param_value_invalid', 'key'],
      ['POST', 'organization_permissions', { name: 'X', key: 'org:too:many:parts' }, 422,
        'form_param_format_invalid', 'key'],
      ['POST', 'organization_permissions', { key: 'org:a:b' }, 422, 'form_param_missing', 'name'],
      ['DELETE', `organization_roles/${admin.id}`, undefined, 422, 'organization_role_default_creator_role'],
      ['GET', 'organization_roles/role_nothing', undefined, 404, 'resource_not_found'],
    ]) await assertRefused(sandbox, method, `/v1/${route}`, body, status, expected, param);
  });
});
