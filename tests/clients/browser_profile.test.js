// <UserProfile/> in Chromium against the sandbox: all that a user changes about himself.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { openAs, press, startProduction, submit, typeCode } from './browser.js';
import { totp } from './totp.js';

const password = 'Correct-Horse-9!x';
const pixel = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');
let browser, sandbox, app, count = 0;
before(async () => {
  ({ browser, sandbox, app } = await startProduction());
});

// A new user's profile, opened at a page of it.
async function open(at, fields = {}) {
  const user = await sandbox.clerk.users.createUser({ password, firstName: 'Ada',
    emailAddress: [`profile${++count}@usher-tests.com`], ...fields });
  const page = await openAs({ browser, app }, user, password, `/user${at}`);
  return { page, user, now: () => sandbox.clerk.users.getUser(user.id),
    section: name => page.locator(`.cl-profileSection__${name}`) };
}

// Ends a test: nothing that the page asked for was missing.
async function close(page) {
  assert.deepEqual(page.errors, []);
  await page.context().close();
}

test('names and username are changed, a picture is sent and shown', async () => {
  const { page, now, section } = await open('');
  await press(page, '.cl-profileSectionPrimaryButton__profile');
  await submit(page, { firstName: 'Augusta', lastName: 'King' });
  await section('profile').getByText('Augusta King').waitFor();
  await press(page, '.cl-profileSectionPrimaryButton__username');
  await submit(page, { username: 'augusta' });
  await section('username').getByText('augusta').waitFor();
  await press(page, '.cl-profileSectionPrimaryButton__profile');
  await page.setInputFiles('input[type=file]', { name: 'a.png', mimeType: 'image/png', buffer: pixel });
  await page.waitForFunction(() => window.Clerk.user.hasImage);
  await page.waitForFunction(() => [...document.images].some(one => one.src.includes('/images/') && one.naturalWidth === 1));
  const user = await now();
  assert.deepEqual([user.firstName, user.lastName, user.username, user.hasImage], ['Augusta', 'King', 'augusta', true]);
  await close(page);
});

test('an email address is added, verified, made the primary one, and the old one removed', async () => {
  const { page, user, now, section } = await open(''), second = `second-${user.emailAddresses[0].emailAddress}`;
  const menu = () => press(page, '.cl-profileSection__emailAddresses .cl-menuButton >> nth=-1');
  await press(page, '.cl-profileSectionPrimaryButton__emailAddresses');
  await submit(page, { emailAddress: second });
  await typeCode(page, sandbox, second);
  await page.waitForFunction(at => window.Clerk.user.emailAddresses.some(one =>
    one.emailAddress === at && one.verification.status === 'verified'), second);
  await page.reload();
  await section('emailAddresses').getByText(second).waitFor();
  await menu();
  await press(page, '.cl-menuItem:has-text("Set as primary")');
  await page.waitForFunction(at => window.Clerk.user.primaryEmailAddress.emailAddress === at, second);
  await page.reload();
  await section('emailAddresses').getByText(second).waitFor();
  await menu();
  await press(page, '.cl-menuItem:has-text("Remove email")');
  await press(page, '.cl-formButtonPrimary');
  await page.waitForFunction(() => window.Clerk.user.emailAddresses.length === 1);
  assert.deepEqual((await now()).emailAddresses.map(one => one.emailAddress), [second]);
  await close(page);
});

test('a phone number is added and verified, and then is the second factor', async () => {
  const { page, now, section } = await open('');
  await press(page, '.cl-profileSectionPrimaryButton__phoneNumbers');
  await submit(page, { phoneNumber: '2024561111' });
  await page.waitForSelector('.cl-otpCodeField');
  await typeCode(page, sandbox, '+12024561111');
  await page.waitForFunction(() => window.Clerk.user.phoneNumbers[0]?.verification.status === 'verified');
  await page.goto(`${app.url}/user#/security`);
  await page.reload();
  await press(page, '.cl-profileSection__mfa button');
  await press(page, '.cl-menuItem:has-text("SMS code")');
  await press(page, 'button:has-text("+1 (202) 456-1111")');
  await page.waitForFunction(() => window.Clerk.user.phoneNumbers[0].reservedForSecondFactor);
  const user = await now();
  assert.deepEqual([user.phoneNumbers[0].reservedForSecondFactor, user.twoFactorEnabled], [true, true]);
  await section('mfa').waitFor();
  await close(page);
});

test('the password is changed, an authenticator application and backup codes are set up', async () => {
  const { page, now } = await open('#/security');
  await press(page, '.cl-profileSectionPrimaryButton__password');
  await submit(page, { currentPassword: password, newPassword: 'Another-Horse-8!y', confirmPassword: 'Another-Horse-8!y' });
  await page.waitForSelector('input[name=newPassword]', { state: 'detached' });
  await press(page, '.cl-profileSection__mfa button');
  const [asked] = await Promise.all([page.waitForResponse(/\/v1\/me\/totp/),
    press(page, '.cl-menuItem:has-text("Authenticator application")')]);
  await press(page, 'button:has-text("Continue")');
  await page.locator('input[data-input-otp]').pressSequentially(totp((await asked.json()).response.secret));
  await page.waitForFunction(() => window.Clerk.user.totpEnabled);
  await page.reload();
  await press(page, '.cl-profileSection__mfa button >> nth=-1');
  await press(page, '.cl-menuItem:has-text("Backup code")');
  await press(page, '.cl-formButtonPrimary');
  await page.waitForFunction(() => window.Clerk.user.backupCodeEnabled);
  const user = await now();
  assert.deepEqual([user.totpEnabled, user.backupCodeEnabled], [true, true]);
  await sandbox.clerk.users.verifyPassword({ userId: user.id, password: 'Another-Horse-8!y' });
  await close(page);
});

test('the devices are named; the user deletes himself', async () => {
  const { page, user, section } = await open('#/security');
  await section('activeDevices').getByText(/(Linux|Macintosh|Windows)/).first().waitFor();
  await section('activeDevices').getByText(/Chrome \d+\./).waitFor();
  await press(page, '.cl-profileSectionPrimaryButton__danger');
  await submit(page, { deleteConfirmation: 'Delete account' });
  await page.waitForSelector('input[name=identifier]');
  await assert.rejects(sandbox.clerk.users.getUser(user.id), error => error.status === 404);
  await close(page);
});
