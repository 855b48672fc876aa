// Clerk's own browser components (clerk-js, <SignIn/>, <SignUp/>, <UserButton/>) in Chromium against the
// sandbox: what a migrated user lives through. Both kinds of instances, as applications wire them up.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { claims, codeSentTo, newPage, press, signIn, startApp, startBrowser, submit, typeCode, whoIsIt } from './browser.js';
import { temporaryFolder } from './ending.js';
import { startSandbox } from './sandbox.js';

const claimsFile = path.join(temporaryFolder(), 'claims.json');
fs.writeFileSync(claimsFile, '{"userId":"{{user.external_id || user.id}}"}');

let browser;
before(async () => {
  browser = await startBrowser();
});

// kind: how an application of that kind is wired up.
const kinds = {
  'production, behind a proxy on the application\'s own origin': {
    options: ['--production', '--frontend-host', 'clerk.example.test'],
    app: ready => ({ secretKey: ready.secret_key, frontendApi: ready.frontend_api }),
    cookie: '__client',
  },
  'development, with a dev browser, straight to the Frontend API': {
    key: 'sk_test_browser0000000000000000000000',
    options: ['--frontend-host', 'happy-hippo-1.clerk.accounts.dev'],
    app: ready => ({ proxyUrl: ready.frontend_api, frontendApi: ready.frontend_api }),
    cookie: '__clerk_db_jwt',
  },
};

for (const [title, kind] of Object.entries(kinds)) {
  describe(title, () => {
    let sandbox, app;
    before(async () => {
      sandbox = await startSandbox('--limits', 'off', '--session-claims', claimsFile, ...kind.options,
        ...(kind.key ? ['--secret-key', kind.key] : []));
      app = await startApp({ publishableKey: sandbox.ready.publishable_key, ...kind.app(sandbox.ready) });
    });

    async function open(at = '/') {
      const page = await newPage(browser);
      await page.goto(app.url + at);
      return page;
    }

    test('somebody invited signs up with the ticket of the link, where nobody else can', async () => {
      const { body } = await sandbox.raw('PATCH', '/v1/sandbox/settings', { sign_up_mode: 'restricted' });
      assert.equal(body.sign_up_mode, 'restricted');
      const made = await sandbox.clerk.invitations.createInvitation({ emailAddress: 'guest@usher-tests.com',
        publicMetadata: { team: 'blue' } });
      const ticket = new URL(made.url).searchParams.get('ticket');
      const page = await open(`/sign-up?__clerk_ticket=${ticket}&__clerk_status=sign_up`);
      await submit(page, { password: 'Correct-Horse-9!x' });
      await page.waitForSelector('.cl-userButtonTrigger');
      const [user] = (await sandbox.clerk.users.getUserList({ emailAddress: ['guest@usher-tests.com'] })).data;
      await page.reload();
      assert.equal(await whoIsIt(page), user.id);
      assert.deepEqual([user.publicMetadata, user.emailAddresses[0].verification.status], [{ team: 'blue' }, 'verified']);
      assert.deepEqual(page.errors, []);
      await page.context().close();
      await sandbox.raw('PATCH', '/v1/sandbox/settings', { sign_up_mode: 'public' });
    });

    test('an imported user signs in with the old password; the token carries the old id', async () => {
      const user = await sandbox.clerk.users.createUser({ externalId: 'auth0|1', firstName: 'Ada',
        emailAddress: ['ada@usher-tests.com'], emailAddressIdentificationStatus: ['reserved'],
        passwordHasher: 'md5', passwordDigest: '5f4dcc3b5aa765d61d8327deb882cf99' });
      const page = await open();
      await page.waitForSelector('input[name=identifier]');
      assert.equal(await whoIsIt(page), 'signed out');
      await signIn(page, 'ada@usher-tests.com', 'not it');
      await page.waitForSelector('.cl-formFieldErrorText');
      await submit(page, { password: 'password' });
      await page.waitForSelector('.cl-userButtonTrigger');
      assert.equal(await whoIsIt(page), user.id);

      const first = await claims(page);
      assert.equal(first.userId, 'auth0|1');
      assert.equal(first.sub, user.id);
      assert.equal(first.azp, app.url);
      const names = (await page.context().cookies(app.url)).map(cookie => cookie.name);
      for (const name of [kind.cookie, '__session', '__client_uat'])
        assert.ok(names.includes(name), `${name} is among ${names}`);

      const inside = await sandbox.raw('GET', `/v1/sandbox/users/${user.id}`);
      assert.equal(inside.body.password_hasher, 'bcrypt', 'the insecure digest has moved');
      const stored = await sandbox.clerk.users.getUser(user.id);
      assert.equal(stored.emailAddresses[0].verification.status, 'verified', 'no longer only reserved');
      assert.equal(stored.raw.email_addresses[0].reserved, false);

      await page.reload();
      await page.waitForSelector('.cl-userButtonTrigger');
      assert.equal(await whoIsIt(page), user.id);
      const again = await claims(page, { skipCache: true });
      assert.equal(again.sid, first.sid);
      assert.notEqual(again.jti, first.jti);

      await press(page, '.cl-userButtonTrigger');
      await page.waitForSelector('.cl-userButtonPopoverCard');
      await press(page, '.cl-userButtonPopoverActionButton__signOut');
      await page.waitForURL('**/signed-out');
      assert.equal(await whoIsIt(page), 'signed out');
      assert.deepEqual(page.errors, []);
      await page.context().close();
    });

    test('an unknown identifier is told under its field', async () => {
      const page = await open();
      await submit(page, { identifier: 'nobody@usher-tests.com' });
      await page.waitForSelector('.cl-formFieldErrorText__identifier');
      await page.context().close();
    });

    test('somebody signs up and verifies the address with the code from the outbox', async () => {
      const page = await open('/sign-up');
      await submit(page, { emailAddress: 'new@usher-tests.com', password: 'Correct-Horse-9!x' });
      await typeCode(page, sandbox, 'new@usher-tests.com');
      await page.waitForSelector('.cl-userButtonTrigger');
      const [user] = (await sandbox.clerk.users.getUserList({ emailAddress: ['new@usher-tests.com'] })).data;
      assert.equal(await whoIsIt(page), user.id);
      assert.equal((await claims(page)).userId, user.id, 'a new user\'s id is Clerk\'s');
      await page.context().close();
    });

    test('a forgotten password is reset by a code', async () => {
      await sandbox.clerk.users.createUser({ emailAddress: ['forgot@usher-tests.com'],
        password: 'Forgotten-Horse-1!' });
      const page = await open('/bare');
      await page.waitForFunction('window.ready');
      const status = await page.evaluate(async () => {
        const signIn = await window.Clerk.client.signIn.create({ identifier: 'forgot@usher-tests.com' });
        const factor = signIn.supportedFirstFactors.find(f => f.strategy === 'reset_password_email_code');
        return (await signIn.prepareFirstFactor(factor)).status;
      });
      assert.equal(status, 'needs_first_factor');
      const steps = await page.evaluate(async code => {
        const { signIn } = window.Clerk.client;
        const tried = await signIn.attemptFirstFactor({ strategy: 'reset_password_email_code', code });
        const asked = tried.status;
        const done = await tried.resetPassword({ password: 'Remembered-Horse-2!' });
        await window.Clerk.setActive({ session: done.createdSessionId });
        return [asked, done.status, Boolean(window.Clerk.user)];
      }, await codeSentTo(sandbox, 'forgot@usher-tests.com'));
      assert.deepEqual(steps, ['needs_new_password', 'complete', true]);
      await page.context().close();
    });

    test('a ticket signs in once; a session that the server revokes ends', async () => {
      const user = await sandbox.clerk.users.createUser({ emailAddress: ['ticket@usher-tests.com'],
        skipPasswordRequirement: true });
      const { token } = await sandbox.clerk.signInTokens.createSignInToken({ userId: user.id });
      const page = await open(`/?__clerk_ticket=${token}&__clerk_status=sign_in`);
      await page.waitForSelector('.cl-userButtonTrigger');
      const other = await open('/bare');
      await other.waitForFunction('window.ready');
      const code = await other.evaluate(async ticket => {
        try {
          return await window.Clerk.client.signIn.create({ strategy: 'ticket', ticket });
        } catch (error) {
          return error.errors[0].code;
        }
      }, token);
      assert.equal(code, 'sign_in_token_already_used_code');

      const { sid } = await claims(page);
      await sandbox.clerk.sessions.revokeSession(sid);
      assert.equal(await page.evaluate(() =>
        window.Clerk.session.getToken({ skipCache: true }).catch(() => null)), null);
      await page.reload();
      assert.equal(await whoIsIt(page), 'signed out');
      await page.context().close();
      await other.context().close();
    });
  });
}
