// The gateway in a browser: Chromium with Clerk's own <SignIn/> → usher gateway → the sandbox, with a real
// PostgreSQL and a real OpenLDAP as old systems. Nobody in them is known to Clerk beforehand.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, before, test } from 'node:test';
import { claims, signIn, startApp, startBrowser, whoIsIt } from './browser.js';
import { startSandbox } from './sandbox.js';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'usher-gateway-'));
const scenarios = path.join(process.env.USHER_ROOT, 'tests', 'scenarios');
fs.writeFileSync(path.join(folder, 'claims.json'), '{"userId":"{{user.external_id || user.id}}"}');

// Starts a program that tells in one line of JSON when it is ready; stop() ends it.
async function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const exited = new Promise(resolve => child.once('exit', resolve));
  const line = await Promise.race([
    new Promise(resolve => readline.createInterface(child.stdout).once('line', resolve)),
    exited.then(status => { throw new Error(`${command} ended at once with ${status}`); })]);
  return { ready: JSON.parse(line), child, stop: () => { child.stdin?.end(); child.kill('SIGTERM'); return exited; } };
}

let old, sandbox, browser;
before(async () => {
  old = await start('python3', [path.join(scenarios, 'old_systems.py')],
    { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
  sandbox = await startSandbox('--production', '--limits', 'off', '--frontend-host', 'clerk.example.test',
    '--session-claims', path.join(folder, 'claims.json'));
  browser = await startBrowser();
});
after(async () => {
  await browser?.close();
  await sandbox?.stop();
  old?.child.stdin.end();
  fs.rmSync(folder, { recursive: true });
});

// An application whose /__clerk is a gateway in front of this old system.
async function startGateway(name, legacy) {
  const options = { publishableKey: sandbox.ready.publishable_key, frontendApi: 'http://127.0.0.1:1' };
  const app = await startApp(options);
  const config = path.join(folder, `${name}.yaml`);
  fs.writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', admin: '127.0.0.1:0', users: 40,
    ledger: path.join(folder, `${name}.ledger`), legacy,
    proxy: { url: `${app.url}/__clerk`, upstream: sandbox.ready.frontend_api, client_address: 'X-Real-IP' },
    clerk: { secret_key: '${env:CLERK_SECRET_KEY}', api_url: sandbox.ready.backend_api } }));
  const log = fs.openSync(path.join(folder, `${name}.log`), 'w');
  const gateway = await start(process.env.USHER, ['gateway', '--config', config],
    { stdio: ['ignore', 'pipe', log], env: { ...process.env, CLERK_SECRET_KEY: sandbox.ready.secret_key } });
  options.frontendApi = `http://${gateway.ready.listen}/__clerk`;
  return { app, gateway, log: () => fs.readFileSync(path.join(folder, `${name}.log`), 'utf8'),
    stop: async () => { await app.stop(); await gateway.stop(); } };
}

async function open(app, at = '/') {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(120000);
  await page.goto(app.url + at);
  await page.waitForSelector('input[name=identifier]');
  return page;
}

const sql = () => ({ connector: 'sql', url: old.ready.postgres, query: old.ready.query });

test('who exists only in PostgreSQL signs in with the old password; the token carries the old id', async () => {
  const { app, log, stop } = await startGateway('sql', sql());
  const page = await open(app);
  await signIn(page, 'member1@example.com', 'not it');
  await page.waitForSelector('.cl-formFieldErrorText');
  assert.equal((await sandbox.clerk.users.getUserList()).totalCount, 0, 'nobody is made for a guess');
  await page.fill('input[name=password]:not([tabindex="-1"])', old.ready.password);
  await page.click('.cl-formButtonPrimary');
  await page.waitForSelector('.cl-userButtonTrigger');
  const token = await claims(page);
  assert.equal(token.userId, 'pg|1');
  assert.equal(await whoIsIt(page), token.sub);
  await page.reload();
  await page.waitForSelector('.cl-userButtonTrigger');

  const again = await open(app);
  await signIn(again, 'member1@example.com', old.ready.password);
  await again.waitForSelector('.cl-userButtonTrigger');
  assert.equal((await claims(again)).userId, 'pg|1');
  const asked = log().split('\n').filter(line => line.includes('"legacy":"'));
  assert.ok(asked.length > 0 && asked.length <= 3, 'the second sign-in is Clerk\'s alone');
  await stop();
});

test('who exists only in a directory signs in', async () => {
  const { app, stop } = await startGateway('ldap', { connector: 'ldap', url: old.ready.ldap, base: old.ready.base,
    starttls: 'no' });
  const page = await open(app);
  await signIn(page, old.ready.person, old.ready.person_password);
  await page.waitForSelector('.cl-userButtonTrigger');
  const user = await sandbox.clerk.users.getUser(await page.evaluate(() => window.Clerk.user.id));
  assert.equal(user.primaryEmailAddress.emailAddress, old.ready.person);
  await stop();
});

test('while the old system is down the page says so, and no password is called wrong', async () => {
  const { app, stop } = await startGateway('down', { ...sql(), url: 'postgres://nobody@127.0.0.1:9/none' });
  const page = await open(app);
  await signIn(page, 'member2@example.com', old.ready.password);
  await page.waitForFunction(() => document.body.textContent.includes('try again in a moment'));
  assert.ok(!(await page.textContent('body')).includes('incorrect'));
  await stop();
});

test('the live page shows what was moved', async () => {
  const { app, gateway, stop } = await startGateway('live', sql());
  const page = await open(app);
  await signIn(page, 'member3@example.com', old.ready.password);
  await page.waitForSelector('.cl-userButtonTrigger');
  const live = await (await browser.newContext()).newPage();
  live.setDefaultTimeout(120000);
  await live.goto(`http://${gateway.ready.admin}/`);
  await live.waitForFunction(() => document.getElementById('today').textContent === '1');
  assert.equal(await live.textContent('#done'), '1');
  assert.equal(await live.textContent('#share'), '2.5 %');
  assert.equal(await live.textContent('#legacy'), 'well');
  const metrics = await (await fetch(`http://${gateway.ready.admin}/metrics`)).text();
  assert.match(metrics, /^usher_moved_total 1$/m);
  assert.match(metrics, /^usher_legacy_answers_total\{connector="sql",says="yes"\} \d+$/m);
  await stop();
});
