// Invitations and the waiting list: by Clerk's Node SDK, and through the link in the email to a user.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Visitor } from './frontend.js';
import { assertRefused, refusal, sandboxForFile, startSandbox, takeConformance } from './sandbox.js';

let invitations, waitlist, users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ invitations, waitlistEntries: waitlist, users } = clerk));
const fresh = () => `invited${++count}@usher-tests.com`;
const password = 'Correct-Horse-9!x';
const settings = body => sandbox.raw('PATCH', '/v1/sandbox/settings', body);
const mailTo = async address =>
  (await sandbox.raw('GET', `/v1/sandbox/outbox?to=${encodeURIComponent(address)}`)).body;
const ticketOf = ({ url }) => new URL(url).searchParams.get('ticket');
const code = async promise => (await refusal(promise)).errors[0].code;
async function visit(work) {
  const visitor = new Visitor(sandbox.ready);
  const done = await work(visitor);
  assert.deepEqual(visitor.problems, []);
  return done;
}
const signUp = form => visit(visitor => visitor.post('/v1/client/sign_ups', form));
const accept = ticket => visit(visitor => visitor.get(`/v1/tickets/accept?ticket=${ticket}`));

describe('invitations', () => {
  test('one is made, mailed, listed and revoked', async () => {
    const emailAddress = `Ada.${fresh()}`;
    const made = await invitations.createInvitation({ emailAddress, publicMetadata: { plan: { seats: 3 } },
      redirectUrl: 'https://app.usher-tests.com/join?a=b', expiresInDays: 7 });
    assert.match(made.id, /^inv_/);
    assert.deepEqual([made.emailAddress, made.status, made.revoked, made.publicMetadata],
      [emailAddress, 'pending', false, { plan: { seats: 3 } }]);
    assert.equal(made.raw.expires_at - made.createdAt, 7 * 86400000);
    const [mail] = await mailTo(emailAddress);
    assert.deepEqual([mail.kind, mail.slug, mail.body.endsWith(made.url)], ['email', 'invitation', true]);
    const silent = await invitations.createInvitation({ emailAddress: fresh(), notify: false });
    assert.equal(silent.raw.expires_at - silent.createdAt, 30 * 86400000);
    assert.deepEqual(await mailTo(silent.emailAddress), []);

    const list = async params => (await invitations.getInvitationList(params)).data.map(i => i.id);
    assert.deepEqual(await list(), [silent.id, made.id]);
    assert.deepEqual(await list({ orderBy: '+email_address', limit: 1 }), [made.id]);
    assert.deepEqual(await list({ orderBy: '-expires_at' }), [silent.id, made.id]);
    assert.deepEqual(await list({ query: emailAddress.toUpperCase() }), [made.id]);
    assert.deepEqual(await list({ query: silent.id }), [silent.id]);
    assert.equal((await sandbox.raw('GET', '/v1/invitations?limit=1&offset=1')).body[0].id, made.id);

    const revoked = await invitations.revokeInvitation(made.id);
    assert.deepEqual([revoked.status, revoked.revoked, revoked.url], ['revoked', true, undefined]);
    assert.equal(await code(invitations.revokeInvitation(made.id)), 'invitation_already_revoked');
    assert.deepEqual([await list(), await list({ status: 'revoked' }), await list({ status: 'accepted' })],
      [[silent.id], [made.id], []]);
    assert.equal((await signUp({ strategy: 'ticket', ticket: ticketOf(made) })).code, 'revoked_invitation');
  });

  test('nobody is invited twice, nor who is there already, unless that is wanted', async () => {
    const user = await users.createUser({ emailAddress: [fresh()], password });
    const address = user.emailAddresses[0].emailAddress.toUpperCase(), other = fresh();
    await invitations.createInvitation({ emailAddress: other });
    assert.equal(await code(invitations.createInvitation({ emailAddress: other.toUpperCase() })), 'duplicate_record');
    assert.equal(await code(invitations.createInvitation({ emailAddress: address })), 'form_identifier_exists');
    for (const emailAddress of [other, address])
      assert.equal((await invitations.createInvitation({ emailAddress, ignoreExisting: true })).status, 'pending');
  });

  test('several at once, or none of them', async () => {
    const [one, two] = [fresh(), fresh()];
    const made = await invitations.createInvitationBulk([{ emailAddress: one, publicMetadata: { n: 1 } },
      { emailAddress: two, notify: false, templateSlug: 'waitlist_invitation' }]);
    assert.deepEqual(made.map(i => [i.emailAddress, i.publicMetadata]), [[one, { n: 1 }], [two, {}]]);
    const third = fresh();
    assert.equal(await code(invitations.createInvitationBulk([{ emailAddress: third }, { emailAddress: one }])),
      'duplicate_record');
    assert.deepEqual([await mailTo(third), (await invitations.getInvitationList({ query: third })).data], [[], []]);
  });

  test('one is deleted, whatever its status; its link is worth nothing then', async () => {
    const made = await invitations.createInvitation({ emailAddress: fresh() });
    assert.deepEqual(takeConformance().problems, []);
    assert.deepEqual([(await invitations.deleteInvitation(made.id)).deleted, await code(invitations.deleteInvitation(made.id))],
      [true, 'resource_not_found']);
    // The SDK is ahead of the OpenAPI file here.
    assert.ok(takeConformance().problems.every(one => /^DELETE .*: no such operation in the OpenAPI file$/.test(one)));
    assert.equal((await invitations.getInvitationList({ query: made.id })).totalCount, 0);
    assert.equal((await signUp({ ticket: ticketOf(made), password })).code, 'ticket_invalid_code');
  });

  test('what is wrong is refused', async () => {
    const at = '/v1/invitations';
    for (const [more, status, expected, param] of [
      [{ email_address: 'nobody' }, 422, 'form_param_format_invalid', 'email_address'],
      [{ email_address: null }, 422, 'form_param_nil', 'email_address'],
      [{ email_address: 7 }, 422, 'form_param_type_invalid', 'email_address'],
      [{ email_address: 'a\0@usher-tests.com' }, 422, 'form_param_format_invalid', 'email_address'],
      [{ public_metadata: [] }, 422, 'form_param_type_invalid', 'public_metadata'],
      [{ redirect_url: 'nowhere' }, 422, 'form_param_format_invalid', 'redirect_url'],
      [{ redirect_url: '/join' }, 422, 'form_param_format_invalid', 'redirect_url'],
      [{ redirect_url: 'https://a.com\r\nSet-Cookie: a=b' }, 422, 'form_param_format_invalid', 'redirect_url'],
      [{ redirect_url: {} }, 422, 'form_param_type_invalid', 'redirect_url'],
      [{ notify: 'yes' }, 422, 'form_param_type_invalid', 'notify'],
      [{ ignore_existing: 1 }, 422, 'form_param_type_invalid', 'ignore_existing'],
      [{ expires_in_days: 0 }, 422, 'form_param_value_invalid', 'expires_in_days'],
      [{ expires_in_days: 366 }, 422, 'form_param_value_invalid', 'expires_in_days'],
      [{ template_slug: 'other' }, 422, 'form_param_value_invalid', 'template_slug'],
      [{ colour: 1 }, 422, 'form_param_unknown', 'colour'],
    ]) {
      const body = { email_address: 'right@usher-tests.com', ...more };
      await assertRefused(sandbox, 'POST', at, body, status, expected, param);
      await assertRefused(sandbox, 'POST', `${at}/bulk`, [body], status, expected, param);
    }
    await assertRefused(sandbox, 'POST', at, {}, 422, 'form_param_missing', 'email_address');
    await assertRefused(sandbox, 'POST', at, [], 400, 'request_body_invalid');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, {}, 400, 'request_body_invalid');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, [], 400, 'request_body_invalid');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, ['a@usher-tests.com'], 400, 'request_body_invalid');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, Array(11).fill({ email_address: fresh() }), 400, 'bulk_size_exceeded');
    await assertRefused(sandbox, 'POST', `${at}/inv_nothing/revoke`, undefined, 404, 'resource_not_found');
    await assertRefused(sandbox, 'GET', `${at}?status=lost`, undefined, 422, 'form_param_value_invalid', 'status');
    await assertRefused(sandbox, 'GET', `${at}?order_by=colour`, undefined, 422, 'form_param_value_invalid', 'order_by');
    await settings({ 'email_address.enabled': false });
    await assertRefused(sandbox, 'POST', at, { email_address: fresh() }, 400, 'invitations_not_supported');
    await settings({ 'email_address.enabled': true });
  });

  test('restrictions: a blocked address is not invited, and with an allowlist an invited one is put on it', async () => {
    const { instance, allowlistIdentifiers, blocklistIdentifiers } = sandbox.clerk;
    const emailAddress = fresh();
    await blocklistIdentifiers.createBlocklistIdentifier({ identifier: '*@blocked-tests.com' });
    await instance.updateRestrictions({ blocklist: true, allowlist: true });
    await assertRefused(sandbox, 'POST', '/v1/invitations', { email_address: 'x@blocked-tests.com' }, 403,
      'not_allowed_access', 'email_address');
    const { id } = await invitations.createInvitation({ emailAddress });
    const [listed] = (await allowlistIdentifiers.getAllowlistIdentifierList()).data;
    assert.deepEqual([listed.identifier, listed.invitationId], [emailAddress, id]);
    await instance.updateRestrictions({ blocklist: false, allowlist: false });
  });

  test('100 an hour, 25 of several', async () => {
    const limited = await startSandbox();
    try {
      for (const [at, max, body] of [['/v1/invitations/bulk', 25, address => [{ email_address: address, notify: false }]],
        ['/v1/invitations', 100, address => ({ email_address: address, notify: false })]]) {
        for (let i = 0; i < max; i++) assert.equal((await limited.raw('POST', at, body(fresh()))).status, 200);
        await assertRefused(limited, 'POST', at, body(fresh()), 429, 'too_many_requests');
      }
      assert.equal((await limited.raw('GET', '/v1/invitations?paginated=true')).body.total_count, 125);
    } finally {
      await limited.stop();
    }
  });
});

describe('the way from an invitation to a user', () => {
  test('link, sign-up, user with the metadata; then the ticket is used up', async () => {
    await settings({ sign_up_mode: 'restricted', sign_up_url: 'https://app.usher-tests.com/sign-up', 'first_name.required': true });
    const emailAddress = fresh();
    const made = await invitations.createInvitation({ emailAddress, publicMetadata: { team: 'blue' } });
    const link = await accept(ticketOf(made));
    assert.equal(link.status, 303);
    const landed = new URL(link.headers.get('location'));
    assert.equal(landed.origin + landed.pathname, 'https://app.usher-tests.com/sign-up');
    assert.equal(landed.searchParams.get('__clerk_status'), 'sign_up');
    const ticket = landed.searchParams.get('__clerk_ticket');

    await visit(async visitor => {
      const first = await visitor.post('/v1/client/sign_ups', { strategy: 'ticket', ticket, password });
      const { response } = first.body;
      assert.deepEqual([response.status, response.email_address, response.missing_fields, response.unverified_fields],
        ['missing_requirements', emailAddress, ['first_name'], []]);
      assert.deepEqual([response.verifications.email_address.strategy, response.verifications.email_address.status,
        response.public_metadata], ['ticket', 'verified', { team: 'blue' }]);
      const at = `/v1/client/sign_ups/${response.id}`;
      assert.equal((await visitor.call('PATCH', at, { email_address: fresh() })).code, 'form_param_value_conflict');
      // What the application's server may say about it meanwhile.
      const seen = await sandbox.clerk.signUps.update({ signUpAttemptId: response.id, externalId: 'old|7', customAction: true });
      assert.deepEqual([seen.status, seen.externalId, seen.customAction], ['missing_requirements', 'old|7', true]);
      const done = await visitor.call('PATCH', at, { first_name: 'Ada' });
      assert.equal(done.body.response.status, 'complete');
      const user = await users.getUser(done.body.response.created_user_id);
      assert.deepEqual([user.publicMetadata, user.externalId, user.emailAddresses[0].verification.status],
        [{ team: 'blue' }, 'old|7', 'verified']);
      assert.equal((await sandbox.clerk.signUps.get(response.id)).status, 'complete');
      await assertRefused(sandbox, 'PATCH', `/v1/sign_ups/${response.id}`, { external_id: 'x' }, 403, 'sign_up_cannot_be_updated');
    });
    assert.equal((await invitations.getInvitationList({ query: made.id })).data[0].status, 'accepted');
    assert.equal((await signUp({ strategy: 'ticket', ticket })).code, 'invitation_already_accepted');
    assert.equal((await accept(ticket)).code, 'invitation_already_accepted');
    assert.equal(await code(invitations.revokeInvitation(made.id)), 'invitation_already_accepted');
    assert.equal((await signUp({ email_address: fresh(), password })).code, 'sign_up_mode_restricted');
    await settings({ sign_up_mode: 'public', sign_up_url: null, 'first_name.required': false });
  });

  test('a redirect of its own; somebody who is a user already signs in', async () => {
    const user = await users.createUser({ emailAddress: [fresh()], password });
    const { emailAddress } = user.emailAddresses[0];
    const made = await invitations.createInvitation({ emailAddress, ignoreExisting: true, redirectUrl: 'https://app.usher-tests.com/join?a=b' });
    const landed = new URL((await accept(ticketOf(made))).headers.get('location'));
    assert.deepEqual([landed.pathname, landed.searchParams.get('a'), landed.searchParams.get('__clerk_status')],
      ['/join', 'b', 'sign_in']);
    assert.equal((await signUp({ strategy: 'ticket', ticket: ticketOf(made) })).code, 'invitation_account_exists');
    const signIn = ticket => visit(visitor => visitor.post('/v1/client/sign_ins', { strategy: 'ticket', ticket }));
    assert.equal((await signIn(ticketOf(made))).body.response.status, 'complete');
    assert.equal((await invitations.getInvitationList({ query: made.id })).data[0].status, 'accepted');
    const stranger = await invitations.createInvitation({ emailAddress: fresh() });
    assert.equal((await signIn(ticketOf(stranger))).code, 'invitation_account_not_exists');
  });

  test('an invitation to an organization makes a user and a member, or a member of who is a user', async () => {
    const { organizations } = sandbox.clerk;
    await settings({ sign_up_mode: 'restricted', sign_up_url: 'https://app.usher-tests.com/sign-up' });
    const { id } = await organizations.createOrganization({ name: 'Guests' });
    const user = await users.createUser({ emailAddress: [fresh()], password });
    const invite = async emailAddress => ticketOf((await sandbox.raw('POST', `/v1/organizations/${id}/invitations`,
      { email_address: emailAddress, role: 'org:member' })).body);
    const one = await invite(fresh()), other = await invite(user.emailAddresses[0].emailAddress);
    assert.equal(new URL((await accept(one)).headers.get('location')).searchParams.get('__clerk_status'), 'sign_up');
    const { body } = await signUp({ strategy: 'ticket', ticket: one, password });
    assert.equal(body.response.status, 'complete');
    const signedIn = await visit(visitor => visitor.post('/v1/client/sign_ins', { strategy: 'ticket', ticket: other }));
    assert.equal(signedIn.body.response.status, 'complete');
    const members = (await organizations.getOrganizationMembershipList({ organizationId: id })).data;
    assert.deepEqual(members.map(m => m.publicUserData.userId), [user.id, body.response.created_user_id]);
    assert.equal((await signUp({ strategy: 'ticket', ticket: one })).code, 'organization_invitation_already_accepted');
    await settings({ sign_up_mode: 'public', sign_up_url: null });
  });

  test('a sign-up that has begun takes a ticket, too', async () => {
    await settings({ 'first_name.required': true });
    const made = await invitations.createInvitation({ emailAddress: fresh(), publicMetadata: { late: true } });
    await visit(async visitor => {
      const { body } = await visitor.post('/v1/client/sign_ups', { password });
      const done = await visitor.call('PATCH', `/v1/client/sign_ups/${body.response.id}`,
        { strategy: 'ticket', ticket: ticketOf(made), first_name: 'Ada' });
      assert.deepEqual([done.body.response.status, done.body.response.email_address], ['complete', made.emailAddress]);
      assert.deepEqual((await users.getUser(done.body.response.created_user_id)).publicMetadata, { late: true });
    });
    await settings({ 'first_name.required': false });
  });

  test('revoked while somebody signs up, forged, of another kind', async () => {
    await settings({ 'first_name.required': true });
    const made = await invitations.createInvitation({ emailAddress: fresh() });
    await visit(async visitor => {
      const { body } = await visitor.post('/v1/client/sign_ups', { ticket: ticketOf(made), password });
      await invitations.revokeInvitation(made.id);
      assert.equal((await visitor.call('PATCH', `/v1/client/sign_ups/${body.response.id}`, { first_name: 'Ada' })).code,
        'revoked_invitation');
    });
    await settings({ 'first_name.required': false });
    assert.equal(await users.getCount({ emailAddress: [made.emailAddress] }), 0);
    const other = ticketOf(await invitations.createInvitation({ emailAddress: fresh() }));
    const forged = `${other.slice(0, -6)}${other.endsWith('AAAAAA') ? 'BBBBBB' : 'AAAAAA'}`;
    for (const ticket of [forged, 'x', 'a.b.c']) {
      assert.equal((await signUp({ strategy: 'ticket', ticket })).code, 'ticket_invalid_code');
      assert.equal((await accept(ticket)).code, 'ticket_invalid_code');
    }
    assert.equal((await signUp({ strategy: 'ticket' })).code, 'form_param_missing');
    const user = await users.createUser({ emailAddress: [fresh()], password });
    const { token } = await sandbox.clerk.signInTokens.createSignInToken({ userId: user.id, expiresInSeconds: 60 });
    assert.equal((await signUp({ strategy: 'ticket', ticket: token })).code, 'ticket_invalid_code');
    await assertRefused(sandbox, 'GET', '/v1/sign_ups/sua_nothing', undefined, 404, 'resource_not_found');
    await assertRefused(sandbox, 'PATCH', '/v1/sign_ups/sua_nothing', {}, 404, 'resource_not_found');
  });
});

describe('the waiting list', () => {
  test('joining, once or several at once, is confirmed by mail', async () => {
    const emailAddress = fresh();
    const made = await waitlist.create({ emailAddress });
    assert.match(made.id, /^wle_/);
    assert.deepEqual([made.emailAddress, made.status, made.isLocked, made.invitation], [emailAddress, 'pending', false, null]);
    assert.equal((await mailTo(emailAddress))[0].slug, 'waitlist_confirmation');
    assert.equal((await waitlist.create({ emailAddress: emailAddress.toUpperCase() })).id, made.id);
    const others = await waitlist.createBulk([{ emailAddress }, { emailAddress: fresh(), notify: false }]);
    assert.deepEqual([others[0].id, others[1].status, await mailTo(others[1].emailAddress)], [made.id, 'pending', []]);
    const listed = await waitlist.list({ query: emailAddress, status: 'pending', orderBy: '+invited_at' });
    assert.deepEqual([listed.totalCount, listed.data[0].id], [1, made.id]);
    const gone = await waitlist.delete(made.id);
    assert.deepEqual([gone.id, gone.deleted, (await waitlist.list({ query: emailAddress })).totalCount], [made.id, true, 0]);
  });

  test('browsers join where there is a list; who is invited becomes a user, and the entry completed', async () => {
    const emailAddress = fresh();
    const join = form => visit(visitor => visitor.post('/v1/waitlist', form));
    assert.equal((await join({ email_address: emailAddress })).code, 'waitlist_not_accepting_entries');
    await settings({ sign_up_mode: 'waitlist' });
    const { id } = (await join({ email_address: emailAddress })).body;
    assert.equal((await join({ email_address: emailAddress })).body.id, id);
    assert.equal((await join({ email_address: 'nobody' })).code, 'form_param_format_invalid');
    assert.equal((await join({})).code, 'form_param_missing');
    assert.equal((await signUp({ email_address: emailAddress, password })).code, 'sign_up_restricted_waitlist');
    const invited = await waitlist.invite(id);
    assert.deepEqual([invited.status, invited.invitation.emailAddress], ['invited', emailAddress]);
    assert.equal((await mailTo(emailAddress))[0].slug, 'waitlist_invitation');
    assert.equal(await code(waitlist.invite(id)), 'waitlist_entry_already_invited');
    assert.equal((await waitlist.invite(id, { ignoreExisting: true })).status, 'invited');
    assert.equal(await code(waitlist.delete(id)), 'waitlist_entry_already_invited');
    const { body } = await signUp({ strategy: 'ticket', ticket: ticketOf(invited.invitation), password });
    assert.equal(body.response.status, 'complete');
    assert.equal((await waitlist.list({ query: id })).data[0].status, 'completed');
    for (const work of [waitlist.invite, waitlist.reject, waitlist.delete])
      assert.equal(await code(work.call(waitlist, id)), 'waitlist_entry_already_completed');
    await settings({ sign_up_mode: 'public' });
  });

  test('who is rejected has no invitation any more, and may be invited later', async () => {
    const { id } = await waitlist.create({ emailAddress: fresh() });
    const { invitation } = await waitlist.invite(id);
    const rejected = await waitlist.reject(id);
    assert.deepEqual([rejected.status, rejected.invitation.status], ['rejected', 'revoked']);
    assert.equal(await code(waitlist.reject(id)), 'waitlist_entry_already_rejected');
    assert.equal(await code(waitlist.delete(id)), 'waitlist_entry_already_rejected');
    assert.equal((await signUp({ ticket: ticketOf(invitation), password })).code, 'revoked_invitation');
    assert.equal((await waitlist.invite(id)).status, 'invited');
  });

  test('what is wrong is refused', async () => {
    const at = '/v1/waitlist_entries';
    for (const [body, expected, param] of [
      [{}, 'form_param_missing', 'email_address'],
      [{ email_address: null }, 'form_param_nil', 'email_address'],
      [{ email_address: 'nobody' }, 'form_param_format_invalid', 'email_address'],
      [{ email_address: 'a\0@usher-tests.com' }, 'form_param_format_invalid', 'email_address'],
      [{ email_address: fresh(), notify: 1 }, 'form_param_type_invalid', 'notify'],
      [{ email_address: fresh(), colour: 1 }, 'form_param_unknown', 'colour'],
    ]) {
      await assertRefused(sandbox, 'POST', at, body, 422, expected, param);
      await assertRefused(sandbox, 'POST', `${at}/bulk`, [body], 422, expected, param);
    }
    const twice = { email_address: fresh() };
    await assertRefused(sandbox, 'POST', `${at}/bulk`, [twice, twice], 400, 'duplicate_record', 'email_address');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, [], 400, 'request_body_invalid');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, [7], 400, 'request_body_invalid');
    await assertRefused(sandbox, 'POST', `${at}/bulk`, Array(51).fill(twice), 400, 'bulk_size_exceeded');
    await assertRefused(sandbox, 'GET', `${at}?status=lost`, undefined, 422, 'form_param_value_invalid', 'status');
    for (const [method, route] of [['DELETE', ''], ['POST', '/invite'], ['POST', '/reject']])
      await assertRefused(sandbox, method, `${at}/wle_nothing${route}`, undefined, 404, 'resource_not_found');
    const { id } = await waitlist.create({ emailAddress: fresh() });
    await assertRefused(sandbox, 'POST', `${at}/${id}/invite`, { colour: 1 }, 422, 'form_param_unknown', 'colour');
    await assertRefused(sandbox, 'POST', `${at}/${id}/invite`, { ignore_existing: 'no' }, 422, 'form_param_type_invalid', 'ignore_existing');
  });
});
