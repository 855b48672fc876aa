// Chromium, driven by playwright-core, and a small application for it: pages with Clerk's own unmodified
// browser bundles, and a proxy path `/__clerk` in front of a Frontend API, as applications have one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { atEnd, patience, spawnChild, until } from './ending.js';
import { startSandbox } from './sandbox.js';

const here = path.dirname(new URL(import.meta.url).pathname);
const bundles = path.join(here, 'bundles');

// Starts the machine's Chromium with an empty profile, until the end of the file. Returns playwright's Browser.
export async function startBrowser() {
  const found = spawnSync('which', ['chromium'], { encoding: 'utf8' }).stdout.trim();
  if (!found) throw new Error('there is no chromium; tools/setup installs it');
  const browser = await chromium.launch({ executablePath: found, headless: true, timeout: patience, args: ['--no-sandbox', '--disable-gpu',
    '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync'] });
  atEnd(() => browser.close());
  return browser;
}

// A page of a new profile, that waits for things with patience; errors are what its scripts threw, what they asked of Clerk's
// APIs that is not there, and what the browser would not load. options: the profile's.
export async function newPage(browser, options) {
  const page = await (await browser.newContext(options)).newPage();
  page.setDefaultTimeout(patience);
  page.errors = [];
  page.on('pageerror', error => page.errors.push(String(error)));
  page.on('response', answer => {
    if (/\/v1\//.test(answer.url()) && (answer.status() === 404 || answer.status() >= 500))
      page.errors.push(`${answer.request().method()} ${new URL(answer.url()).pathname}: ${answer.status()}`);
  });
  page.on('console', message => {
    if (/blocked by CORS policy/.test(message.text())) page.errors.push(message.text());
  });
  return page;
}

// What is shown at a path to who is signed out; else <SignIn/>. At /bare scripts sign in, and no card leads away meanwhile.
const outsides = { '/sign-up': 'mountSignUp', '/waitlist': 'mountWaitlist', '/bare': '' };
// What a signed-in user sees at a path; else the user button.
const views = { '/switch': 'mountOrganizationSwitcher', '/organization': 'mountOrganizationProfile',
  '/new-organization': 'mountCreateOrganization', '/organizations': 'mountOrganizationList', '/user': 'mountUserProfile' };

// The page: signed out it shows `view` (mountSignIn, mountSignUp), signed in `inside`.
function pageOf({ publishableKey, proxyUrl, view, inside }) {
  return `<!doctype html><meta charset="utf-8"><title>app</title><body>
<div id="user"></div><div id="app"></div>
<script src="/npm/@clerk/ui@1/dist/ui.browser.js" crossorigin="anonymous"></script>
<script src="/npm/@clerk/clerk-js@6/dist/clerk.browser.js" crossorigin="anonymous"
  data-clerk-publishable-key="${publishableKey}" data-clerk-proxy-url="${proxyUrl}"></script>
<script>
  const app = document.getElementById('app');
  Clerk.load({ ui: { ClerkUI: window.__internal_ClerkUICtor }, telemetry: false,
    signInUrl: '/sign-in', signUpUrl: '/sign-up', afterSignOutUrl: '/signed-out' }).then(() => {
      document.getElementById('user').textContent = Clerk.user ? Clerk.user.id : 'signed out';
      const view = Clerk.user ? '${inside}' : '${view}';
      if (view) Clerk[view](app, view === 'mountUserButton' ? {} : { routing: 'hash' });
      window.ready = true;
    });
</script>`;
}

function sendFile(answer, file) {
  if (!fs.existsSync(file)) return answer.writeHead(404).end();
  answer.writeHead(200, { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' });
  return fs.createReadStream(file).pipe(answer);
}

// Passes a request on as an application's proxy does; every Set-Cookie comes back by itself.
function forward(request, answer, target, headers) {
  const url = new URL(target);
  const upstream = http.request({ host: url.hostname, port: url.port, method: request.method,
    path: url.pathname + url.search, headers: { ...request.headers, host: url.host, ...headers } }, from => {
    answer.writeHead(from.statusCode, from.rawHeaders);
    from.pipe(answer);
  });
  upstream.on('error', () => answer.writeHead(502).end());
  request.pipe(upstream);
}

// options: publishableKey; frontendApi, where /__clerk leads; secretKey, with which the proxy says that it is
// one (production instances); proxyUrl, if the browser is to go elsewhere than to /__clerk; gateway, where
// /usher leads.
// Returns { url, requests, stop }, where the file's end stops it as well; requests are "METHOD /path" of what went through the proxy.
export async function startApp(options) {
  const requests = [];
  const server = http.createServer((request, answer) => {
    const at = new URL(request.url, 'http://app');
    const npm = /^\/npm\/@clerk\/(clerk-js|ui)@[^/]+\/dist\/([\w.-]+)$/.exec(at.pathname);
    if (npm) return sendFile(answer, path.join(bundles, npm[1], 'dist', npm[2]));
    if (at.pathname.startsWith('/__clerk/')) {
      const rest = request.url.slice('/__clerk'.length);
      const method = at.searchParams.get('_method') ?? request.method;
      requests.push(`${method} ${at.pathname.slice('/__clerk'.length)}`);
      return forward(request, answer, options.frontendApi + rest, options.secretKey && {
        'clerk-proxy-url': `http://${request.headers.host}/__clerk`, 'clerk-secret-key': options.secretKey,
        'x-forwarded-for': '203.0.113.7' });
    }
    if (options.gateway && at.pathname.startsWith('/usher/'))
      return forward(request, answer, options.gateway + request.url, {});
    answer.writeHead(200, { 'content-type': 'text/html' });
    const view = outsides[at.pathname] ?? 'mountSignIn', inside = views[at.pathname] ?? 'mountUserButton';
    return answer.end(pageOf({ proxyUrl: '/__clerk', ...options, view, inside }));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    // A name, not an address: cookies of an address have no domain to be shared in.
    url: `http://localhost:${server.address().port}`,
    requests,
    stop: atEnd(() => new Promise(resolve => {
      server.close(resolve);
      server.closeAllConnections();
    })),
  };
}

// A browser, a sandbox of the production kind and an application in front of it: { browser, sandbox, app }.
export async function startProduction() {
  const browser = await startBrowser();
  const sandbox = await startSandbox('--limits', 'off', '--production', '--frontend-host', 'clerk.example.test');
  const app = await startApp({ publishableKey: sandbox.ready.publishable_key, secretKey: sandbox.ready.secret_key,
    frontendApi: sandbox.ready.frontend_api });
  return { browser, sandbox, app };
}

// Runs a program to its end; returns { status, stdout, stderr }.
export function run(command, args, options = {}) {
  return new Promise(resolve => {
    const child = spawnChild(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '', stderr = '';
    child.stdout.on('data', piece => { stdout += piece; });
    child.stderr.on('data', piece => { stderr += piece; });
    child.on('close', status => resolve({ status, stdout, stderr })); // not its exit: output may still be on its way
  });
}

// Presses a button or link by the keyboard: what a card says of a field moves the button away from under a mouse.
export async function press(page, selector) {
  const button = page.locator(selector).and(page.locator(':not([disabled])')).first();
  await button.waitFor();
  await button.press('Enter');
}

// Fills fields of a form, and sends it from the last one: { name: value }.
export async function submit(page, fields) {
  let last;
  for (const [name, value] of Object.entries(fields)) {
    last = page.locator(`input[name=${name}]:not([tabindex="-1"])`); // a card of one step hides the next step's field
    await last.fill(value);
  }
  await last.press('Enter');
}

// Fills the sign-in card's two steps.
export async function signIn(page, identifier, password) {
  await submit(page, { identifier });
  await submit(page, { password });
}

// A page of a new profile at a path of the application, where this user has signed in.
export async function openAs({ browser, app }, user, password, at) {
  const page = await newPage(browser);
  await page.goto(app.url);
  await signIn(page, user.emailAddresses[0].emailAddress, password);
  await page.waitForSelector('.cl-userButtonTrigger');
  await page.goto(app.url + at);
  assert.equal(await whoIsIt(page), user.id);
  return page;
}

// Types the code that was sent to an address into the card that asks for it.
export async function typeCode(page, sandbox, address) {
  await page.waitForSelector('.cl-otpCodeField');
  await page.locator('input[data-input-otp]').pressSequentially(await codeSentTo(sandbox, address));
}

// Waits until the page tells who is signed in; returns that text.
export async function whoIsIt(page) {
  await page.waitForFunction('window.ready');
  return page.textContent('#user');
}

// The code of the first message to an address. The page's field for it may be there before it is sent.
export async function codeSentTo(sandbox, address) {
  const at = `/v1/sandbox/outbox?to=${encodeURIComponent(address)}`;
  return (await until(async () => (await sandbox.raw('GET', at)).body[0])).code;
}

// The claims of the session's token, read in the page, which may be on its way to the next one.
export async function claims(page, options) {
  const token = await until(() => page.evaluate(o => window.Clerk?.session?.getToken(o), options).catch(error => {
    if (!error.message.includes('Execution context was destroyed')) throw error;
  }));
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
}
