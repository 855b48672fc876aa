// What tests of the gateway share: old systems with people in them, a sandbox, Chromium, and gateways between.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { before } from 'node:test';
import { newPage, startApp, startBrowser } from './browser.js';
import { atEnd, spawnChild, temporaryFolder } from './ending.js';
import { startSandbox } from './sandbox.js';

// Starts a program that tells in one line of JSON when it is ready; stop() ends it, at the latest at the end of the file.
async function start(command, args, options = {}) {
  const child = spawnChild(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const exited = new Promise(resolve => child.once('exit', resolve));
  const line = await Promise.race([
    new Promise(resolve => readline.createInterface(child.stdout).once('line', resolve)),
    exited.then(status => { throw new Error(`${command} ended at once with ${status}`); })]);
  const stop = () => {
    if (child.stdin) child.stdin.end();
    else child.kill('SIGTERM');
    return exited;
  };
  return { ready: JSON.parse(line), stop: atEnd(stop) };
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

// The first page of a browser takes long on a busy machine, longer than the minute for which a bridge's ticket is good.
async function warmUp({ browser, sandbox }) {
  const app = await startApp({ publishableKey: sandbox.ready.publishable_key, frontendApi: sandbox.ready.frontend_api,
    secretKey: sandbox.ready.secret_key });
  const page = await newPage(browser);
  await page.goto(app.url);
  await page.waitForSelector('input[name=identifier]');
  await page.context().close();
  await app.stop();
}

// For a file of tests. Returns an object that has, from its first test to its last: old (what old_systems.py tells),
// sandbox, browser, folder, and startGateway(name, legacy, more).
export function labForFile() {
  const lab = { folder: temporaryFolder() };
  const claimsFile = path.join(lab.folder, 'claims.json');
  fs.writeFileSync(claimsFile, '{"userId":"{{user.external_id || user.id}}"}');
  before(async () => {
    const systems = await start('python3', [path.join(process.env.USHER_ROOT, 'tests', 'scenarios', 'old_systems.py')],
      { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    lab.old = systems.ready;
    lab.sandbox = await startSandbox('--production', '--limits', 'off', '--frontend-host', 'clerk.example.test',
      '--session-claims', claimsFile);
    lab.browser = await startBrowser();
    await warmUp(lab);
  });
  lab.sql = () => ({ connector: 'sql', url: lab.old.postgres, query: lab.old.query });
  lab.startGateway = (...args) => startGateway(lab, ...args);
  // A page of a new browser profile with these cookies, and what it shows at an address of the application.
  lab.open = async (app, at = '/', cookies = {}) => {
    const page = await newPage(lab.browser);
    await page.context().addCookies(Object.entries(cookies).map(([name, value]) =>
      ({ name, value, url: app.url, httpOnly: true })));
    page.answer = await page.goto(app.url + at);
    return page;
  };
  return lab;
}
