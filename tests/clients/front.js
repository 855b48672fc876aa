// A browser's share of the Frontend API, by hand: forms and the client's cookie.
import http from 'node:http';

// Returns post(path, form) → the answer's `response`; one client over all calls.
export function frontClient(origin) {
  let cookie = '';
  return (path, form) => new Promise((resolve, reject) => {
    const request = http.request(`${origin}${path}`, { method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...(cookie ? { cookie } : {}) } }, answer => {
      const set = (answer.headers['set-cookie'] ?? []).find(c => c.startsWith('__client='));
      if (set) [cookie] = set.split(';');
      let text = '';
      answer.on('data', piece => { text += piece; });
      answer.on('end', () => answer.statusCode === 200 ? resolve(JSON.parse(text).response)
        : reject(new Error(`${path}: ${answer.statusCode} ${text}`)));
    });
    request.on('error', reject);
    request.end(new URLSearchParams(form).toString());
  });
}

// Begins a sign-in by a code and has it sent; returns attempt(code) → the sign-in.
export async function sendCode(origin, identifier) {
  const post = frontClient(origin);
  const signIn = await post('/v1/client/sign_ins', { identifier });
  const factor = signIn.supported_first_factors.find(f => f.strategy === 'email_code');
  await post(`/v1/client/sign_ins/${signIn.id}/prepare_first_factor`,
    { strategy: 'email_code', email_address_id: factor.email_address_id });
  return code => post(`/v1/client/sign_ins/${signIn.id}/attempt_first_factor`, { strategy: 'email_code', code });
}
