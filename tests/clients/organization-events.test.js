// What webhooks are told of organizations' invitations, domains, roles and permissions, and of those who join.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webhooksApi } from './openapi.js';
import { startSandbox, takeConformance } from './sandbox.js';

const openApi = webhooksApi();

// Nobody listens at the endpoint: what it would be told waits, and is read there.
async function told(sandbox) {
  const { body } = await sandbox.raw('GET', '/v1/sandbox/deliveries?limit=500');
  const payloads = [];
  for (const { message, endpoint } of body.data)
    payloads.push((await sandbox.raw('GET', `/v1/sandbox/deliveries/${message}/${endpoint}`)).body.payload);
  assert.deepEqual(payloads.flatMap(payload => openApi.webhookProblems(payload)), []);
  return type => payloads.filter(payload => payload.type === type).map(payload => payload.data);
}

test('every change is told once, as Clerk tells it', async () => {
  const sandbox = await startSandbox('--limits', 'off', '--webhook', 'http://127.0.0.1:9/');
  const { organizations } = sandbox.clerk;
  const raw = async (method, route, body) => (await sandbox.raw(method, `/v1/${route}`, body)).body;
  const { id: organizationId } = await organizations.createOrganization({ name: 'Told' });
  const invite = emailAddress => organizations.createOrganizationInvitation({ organizationId, emailAddress,
    role: 'org:member', publicMetadata: { a: 1 } });
  const invitation = await invite('told@usher-tests.com');
  await organizations.revokeOrganizationInvitation({ organizationId, invitationId: invitation.id });
  await raw('POST', `organizations/${organizationId}/invitations/bulk`,
    ['1', '2', '1'].map(n => ({ email_address: `bulk${n}@usher-tests.com`, role: 'org:member' })));
  const domain = await organizations.createOrganizationDomain({ organizationId, name: 'told.usher-tests.com',
    enrollmentMode: 'manual_invitation' });
  await organizations.updateOrganizationDomain({ organizationId, domainId: domain.id, verified: false });
  await raw('POST', `organizations/${organizationId}/domains/${domain.id}/verify_ownership`);
  await raw('POST', `organizations/${organizationId}/domains/${domain.id}/verify_ownership`);
  await organizations.deleteOrganizationDomain({ organizationId, domainId: domain.id });
  const permission = await raw('POST', 'organization_permissions', { name: 'Tell', key: 'org:tell:all' });
  await raw('PATCH', `organization_permissions/${permission.id}`, { name: 'Tell all' });
  const role = await raw('POST', 'organization_roles', { name: 'Teller', key: 'org:teller' });
  await raw('POST', `organization_roles/${role.id}/permissions/${permission.id}`);
  await raw('DELETE', `organization_roles/${role.id}/permissions/${permission.id}`);
  await raw('PATCH', `organization_roles/${role.id}`, { key: 'org:narrator' });
  await raw('DELETE', `organization_roles/${role.id}`);
  await raw('DELETE', `organization_permissions/${permission.id}`);
  await organizations.updateOrganizationLogo(organizationId, { file: new File([Buffer.from('GIF89a....')], 'logo.gif') });

  const of = await told(sandbox);
  const [created] = of('organizationInvitation.created');
  assert.deepEqual([created.id, created.url, created.public_metadata, created.data.public_organization_data.id],
    [invitation.id, invitation.url, { a: 1 }, organizationId]);
  assert.equal(of('organizationInvitation.created').length, 1, 'a bulk that is refused tells of none');
  assert.deepEqual(of('organizationInvitation.revoked').map(i => [i.id, i.status, i.url]), [[invitation.id, 'revoked', null]]);
  assert.deepEqual(of('email.created').map(m => [m.slug, m.to_email_address, m.data.action_url]),
    [['organization_invitation', 'told@usher-tests.com', invitation.url]]);
  assert.equal(of('organizationDomain.created')[0].verification.status, 'verified');
  assert.deepEqual(of('organizationDomain.updated').map(d => [d.verification, d.ownership_verification?.status]).reverse(),
    [[null, undefined], [null, 'verified']]);
  assert.deepEqual(of('organizationDomain.deleted'), [{ object: 'organization_domain', id: domain.id, deleted: true }]);
  assert.equal(of('permission.created')[0].key, 'org:tell:all');
  assert.equal(of('permission.updated')[0].name, 'Tell all');
  assert.equal(of('permission.deleted')[0].id, permission.id);
  assert.equal(of('role.created')[0].key, 'org:teller');
  assert.deepEqual(of('role.updated').map(r => [r.key, r.permissions.length]).reverse(),
    [['org:teller', 1], ['org:teller', 0], ['org:narrator', 0]]);
  assert.equal(of('role.deleted')[0].deleted, true);
  assert.equal(of('organization.updated')[0].has_image, true);
  assert.deepEqual(takeConformance().problems, []);
  await sandbox.stop();
});
