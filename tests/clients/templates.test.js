// The wording of emails and text messages: /v1/templates, and what it does to the outbox and the webhooks.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertRefused, sandboxForFile } from './sandbox.js';

let users, count = 0;
const sandbox = sandboxForFile(({ clerk }) => ({ users } = clerk));
const raw = async (method, route, body) => (await sandbox.raw(method, `/v1/templates${route}`, body)).body;
const fresh = () => `wording${++count}@usher-tests.com`;
const mailTo = async address =>
  (await sandbox.raw('GET', `/v1/sandbox/outbox?to=${encodeURIComponent(address)}`)).body;
async function sendCode() {
  const user = await users.createUser({ emailAddress: [fresh()], skipPasswordRequirement: true });
  const [{ id, emailAddress }] = user.emailAddresses;
  await sandbox.raw('POST', `/v1/email_addresses/${id}/prepare_verification`);
  return emailAddress;
}

describe('templates', () => {
  test('are listed by type, with their texts and variables', async () => {
    const emails = await raw('GET', '/email'), messages = await raw('GET', '/sms?paginated=true');
    assert.deepEqual(emails.map(t => t.slug), ['verification_code', 'reset_password_code', 'invitation',
      'organization_invitation', 'affiliation_code', 'waitlist_confirmation', 'waitlist_invitation']);
    assert.deepEqual([messages.total_count, messages.data[0].subject, messages.data[0].template_type], [2, null, 'sms']);
    assert.deepEqual((await raw('GET', '/email?limit=1&offset=2')).map(t => t.slug), ['invitation']);
    const one = await raw('GET', '/email/organization_invitation');
    assert.deepEqual([one.resource_type, one.instance_id, one.can_revert, one.required_variables, one.available_variables],
      ['system', null, false, ['action_url'], ['app.name', 'action_url', 'org.name']]);
  });

  test('one that is changed is what people get, until it is reverted', async () => {
    const changed = await raw('PUT', '/email/verification_code',
      { name: 'Ours', subject: 'Your {{ otp_code }}', body: 'Code: {{otp_code}} ({{app.name}}){{nothing}}', from_email_name: 'hello' });
    assert.deepEqual([changed.resource_type, changed.can_revert, changed.name, changed.from_email_name],
      ['user', true, 'Ours', 'hello']);
    const [mail] = await mailTo(await sendCode());
    assert.deepEqual([mail.subject, mail.body], [`Your ${mail.code}`, `Code: ${mail.code} (Usher sandbox)`]);
    assert.equal((await raw('PUT', '/email/verification_code', { name: 'Later' })).subject, 'Your {{ otp_code }}');
    const reverted = await raw('POST', '/email/verification_code/revert');
    assert.deepEqual([reverted.resource_type, reverted.subject], ['system', '{{otp_code}} is your verification code']);
    const [later] = await mailTo(await sendCode());
    assert.equal(later.subject, `${later.code} is your verification code`);
    await assertRefused(sandbox, 'POST', '/v1/templates/email/verification_code/revert', undefined, 400, 'template_revert_error');
  });

  test('what the application delivers itself is not in the outbox', async () => {
    const toggle = delivered_by_clerk => raw('POST', '/email/verification_code/toggle_delivery', { delivered_by_clerk });
    assert.equal((await toggle(false)).delivered_by_clerk, false);
    assert.deepEqual(await mailTo(await sendCode()), []);
    assert.equal((await toggle(true)).delivered_by_clerk, true);
    assert.equal((await mailTo(await sendCode())).length, 1);
  });

  test('a preview has examples in place of the values, and changes nothing', async () => {
    const seen = await raw('POST', '/email/invitation/preview', { subject: 'Join {{app.name}}', reply_to_email_name: 'help' });
    assert.deepEqual([seen.subject, seen.body, seen.reply_to_email_address.split('@')[0]], ['Join Usher sandbox',
      'You are invited to join Usher sandbox. Sign up here: https://example.com/action', 'help']);
    assert.equal((await raw('GET', '/email/invitation')).resource_type, 'system');
    assert.match((await raw('POST', '/sms/verification_code/preview')).body, /^123456 is/);
  });

  test('what is wrong is refused', async () => {
    const at = '/v1/templates/email/verification_code';
    for (const [body, expected, param] of [
      [{ body: 'No code' }, 'required_variable_missing', 'body'],
      [{ body: '{{otp_code}} {{' }, 'invalid_template_body', 'body'],
      [{ subject: '{{otp_code' }, 'invalid_template_body', 'subject'],
      [{ body: '' }, 'form_param_min_length_exceeded', 'body'],
      [{ body: 7 }, 'form_param_type_invalid', 'body'],
      [{ body: '{{otp_code}}\0' }, 'form_param_format_invalid', 'body'],
      [{ body: `{{otp_code}}${'x'.repeat(50000)}` }, 'form_param_max_length_exceeded', 'body'],
      [{ colour: 1 }, 'form_param_unknown', 'colour'],
    ]) {
      await assertRefused(sandbox, 'PUT', at, body, 422, expected, param);
      await assertRefused(sandbox, 'POST', `${at}/preview`, body, 422, expected, param);
    }
    await assertRefused(sandbox, 'PUT', '/v1/templates/sms/verification_code', { subject: 'x' }, 422,
      'form_conditional_param_disallowed', 'subject');
    await assertRefused(sandbox, 'PUT', at, { delivered_by_clerk: 'no' }, 422, 'form_param_type_invalid', 'delivered_by_clerk');
    await assertRefused(sandbox, 'POST', `${at}/preview`, { name: 'x' }, 422, 'form_param_unknown', 'name');
    await assertRefused(sandbox, 'POST', `${at}/toggle_delivery`, {}, 422, 'form_param_missing', 'delivered_by_clerk');
    for (const [method, route] of [['GET', ''], ['PUT', ''], ['POST', '/revert'], ['POST', '/preview'], ['POST', '/toggle_delivery']]) {
      await assertRefused(sandbox, method, `/v1/templates/email/nothing${route}`, method === 'GET' ? undefined : {}, 404, 'resource_not_found');
      await assertRefused(sandbox, method, `/v1/templates/pigeon/verification_code${route}`, method === 'GET' ? undefined : {}, 400, 'template_type_unsupported');
    }
    await assertRefused(sandbox, 'GET', '/v1/templates/pigeon', undefined, 400, 'template_type_unsupported');
  });
});
