// Organizations by the Frontend API: what <OrganizationSwitcher/>, <CreateOrganization/> and <OrganizationProfile/> call,
// and what tokens tell of the active one.
import assert from 'node:assert/strict';
import { afterEach, before, describe, test } from 'node:test';
import { enrollment, frontendCalls, frontendRoutes, payload, Visitor } from './frontend.js';
import { createClerkClient, startSandbox } from './sandbox.js';

const password = 'Correct-Horse-9!x';
let sandbox, clerk, organizations, visitors = [], count = 0;

before(async () => {
  sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
  clerk = createClerkClient({ secretKey: sandbox.ready.secret_key, apiUrl: sandbox.ready.backend_api,
    publishableKey: sandbox.ready.publishable_key, telemetry: { disabled: true } });
  ({ organizations } = clerk);
});
afterEach(() => {
  const problems = visitors.flatMap(one => one.problems);
  visitors = [];
  assert.deepEqual(problems, []);
});

const settings = body => sandbox.raw('PATCH', '/v1/sandbox/settings', body);
const raw = async (method, route, body) => (await sandbox.raw(method, route, body)).body;

// A user who is signed in: { user, one, session }.
async function person(fields = {}) {
  const email = `front-org${++count}@usher-tests.com`, one = new Visitor(sandbox.ready);
  visitors.push(one);
  const user = await clerk.users.createUser({ emailAddress: [email], password, ...fields });
  const done = await one.signIn(email, password);
  return { user, one, email, session: done.body.response.created_session_id };
}
const organization = (owner, fields = {}) =>
  organizations.createOrganization({ name: `Organization ${++count}`, createdBy: owner.user.id, ...fields });
const join = (org, who, role = 'org:member') =>
  organizations.createOrganizationMembership({ organizationId: org.id, userId: who.user.id, role });
const touch = (who, organizationId) => who.one.post(`/v1/client/sessions/${who.session}/touch`,
  { active_organization_id: organizationId, intent: 'select_org' });
const tokenOf = async (who, form) =>
  (await who.one.post(`/v1/client/sessions/${who.session}/tokens`, form)).body.jwt;

describe('the active organization', () => {
  test('two organizations: touch switches, the session and its token follow, the SDK sees them', async () => {
    const ada = await person();
    const [first, second] = [await organization(ada, { slug: 'first-one' }), await organization(ada)];
    const user = (await ada.one.get('/v1/me')).body.response;
    assert.deepEqual(user.organization_memberships.map(one => one.organization.id), [second.id, first.id]);
    assert.equal(user.organization_memberships[0].role, 'org:admin');
    assert.equal('private_metadata' in user.organization_memberships[0].organization, false);

    assert.equal(payload(await tokenOf(ada)).o, undefined, 'nobody has chosen one yet');
    const touched = await touch(ada, first.id);
    assert.equal(touched.body.response.last_active_organization_id, first.id);
    assert.equal(touched.body.client.sessions[0].last_active_organization_id, first.id);
    assert.deepEqual(payload(touched.body.response.last_active_token.jwt).o,
      { id: first.id, rol: 'admin', slg: 'first-one' });
    const bySlug = await touch(ada, second.slug);
    assert.equal(bySlug.body.response.last_active_organization_id, second.id);
    const jwt = await tokenOf(ada);
    const state = await clerk.authenticateRequest(new Request('https://app.example.test/',
      { headers: { authorization: `Bearer ${jwt}` } }));
    const auth = state.toAuth();
    assert.deepEqual([auth.orgId, auth.orgRole, auth.orgSlug], [second.id, 'org:admin', second.slug]);
    assert.equal((await raw('GET', `/v1/sessions/${ada.session}`)).last_active_organization_id, second.id);
    assert.equal(payload((await raw('POST', `/v1/sessions/${ada.session}/tokens`, {})).jwt).o.id, second.id);

    await ada.one.post(`/v1/client/sessions/${ada.session}/touch`, { intent: 'focus' });
    assert.equal(payload(await tokenOf(ada)).o.id, second.id, 'a touch that names none changes nothing');
    await touch(ada, '');
    assert.equal(payload(await tokenOf(ada)).o, undefined, 'the personal account');
  });

  test('a tab asks for a token of its own organization; the session stays', async () => {
    const ada = await person(), org = await organization(ada), other = await organization(ada);
    await touch(ada, org.id);
    assert.equal(payload(await tokenOf(ada, { organization_id: other.id })).o.id, other.id);
    assert.equal(payload(await tokenOf(ada, { organization_id: '' })).o, undefined);
    assert.equal(payload(await tokenOf(ada)).o.id, org.id);
  });

  test('permissions of one\'s own are in the token as fea, per and fpm; Clerk\'s are not', async () => {
    const ada = await person(), bob = await person(), org = await organization(ada);
    const ids = [];
    for (const key of ['org:invoices:read', 'org:invoices:write', 'org:articles:write'])
      ids.push((await raw('POST', '/v1/organization_permissions', { name: key, key })).id);
    const role = await raw('POST', '/v1/organization_roles', { name: 'Clerk', key: 'org:clerk', permissions: ids });
    await join(org, bob, role.key);
    await touch(bob, org.id);
    const jwt = await tokenOf(bob), claims = payload(jwt);
    assert.deepEqual([claims.fea, claims.o.per, claims.o.fpm, claims.o.rol],
      ['o:invoices,o:articles', 'read,write', '3,2', 'clerk']);
    const state = await clerk.authenticateRequest(new Request('https://app.example.test/',
      { headers: { authorization: `Bearer ${jwt}` } }));
    const auth = state.toAuth();
    assert.deepEqual(auth.orgPermissions, ['org:invoices:read', 'org:invoices:write', 'org:articles:write']);
    assert.equal(auth.has({ permission: 'org:articles:write' }), true);
    assert.equal(auth.has({ permission: 'org:articles:read' }), false);
    assert.equal(auth.has({ role: 'org:clerk' }), true);
  });

  test('shortcodes name it: in templates, in session claims, and user.organizations', async () => {
    const ada = await person();
    const org = await organization(ada, { publicMetadata: { plan: 'pro' } });
    await organizations.updateOrganizationMembershipMetadata({ organizationId: org.id, userId: ada.user.id,
      publicMetadata: { desk: 4 } });
    await raw('POST', '/v1/jwt_templates', { name: 'orgs', claims: { id: '{{org.id}}', plan: '{{org.public_metadata.plan}}',
      desk: '{{org_membership.public_metadata.desk}}', role: '{{org.role}}', all: '{{user.organizations}}' } });
    const template = async () =>
      payload((await ada.one.post(`/v1/client/sessions/${ada.session}/tokens/orgs`)).body.jwt);
    const none = await template();
    assert.deepEqual([none.id, none.plan, none.all], [null, null, { [org.id]: 'org:admin' }]);
    await touch(ada, org.id);
    const { id, plan, desk, role } = await template();
    assert.deepEqual({ id, plan, desk, role }, { id: org.id, plan: 'pro', desk: 4, role: 'org:admin' });
    const claims = { tenant: '{{org.slug || user.id}}' };
    await raw('PATCH', '/v1/platform/applications/app_1/instances/production/config', { session: { claims } });
    assert.equal(payload(await tokenOf(ada)).tenant, org.slug);
    assert.equal(payload(await tokenOf(ada, { organization_id: '' })).tenant, ada.user.id);
    await raw('PATCH', '/v1/platform/applications/app_1/instances/production/config', { session: { claims: {} } });
  });

  test('who is no member, or none any more, is in no organization', async () => {
    const ada = await person(), bob = await person(), org = await organization(ada);
    for (const id of [org.id, 'org_2nowhere', 'no-such-slug'])
      assert.deepEqual([(await touch(bob, id)).code, (await touch(bob, id)).status],
        ['organization_not_found_or_unauthorized', 404]);
    await join(org, bob);
    await touch(bob, org.id);
    await organizations.deleteOrganizationMembership({ organizationId: org.id, userId: bob.user.id });
    const [session] = (await bob.one.get('/v1/client')).body.response.sessions;
    assert.equal(session.last_active_organization_id, null);
    assert.equal(payload(session.last_active_token.jwt).o, undefined);
    await touch(ada, org.id);
    await organizations.deleteOrganization(org.id);
    assert.equal((await ada.one.get('/v1/client')).body.response.sessions[0].last_active_organization_id, null);
  });

  test('a handshake and POST /sessions choose one too', async () => {
    const ada = await person(), org = await organization(ada);
    const shake = id => ada.one.get('/v1/client/handshake?format=token&organization_id=' + id +
      '&redirect_url=' + encodeURIComponent('https://app.example.test/'));
    assert.equal((await shake(org.slug)).status, 307);
    assert.equal(payload(await tokenOf(ada)).o.id, org.id);
    assert.equal((await shake('org_2other')).status, 307, 'the page tells that it is not theirs');
    assert.equal(payload(await tokenOf(ada)).o.id, org.id);
    await shake('');
    assert.equal(payload(await tokenOf(ada)).o, undefined);
    const made = await sandbox.raw('POST', '/v1/sessions', { user_id: ada.user.id, active_organization_id: org.id });
    assert.equal(made.body.last_active_organization_id, org.id);
    const refused = await sandbox.raw('POST', '/v1/sessions', { user_id: ada.user.id, active_organization_id: 'org_2x' });
    assert.equal(refused.body.errors[0].code, 'organization_not_found_or_unauthorized');
  });

  test('organizations are metered once two belong to them and one of these comes', async () => {
    const own = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
    const months = async () => (await own.raw('GET', '/v1/sandbox/metering')).body.data
      .map(m => [m.active_users, m.active_organizations, m.retained_organizations]);
    const one = new Visitor(own.ready), people = [];
    for (const email of ['meter1@usher-tests.com', 'meter2@usher-tests.com'])
      people.push(await own.clerk.users.createUser({ emailAddress: [email], password }));
    const made = await own.raw('POST', '/v1/organizations', { name: 'Old', created_by: people[0].id, created_at: '2020-01-01T00:00:00Z' });
    const signIn = await one.signIn('meter1@usher-tests.com', password);
    const at = `/v1/client/sessions/${signIn.body.response.created_session_id}`;
    await one.post(`${at}/touch`, { active_organization_id: made.body.id });
    assert.deepEqual(await months(), [[1, 0, 0]], 'alone');
    await own.clerk.organizations.createOrganizationMembership({ organizationId: made.body.id, userId: people[1].id, role: 'org:member' });
    await one.post(`${at}/tokens`);
    await one.post(`${at}/tokens`);
    assert.deepEqual(await months(), [[1, 1, 1]]);
    await own.stop();
  });

  test('where a choice is forced, an empty one keeps the last', async () => {
    const ada = await person(), org = await organization(ada);
    await touch(ada, org.id);
    await settings({ org_force_selection: true });
    assert.equal((await touch(ada, '')).body.response.last_active_organization_id, org.id);
    await settings({ org_force_selection: false });
  });

  test('organizations off: none in user or token, and nothing to choose', async () => {
    const ada = await person(), org = await organization(ada);
    await touch(ada, org.id);
    await settings({ org_enabled: false });
    assert.deepEqual((await ada.one.get('/v1/me')).body.response.organization_memberships, []);
    assert.equal(payload(await tokenOf(ada)).o, undefined);
    assert.equal((await touch(ada, org.id)).code, 'organization_not_enabled_in_instance');
    await settings({ org_enabled: true });
  });
});

describe('organizations of one\'s own', () => {
  test('create, show, rename, delete', async () => {
    const ada = await person();
    const made = await ada.one.post('/v1/organizations', { name: 'Front & Sons', slug: `front-sons-${count}` });
    assert.deepEqual([made.status, made.body.response.name], [200, 'Front & Sons']);
    assert.equal(made.body.client.sessions[0].user.organization_memberships[0].role, 'org:admin');
    const at = `/v1/organizations/${made.body.response.id}`;
    assert.equal((await ada.one.get(at)).body.response.slug, `front-sons-${count}`);
    const changed = await ada.one.call('PATCH', at, { name: 'Front & Daughters' });
    assert.deepEqual([changed.body.response.name, changed.body.response.slug], ['Front & Daughters', `front-sons-${count}`]);
    const stored = await organizations.getOrganization({ organizationId: made.body.response.id });
    assert.deepEqual([stored.name, stored.createdBy], ['Front & Daughters', ada.user.id]);
    const gone = await ada.one.call('DELETE', at);
    assert.deepEqual(gone.body.response, { object: 'organization', id: made.body.response.id, deleted: true });
    assert.equal((await ada.one.get(at)).code, 'resource_not_found');
  });

  test('the logo: set as a file, served, shown, taken away', async () => {
    const ada = await person(), bob = await person(), org = await organization(ada);
    await join(org, bob);
    const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
    const file = () => {
      const form = new FormData();
      form.set('file', new Blob([png], { type: 'image/png' }), 'logo.png');
      return form;
    };
    const at = `/v1/organizations/${org.id}/logo`;
    assert.equal((await bob.one.call('PUT', at, file())).code, 'missing_organization_permission');
    const set = await ada.one.call('PUT', at, file());
    assert.equal(set.body.response.has_image, true);
    assert.deepEqual(Buffer.from(await (await fetch(set.body.response.image_url)).arrayBuffer()), png);
    const gone = await ada.one.call('DELETE', at);
    assert.equal(gone.body.response.deleted, true);
    assert.equal((await ada.one.get(`/v1/organizations/${org.id}`)).body.response.has_image, false);
    assert.equal((await ada.one.call('DELETE', at)).status, 404);
  });

  test('what is refused', async () => {
    const ada = await person(), bob = await person(), org = await organization(ada);
    const at = `/v1/organizations/${org.id}`;
    const codes = async (...calls) => Promise.all(calls.map(async call => (await call).code));
    assert.deepEqual(await codes(ada.one.post('/v1/organizations', { name: '' }),
      ada.one.post('/v1/organizations', { name: 'https://evil.example.com' }),
      ada.one.post('/v1/organizations', { name: 'Fine', slug: 'Not Fine' }),
      ada.one.post('/v1/organizations', { name: 'Fine', slug: org.slug })),
    ['form_param_missing', 'form_param_value_invalid', 'form_param_format_invalid', 'form_identifier_exists']);
    assert.deepEqual(await codes(bob.one.get(at), bob.one.call('PATCH', at, { name: 'Mine' }),
      bob.one.call('DELETE', at), bob.one.get(`${at}/memberships`)), Array(4).fill('not_a_member_in_organization'));
    await join(org, bob);
    const denied = await bob.one.call('PATCH', at, { name: 'Mine' });
    assert.deepEqual([denied.status, denied.code, denied.body.errors[0].meta.permissions],
      [403, 'missing_organization_permission', ['org:sys_profile:manage']]);
    assert.equal((await bob.one.call('DELETE', at)).code, 'missing_organization_permission');
    await organizations.updateOrganization(org.id, { adminDeleteEnabled: false });
    assert.equal((await ada.one.call('DELETE', at)).code, 'organization_admin_delete_not_enabled');
    await settings({ create_organization_enabled: false });
    assert.equal((await ada.one.post('/v1/organizations', { name: 'More' })).code, 'user_create_organization_not_enabled');
    await settings({ create_organization_enabled: true });
    const nobody = new Visitor(sandbox.ready);
    assert.deepEqual([(await nobody.get(at)).code, (await nobody.get(at)).status], ['signed_out', 401]);
  });

  test('members: list, add, change, remove, leave; the last admin stays', async () => {
    const ada = await person({ firstName: 'Ada' }), bob = await person({ firstName: 'Bob' }), org = await organization(ada);
    const at = `/v1/organizations/${org.id}/memberships`;
    const added = await ada.one.post(at, { user_id: bob.user.id, role: 'org:member' });
    assert.deepEqual([added.body.response.role, added.body.response.public_user_data.identifier], ['org:member', bob.email]);
    const list = await bob.one.get(`${at}?paginated=true&limit=10&offset=0&query=ada`);
    assert.deepEqual([list.body.response.total_count, list.body.response.data[0].public_user_data.first_name], [1, 'Ada']);
    assert.equal((await bob.one.get(`${at}?paginated=true&role=org:admin&role=org:member`)).body.response.total_count, 2);
    assert.equal((await bob.one.post(at, { user_id: ada.user.id, role: 'org:member' })).code, 'missing_organization_permission');
    assert.equal((await ada.one.call('PATCH', `${at}/${ada.user.id}`, { role: 'org:member' })).code, 'organization_minimum_permissions_needed');
    const raised = await ada.one.call('PATCH', `${at}/${bob.user.id}`, { role: 'org:admin' });
    assert.equal(raised.body.response.role_name, 'Admin');
    const roles = await ada.one.get(`/v1/organizations/${org.id}/roles?limit=20&offset=0`);
    assert.ok(roles.body.response.data.some(role => role.key === 'org:admin' && role.permissions.length > 0));

    await touch(ada, org.id);
    const own = await ada.one.get('/v1/me/organization_memberships?paginated=true&limit=10&offset=0');
    assert.deepEqual(own.body.response.data.map(one => one.organization.id), [org.id]);
    const left = await ada.one.call('DELETE', `/v1/me/organization_memberships/${org.id}`);
    assert.equal(left.body.response.deleted, true);
    assert.equal(left.body.client.sessions[0].last_active_organization_id, null);
    assert.equal((await ada.one.call('DELETE', `/v1/me/organization_memberships/${org.id}`)).code, 'resource_not_found');
    assert.equal((await bob.one.call('DELETE', `/v1/me/organization_memberships/${org.id}`)).code, 'organization_minimum_permissions_needed');
    await join(org, ada);
    const removed = await bob.one.call('DELETE', `${at}/${ada.user.id}`);
    assert.equal(removed.body.response.public_user_data.user_id, ada.user.id);
    assert.equal((await organizations.getOrganizationMembershipList({ organizationId: org.id })).totalCount, 1);
  });
});

describe('invitations', () => {
  test('an admin invites, lists and revokes; several at once', async () => {
    const ada = await person({ firstName: 'Ada' }), bob = await person(), org = await organization(ada);
    const at = `/v1/organizations/${org.id}/invitations`;
    const made = await ada.one.post(at, { email_address: 'Guest1@usher-tests.com', role: 'org:member' });
    assert.deepEqual([made.status, made.body.response.status, made.body.response.role], [200, 'pending', 'org:member']);
    assert.equal((await ada.one.post(at, { email_address: 'guest1@usher-tests.com', role: 'org:member' })).code,
      'organization_invitation_not_unique');
    const many = await ada.one.post(`${at}/bulk`, 'email_address=guest2@usher-tests.com&email_address=guest3@usher-tests.com&role=org:admin',
      { 'content-type': 'application/x-www-form-urlencoded' });
    assert.deepEqual(many.body.response.map(one => one.email_address), ['guest2@usher-tests.com', 'guest3@usher-tests.com']);
    const list = await ada.one.get(`${at}?status=pending&limit=10&offset=0&paginated=true`);
    assert.equal(list.body.response.total_count, 3);
    const revoked = await ada.one.post(`${at}/${made.body.response.id}/revoke`);
    assert.equal(revoked.body.response.status, 'revoked');
    assert.equal((await ada.one.post(`${at}/${made.body.response.id}/revoke`)).code, 'organization_invitation_not_pending');
    assert.deepEqual((await sandbox.raw('GET', '/v1/sandbox/outbox?to=guest2@usher-tests.com')).body.length, 1);

    await join(org, bob);
    for (const answer of [await bob.one.get(at), await bob.one.post(at, { email_address: 'x@usher-tests.com', role: 'org:admin' })])
      assert.equal(answer.code, 'missing_organization_permission');
    const tooMany = Array.from({ length: 11 }, (_, i) => `email_address=many${i}@usher-tests.com`).join('&') + '&role=org:member';
    assert.equal((await ada.one.post(`${at}/bulk`, tooMany, { 'content-type': 'application/x-www-form-urlencoded' })).code, 'bulk_size_exceeded');
    assert.equal((await ada.one.get(`${at}?status=pending&paginated=true`)).body.response.total_count, 2, 'none of them was sent');
  });

  test('who is invited sees it, accepts it once, and goes into the organization', async () => {
    const ada = await person(), guest = await person(), other = await person(), org = await organization(ada);
    const made = await ada.one.post(`/v1/organizations/${org.id}/invitations`, { email_address: guest.email, role: 'org:admin' });
    const mine = await guest.one.get('/v1/me/organization_invitations?status=pending&limit=10&offset=0&paginated=true');
    assert.deepEqual(mine.body.response.data.map(one => [one.id, one.public_organization_data.name]),
      [[made.body.response.id, org.name]]);
    const at = `/v1/me/organization_invitations/${made.body.response.id}/accept`;
    assert.equal((await other.one.post(at)).code, 'resource_not_found', 'it is not theirs');
    assert.equal((await guest.one.post(at)).body.response.status, 'accepted');
    assert.equal((await guest.one.post(at)).code, 'organization_invitation_already_accepted');
    await touch(guest, org.id);
    assert.equal(payload(await tokenOf(guest)).o.rol, 'admin');
  });
});

test('every endpoint of organizations in the sandbox\'s table was called above', () => {
  const called = frontendCalls();
  const wanted = frontendRoutes().filter(route => /organization/.test(route) && !enrollment.test(route));
  assert.ok(wanted.length > 10);
  assert.deepEqual(wanted.filter(route => !called.has(route)), []);
});
