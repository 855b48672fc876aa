// Clerk's server SDKs against the sandbox: @clerk/backend's authenticateRequest, by header and by cookie, with
// and without network; @clerk/express with its middleware, handshakes and its built-in proxy.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { before, describe, test } from 'node:test';
import { atEnd } from './ending.js';
import { Visitor, payload } from './frontend.js';
import { createClerkClient, startSandbox } from './sandbox.js';

process.env.CLERK_TELEMETRY_DISABLED = '1';
const password = 'Correct-Horse-9!x';

// Signs somebody in; token() asks for a token, that is good for a minute.
async function person(sandbox, visitor, email) {
  const user = await sandbox.clerk.users.createUser({ emailAddress: [email], password });
  const { id: session } = (await visitor.signIn(email, password)).body.client.sessions[0];
  const token = async () => (await visitor.post(`/v1/client/sessions/${session}/tokens`)).body.jwt;
  return { user, session, token };
}

describe('@clerk/backend', () => {
  let sandbox, clerk, one;
  before(async () => {
    sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
    clerk = createClerkClient({ secretKey: sandbox.ready.secret_key, apiUrl: sandbox.ready.backend_api,
      publishableKey: sandbox.ready.publishable_key, telemetry: { disabled: true } });
    one = await person(sandbox, new Visitor(sandbox.ready), 'backend@usher-tests.com');
  });

  const ask = (headers, options) => clerk.authenticateRequest(
    new Request('https://app.example.test/', { headers }), options);

  test('a token in the header, checked with the key set', async () => {
    const state = await ask({ authorization: `Bearer ${await one.token()}` });
    assert.deepEqual([state.status, state.toAuth().userId, state.toAuth().sessionId],
      ['signed-in', one.user.id, one.session]);
  });

  test('networkless, with the public key as PEM', async () => {
    const { keys: [key] } = await (await fetch(`${sandbox.ready.frontend_api}/.well-known/jwks.json`)).json();
    const jwtKey = (await import('node:crypto')).createPublicKey({ key, format: 'jwk' })
      .export({ type: 'spki', format: 'pem' });
    const state = await ask({ authorization: `Bearer ${await one.token()}` }, { jwtKey });
    assert.equal(state.status, 'signed-in');
  });

  test('by cookie, with __client_uat', async () => {
    const token = await one.token();
    const state = await ask({ cookie: `__session=${token}; __client_uat=${payload(token).iat}` });
    assert.equal(state.status, 'signed-in');
  });

  test('who may have sent it is checked; forged and expired tokens are signed out', async () => {
    const authorizedParties = ['https://other.test'];
    assert.equal((await ask({ authorization: `Bearer ${await one.token()}` }, { authorizedParties })).reason,
      'token-invalid-authorized-parties');
    const [head, body] = (await one.token()).split('.');
    assert.equal((await ask({ authorization: `Bearer ${head}.${body}.${'A'.repeat(342)}` })).status, 'signed-out');
    const { jwt } = (await sandbox.raw('POST', `/v1/sessions/${one.session}/tokens`, { expires_in_seconds: 30 })).body;
    assert.equal(payload(jwt).exp - payload(jwt).iat, 30);
  });

  test('a template\'s token is no session', async () => {
    await sandbox.raw('POST', '/v1/jwt_templates', { name: 'service', claims: { role: 'reader' } });
    const { jwt } = await clerk.sessions.getToken(one.session, 'service');
    assert.equal(payload(jwt).role, 'reader');
    assert.equal((await ask({ authorization: `Bearer ${jwt}` })).status, 'signed-out');
  });
});

// An Express application with Clerk's middleware; options go to it. SDK calls read the environment.
async function startExpress(sandbox, options = {}) {
  Object.assign(process.env, { CLERK_SECRET_KEY: sandbox.ready.secret_key,
    CLERK_PUBLISHABLE_KEY: sandbox.ready.publishable_key, CLERK_API_URL: sandbox.ready.backend_api,
    CLERK_FAPI_URL: sandbox.ready.frontend_api });
  const { default: express } = await import('express');
  const { clerkMiddleware, getAuth } = await import('@clerk/express');
  const app = express();
  app.use(clerkMiddleware({ ...options, secretKey: sandbox.ready.secret_key,
    publishableKey: sandbox.ready.publishable_key, apiUrl: sandbox.ready.backend_api }));
  app.get('/me', (request, answer) => answer.json({ userId: getAuth(request).userId }));
  app.get('/page', (request, answer) => answer.type('html').send(`user ${getAuth(request).userId}`));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => new Promise(resolve => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  return { url: `http://127.0.0.1:${server.address().port}` };
}

const document = { 'sec-fetch-dest': 'document', accept: 'text/html' };

// Follows redirects as a browser does, with one jar for both hosts. hosts: where a name really is.
async function visit(url, jar, hosts) {
  for (let i = 0; i < 6; i++) {
    const at = new URL(url), host = hosts[at.host] ?? at.origin;
    const answer = await fetch(host + at.pathname + at.search, { redirect: 'manual', headers: { ...document,
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') } });
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair] = cookie.split(';');
      const name = pair.slice(0, pair.indexOf('='));
      if (/Max-Age=0|Expires=Thu, 01 Jan 1970/.test(cookie)) jar.delete(name);
      else jar.set(name, pair.slice(name.length + 1));
    }
    if (answer.status !== 307) return { status: answer.status, text: await answer.text(), hops: i };
    url = new URL(answer.headers.get('location'), url).href;
  }
  throw new Error('too many redirects');
}

for (const [kind, options] of Object.entries({
  // Without a host of its own: the application is on the same one, so its pages are the instance's.
  production: ['--production'],
  development: ['--secret-key', 'sk_test_express0000000000000000000000', '--frontend-host', 'happy-hippo-1.clerk.accounts.dev'],
})) {
  describe(`@clerk/express, ${kind}`, () => {
    let sandbox, app, visitor, one;
    before(async () => {
      sandbox = await startSandbox('--limits', 'off', ...options);
      app = await startExpress(sandbox);
      visitor = new Visitor(sandbox.ready, { headers: { origin: app.url } });
      if (kind === 'development') visitor.devBrowser = (await visitor.post('/v1/dev_browser')).body.id;
      one = await person(sandbox, visitor, `${kind}@usher-tests.com`);
    });

    test('getAuth knows who sends a token, and nobody without one', async () => {
      const ask = headers => fetch(`${app.url}/me`, { headers }).then(answer => answer.json());
      assert.deepEqual(await ask({ authorization: `Bearer ${await one.token()}` }), { userId: one.user.id });
      assert.deepEqual(await ask({}), { userId: null });
    });

    test('a page without a session cookie shakes hands and knows the user', async () => {
      const jar = new Map(visitor.jar);
      if (kind === 'development') jar.set('__clerk_db_jwt', visitor.devBrowser);
      if (kind === 'development') jar.set('__client_uat', String(payload(await one.token()).iat));
      jar.delete('__session');
      const frontend = kind === 'development' ? 'happy-hippo-1.clerk.accounts.dev' : sandbox.ready.listen;
      const { text, hops } = await visit(`${app.url}/page`, jar, { [frontend]: sandbox.ready.frontend_api });
      assert.equal(text, `user ${one.user.id}`);
      assert.ok(hops >= 2, 'by way of the Frontend API');
    });
  });
}

describe('@clerk/express as a proxy of the Frontend API', () => {
  test('the browser signs in through the application\'s own origin', async () => {
    const sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
    const app = await startExpress(sandbox, { frontendApiProxy: { enabled: true } });
    await sandbox.clerk.users.createUser({ emailAddress: ['proxied@usher-tests.com'], password });
    const visitor = new Visitor({ frontend_api: `${app.url}/__clerk` });
    const done = await visitor.signIn('proxied@usher-tests.com', password);
    assert.equal(done.body.response?.status, 'complete', JSON.stringify(done.body));
    assert.ok(visitor.jar.get('__client'), 'the one cookie that the SDK\'s proxy lets through');
    const touched = await visitor.post(`/v1/client/sessions/${done.body.response.created_session_id}/touch`);
    assert.equal(touched.status, 200);
  });
});
