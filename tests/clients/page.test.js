// The sandbox's page under /usher/ in a real browser, and who may ask for what it shows.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { newPage, press, startBrowser } from './browser.js';
import { until } from './ending.js';
import { sendCode } from './front.js';
import { startSandbox } from './sandbox.js';

let sandbox, browser;

// A fresh window that notes what goes wrong in it, and whom it asks.
async function open(options = {}) {
  const page = await newPage(browser, options);
  page.problems = [];
  page.asked = [];
  page.on('pageerror', error => page.problems.push(error.message));
  page.on('console', message => message.type() === 'error' && page.problems.push(message.text()));
  page.on('dialog', dialog => page.problems.push(dialog.message()) && dialog.dismiss());
  page.on('request', request => page.asked.push(request.url()));
  return page;
}

before(async () => {
  [sandbox, browser] = await Promise.all([startSandbox('--limits', '500/60'), startBrowser()]);
});

const origin = () => sandbox.ready.backend_api;
const token = () => new URL(sandbox.ready.page).hash.replace('#token=', '');
const create = fields => sandbox.clerk.users.createUser({ skipPasswordRequirement: true, ...fields });

// A request with exactly these headers; fetch would not send a foreign Host.
const bare = (path, headers, method = 'GET') => new Promise((resolve, reject) => {
  const request = http.request(origin() + path, { method, headers }, answer => {
    let body = '';
    answer.on('data', piece => { body += piece; });
    answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body }));
  });
  request.on('error', reject);
  request.end();
});

describe('who may look', () => {
  test('the token of the link or the secret key, and nobody else', async () => {
    const paths = ['overview', 'users', 'requests', 'webhooks', 'deliveries', 'metering', 'stats'];
    for (const path of paths) {
      assert.equal((await bare(`/v1/sandbox/${path}`, {})).status, 401, path);
      assert.equal((await bare(`/v1/sandbox/${path}`, { 'x-usher-page': 'f'.repeat(32) })).status, 401);
      assert.equal((await bare(`/v1/sandbox/${path}`, { 'x-usher-page': token().slice(1) })).status, 401);
      assert.equal((await bare(`/v1/sandbox/${path}`, { 'x-usher-page': token() })).status, 200);
    }
    assert.equal((await bare('/v1/sandbox/faults', {}, 'PUT')).status, 401);
  });

  test('the token opens none of Clerk\'s endpoints', async () => {
    assert.equal((await bare('/v1/users', { 'x-usher-page': token() })).status, 401);
    assert.equal((await bare('/v1/users?x=/v1/sandbox/', { 'x-usher-page': token() })).status, 401);
  });

  test('a name that was pointed at this machine gets nothing, even with the token', async () => {
    for (const host of ['attacker.example.com', 'attacker.example.com:80', '127.0.0.1.example.com'])
      assert.equal((await bare('/v1/sandbox/users', { host, 'x-usher-page': token() })).status, 401, host);
    for (const host of ['localhost:1', '127.0.0.1', '[::1]:8080'])
      assert.equal((await bare('/v1/sandbox/users', { host, 'x-usher-page': token() })).status, 200, host);
  });

  test('the files hold no secret, take no other method, and forbid everything foreign', async () => {
    for (const path of ['/usher/', '/usher/main.js', '/usher/page.css', '/usher/icon.svg']) {
      const { status, headers, body } = await bare(path, {});
      assert.equal(status, 200, path);
      assert.ok(!body.includes(token()) && !body.includes(sandbox.ready.secret_key));
      assert.ok(!/https?:\/\/(?!127\.0\.0\.1|www\.w3\.org\/2000\/svg)/.test(body), `${path} names another server`);
      assert.match(headers['content-security-policy'], /^default-src 'none';.*require-trusted-types-for 'script'/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
    }
    assert.equal((await bare('/usher', {})).headers.location, '/usher/');
    assert.equal((await bare('/usher/', {}, 'POST')).status, 405);
    for (const path of ['/usher/..%2f..%2fetc/passwd', '/usher/none.js', '/usher/main.js/'])
      assert.equal((await bare(path, {})).status, 404, path);
  });
});

describe('the page', () => {
  let page, made;
  const go = async section => {
    await press(page, `#sections a:text-is("${section}")`);
    await page.waitForSelector(`h1:text-is("${section}")`);
  };
  const showsRows = count => page.waitForFunction(n => document.querySelectorAll('tbody tr').length === n, count);
  const overview = async () => (await sandbox.raw('GET', '/v1/sandbox/overview')).body;
  before(async () => {
    made = await create({ firstName: 'Ada', lastName: 'Lovelace', username: 'ada_l', externalId: 'auth0|<b>&amp;1',
      emailAddress: ['ada@usher-tests.com', 'ada2@usher-tests.com'], emailAddressIdentificationStatus: ['reserved', 'verified'],
      passwordHasher: 'md5', passwordDigest: '5f4dcc3b5aa765d61d8327deb882cf99',
      publicMetadata: { note: '<img src=x onerror=alert(1)>', '</script>': '"' } });
    for (let i = 0; i < 60; i++) await create({ emailAddress: [`many${i}@usher-tests.com`] });
    page = await open();
    await page.goto(sandbox.ready.page);
    await page.waitForSelector('h1:text-is("Overview")');
  });
  after(() => {
    assert.deepEqual(page.problems, []);
    assert.deepEqual(page.asked.filter(url => !url.startsWith(`${origin()}/`)), []);
  });

  test('the token leaves the address bar', async () => {
    assert.equal(page.url(), `${origin()}/usher/#/`);
  });

  test('the overview counts users and requests and goes on by itself', async () => {
    const users = () => page.textContent('.card:has(dt:text-is("Users")) dd');
    assert.equal(await users(), '61');
    await create({ emailAddress: ['later@usher-tests.com'] });
    await page.waitForSelector('.card:has(dt:text-is("Users")) dd:text-is("62")');
    await page.waitForSelector('text=/of 500 requests used in 60 s/');
    await page.waitForSelector('#environment:text-is("production")');
  });

  test('users are paged by cursor and found by what their identifiers begin with', async () => {
    await go('Users');
    await showsRows(50);
    await press(page, 'text=Older users');
    await showsRows(62);
    for (const query of ['ADA2@', 'ada_', 'auth0|<b>', made.id]) {
      await page.keyboard.press('Escape');
      await page.fill('#search', query);
      await showsRows(1);
      assert.match(await page.textContent('tbody tr'), /Ada Lovelace.*md5.*bcrypt at next sign-in/, query);
    }
    await page.fill('#search', '<script>%_');
    await page.waitForSelector('text=Nobody whose id');
    await page.fill('#search', '');
    await showsRows(50);
  });

  test('the slash goes to the search, Tab and Enter to a user', async () => {
    await page.locator('main').focus();
    await page.keyboard.press('/');
    await page.keyboard.insertText('ada2@'); // at once, so that no later answer draws the list again
    await showsRows(1);
    await page.keyboard.press('Tab'); // the table, which scrolls
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:text-is("Ada Lovelace")');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  });

  test('a user\'s page tells hasher, identifiers and metadata, and what users wrote stays text', async () => {
    const text = await page.textContent('main');
    for (const part of ['auth0|<b>&amp;1', 'ada@usher-tests.com', 'reserved', 'primary', 'which is weak',
      '<img src=x onerror=alert(1)>'])
      assert.ok(text.includes(part), part);
    assert.equal(await page.locator('main img, main script, main b').count(), 0);
    assert.ok(!text.includes('5f4dcc3b5aa765d61d8327deb882cf99'), 'the digest is nowhere');
    const gone = await sandbox.raw('POST', `/v1/users/${made.id}/verify_password`, { password: 'password' });
    assert.equal(gone.status, 200);
    await page.waitForSelector('dd:has-text("bcrypt cost=10")');
  });

  test('requests are listed with method, path and status, but neither query nor body nor key', async () => {
    await sandbox.raw('GET', '/v1/users?email_address=hidden@usher-tests.com');
    await sandbox.raw('GET', '/v1/nowhere');
    await go('Requests');
    await page.waitForSelector('tr:has-text("/v1/nowhere"):has-text("404")');
    const { body } = await sandbox.raw('GET', '/v1/sandbox/requests');
    assert.ok(body.data.length > 60 && body.data.every(r => r.took_us >= 0));
    for (const secret of ['hidden@', '5f4dcc3b', sandbox.ready.secret_key, token()])
      assert.ok(!JSON.stringify(body).includes(secret));
    await page.selectOption('#kind', 'failed');
    await page.waitForFunction(() => ![...document.querySelectorAll('tbody .badge')].some(b => b.textContent === '200'));
  });

  test('a switch for faults acts at once', async () => {
    await go('Faults');
    await page.selectOption('#unit-500', 'count');
    await page.fill('#amount-500', '2');
    await page.keyboard.press('Tab');
    await page.waitForSelector('text=In force from the next request on.');
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await sandbox.raw('GET', '/v1/users/count')).status);
    assert.deepEqual(statuses, [500, 500, 200]);
    await page.fill('#latency', '300');
    await page.keyboard.press('Tab');
    await until(overview, ({ latency_ms }) => latency_ms === 300);
    const began = Date.now();
    await sandbox.raw('GET', '/v1/users/count');
    assert.ok(Date.now() - began >= 290);
    await press(page, 'text=Clear all');
    await page.waitForSelector('text=No faults, no latency.');
    const { latency_ms, faults } = await overview();
    assert.deepEqual([latency_ms, faults], [0, []]);
  });

  test('a webhook endpoint is made, told its secret once, and its messages are seen', async () => {
    const receiver = http.createServer((request, response) => request.resume().on('end', () => response.end()));
    await new Promise(resolve => receiver.listen(0, '127.0.0.1', resolve));
    await go('Webhooks');
    await page.fill('#url', `http://127.0.0.1:${receiver.address().port}/`);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.notice:has-text("told once: whsec_")');
    await create({ emailAddress: ['hooked@usher-tests.com'] });
    const delivered = 'tr:has-text("user.created"):has-text("delivered"):has-text("200")';
    await until(() => press(page, 'button:text-is("Refresh")').then(() => page.locator(delivered).count()));
    assert.equal(await page.locator('.notice').count(), 0);
    await press(page, `${delivered} button:text-is("Payload")`);
    await page.waitForSelector('tr.payload:has-text("hooked@usher-tests.com")');
    receiver.closeAllConnections();
    await new Promise(resolve => receiver.close(resolve));
  });

  test('metering says that nobody was active, until somebody is', async () => {
    await go('Metering');
    await page.waitForSelector('text=Nobody has been active yet.');
    const attempt = await sendCode(sandbox.ready.frontend_api, 'many7@usher-tests.com');
    await go('Outbox');
    await page.waitForSelector('tr:has-text("many7@usher-tests.com")');
    const code = (await page.textContent('tbody td:nth-child(3)')).trim();
    assert.match(code, /^\d{6}$/);
    const signIn = await attempt(code);
    await go('Metering');
    await page.waitForSelector('tbody tr td:nth-child(2):text-is("1")');
    await go('Sessions');
    const row = `tr:has-text("${signIn.created_session_id}"):has-text("active")`;
    await press(page, `${row} a`);
    await page.waitForSelector('h1:text-is("many7@usher-tests.com")');
    await page.waitForSelector(row);
  });
});

test('without the token the page is locked; the secret key opens it, a wrong one does not', async () => {
  const page = await open();
  await page.goto(`${origin()}/usher/#/users`);
  await page.waitForSelector('h1:text-is("This page is locked")');
  await page.fill('#key', 'sk_live_wrong');
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=That is not the secret key of this instance.');
  await page.fill('#key', sandbox.ready.secret_key);
  await page.keyboard.press('Enter');
  await page.waitForSelector('h1:text-is("Users")');
  await page.reload();
  await page.waitForSelector('h1:text-is("Users")');
});

test('it is dark where the reader wants it dark, and fits a telephone', async () => {
  const ground = async scheme => {
    const page = await open({ colorScheme: scheme, viewport: { width: 390, height: 800 } });
    await page.goto(sandbox.ready.page);
    await page.waitForSelector('h1:text-is("Overview")');
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    return page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)[0]));
  };
  assert.ok(await ground('light') > 200);
  assert.ok(await ground('dark') < 60);
});
