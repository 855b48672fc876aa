// Every endpoint of the Frontend API with what no browser sends: forms that are broken, bodies of another kind or far too
// large, cookies that are none, tokens of nobody. Each is refused in Clerk's form, or is answered as if it had not been
// sent; nothing is a 500, and the sandbox goes on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { frontendRoutes, Visitor } from './frontend.js';
import { startSandbox } from './sandbox.js';

const password = 'Correct-Horse-9!x';
let sandbox, one, count = 0;
before(async () => {
  sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
});
after(async () => assert.deepEqual(await sandbox.stop(), { status: 0, signal: null }));

async function signedIn() {
  const email = `bad-forms${++count}@usher-tests.com`;
  await sandbox.clerk.users.createUser({ emailAddress: [email], password });
  one = new Visitor(sandbox.ready);
  await one.signIn(email, password);
  return [...one.jar].map(([name, value]) => `${name}=${value}`).join('; ');
}
const routes = frontendRoutes().map(row => row.split(' ')).map(([method, path]) => ({ method, path: path.replaceAll('{}', 'none_0') }));
const writes = routes.filter(({ method, path }) => method !== 'GET' && path !== '/v1/environment' && path !== '/v1/dev_browser');

async function send({ method, path }, { body, type, cookie, query = '' }) {
  const url = `${sandbox.ready.frontend_api}${path}?_method=${method}${query}`;
  const answer = await fetch(url, { method: method === 'GET' ? 'GET' : 'POST', redirect: 'manual', body,
    headers: { origin: 'http://localhost:3000', ...(type && { 'content-type': type }), ...(cookie && { cookie }) } });
  const text = await answer.text();
  return { status: answer.status, code: answer.status >= 400 ? JSON.parse(text).errors[0].code : undefined };
}
// What was not answered as it should be, of each route with each input.
async function wrong(some, inputs, isRight) {
  const found = [];
  for (const route of some)
    for (const [what, input] of Object.entries(inputs)) {
      const answer = await send(route, input);
      if (!isRight(answer, route)) found.push(`${route.method} ${route.path} ${what}: ${answer.status} ${answer.code}`);
    }
  return found;
}
const form = 'application/x-www-form-urlencoded';

describe('every endpoint', () => {
  test('forms that are not percent-encoded UTF-8, or have too many parameters, are malformed', async () => {
    const cookie = await signedIn();
    const inputs = Object.fromEntries(['%', 'a=%zz', 'a=%ff%fe', '%c3=1', 'a=%e0%80', 'a=1&'.repeat(5000)]
      .map((body, i) => [`form ${i}`, { body, type: form, cookie }]));
    assert.deepEqual(await wrong(writes, inputs, ({ status, code }) => status === 422 && code === 'malformed_request_parameters' ||
      status === 400 && code === 'malformed_request_parameters'), []);
    assert.deepEqual(await wrong(routes, { query: { query: '&a=%zz', cookie } }, ({ code }) => code === 'malformed_request_parameters'), []);
  });

  test('another content type is a 415', async () => {
    const cookie = await signedIn();
    const inputs = Object.fromEntries(['application/json', 'text/plain', 'application/xml'].map(type => [type, { body: '{}', type, cookie }]));
    assert.deepEqual(await wrong(writes, inputs, ({ status, code }) => status === 415 && code === 'unsupported_content_type'), []);
  });

  test('a body of 20 MB is too large', async () => {
    const cookie = await signedIn(), body = `a=${'x'.repeat(20_000_000)}`;
    const some = writes.filter(({ path }) => /sign_ins$|sign_ups$|\/v1\/me$|touch$/.test(path));
    assert.ok(some.length >= 4);
    assert.deepEqual(await wrong(some, { huge: { body, type: form, cookie } }, ({ status, code }) => status === 413 && code === 'request_body_too_large'), []);
  });

  test('cookies and tokens of nobody open nothing', async () => {
    const inputs = Object.fromEntries(['__client=', '__client=x', '__client=client_x.y', `__client=${'a.'.repeat(2000)}`, '__client', ';;;=;',
      '__client="\\"; __client=\u00e9', '__session=a.b.c', '__client_uat=99999999999999999999; __client=%00'].map(cookie => [cookie.slice(0, 20), { cookie }]));
    const inner = routes.filter(({ path }) => path.startsWith('/v1/me') || path.startsWith('/v1/organizations') || /\/sessions\/none_0/.test(path));
    assert.ok(inner.length > 60);
    assert.deepEqual(await wrong(inner, inputs, ({ status, code }) => status === 401 && ['signed_out', 'authentication_invalid'].includes(code)), []);
  });

  test('none fails', async () => {
    const cookie = await signedIn();
    const inputs = { empty: { body: '', type: form, cookie }, odd: { body: 'strategy=&code=&identifier=&a[]=1&a[b]=2&id=' + 'x'.repeat(9000), type: form, cookie } };
    const some = writes.filter(({ path, method }) => !(method === 'DELETE' && path === '/v1/me'));
    assert.deepEqual(await wrong(some, inputs, ({ status }) => status < 500), []);
    assert.equal((await sandbox.raw('GET', '/v1/users/count')).status, 200);
  });
});
