// What tests of the gateway share: old systems with people in them, a sandbox, Chromium, and gateways between.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { after, before } from 'node:test';
import { startApp, startBrowser } from './browser.js';
import { startSandbox } from './sandbox.js';

// Starts a program that tells in one line of JSON when it is ready; stop() ends it.
async function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const exited = new Promise(resolve => child.once('exit', resolve));
  const line = await Promise.race([
    new Promise(resolve => readline.createInterface(child.stdout).once('line', resolve)),
    exited.then(status => { throw new Error(`${command} ended at once with ${status}`); })]);
  return { ready: JSON.parse(line), child, stop: () => { child.stdin?.end(); child.kill('SIGTERM'); return exited; } };
}

// An application whose /__clerk and /usher are a gateway in front of this old system. sections: what usher.yaml has
// besides, made from the application's address; environment: for secrets.
async function startGateway(lab, name, legacy, { sections = () => ({}), environment = {} } = {}) {
  const { folder, sandbox } = lab;
  const options = { publishableKey: sandbox.ready.publishable_key };
  const app = await startApp(options);
  const config = path.join(folder, `${name}.yaml`), logFile = path.join(folder, `${name}.log`);
  fs.writeFileSync(config, JSON.stringify({ listen: '127.0.0.1:0', admin: '127.0.0.1:0', users: 40,
    ledger: path.join(folder, `${name}.ledger`), legacy,
    proxy: { url: `${app.url}/__clerk`, upstream: sandbox.ready.frontend_api, client_address: 'X-Real-IP' },
    clerk: { secret_key: '${env:CLERK_SECRET_KEY}', api_url: sandbox.ready.backend_api }, ...sections(app.url) }));
  const gateway = await start(process.env.USHER, ['gateway', '--config', config],
    { stdio: ['ignore', 'pipe', fs.openSync(logFile, 'w')],
      env: { ...process.env, CLERK_SECRET_KEY: sandbox.ready.secret_key, ...environment } });
  options.gateway = `http://${gateway.ready.listen}`;
  options.frontendApi = `${options.gateway}/__clerk`;
  return { app, gateway, log: () => fs.readFileSync(logFile, 'utf8'),
    stop: async () => { await app.stop(); await gateway.stop(); } };
}

// For a file of tests. Returns an object that has, from its first test to its last: old (what old_systems.py tells),
// sandbox, browser, folder, and startGateway(name, legacy, more).
export function labForFile() {
  const lab = { folder: fs.mkdtempSync(path.join(os.tmpdir(), 'usher-gateway-')) };
  const claimsFile = path.join(lab.folder, 'claims.json');
  let systems;
  fs.writeFileSync(claimsFile, '{"userId":"{{user.external_id || user.id}}"}');
  before(async () => {
    systems = await start('python3', [path.join(process.env.USHER_ROOT, 'tests', 'scenarios', 'old_systems.py')],
      { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    lab.old = systems.ready;
    lab.sandbox = await startSandbox('--production', '--limits', 'off', '--frontend-host', 'clerk.example.test',
      '--session-claims', claimsFile);
    lab.browser = await startBrowser();
  });
  after(async () => {
    await lab.browser?.close();
    await lab.sandbox?.stop();
    systems?.child.stdin.end();
    fs.rmSync(lab.folder, { recursive: true });
  });
  lab.sql = () => ({ connector: 'sql', url: lab.old.postgres, query: lab.old.query });
  lab.startGateway = (...args) => startGateway(lab, ...args);
  // A page of a new browser profile with these cookies, and what it shows at an address of the application.
  lab.open = async (app, at = '/', cookies = {}) => {
    const context = await lab.browser.newContext();
    await context.addCookies(Object.entries(cookies).map(([name, value]) =>
      ({ name, value, url: app.url, httpOnly: true })));
    const page = await context.newPage();
    page.setDefaultTimeout(120000);
    page.answer = await page.goto(app.url + at);
    return page;
  };
  return lab;
}
