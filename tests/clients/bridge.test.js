// The session bridge in a browser: an old cookie becomes a Clerk session without a sign-in page. Chromium with
// Clerk's own clerk-js → usher gateway → the sandbox; the sessions are a table in a real PostgreSQL.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { test } from 'node:test';
import { claims, signIn, whoIsIt } from './browser.js';
import { labForFile } from './gateway.js';

const lab = labForFile();
const across = (to = '/') => `/usher/v1/bridge?return_to=${encodeURIComponent(to)}`;

// An application with a bridge for the table of sessions, or with more or other settings of it.
const startBridge = (name, settings = {}, environment) => lab.startGateway(name, lab.sql(), { environment,
  sections: url => ({ bridge: { cookie: 'old_session', origins: url, ...(settings.session ? {} : { session: 'sql',
    url: lab.old.postgres, query: lab.old.session_query }), ...settings } }) });

test('redirected: the old cookie becomes a Clerk session, and nobody sees a sign-in page', async () => {
  const { app, stop } = await startBridge('redirect');
  const page = await lab.open(app, across('/home?a=1#top'), { old_session: 'live-1' });
  await page.waitForSelector('.cl-userButtonTrigger');
  assert.equal(page.url(), `${app.url}/home?a=1#top`);
  const token = await claims(page);
  assert.equal(token.userId, 'pg|1');
  assert.equal(await whoIsIt(page), token.sub);
  assert.ok(!app.requests.some(line => line.startsWith('POST /v1/client/sign_ins')), 'the browser signed in by itself');
  // It is a session like any other: it outlives the page, and its tokens are renewed.
  await page.reload();
  await page.waitForSelector('.cl-userButtonTrigger');
  assert.equal((await claims(page, { skipCache: true })).sid, token.sid);
  const user = await lab.sandbox.clerk.users.getUser(token.sub);
  assert.deepEqual([user.externalId, user.primaryEmailAddress.emailAddress], ['pg|1', 'member1@example.com']);

  // Once: whoever has the same cookie sees the sign-in page, and the old password still opens it.
  const again = await lab.open(app, across('/'), { old_session: 'live-1' });
  assert.equal(again.url(), `${app.url}/?usher_bridge=used`);
  await again.waitForSelector('input[name=identifier]');
  assert.equal(await whoIsIt(again), 'signed out');
  await signIn(again, 'member1@example.com', lab.old.password);
  await again.waitForSelector('.cl-userButtonTrigger');
  assert.equal((await claims(again)).sub, token.sub);
  await stop();
});

test('a browser that is signed in stays so', async () => {
  const { app, stop } = await startBridge('signed-in');
  const page = await lab.open(app, across('/'), { old_session: 'live-2' });
  await page.waitForSelector('.cl-userButtonTrigger');
  const first = await claims(page);
  await page.context().addCookies([{ name: 'old_session', value: 'live-3', url: app.url, httpOnly: true }]);
  await page.goto(app.url + across('/'));
  await page.waitForSelector('.cl-userButtonTrigger');
  assert.equal((await claims(page)).sid, first.sid);
  await stop();
});

// What docs/bridge.md says that an application writes.
const takeOver = page => page.evaluate(async () => {
  const answer = await fetch('/usher/v1/bridge', { method: 'POST', credentials: 'include' });
  if (!answer.ok) return { status: answer.status, ...await answer.json() };
  const { ticket } = await answer.json();
  const attempt = await window.Clerk.client.signIn.create({ strategy: 'ticket', ticket });
  await window.Clerk.setActive({ session: attempt.createdSessionId });
  return { status: answer.status };
});

test('fetched: a script of the page takes the session over by itself', async () => {
  const secret = crypto.randomBytes(32).toString('hex');
  const { app, log, stop } = await startBridge('fetch',
    { session: 'jwt', algorithms: 'HS256', secret: '${env:OLD_SECRET}' }, { OLD_SECRET: secret });
  const encode = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const signed = `${encode({ alg: 'HS256' })}.${encode({ sub: 'pg|4', email: 'member4@example.com', iat: now - 60,
    exp: now + 3600 })}`;
  const token = `${signed}.${crypto.createHmac('sha256', secret).update(signed).digest('base64url')}`;
  const page = await lab.open(app, '/bare', { old_session: token });
  await page.waitForFunction('window.ready');
  assert.deepEqual(await takeOver(page), { status: 200 });
  const mine = await claims(page);
  assert.equal(mine.userId, 'pg|4');
  await page.reload();
  await page.waitForSelector('.cl-userButtonTrigger');
  const twin = await lab.open(app, '/bare', { old_session: token });
  await twin.waitForFunction('window.ready');
  const second = await takeOver(twin);
  assert.deepEqual([second.status, second.error], [409, 'used']);
  assert.equal(await whoIsIt(twin), 'signed out');
  for (const part of [signed, secret, 'member4@']) assert.ok(!log().includes(part), 'the log tells secrets');
  await stop();
});

test('expired, revoked, or older than the password: the sign-in page as ever', async () => {
  const { app, stop } = await startBridge('refused');
  for (const [cookie, code] of [['expired-5', 'refused'], ['revoked-5', 'refused'], ['stale-5', 'refused'],
    ['nobody', 'refused'], [null, 'none']]) {
    const page = await lab.open(app, across('/'), cookie ? { old_session: cookie } : {});
    assert.equal(page.url(), `${app.url}/?usher_bridge=${code}`, cookie);
    await page.waitForSelector('input[name=identifier]');
    assert.equal(await whoIsIt(page), 'signed out');
    const { status, error } = await takeOver(page);
    assert.deepEqual([status, error], [401, code], cookie);
    await page.context().close();
  }
  const { data } = await lab.sandbox.clerk.users.getUserList({ externalId: ['pg|5'] });
  assert.equal(data.length, 0, 'nobody is moved for a session that does not hold');
  await stop();
});

test('no address takes a browser anywhere else', async () => {
  const { app, stop } = await startBridge('open');
  const here = new URL(app.url);
  const evil = 'evil.example';
  const refused = [`//${evil}`, `///${evil}`, `/\\${evil}`, `\\\\${evil}`, `\\/${evil}`, `/\t/${evil}`, `\t//${evil}`,
    `/\n/${evil}`, ` //${evil}`, `https://${evil}`, `http:${evil}`, `http:/${evil}`, `http:\\\\${evil}`,
    `${app.url}@${evil}/`, `${app.url}.${evil}/`, `${app.url}\\@${evil}/`, `${app.url}0/`, `http://localhost@${evil}/`,
    `http://localhost%2f@${evil}`, `http://LOCALHOST:${here.port}/`, `http://127.0.0.1:${here.port}/`,
    `${app.url}?x`, `${app.url}//${evil}`, 'javascript:alert(1)', `data:text/html,<script>location="//${evil}"</script>`,
    `/\u2215${evil}`, `http://localhost\uff0f${evil}`, 'x', '', `/a\r\nLocation: https://${evil}`, '/a b'];
  const page = await lab.open(app, '/');
  for (const to of refused) {
    const answer = await page.goto(app.url + across(to));
    assert.equal(answer.status(), 400, to);
    assert.equal(new URL(page.url()).origin, app.url, to);
  }
  // Two of them, or spellings that a server might read otherwise than a browser.
  for (const query of [`return_to=%2f&return_to=//${evil}`, `return_to=//${evil}&return_to=%2f`, `return_to[]=//${evil}`,
    `Return_To=//${evil}`, 'return_to', '']) {
    const answer = await page.goto(`${app.url}/usher/v1/bridge?${query}`);
    assert.equal(new URL(page.url()).origin, app.url, query);
    assert.ok(answer.status() === 400 || new URL(page.url()).pathname === '/', query);
  }
  // What is allowed, but odd: a browser's own reading of it must be of this application.
  for (const to of [`/%2f%2f${evil}`, `/%5c${evil}`, `/@${evil}`, `/..//${evil}`, `/.//${evil}`, `/a/../..//${evil}`,
    `/?//${evil}`, `/#//${evil}`, `${app.url}/@${evil}`, `/;//${evil}`]) {
    await page.goto(app.url + across(to));
    assert.equal(new URL(page.url()).origin, app.url, to);
  }
  await stop();
});
