// Sets of roles, by Clerk's own Node SDK.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { assertRefused, sandboxForFile } from './sandbox.js';

let roleSets, organizations, users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ roleSets, organizations, users } = clerk));
const raw = async (method, route, body) => (await sandbox.raw(method, `/v1/${route}`, body)).body;
const keys = set => set.roles.map(r => r.key).sort();
const createUser = () => users.createUser({ emailAddress: [`set${++count}@usher-tests.com`], skipPasswordRequirement: true });
const make = (fields = {}) => roleSets.createRoleSet({ name: `Set ${++count}`, defaultRoleKey: 'org:member',
  creatorRoleKey: 'org:admin', roles: ['org:admin', 'org:member'], ...fields });

describe('role sets', () => {
  before(async () => {
    for (const name of ['Scribe', 'Guest']) await raw('POST', 'organization_roles', { name, key: `org:${name.toLowerCase()}`,
      include_in_initial_role_set: name === 'Scribe' });
  });

  test('one is there from the start, has the roles that are to be in it, and new organizations get it', async () => {
    const { data: [set], totalCount } = await roleSets.getRoleSetList();
    assert.deepEqual([totalCount, set.key, set.type, keys(set), set.defaultRole.key, set.creatorRole.key],
      [1, 'role_set:default', 'initial', ['org:admin', 'org:member', 'org:scribe'], 'org:member', 'org:admin']);
    const { id } = await organizations.createOrganization({ name: 'Fresh', createdBy: (await createUser()).id });
    assert.equal((await raw('GET', `organizations/${id}`)).role_set_key, 'role_set:default');
    const { roles } = await raw('GET', 'role_sets/role_set:default');
    assert.deepEqual(roles.filter(r => r.has_members).map(r => r.key), ['org:admin']);
  });

  test('one\'s own is made, found by key and id, changed, and its organizations follow', async () => {
    const made = await make({ name: 'Team Leads', description: 'They lead' });
    assert.match(made.id, /^rset_/);
    assert.deepEqual([made.key, made.type, made.description], ['role_set:team_leads', 'custom', 'They lead']);
    assert.deepEqual(await roleSets.getRoleSet(made.id), await roleSets.getRoleSet('role_set:team_leads'));
    const org = await raw('POST', 'organizations', { name: 'Led', role_set_key: made.key });
    const changed = await roleSets.updateRoleSet({ roleSetKeyOrId: made.id, name: 'Leads', key: 'role_set:leads', description: null });
    assert.deepEqual([changed.name, changed.key, changed.description], ['Leads', 'role_set:leads', null]);
    assert.equal((await raw('GET', `organizations/${org.id}`)).role_set_key, 'role_set:leads');
    const wider = await roleSets.addRolesToRoleSet({ roleSetKeyOrId: made.id, roleKeys: ['org:guest'], defaultRoleKey: 'org:guest' });
    assert.deepEqual([keys(wider), wider.defaultRole.key], [['org:admin', 'org:guest', 'org:member'], 'org:guest']);
    assert.deepEqual((await roleSets.getRoleSetList({ query: 'LEADS' })).data.map(s => s.id), [made.id]);
  });

  test('a role that is replaced is replaced for members, in organizations with the set alone', async () => {
    const made = await make();
    const user = await createUser();
    const orgs = [await raw('POST', 'organizations', { name: 'In', role_set_key: made.key }),
      await raw('POST', 'organizations', { name: 'Out' })];
    for (const { id } of orgs)
      await organizations.createOrganizationMembership({ organizationId: id, userId: user.id, role: 'org:member' });
    const less = await roleSets.replaceRoleInRoleSet({ roleSetKeyOrId: made.key, roleKey: 'org:member', toRoleKey: 'org:admin' });
    assert.deepEqual([keys(less), less.defaultRole.key], [['org:admin'], 'org:admin']);
    const role = async ({ id }) => (await organizations.getOrganizationMembershipList({ organizationId: id })).data[0].role;
    assert.deepEqual([await role(orgs[0]), await role(orgs[1])], ['org:admin', 'org:member']);
  });

  test('a set that is replaced goes; members get the roles that it was mapped onto', async () => {
    const [from, to] = [await make({ roles: ['org:admin', 'org:member', 'org:guest'] }),
      await make({ roles: ['org:admin', 'org:scribe'], defaultRoleKey: 'org:scribe' })];
    const org = await raw('POST', 'organizations', { name: 'Moved', role_set_key: from.key });
    const user = await createUser();
    await organizations.createOrganizationMembership({ organizationId: org.id, userId: user.id, role: 'org:guest' });
    const replace = body => sandbox.raw('POST', `/v1/role_sets/${from.key}/replace`, { dest_role_set_key: to.key, ...body });
    const refused = async body => (await replace(body)).body.errors[0].code;
    assert.equal(await refused({}), 'organization_role_set_reassignment_mappings_missing');
    assert.equal(await refused({ reassignment_mappings: { 'org:guest': 'org:member' } }),
      'organization_role_set_reassignment_mappings_invalid');
    assert.equal((await raw('GET', `organizations/${org.id}`)).role_set_key, from.key);
    const gone = await replace({ reassignment_mappings: { 'org:guest': 'org:scribe' } });
    assert.deepEqual(gone.body, { object: 'role_set', id: from.id, deleted: true });
    assert.equal((await raw('GET', `organizations/${org.id}`)).role_set_key, to.key);
    assert.equal((await organizations.getOrganizationMembershipList({ organizationId: org.id })).data[0].role, 'org:scribe');
    assert.equal((await sandbox.raw('GET', `/v1/role_sets/${from.id}`)).status, 404);
  });

  test('mappings may swap roles', async () => {
    const fields = { roles: ['org:admin', 'org:guest', 'org:scribe'], defaultRoleKey: 'org:guest' };
    const [from, to] = [await make(fields), await make(fields)];
    const org = await raw('POST', 'organizations', { name: 'Swapped', role_set_key: from.key });
    const roles = ['org:guest', 'org:scribe', 'org:admin'], members = [];
    for (const role of roles) {
      members.push(await createUser());
      await organizations.createOrganizationMembership({ organizationId: org.id, userId: members.at(-1).id, role });
    }
    assert.equal((await raw('POST', `role_sets/${from.key}/replace`, { dest_role_set_key: to.key,
      reassignment_mappings: { 'org:guest': 'org:scribe', 'org:scribe': 'org:guest' } })).deleted, true);
    const { data } = await organizations.getOrganizationMembershipList({ organizationId: org.id, orderBy: '+created_at' });
    assert.deepEqual(members.map(({ id }) => data.find(m => m.publicUserData.userId === id).role),
      ['org:scribe', 'org:guest', 'org:admin']);
  });

  test('one alone is initial; its creators\' role is the set\'s where it is not', async () => {
    const { data: [admin] } = await raw('GET', 'organization_roles?query=org:admin');
    const manage = admin.permissions.find(p => p.key === 'org:sys_memberships:manage');
    await raw('POST', 'organization_roles', { name: 'Chief', key: 'org:chief', permissions: [manage.id] });
    const own = await make({ roles: ['org:chief', 'org:member'], creatorRoleKey: 'org:chief' });
    const ada = await createUser();
    const org = await raw('POST', 'organizations', { name: 'Chiefs', role_set_key: own.key, created_by: ada.id });
    assert.equal((await organizations.getOrganizationMembershipList({ organizationId: org.id })).data[0].role, 'org:chief');
    assert.equal((await raw('PATCH', `role_sets/${own.id}`, { type: 'initial' })).type, 'initial');
    assert.equal((await raw('GET', 'role_sets/role_set:default')).type, 'custom');
    assert.equal((await raw('POST', 'organizations', { name: 'Next' })).role_set_key, own.key);
    await assertRefused(sandbox, 'POST', `/v1/role_sets/${own.id}/replace`, { dest_role_set_key: 'role_set:default' }, 403,
      'cannot_delete_initial_role_set');
    await raw('PATCH', 'role_sets/role_set:default', { type: 'initial' });
  });

  test('what is wrong is refused, each with its code', async () => {
    const ok = { name: 'X', default_role_key: 'org:member', creator_role_key: 'org:admin', roles: ['org:admin', 'org:member'] };
    const { id, key } = await make();
    const at = `role_sets/${id}`;
    for (const [method, route, body, status, expected, param] of [
      ['POST', 'role_sets', { ...ok, name: undefined }, 422, 'form_param_missing', 'name'],
      ['POST', 'role_sets', { ...ok, roles: undefined }, 422, 'form_param_missing', 'roles'],
      ['POST', 'role_sets', { ...ok, roles: [] }, 422, 'form_param_value_invalid', 'roles'],
      ['POST', 'role_sets', { ...ok, roles: 'org:admin' }, 422, 'form_param_type_invalid', 'roles'],
      ['POST', 'role_sets', { ...ok, roles: Array(11).fill('org:admin') }, 422, 'form_param_array_size_exceeded', 'roles'],
      ['POST', 'role_sets', { ...ok, roles: ['org:admin', 'org:admin'] }, 422, 'form_param_value_invalid', 'roles'],
      ['POST', 'role_sets', { ...ok, roles: ['org:admin', 'org:nothing'] }, 422, 'form_resource_not_found', 'roles'],
      ['POST', 'role_sets', { ...ok, default_role_key: 'org:guest' }, 422, 'form_param_value_invalid', 'default_role_key'],
      ['POST', 'role_sets', { ...ok, creator_role_key: 'org:member' }, 422, 'organization_missing_creator_role_permissions',
        'creator_role_key'],
      ['POST', 'role_sets', { ...ok, key }, 422, 'form_identifier_exists', 'key'],
      ['POST', 'role_sets', { ...ok, key: 'org:set' }, 422, 'form_param_format_invalid', 'key'],
      ['POST', 'role_sets', { ...ok, key: 'role_set:Big' }, 422, 'form_param_format_invalid', 'key'],
      ['POST', 'role_sets', { ...ok, type: 'last' }, 422, 'form_param_value_invalid', 'type'],
      ['POST', 'role_sets', { ...ok, colour: 1 }, 422, 'form_param_unknown', 'colour'],
      ['GET', 'role_sets/rset_nothing', undefined, 404, 'resource_not_found'],
      ['GET', 'role_sets/role_set:nothing', undefined, 404, 'resource_not_found'],
      ['GET', 'role_sets?order_by=colour', undefined, 422, 'form_param_value_invalid', 'order_by'],
      ['PATCH', at, { type: 'custom' }, 422, 'form_param_value_invalid', 'type'],
      ['PATCH', at, { key: 'role_set:default' }, 422, 'form_identifier_exists', 'key'],
      ['PATCH', at, { roles: [] }, 422, 'form_param_unknown', 'roles'],
      ['PATCH', 'role_sets/rset_nothing', {}, 404, 'resource_not_found'],
      ['POST', `${at}/roles`, { role_keys: ['org:admin'] }, 422, 'form_param_value_invalid', 'role_keys'],
      ['POST', `${at}/roles`, {}, 422, 'form_param_missing', 'role_keys'],
      ['POST', 'role_sets/rset_nothing/roles', { role_keys: ['org:guest'] }, 404, 'resource_not_found'],
      ['POST', `${at}/roles/replace`, { role_key: 'org:guest', to_role_key: 'org:admin' }, 422, 'form_param_value_invalid', 'role_key'],
      ['POST', `${at}/roles/replace`, { role_key: 'org:admin', to_role_key: 'org:admin' }, 422, 'form_param_value_invalid', 'to_role_key'],
      ['POST', `${at}/roles/replace`, { role_key: 'org:admin', to_role_key: 'org:member' }, 422,
        'organization_missing_creator_role_permissions', 'creator_role_key'],
      ['POST', `${at}/roles/replace`, { role_key: 'org:admin' }, 422, 'form_param_missing', 'to_role_key'],
      ['POST', `${at}/replace`, {}, 422, 'form_param_missing', 'dest_role_set_key'],
      ['POST', `${at}/replace`, { dest_role_set_key: key }, 422, 'form_param_value_invalid', 'dest_role_set_key'],
      ['POST', `${at}/replace`, { dest_role_set_key: 'role_set:nothing' }, 422, 'form_resource_not_found', 'dest_role_set_key'],
      ['POST', `${at}/replace`, { dest_role_set_key: 'role_set:default', reassignment_mappings: [] }, 422,
        'form_param_type_invalid', 'reassignment_mappings'],
      ['POST', 'organizations', { name: 'X', role_set_key: 'role_set:nothing' }, 422, 'form_resource_not_found', 'role_set_key'],
    ]) await assertRefused(sandbox, method, `/v1/${route}`, body, status, expected, param);
    for (let status = 200; status === 200; count++)
      ({ status } = await sandbox.raw('POST', '/v1/role_sets', { ...ok, key: `role_set:many_${count}` }));
    await assertRefused(sandbox, 'POST', '/v1/role_sets', { ...ok, key: 'role_set:one_more' }, 403,
      'organization_instance_role_sets_quota_exceeded');
  });
});
