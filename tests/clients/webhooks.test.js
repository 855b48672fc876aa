// The sandbox's webhooks against what applications verify them with: Clerk's own verifyWebhook and the
// Standard Webhooks library; every payload is held against Clerk's OpenAPI file for webhooks.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { verifyWebhook } from '@clerk/backend/webhooks';
import { Webhook } from 'standardwebhooks';
import { atEnd, temporaryFolder, until } from './ending.js';
import { frontClient, sendCode } from './front.js';
import { webhooksApi } from './openapi.js';
import { startSandbox } from './sandbox.js';

const openApi = webhooksApi();
const secretFile = path.join(temporaryFolder(), 'secret');
const secret = `whsec_${Buffer.from('a key of twenty-four and more bytes').toString('base64')}`;
fs.writeFileSync(secretFile, `${secret}\n`);

// An application's endpoint. answer(n) gives the status of the n-th request, or null for none at all.
// Until the end of the file; most() tells how many requests were open at the same time.
async function startReceiver(answer = () => 200) {
  const received = [];
  let open = 0, most = 0;
  const server = http.createServer(async (request, response) => {
    let body = '';
    most = Math.max(most, ++open);
    response.on('close', () => open--);
    for await (const piece of request) body += piece;
    received.push({ headers: request.headers, body, sent: Number(request.headers['svix-timestamp']) * 1000 });
    const status = answer(received.length);
    if (status) response.writeHead(status, { location: '/elsewhere' }).end('{}');
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  return {
    received,
    most: () => most,
    url: `http://127.0.0.1:${server.address().port}/webhooks`,
    // Waits until `enough` of the requests so far have come.
    until: enough => until(() => received, enough),
    ofType: type => received.filter(r => JSON.parse(r.body).type === type),
  };
}

const typed = (receiver, type, count = 1) =>
  receiver.until(() => receiver.ofType(type).length >= count).then(() => receiver.ofType(type));

// What verifyWebhook takes: the request as the application's framework gives it.
const asRequest = one => new Request('https://app.example.com/webhooks', { method: 'POST', body: one.body,
  headers: Object.fromEntries(Object.entries(one.headers).filter(([name]) => name.startsWith('svix-'))) });

let count = 0;
const create = (sandbox, fields = {}) => sandbox.clerk.users.createUser({
  emailAddress: [`hook${++count}@usher-tests.com`], skipPasswordRequirement: true, ...fields });

const deliveries = async sandbox => (await sandbox.raw('GET', '/v1/sandbox/deliveries')).body.data;
const untilDelivery = (sandbox, enough) => until(async () => (await deliveries(sandbox)).find(enough));

describe('webhooks', () => {
  let sandbox, receiver;
  before(async () => {
    receiver = await startReceiver();
    sandbox = await startSandbox('--limits', 'off', '--webhook', receiver.url, '--webhook-secret', secretFile);
  });

  test('a secret that was given is not printed', () => {
    assert.deepEqual(sandbox.ready.webhooks, [{ url: receiver.url }]);
  });

  test('user.created is signed as Clerk signs it and holds the user', async () => {
    const user = await create(sandbox, { firstName: 'Zoë', lastName: 'O\'Brien "&\\ Ünal', externalId: 'auth0|1' });
    const [one] = await typed(receiver, 'user.created');
    assert.match(one.headers['svix-id'], /^msg_[0-9A-Za-z]{20,}$/);
    const event = await verifyWebhook(asRequest(one), { signingSecret: secret });
    assert.equal(event.type, 'user.created');
    assert.deepEqual(event.data, JSON.parse(JSON.stringify(user.raw)));
    assert.equal(new Webhook(secret.slice('whsec_'.length)).verify(one.body, {
      'webhook-id': one.headers['svix-id'], 'webhook-timestamp': one.headers['svix-timestamp'],
      'webhook-signature': one.headers['svix-signature'] }).data.id, user.id);
    const payload = JSON.parse(one.body);
    assert.equal(payload.instance_id, (await sandbox.raw('GET', '/v1/instance')).body.id);
    assert.equal(payload.event_attributes.http_request.client_ip, '127.0.0.1');
    assert.ok(Math.abs(payload.timestamp - Date.now()) < 60000);
  });

  test('another secret or a changed body does not verify', async () => {
    const [one] = await typed(receiver, 'user.created');
    const other = `whsec_${Buffer.from('another key of many, many bytes').toString('base64')}`;
    await assert.rejects(verifyWebhook(asRequest(one), { signingSecret: other }));
    const forged = { ...one, body: one.body.replace('auth0|1', 'auth0|2') };
    await assert.rejects(verifyWebhook(asRequest(forged), { signingSecret: secret }));
  });

  test('every change of a user is told, and no refused one', async () => {
    const before = receiver.received.length;
    const user = await create(sandbox, { password: 'a long enough passphrase' });
    const email = await sandbox.clerk.emailAddresses.createEmailAddress({ userId: user.id,
      emailAddress: 'second@usher-tests.com', verified: true });
    await assert.rejects(create(sandbox, { emailAddress: ['second@usher-tests.com'] }));
    await sandbox.clerk.users.updateUser(user.id, { firstName: 'Ada' });
    await sandbox.clerk.users.updateUserMetadata(user.id, { publicMetadata: { plan: 'pro' } });
    await sandbox.clerk.users.banUser(user.id);
    await sandbox.clerk.users.disableUserMFA(user.id);
    await sandbox.clerk.users.deleteUser(user.id);
    await typed(receiver, 'user.deleted');
    await receiver.until(all => all.length >= before + 7);
    const told = receiver.received.slice(before).map(r => JSON.parse(r.body));
    assert.deepEqual(told.map(e => e.type).sort(),
      ['user.created', 'user.deleted', ...Array(5).fill('user.updated')]);
    assert.deepEqual(told.find(e => e.type === 'user.deleted').data,
      { object: 'user', id: user.id, deleted: true });
    const updates = told.filter(e => e.type === 'user.updated').map(e => e.data);
    assert.ok(updates.every(data => data.email_addresses.some(e => e.id === email.id)));
    assert.deepEqual(updates.map(data => data.banned).sort(), [false, false, false, true, true]);
  });

  test('a code that is sent, a session that begins and one that is revoked are told', async () => {
    const user = await create(sandbox, { emailAddress: ['coded@usher-tests.com'] });
    const attempt = await sendCode(sandbox.ready.frontend_api, 'coded@usher-tests.com');
    const [mail] = await typed(receiver, 'email.created');
    const { data } = JSON.parse(mail.body);
    assert.deepEqual([data.to_email_address, data.user_id, data.slug], ['coded@usher-tests.com', user.id, 'verification_code']);
    assert.ok(data.body.includes(data.data.otp_code) && data.body_plain.includes(data.data.otp_code));
    const done = await attempt(data.data.otp_code);
    const [begun] = await typed(receiver, 'session.created');
    const session = JSON.parse(begun.body).data;
    assert.deepEqual([session.id, session.user_id, session.user.id], [done.created_session_id, user.id, user.id]);
    assert.deepEqual((await sandbox.raw('GET', '/v1/sandbox/metering')).body.data.map(m => [m.active_users, m.retained_users]),
      [[1, 0]]);
    await sandbox.clerk.sessions.revokeSession(session.id);
    const [gone] = await typed(receiver, 'session.revoked');
    assert.equal(JSON.parse(gone.body).data.status, 'revoked');
  });

  test('a text message, a session that ends, and what a user does with an organization are told', async () => {
    const user = await create(sandbox, { phoneNumber: ['+14155552671'] });
    const post = frontClient(sandbox.ready.frontend_api);
    const signIn = await post('/v1/client/sign_ins', { identifier: '+14155552671' });
    const factor = signIn.supported_first_factors.find(f => f.strategy === 'phone_code');
    const at = `/v1/client/sign_ins/${signIn.id}`;
    await post(`${at}/prepare_first_factor`, { strategy: 'phone_code', phone_number_id: factor.phone_number_id });
    const [sms] = await typed(receiver, 'sms.created');
    const { data } = JSON.parse(sms.body);
    assert.deepEqual([data.to_phone_number, data.user_id, data.slug], ['+14155552671', user.id, 'verification_code']);
    assert.ok(data.message.includes(data.data.otp_code));
    const done = await post(`${at}/attempt_first_factor`, { strategy: 'phone_code', code: data.data.otp_code });

    const made = await post('/v1/organizations', { name: 'Told' });
    const [organization] = await typed(receiver, 'organization.created');
    assert.deepEqual([JSON.parse(organization.body).data.id, JSON.parse(organization.body).data.created_by], [made.id, user.id]);
    const [membership] = await typed(receiver, 'organizationMembership.created');
    assert.equal(JSON.parse(membership.body).data.public_user_data.user_id, user.id);
    await post(`/v1/organizations/${made.id}?_method=DELETE`, {});
    await typed(receiver, 'organization.deleted');

    await post(`/v1/client/sessions/${done.created_session_id}/end`, {});
    const [ended] = await typed(receiver, 'session.ended');
    assert.deepEqual([JSON.parse(ended.body).data.id, JSON.parse(ended.body).data.status], [done.created_session_id, 'ended']);
  });

  test('every payload fits Clerk\'s OpenAPI file', () => {
    assert.ok(receiver.received.length >= 12);
    assert.deepEqual(receiver.received.flatMap(r => openApi.webhookProblems(JSON.parse(r.body))), []);
  });

  test('an endpoint can be added for some events only, and taken away', async () => {
    const second = await startReceiver();
    const made = await sandbox.raw('POST', '/v1/sandbox/webhooks', { url: second.url, events: ['user.deleted'] });
    assert.equal(made.status, 200);
    assert.match(made.body.secret, /^whsec_[0-9A-Za-z+/]{32}$/);
    const user = await create(sandbox);
    await sandbox.clerk.users.deleteUser(user.id);
    const [one] = await typed(second, 'user.deleted');
    await verifyWebhook(asRequest(one), { signingSecret: made.body.secret });
    assert.equal(second.received.length, 1);
    const list = (await sandbox.raw('GET', '/v1/sandbox/webhooks')).body.data;
    assert.deepEqual(list.map(e => [e.url, e.events, 'secret' in e]),
      [[receiver.url, null, false], [second.url, ['user.deleted'], false]]);
    assert.equal((await sandbox.raw('DELETE', `/v1/sandbox/webhooks/${made.body.id}`)).status, 200);
    assert.equal((await sandbox.raw('DELETE', `/v1/sandbox/webhooks/${made.body.id}`)).status, 404);
    assert.ok((await deliveries(sandbox)).every(d => d.endpoint !== made.body.id));
  });

  test('what is no endpoint is refused', async () => {
    for (const [body, param] of [
      [{ url: 'ftp://127.0.0.1/' }, 'url'], [{ url: 'http://' }, 'url'], [{ url: 'http://a\r\nb' }, 'url'],
      [{ url: `http://${'a'.repeat(3000)}` }, 'url'], [{ url: 'http://127.0.0.1/', secret: 'whsec_short' }, 'url'],
      [{ url: 'http://127.0.0.1/', events: ['user.teleported'] }, 'events'], [{}, 'url'],
    ]) {
      const { status, body: answer } = await sandbox.raw('POST', '/v1/sandbox/webhooks', body);
      assert.deepEqual([status, answer.errors[0].meta.param_name], [422, param], JSON.stringify(body));
    }
    for (let i = 0; ; i++) {
      const { status, body } = await sandbox.raw('POST', '/v1/sandbox/webhooks', { url: `http://127.0.0.1:9/${i}` });
      if (status !== 200) {
        assert.match(body.errors[0].long_message, /8 webhook endpoints already/);
        break;
      }
    }
  });
});

test('what is refused, redirected or unanswered is tried again on Svix\'s schedule, with the same id', async () => {
  const receiver = await startReceiver(n => [500, 302][n - 1] ?? 204);
  const sandbox = await startSandbox('--webhook', receiver.url);
  const { secret: fresh } = sandbox.ready.webhooks[0];
  await create(sandbox);
  // The second attempt, after five seconds, is redirected; the third would come after five minutes.
  const waiting = await untilDelivery(sandbox, d => d.attempts === 2);
  assert.deepEqual([waiting.state, waiting.status], ['waiting', 302]);
  const [first, second] = receiver.received.map(r => r.sent);
  assert.ok(second - first >= 5000);
  const wait = waiting.due_at - second;
  assert.ok(wait >= 300000 && wait < 600000, `${wait} ms`);
  const resend = await sandbox.raw('POST', `/v1/sandbox/deliveries/${waiting.message}/${waiting.endpoint}/resend`);
  assert.equal(resend.status, 200);
  const done = await untilDelivery(sandbox, d => d.state === 'delivered');
  assert.deepEqual([done.status, done.due_at], [204, null]);
  assert.equal(new Set(receiver.received.map(r => r.headers['svix-id'])).size, 1);
  for (const one of receiver.received) await verifyWebhook(asRequest(one), { signingSecret: fresh });
  const whole = await sandbox.raw('GET', `/v1/sandbox/deliveries/${done.message}/${done.endpoint}`);
  assert.deepEqual(whole.body.payload, JSON.parse(receiver.received[0].body));
  assert.equal((await sandbox.raw('GET', '/v1/sandbox/deliveries/msg_1/ep_1')).status, 404);
  assert.equal((await sandbox.raw('POST', '/v1/sandbox/deliveries/msg_1/ep_1/resend')).status, 404);
});

test('an endpoint that never answers holds up neither requests nor other endpoints', async () => {
  const [silent, quick] = await Promise.all([startReceiver(() => null), startReceiver()]);
  const sandbox = await startSandbox('--webhook', silent.url, '--webhook', quick.url);
  await Promise.all(Array.from({ length: 20 }, () => create(sandbox)));
  await typed(quick, 'user.created', 20);
  assert.ok(silent.most() <= 8, `${silent.most()} at once`); // four, and those whose end is still to be seen
});

test('kill -9 loses no event: what was not delivered is after the next start, under the same id', async () => {
  const data = ['--data', path.join(temporaryFolder(), 'clerk.db'), '--limits', 'off'];
  let open = false;
  const receiver = await startReceiver(() => open ? 200 : null);
  const first = await startSandbox(...data, '--webhook', receiver.url);
  const made = await Promise.all(Array.from({ length: 30 }, () => create(first)));
  await receiver.until(all => all.length >= 4);
  await first.stop('SIGKILL');
  open = true;
  const before = new Set(receiver.received.map(r => r.headers['svix-id']));
  const second = await startSandbox(...data, '--webhook', receiver.url);
  assert.deepEqual(second.ready.webhooks, [{ url: receiver.url }], 'the stored secret stays and is not told again');
  const told = () => new Set(receiver.received.slice(before.size).map(r => JSON.parse(r.body).data.id));
  await receiver.until(() => told().size === made.length);
  assert.deepEqual([...told()].sort(), made.map(user => user.id).sort());
  const after = new Set(receiver.received.slice(before.size).map(r => r.headers['svix-id']));
  assert.ok([...before].every(id => after.has(id)));
});

test('no endpoint, no event', async () => {
  const sandbox = await startSandbox();
  await create(sandbox);
  assert.deepEqual(await deliveries(sandbox), []);
  assert.deepEqual((await sandbox.raw('GET', '/v1/sandbox/metering')).body.data, []);
});

test('a secret that is none, or a file that is not there, is refused at the start', async () => {
  const broken = `${secretFile}.broken`;
  fs.writeFileSync(broken, 'whsec_!');
  for (const file of [broken, `${secretFile}.absent`])
    await assert.rejects(startSandbox('--webhook', 'http://127.0.0.1:9/', '--webhook-secret', file), /"status":2/);
});
