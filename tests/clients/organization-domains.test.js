// Domains of organizations, by Clerk's own Node SDK, which hands them on as they came.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { assertRefused, refusal, sandboxForFile } from './sandbox.js';

let organizations, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ organizations } = clerk));
const fresh = () => `team${++count}.usher-tests.com`;
const create = () => organizations.createOrganization({ name: `Organization ${++count}` });
const add = (organizationId, fields = {}) =>
  organizations.createOrganizationDomain({ organizationId, name: fresh(), enrollmentMode: 'manual_invitation', ...fields });
const code = async promise => (await refusal(promise)).errors[0].code;
const raw = async (method, route, body) => (await sandbox.raw(method, route, body)).body;
const byKey = { status: 'verified', strategy: 'admin', attempts: null, expire_at: null, verified_at: null };

describe('domains of organizations', () => {
  before(() => sandbox.clerk.instance.updateOrganizationSettings({ domainsEnabled: true,
    domainsEnrollmentModes: ['automatic_invitation', 'automatic_suggestion'] }));

  test('one is made verified, changed, owned and deleted', async () => {
    const { id } = await create();
    const made = await add(id, { name: 'Acme.Usher-Tests.com', enrollmentMode: 'automatic_invitation' });
    assert.match(made.id, /^orgdmn_[0-9A-Za-z]{20,}$/);
    assert.deepEqual([made.name, made.enrollment_mode, made.organization_id, made.verification.status],
      ['acme.usher-tests.com', 'automatic_invitation', id, 'verified']);
    const route = `/v1/organizations/${id}/domains/${made.id}`;
    const open = await raw('PATCH', route, { verified: false, enrollment_mode: 'automatic_suggestion' });
    assert.deepEqual([open.affiliation_verification, open.verification, open.ownership_verification,
      open.enrollment_mode, open.public_organization_data.id], [null, null, null, 'automatic_suggestion', id]);
    const again = await organizations.updateOrganizationDomain({ organizationId: id, domainId: made.id, verified: true });
    assert.deepEqual([again.verification.strategy, again.enrollment_mode], ['admin', 'automatic_suggestion']);
    assert.deepEqual((await raw('PATCH', route, { verified: null, enrollment_mode: null })).verification, byKey);
    const owned = await raw('POST', `${route}/verify_ownership`);
    assert.deepEqual([owned.ownership_verification.status, owned.ownership_verification.strategy],
      ['verified', 'manual_override']);
    assert.ok(Math.abs(owned.ownership_verification.verified_at - Date.now()) < 60000);
    assert.deepEqual(await raw('POST', `${route}/verify_ownership`), owned);
    const gone = await organizations.deleteOrganizationDomain({ organizationId: id, domainId: made.id });
    assert.deepEqual([gone.id, gone.deleted], [made.id, true]);
    assert.equal(await code(organizations.deleteOrganizationDomain({ organizationId: id, domainId: made.id })),
      'resource_not_found');
  });

  test('a verified domain is one organization\'s alone', async () => {
    const [one, two] = [await create(), await create()];
    const name = fresh();
    const waiting = await add(two.id, { name, verified: false });
    await add(one.id, { name });
    await assertRefused(sandbox, 'POST', `/v1/organizations/${one.id}/domains`, { name: name.toUpperCase() }, 422,
      'organization_domain_already_exists_same_organization', 'name');
    assert.equal(await code(add((await create()).id, { name })), 'organization_domain_already_exists');
    assert.equal(await code(organizations.updateOrganizationDomain({ organizationId: two.id, domainId: waiting.id,
      verified: true })), 'organization_domain_already_exists');
    await organizations.deleteOrganization(one.id);
    assert.equal((await organizations.updateOrganizationDomain({ organizationId: two.id, domainId: waiting.id,
      verified: true })).verification.status, 'verified');
  });

  test('lists of one organization and of all filter, sort and page', async () => {
    const [one, two] = [await create(), await create()];
    await add(one.id, { name: 'b-list.usher-tests.com', enrollmentMode: 'automatic_invitation' });
    await add(one.id, { name: 'a-list.usher-tests.com', verified: false });
    await add(two.id, { name: 'c-list.usher-tests.com', enrollmentMode: 'automatic_suggestion' });
    const names = async query => (await raw('GET', `/v1/${query}`)).data.map(d => d.name[0]);
    const own = `organizations/${one.id}/domains`;
    assert.deepEqual(await names(own), ['a', 'b']);
    assert.deepEqual(await names(`${own}?verified=true`), ['b']);
    assert.deepEqual(await names(`${own}?verified=false`), ['a']);
    assert.deepEqual(await names(`${own}?enrollment_mode=automatic_invitation`), ['b']);
    assert.deepEqual(await names(`${own}?enrollment_mode=-automatic_invitation`), ['a']);
    const list = await organizations.getOrganizationDomainList({ organizationId: one.id, limit: 1, offset: 1 });
    assert.deepEqual([list.totalCount, list.data.map(d => d.name)], [2, ['b-list.usher-tests.com']]);
    const all = 'organization_domains?query=-LIST.usher';
    assert.deepEqual(await names(`${all}&order_by=%2Bname`), ['a', 'b', 'c']);
    assert.deepEqual(await names(`${all}&enrollment_mode=automatic_invitation,automatic_suggestion`), ['c', 'b']);
    assert.deepEqual(await names(`${all}&enrollment_mode=-manual_invitation,-automatic_suggestion`), ['b']);
    assert.deepEqual(await names(`${all}&organization_id=${two.id}`), ['c']);
    assert.deepEqual(await names(`organization_domains?query=${one.id}`), ['a', 'b']);
    assert.deepEqual(await names('organization_domains?domains=c-list.usher-tests.com&domains=a-list.usher-tests.com'),
      ['c', 'a']);
    assert.deepEqual(await names(`${all}&verified=true&limit=1&offset=1`), ['b']);
  });

  test('what is wrong is refused, each with its code', async () => {
    const [one, two] = [await create(), await create()];
    const { id: other } = await add(two.id);
    const at = `organizations/${one.id}/domains`;
    for (const [method, route, body, status, expected, param] of [
      ['POST', at, {}, 422, 'form_param_missing', 'name'],
      ['POST', at, { name: null }, 422, 'form_param_nil', 'name'],
      ['POST', at, { name: 1 }, 422, 'form_param_type_invalid', 'name'],
      ['POST', at, { name: 'no domain' }, 422, 'form_param_format_invalid', 'name'],
      ['POST', at, { name: 'host.local' }, 422, 'form_param_format_invalid', 'name'],
      ['POST', at, { name: 'a@b.com' }, 422, 'form_param_format_invalid', 'name'],
      ['POST', at, { name: `${'x'.repeat(254)}.com` }, 422, 'form_param_max_length_exceeded', 'name'],
      ['POST', at, { name: 'GMail.com' }, 422, 'organization_domain_common', 'name'],
      ['POST', at, { name: 'mailinator.com' }, 422, 'organization_domain_blocked', 'name'],
      ['POST', at, { name: fresh(), enrollment_mode: 'magic' }, 422, 'form_param_value_invalid', 'enrollment_mode'],
      ['POST', at, { name: fresh(), enrollment_mode: 'enterprise_sso' }, 403,
        'organization_domain_enrollment_mode_not_enabled'],
      ['POST', at, { name: fresh(), verified: 'yes' }, 422, 'form_param_type_invalid', 'verified'],
      ['POST', at, { name: fresh(), colour: 1 }, 422, 'form_param_unknown', 'colour'],
      ['POST', 'organizations/org_nothing/domains', { name: fresh() }, 404, 'resource_not_found'],
      ['PATCH', `${at}/${other}`, { verified: true }, 404, 'resource_not_found'],
      ['PATCH', `organizations/${two.id}/domains/${other}`, { name: fresh() }, 422, 'form_param_unknown', 'name'],
      ['PATCH', `organizations/${two.id}/domains/${other}`, { enrollment_mode: 'magic' }, 422,
        'form_param_value_invalid', 'enrollment_mode'],
      ['PATCH', `organizations/${two.id}/domains/${other}`, { verified: 1 }, 422, 'form_param_type_invalid', 'verified'],
      ['DELETE', `${at}/${other}`, undefined, 404, 'resource_not_found'],
      ['POST', `${at}/${other}/verify_ownership`, undefined, 404, 'resource_not_found'],
      ['GET', 'organizations/org_nothing/domains', undefined, 404, 'resource_not_found'],
      ['GET', `${at}?verified=maybe`, undefined, 422, 'form_param_type_invalid', 'verified'],
      ['GET', `${at}?enrollment_mode=magic`, undefined, 422, 'form_param_value_invalid', 'enrollment_mode'],
      ['GET', 'organization_domains?enrollment_mode=manual_invitation,', undefined, 422, 'form_param_value_invalid',
        'enrollment_mode'],
      ['GET', 'organization_domains?query=%20', undefined, 422, 'form_param_value_invalid', 'query'],
      ['GET', 'organization_domains?order_by=colour', undefined, 422, 'form_param_value_invalid', 'order_by'],
      ['GET', 'organization_domains?limit=501', undefined, 422, 'form_param_value_invalid', 'limit'],
    ]) await assertRefused(sandbox, method, `/v1/${route}`, body, status, expected, param);
  });

  test('ten an organization; none where domains are off', async () => {
    const { id } = await create();
    for (let i = 0; i < 10; i++) await add(id);
    assert.equal(await code(add(id)), 'organization_domain_quota_exceeded');
    await sandbox.clerk.instance.updateOrganizationSettings({ domainsEnabled: false });
    for (const [method, route, body] of [['GET', ''], ['POST', '', { name: fresh() }], ['PATCH', '/orgdmn_x', {}],
      ['DELETE', '/orgdmn_x'], ['POST', '/orgdmn_x/verify_ownership']])
      await assertRefused(sandbox, method, `/v1/organizations/${id}/domains${route}`, body, 403,
        'organization_domains_not_enabled');
    await assertRefused(sandbox, 'GET', '/v1/organization_domains', undefined, 403, 'organization_domains_not_enabled');
  });
});
