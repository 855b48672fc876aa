// Pictures of users and organizations: taken, kept, served at the address that is told, and forgotten.
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { temporaryFolder } from './ending.js';
import { refusal, sandboxForFile, startSandbox, takeConformance } from './sandbox.js';

let organizations, users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ organizations, users } = clerk));
const createUser = (at = users) => at.createUser({ emailAddress: [`seen${++count}@usher-tests.com`], skipPasswordRequirement: true });
const code = async promise => (await refusal(promise)).errors[0].code;
const starts = { 'image/jpeg': 'ffd8ffe0', 'image/png': '89504e470d0a1a0a', 'image/gif': '474946383961',
  'image/webp': '524946460c00000057454250' };
// Bytes that begin as a picture of that type does.
const picture = (type, size = 64) => {
  const bytes = Buffer.alloc(size, ++count & 255);
  Buffer.from(starts[type], 'hex').copy(bytes);
  return bytes;
};
const file = (bytes, type = 'image/png') => new File([bytes], 'me.png', { type });

// What is served, without the key.
async function served(url) {
  const answer = await fetch(url);
  takeConformance(); // a picture is none of Clerk's answers
  return { status: answer.status, type: answer.headers.get('content-type'), nosniff: answer.headers.get('x-content-type-options'),
    bytes: Buffer.from(await answer.arrayBuffer()) };
}

// A request with a form, or any body, by hand; returns [status, code, parameter].
async function send(method, route, body, headers = {}) {
  const answer = await fetch(sandbox.ready.backend_api + route, { method, body,
    headers: { authorization: `Bearer ${sandbox.ready.secret_key}`, ...headers } });
  const error = (await answer.json()).errors?.[0];
  return [answer.status, error?.code, error?.meta?.param_name];
}
const form = fields => {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.set(name, value);
  return data;
};

describe('pictures', () => {
  test('of a user: every type is kept as it came and served as what it is; a new one has a new address', async () => {
    const { id } = await createUser();
    const urls = new Set();
    for (const type of Object.keys(starts)) {
      const bytes = picture(type, 100000);
      const { raw } = await users.updateUserProfileImage(id, { file: file(bytes, 'text/html') });
      assert.deepEqual([raw.has_image, raw.profile_image_url], [true, raw.image_url]);
      assert.deepEqual(await served(raw.image_url), { status: 200, type, nosniff: 'nosniff', bytes });
      urls.add(raw.image_url);
    }
    assert.equal(urls.size, 4);
    assert.equal((await served([...urls][0])).status, 404);
    assert.equal((await users.getUser(id)).imageUrl, [...urls].at(-1));
    const gone = await users.deleteUserProfileImage(id);
    assert.deepEqual([gone.hasImage, gone.imageUrl], [false, '']);
    assert.equal((await served([...urls].at(-1))).status, 404);
    assert.equal(await code(users.deleteUserProfileImage(id)), 'image_not_found');
  });

  test('go with their user or organization, and are shown wherever these are', async () => {
    const ada = await createUser();
    const { imageUrl } = await users.updateUserProfileImage(ada.id, { file: file(picture('image/png')) });
    const { id } = await organizations.createOrganization({ name: 'Seen', createdBy: ada.id });
    const bytes = picture('image/gif');
    const logo = await organizations.updateOrganizationLogo(id, { file: file(bytes), uploaderUserId: ada.id });
    assert.equal(logo.hasImage, true);
    assert.deepEqual((await served(logo.imageUrl)).bytes, bytes);
    const { data: [membership] } = await organizations.getOrganizationMembershipList({ organizationId: id });
    assert.deepEqual([membership.publicUserData.imageUrl, membership.publicUserData.hasImage,
      membership.organization.imageUrl], [imageUrl, true, logo.imageUrl]);
    const invitation = await organizations.createOrganizationInvitation({ organizationId: id, role: 'org:member',
      emailAddress: 'seen@usher-tests.com', inviterUserId: ada.id });
    assert.equal(invitation.raw.public_inviter_data.image_url, imageUrl);
    const without = await organizations.deleteOrganizationLogo(id);
    assert.deepEqual([without.hasImage, without.imageUrl], [false, '']);
    assert.equal(await code(organizations.deleteOrganizationLogo(id)), 'image_not_found');
    const again = await organizations.updateOrganizationLogo(id, { file: file(picture('image/jpeg')) });
    await organizations.deleteOrganization(id);
    assert.equal((await served(again.imageUrl)).status, 404);
    await users.deleteUser(ada.id);
    assert.equal((await served(imageUrl)).status, 404);
  });

  test('what is none, too large, or for nobody is refused', async () => {
    const { id } = await createUser();
    const { id: org } = await organizations.createOrganization({ name: 'Unseen' });
    for (const [method, route] of [['POST', `/v1/users/${id}/profile_image`], ['PUT', `/v1/organizations/${org}/logo`]]) {
      const refused = (fields, headers) => send(method, route, fields && form(fields), headers);
      assert.deepEqual(await refused({ other: 'x' }), [422, 'form_param_missing', 'file']);
      assert.deepEqual(await refused(), [422, 'form_param_missing', 'file']);
      for (const bytes of [Buffer.from('<html><script>'), Buffer.from('%PDF-1.7'), Buffer.from('<svg xmlns="x"/>'),
        Buffer.alloc(0), Buffer.from('RIFF....WAVE'), Buffer.from([0xff, 0xd8])])
        assert.deepEqual(await refused({ file: file(bytes) }), [415, 'unsupported_content_type', undefined]);
      assert.deepEqual(await refused({ file: file(picture('image/png', (10 << 20) + 1)) }), [413, 'image_too_large', undefined]);
      assert.deepEqual(await refused({ file: file(picture('image/png', 12 << 20)) }), [413, 'image_too_large', undefined]);
      assert.deepEqual(await send(method, route, '{}', { 'content-type': 'application/json' }),
        [422, 'form_param_missing', 'file']);
      assert.deepEqual(await send(method, route, 'x', { 'content-type': 'image/png' }),
        [415, 'unsupported_content_type', undefined]);
      assert.deepEqual(await send(method, route, '--b\r\nbroken', { 'content-type': 'multipart/form-data; boundary=b' }),
        [422, 'form_param_missing', 'file']);
    }
    assert.deepEqual(await send('POST', '/v1/users', form({ file: file(picture('image/png')) })),
      [415, 'unsupported_content_type', undefined]);
    assert.deepEqual(await send('POST', '/v1/users', ' '.repeat(1 << 21), { 'content-type': 'application/json' }),
      [413, 'request_body_too_large', undefined]);
    assert.equal(await code(users.updateUserProfileImage('user_nobody', { file: file(picture('image/png')) })), 'resource_not_found');
    assert.equal(await code(users.deleteUserProfileImage('user_nobody')), 'resource_not_found');
    assert.equal(await code(organizations.updateOrganizationLogo('org_nothing', { file: file(picture('image/png')) })),
      'resource_not_found');
    assert.equal(await code(organizations.deleteOrganizationLogo('org_nothing')), 'resource_not_found');
    assert.equal(await code(organizations.updateOrganizationLogo(org, { file: file(picture('image/png')),
      uploaderUserId: 'user_nobody' })), 'resource_not_found');
    assert.equal((await organizations.getOrganization({ organizationId: org })).hasImage, false);
    const base = `${sandbox.ready.backend_api}/v1/sandbox/images/${id}`;
    for (const number of ['1', 'x', '-1', '99999999999999999999']) assert.equal((await served(`${base}/${number}`)).status, 404);
  });

  test('one of 10 MiB is kept, over a restart too, at the address of then', async () => {
    const data = ['--data', path.join(temporaryFolder(), 'clerk.db')];
    const bytes = picture('image/png', 10 << 20);
    const first = await startSandbox(...data);
    const { id } = await createUser(first.clerk.users);
    const before = await first.clerk.users.updateUserProfileImage(id, { file: file(bytes) });
    await first.stop('SIGKILL');
    const second = await startSandbox(...data);
    const after = (await second.clerk.users.getUser(id)).imageUrl;
    assert.equal(after, before.imageUrl.replace(first.ready.backend_api, second.ready.backend_api));
    assert.deepEqual((await served(after)).bytes, bytes);
  });
});
