// Domains of organizations by the Frontend API, and what verified ones do for the users who have an address there:
// invitations, suggestions, requests to join.
import assert from 'node:assert/strict';
import { afterEach, before, describe, test } from 'node:test';
import { enrollment, frontendCalls, frontendRoutes, Visitor } from './frontend.js';
import { startSandbox } from './sandbox.js';

const password = 'Correct-Horse-9!x';
let sandbox, visitors = [], count = 0;
before(async () => {
  sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
  await settings({ org_domains_enrollment_modes: ['manual_invitation', 'automatic_invitation', 'automatic_suggestion'] });
});
afterEach(() => {
  const problems = visitors.flatMap(one => one.problems);
  visitors = [];
  assert.deepEqual(problems, []);
});

const settings = body => sandbox.raw('PATCH', '/v1/sandbox/settings', body);
async function person(host = 'front-domains.usher-tests.com', fields = {}) {
  const email = `person${++count}@${host}`, one = new Visitor(sandbox.ready);
  visitors.push(one);
  const user = await sandbox.clerk.users.createUser({ emailAddress: [email], password, ...fields });
  const done = await one.signIn(email, password);
  return { user, one, email, session: done.body.response.created_session_id };
}
const organization = (owner, fields = {}) =>
  sandbox.clerk.organizations.createOrganization({ name: `Organization ${++count}`, createdBy: owner.user.id, ...fields });
const join = (org, who) => sandbox.clerk.organizations.createOrganizationMembership({ organizationId: org.id,
  userId: who.user.id, role: 'org:member' });
const signInAgain = async who => {
  who.one = new Visitor(sandbox.ready);
  visitors.push(who.one);
  const done = await who.one.signIn(who.email, password);
  who.session = done.body.response.created_session_id;
};
const outbox = async to => (await sandbox.raw('GET', `/v1/sandbox/outbox?to=${encodeURIComponent(to)}`)).body;

// A domain that its admin has verified by a code: { admin, org, domain, at }.
async function verified(host, mode, fields) {
  const admin = await person('elsewhere.usher-tests.com'), org = await organization(admin, fields);
  const at = `/v1/organizations/${org.id}/domains`;
  const made = await admin.one.post(at, { name: host });
  const one = `${at}/${made.body.response.id}`, email = `postmaster@${host}`;
  await admin.one.post(`${one}/prepare_affiliation_verification`, { affiliation_email_address: email });
  const [{ code }] = await outbox(email);
  await admin.one.post(`${one}/attempt_affiliation_verification`, { code });
  const domain = (await admin.one.post(`${one}/update_enrollment_mode`, { enrollment_mode: mode })).body.response;
  assert.equal(domain.enrollment_mode, mode);
  return { admin, org, domain, at: one };
}

describe('domains', () => {
  test('added, verified by a code to an address there, listed, deleted', async () => {
    const ada = await person(), bob = await person(), org = await organization(ada);
    await join(org, bob);
    const at = `/v1/organizations/${org.id}/domains`;
    const { body: { response: made } } = await ada.one.post(at, { name: 'Added.Usher-Tests.com' });
    assert.deepEqual([made.name, made.enrollment_mode, made.affiliation_verification, made.total_pending_suggestions],
      ['added.usher-tests.com', 'manual_invitation', null, 0]);
    const one = `${at}/${made.id}`;
    const prepare = email => ada.one.post(`${one}/prepare_affiliation_verification`, { affiliation_email_address: email });
    const attempt = code => ada.one.post(`${one}/attempt_affiliation_verification`, { code });
    assert.equal((await attempt('000000')).code, 'verification_missing');
    assert.equal((await prepare('who@other.usher-tests.com')).code, 'organization_domain_mismatch');
    assert.equal((await prepare('none')).code, 'form_param_format_invalid');
    assert.equal((await ada.one.post(`${one}/update_enrollment_mode`, { enrollment_mode: 'automatic_invitation' })).code,
      'organization_domain_enrollment_mode_invalid', 'nobody has proven it yet');
    const sent = (await prepare('who@added.usher-tests.com')).body.response;
    assert.deepEqual([sent.affiliation_email_address, sent.affiliation_verification.status, sent.verification.strategy],
      ['who@added.usher-tests.com', 'unverified', 'affiliation_email_code']);
    const [{ code }] = await outbox('who@added.usher-tests.com');
    assert.equal((await attempt(code === '111111' ? '222222' : '111111')).code, 'form_code_incorrect');
    assert.equal((await ada.one.get(one)).body.response.affiliation_verification.attempts, 1);
    assert.equal((await attempt(code)).body.response.affiliation_verification.status, 'verified');
    assert.equal((await attempt(code)).code, 'verification_already_verified');
    assert.equal((await prepare('who@added.usher-tests.com')).code, 'verification_already_verified');
    const list = (await ada.one.get(`${at}?verified=true&enrollment_mode=manual_invitation&limit=10`)).body.response;
    assert.deepEqual([list.total_count, list.data[0].id], [1, made.id]);

    assert.equal((await ada.one.post(at, { name: 'added.usher-tests.com' })).code,
      'organization_domain_already_exists_same_organization');
    assert.equal((await ada.one.post(at, { name: 'gmail.com' })).code, 'organization_domain_common');
    assert.equal((await ada.one.post(at, {})).code, 'form_param_missing');
    assert.equal((await ada.one.post(`${one}/update_enrollment_mode`, { enrollment_mode: 'open' })).code, 'form_param_value_invalid');
    for (const answer of [await bob.one.get(at), await bob.one.post(at, { name: 'b.usher-tests.com' }), await bob.one.call('DELETE', one)])
      assert.deepEqual([answer.status, answer.code], [403, 'missing_organization_permission']);
    assert.equal((await (await person()).one.get(at)).status, 403, 'no member at all');
    const gone = await ada.one.call('DELETE', one);
    assert.deepEqual(gone.body.response, { object: 'organization_domain', id: made.id, deleted: true });
    assert.equal((await ada.one.get(one)).status, 404);
    await settings({ org_domains_enabled: false });
    assert.equal((await ada.one.get(at)).code, 'organization_domains_not_enabled');
    await settings({ org_domains_enabled: true });
  });

  test('what another organization has verified cannot be verified again', async () => {
    await verified('taken.usher-tests.com', 'manual_invitation');
    const eve = await person(), org = await organization(eve);
    assert.equal((await eve.one.post(`/v1/organizations/${org.id}/domains`, { name: 'taken.usher-tests.com' })).code,
      'organization_domain_already_exists');
  });
});

describe('what a verified domain does', () => {
  test('automatic_invitation: who signs in is invited once, joins, and is not invited again', async () => {
    const { admin, org, at } = await verified('invites.usher-tests.com', 'automatic_invitation');
    const bob = await person('invites.usher-tests.com');
    const invited = async status => (await bob.one.get(`/v1/me/organization_invitations?status=${status}`)).body.response.data;
    const [invitation] = await invited('pending');
    assert.deepEqual([invitation.public_organization_data.id, invitation.email_address, invitation.role], [org.id, bob.email, 'org:member']);
    assert.deepEqual(await outbox(bob.email), [], 'it is shown in the application, not sent');
    assert.equal((await admin.one.get(at)).body.response.total_pending_invitations, 1);
    const pending = (await admin.one.get(`/v1/organizations/${org.id}/invitations/pending`)).body.response;
    assert.equal(JSON.stringify(pending).includes(invitation.id), true);
    await signInAgain(bob);
    assert.equal((await invited('pending')).length, 1, 'no second one');
    const accepted = await bob.one.post(`/v1/me/organization_invitations/${invitation.id}/accept`);
    assert.equal(accepted.body.response.status, 'accepted');
    const members = (await sandbox.clerk.organizations.getOrganizationMembershipList({ organizationId: org.id })).data;
    assert.deepEqual(members.map(one => one.publicUserData.userId).sort(), [admin.user.id, bob.user.id].sort());
    await signInAgain(bob);
    assert.deepEqual(await invited('pending'), []);

    const carol = await person('invites.usher-tests.com');
    assert.equal((await admin.one.get(at)).body.response.total_pending_invitations, 1);
    const manual = await admin.one.post(`${at}/update_enrollment_mode`, { enrollment_mode: 'manual_invitation', delete_pending: 'true' });
    assert.equal(manual.body.response.total_pending_invitations, 0);
    assert.deepEqual((await carol.one.get('/v1/me/organization_invitations?status=pending')).body.response.data, []);
  });

  test('an organization that is full invites nobody; a user who is there already gets it by touching the session', async () => {
    const early = await person('later.usher-tests.com');
    const { org, admin } = await verified('later.usher-tests.com', 'automatic_invitation', { maxAllowedMemberships: 1 });
    const invited = async () => (await early.one.get('/v1/me/organization_invitations')).body.response.total_count;
    const touch = () => early.one.post(`/v1/client/sessions/${early.session}/touch`, { intent: 'focus' });
    assert.equal((await touch()).status, 200);
    assert.equal(await invited(), 0);
    await sandbox.clerk.organizations.updateOrganization(org.id, { maxAllowedMemberships: 2 });
    await touch();
    assert.equal(await invited(), 1);
    assert.ok(admin);
  });

  test('automatic_suggestion: accepted by the user, then by an admin', async () => {
    const { admin, org, at } = await verified('suggests.usher-tests.com', 'automatic_suggestion');
    const [bob, carol, dave] = [await person('suggests.usher-tests.com'), await person('SUGGESTS.usher-tests.com'), await person('suggests.usher-tests.com')];
    const suggestions = async (who, query = '') => (await who.one.get(`/v1/me/organization_suggestions${query}`)).body.response.data;
    const [suggestion] = await suggestions(bob, '?status=pending&status=accepted&limit=10&offset=0');
    assert.deepEqual([suggestion.status, suggestion.public_organization_data.id], ['pending', org.id]);
    assert.equal((await admin.one.get(at)).body.response.total_pending_suggestions, 3);
    assert.equal((await carol.one.post(`/v1/me/organization_suggestions/${suggestion.id}/accept`)).status, 404, 'not hers');
    assert.equal((await bob.one.get('/v1/me/organization_suggestions?status=lost')).code, 'form_param_value_invalid');
    const accept = who => suggestions(who).then(([one]) => who.one.post(`/v1/me/organization_suggestions/${one.id}/accept`));
    assert.equal((await accept(bob)).body.response.status, 'accepted');
    assert.equal((await accept(bob)).code, 'organization_suggestion_already_accepted');
    assert.deepEqual(await suggestions(bob, '?status=pending'), []);
    await accept(carol);

    const requests = `/v1/organizations/${org.id}/membership_requests`;
    const list = (await admin.one.get(`${requests}?status=pending`)).body.response;
    assert.deepEqual([list.total_count, list.data.map(one => one.public_user_data.user_id).sort()], [2, [bob.user.id, carol.user.id].sort()]);
    const of = who => list.data.find(one => one.public_user_data.user_id === who.user.id);
    assert.equal((await bob.one.post(`${requests}/${of(bob).id}/accept`)).status, 403, 'nobody lets himself in');
    assert.equal((await admin.one.post(`${requests}/${of(bob).id}/accept`)).body.response.status, 'accepted');
    assert.equal((await admin.one.post(`${requests}/${of(bob).id}/reject`)).status, 404, 'it is decided');
    assert.equal((await admin.one.post(`${requests}/${of(carol).id}/reject`)).body.response.status, 'rejected');
    const members = (await bob.one.get('/v1/me/organization_memberships')).body.response;
    assert.deepEqual([members.total_count, members.data[0].role], [1, 'org:member']);
    assert.equal((await carol.one.get('/v1/me/organization_memberships')).body.response.total_count, 0);

    await accept(dave);
    await sandbox.clerk.users.deleteUser(dave.user.id);
    assert.equal((await admin.one.get(`${requests}?status=pending`)).body.response.total_count, 0, 'who is gone asks no more');
    await admin.one.call('DELETE', at);
  });

  test('an unverified address, and a mode that is not enabled, do nothing', async () => {
    const { admin, at } = await verified('quiet.usher-tests.com', 'automatic_suggestion');
    const bob = await person('elsewhere.usher-tests.com');
    const added = await bob.one.post('/v1/me/email_addresses', { email_address: 'bob@quiet.usher-tests.com' });
    const count = async () => (await bob.one.get('/v1/me/organization_suggestions')).body.response.total_count;
    await bob.one.post(`/v1/client/sessions/${bob.session}/touch`, { intent: 'focus' });
    assert.equal(await count(), 0);
    const email = `/v1/me/email_addresses/${added.body.response.id}`;
    await bob.one.post(`${email}/prepare_verification`, { strategy: 'email_code' });
    const [{ code }] = await outbox('bob@quiet.usher-tests.com');
    await bob.one.post(`${email}/attempt_verification`, { code });
    assert.equal(await count(), 1, 'verified it does');
    const manual = await admin.one.post(`${at}/update_enrollment_mode`, { enrollment_mode: 'manual_invitation', delete_pending: 'true' });
    assert.equal(manual.body.response.total_pending_suggestions, 0);
    assert.equal(await count(), 0);
  });
});

test('defaults of a new organization: by the address, but not of a mail service', async () => {
  const of = async who => (await who.one.get('/v1/me/organization_creation_defaults')).body.response;
  assert.deepEqual(await of(await person('mail.acme-usher.co.uk')), { form: { name: 'Acme-usher', logo: null }, advisory: null });
  assert.equal((await of(await person('gmail.com', { firstName: 'Ada' }))).form.name, 'Ada’s organization');
  assert.equal((await of(await person('gmail.com'))).form.name, null);
  await verified('advised.usher-tests.com', 'manual_invitation');
  assert.equal((await of(await person('advised.usher-tests.com'))).advisory.type, 'warning');
});

test('every endpoint of these in the sandbox\'s table was called above', () => {
  const wanted = frontendRoutes().filter(route => enrollment.test(route));
  assert.ok(wanted.length > 12);
  assert.deepEqual(wanted.filter(route => !frontendCalls().has(route)), []);
});
