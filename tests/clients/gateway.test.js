// The gateway in a browser: Chromium with Clerk's own <SignIn/> → usher gateway → the sandbox, with a real
// PostgreSQL and a real OpenLDAP as old systems. Nobody in them is known to Clerk beforehand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claims, newPage, press, signIn, submit, typeCode, whoIsIt } from './browser.js';
import { labForFile } from './gateway.js';

const lab = labForFile();

const protect = async on =>
  assert.equal((await lab.sandbox.raw('PATCH', '/v1/sandbox/settings', { enumeration_protection: on })).status, 200);

async function open(app, at = '/') {
  const page = await lab.open(app, at);
  await page.waitForSelector('input[name=identifier]');
  return page;
}

test('who exists only in PostgreSQL signs in with the old password; the token carries the old id', async () => {
  const { app, log, stop } = await lab.startGateway('sql', lab.sql());
  const page = await open(app);
  await signIn(page, 'member1@example.com', 'not it');
  await page.waitForSelector('.cl-formFieldErrorText');
  assert.equal((await lab.sandbox.clerk.users.getUserList()).totalCount, 0, 'nobody is made for a guess');
  await submit(page, { password: lab.old.password });
  await page.waitForSelector('.cl-userButtonTrigger');
  const token = await claims(page);
  assert.equal(token.userId, 'pg|1');
  assert.equal(await whoIsIt(page), token.sub);
  await page.reload();
  await page.waitForSelector('.cl-userButtonTrigger');

  const again = await open(app);
  await signIn(again, 'member1@example.com', lab.old.password);
  await again.waitForSelector('.cl-userButtonTrigger');
  assert.equal((await claims(again)).userId, 'pg|1');
  const asked = log().split('\n').filter(line => line.includes('"legacy":"'));
  assert.ok(asked.length > 0 && asked.length <= 3, 'the second sign-in is Clerk\'s alone');
  await stop();
});

test('who exists only in a directory signs in', async () => {
  const { app, stop } = await lab.startGateway('ldap', { connector: 'ldap', url: lab.old.ldap, base: lab.old.base, starttls: 'no' });
  const page = await open(app);
  await signIn(page, lab.old.person, lab.old.person_password);
  await page.waitForSelector('.cl-userButtonTrigger');
  const user = await lab.sandbox.clerk.users.getUser(await page.evaluate(() => window.Clerk.user.id));
  assert.equal(user.primaryEmailAddress.emailAddress, lab.old.person);
  await stop();
});

test('while the old system is down the page says so, and no password is called wrong', async () => {
  const { app, gateway, stop } = await lab.startGateway('down', { ...lab.sql(), url: 'postgres://nobody@127.0.0.1:9/none' });
  const page = await open(app);
  await signIn(page, 'member2@example.com', lab.old.password);
  await page.waitForFunction(() => document.body.textContent.includes('try again in a moment'));
  assert.ok(!(await page.textContent('body')).includes('incorrect'));
  const live = await openLive(gateway, 0);
  assert.match(await live.textContent('#legacy'), /^(ailing|down)$/);
  assert.equal(await live.getAttribute('#legacy', 'class'), 'bad');
  assert.notEqual(await live.cell('later: nobody could tell'), '0');
  await stop();
});

// The live page of a gateway, once it shows this many moved today.
async function openLive(gateway, moved) {
  const page = await newPage(lab.browser);
  await page.goto(`http://${gateway.ready.admin}/`);
  await page.waitForFunction(n => document.getElementById('today').textContent === n, String(moved));
  page.cell = name => page.evaluate(text => [...document.querySelectorAll('tr')]
    .find(row => row.firstChild.textContent === text).lastChild.textContent, name);
  return page;
}

test('the live page shows what was moved, how fast, what was refused and where it is going', async () => {
  const { app, gateway, stop } = await lab.startGateway('live', lab.sql(),
    { sections: () => ({ throttle: { identifier: 2, address: 1000, seconds: 3600 } }) });
  const page = await open(app);
  await signIn(page, 'member3@example.com', 'not it');
  await page.waitForSelector('.cl-formFieldErrorText');
  await submit(page, { password: lab.old.password });
  await page.waitForSelector('.cl-userButtonTrigger');
  const live = await openLive(gateway, 1);
  for (const [id, text] of Object.entries({ hour: '1', done: '1', share: '2.5 %', legacy: 'well', left: '39 days' }))
    assert.equal(await live.textContent(`#${id}`), text, id);
  assert.equal(await live.getAttribute('#legacy', 'class'), '');
  assert.deepEqual([await live.cell('wrong password'), await live.cell('too many guesses'), await live.cell('unknown')],
    ['1', '0', '0']);
  // 48 bars of which the last is the running hour's, and two curves, to now and on from there.
  const drawn = await live.evaluate(() => ({ bars: [...document.querySelectorAll('#bars rect')].map(bar => bar.getAttribute('height')),
    curves: [...document.querySelectorAll('#curve path')].map(path => path.getAttribute('d')) }));
  assert.deepEqual([drawn.bars.length, drawn.bars.at(-1), drawn.bars.filter(height => height !== '0').length], [48, '1', 1]);
  assert.equal(drawn.curves.length, 2);
  const [past, next] = drawn.curves.map(d => d.slice(1).split('L').map(point => point.split(' ').map(Number)));
  assert.deepEqual(past.at(-1), next[0], 'the curve goes on where it is');
  assert.equal(past.length, 49);
  assert.ok(next[1][1] < next[0][1] && [...past, ...next].flat().every(Number.isFinite), 'and upwards');
  // The page follows: somebody guesses until that is too much.
  const guesser = await open(app);
  await signIn(guesser, 'member9@example.com', 'guess one');
  await guesser.waitForSelector('.cl-formFieldErrorText');
  for (const guess of ['guess two', 'guess three']) {
    await Promise.all([guesser.waitForResponse(answer => answer.url().includes('attempt_first_factor')),
      submit(guesser, { password: guess })]);
  }
  await live.waitForFunction(() => document.getElementById('refused').textContent.includes('too many guesses1'));
  const metrics = await (await fetch(`http://${gateway.ready.admin}/metrics`)).text();
  assert.match(metrics, /^usher_moved_total 1$/m);
  assert.match(metrics, /^usher_legacy_answers_total\{connector="sql",says="yes"\} \d+$/m);
  await stop();
});

test('with enumeration protection the page tells nobody who exists, and old users sign in', async () => {
  const { app, stop } = await lab.startGateway('hidden', lab.sql());
  await protect(true);
  const said = {};
  for (const who of ['member5@example.com', 'nobody@example.com']) {
    const page = await open(app);
    await signIn(page, who, 'not it');
    await page.waitForSelector('.cl-formFieldErrorText');
    said[who] = (await page.textContent('.cl-rootBox')).replaceAll(who, 'somebody');
    if (who.startsWith('nobody')) continue;
    await submit(page, { password: lab.old.password });
    await page.waitForSelector('.cl-userButtonTrigger');
    assert.equal((await claims(page)).userId, 'pg|5');
  }
  assert.equal(said['nobody@example.com'], said['member5@example.com']);
  await protect(false);
  await stop();
});

// Under enumeration protection the answer comes later than the code's field, and brings another sign-in.
const askForCode = (page, button) => Promise.all([
  page.waitForResponse(answer => answer.url().includes('prepare_first_factor')), press(page, button)]);

for (const { on, where, forgetful, coder } of [{ on: false, where: '', forgetful: 6, coder: 7 },
  { on: true, where: ', with enumeration protection', forgetful: 10, coder: 11 }]) {
  test(`who has not moved yet forgets the old password: Clerk sends a code, and takes a new one${where}`, async () => {
    await protect(on);
    const { app, stop } = await lab.startGateway(`reset-${on}`, lab.sql());
    const who = `member${forgetful}@example.com`;
    const page = await open(app);
    await submit(page, { identifier: who });
    await press(page, '.cl-formFieldAction__password');
    await askForCode(page, '.cl-alternativeMethodsBlockButton:has-text("Reset your password")');
    await typeCode(page, lab.sandbox, who);
    await submit(page, { password: 'Remembered-Horse-2!', confirmPassword: 'Remembered-Horse-2!' });
    await page.waitForSelector('.cl-userButtonTrigger');
    assert.equal((await claims(page)).userId, `pg|${forgetful}`);
    // The old password opens nothing from now on, at the gateway neither.
    const again = await open(app);
    await signIn(again, who, lab.old.password);
    await again.waitForSelector('.cl-formFieldErrorText');
    await submit(again, { password: 'Remembered-Horse-2!' });
    await again.waitForSelector('.cl-userButtonTrigger');
    await stop();
    await protect(false);
  });

  test(`who has not moved yet signs in by a code instead of the password${where}`, async () => {
    await protect(on);
    const { app, stop } = await lab.startGateway(`code-${on}`, lab.sql());
    const who = `member${coder}@example.com`;
    const page = await open(app);
    await submit(page, { identifier: who });
    await press(page, '.cl-footerActionLink:has-text("Use another method")');
    await askForCode(page, '.cl-alternativeMethodsBlockButton:has-text("Email code")');
    await typeCode(page, lab.sandbox, who);
    await page.waitForSelector('.cl-userButtonTrigger');
    assert.equal((await claims(page)).userId, `pg|${coder}`);
    await stop();
    await protect(false);
  });
}

test('who has an account in the old system is told so when signing up again', async () => {
  const { app, stop } = await lab.startGateway('sign-up', lab.sql());
  const page = await lab.open(app, '/sign-up');
  await submit(page, { emailAddress: 'member8@example.com', password: 'Correct-Horse-9!x' });
  await page.waitForSelector('.cl-formFieldErrorText__emailAddress');
  assert.match(await page.textContent('.cl-formFieldErrorText__emailAddress'), /account already|taken/);
  const { data } = await lab.sandbox.clerk.users.getUserList({ emailAddress: ['member8@example.com'] });
  assert.equal(data.length, 0);
  await stop();
});
