// The Secret that the operator wrote for the OIDCClient of the test gets a token.
const value = (key) => readFileSync(`/client/${key}`, 'utf8')
if (value('issuer') !== ISSUER) throw new Error(`the Secret names the issuer ${value('issuer')}, expected ${ISSUER}`)
const credential = Buffer.from(`${value('client_id')}:${value('client_secret')}`).toString('base64')
const token = await ask(new URL(value('token_endpoint')).pathname, {
  method: 'POST',
  headers: { authorization: `Basic ${credential}`, 'content-type': 'application/x-www-form-urlencoded' },
  body: 'grant_type=client_credentials',
})
if (!token.access_token) throw new Error('no access_token in the answer')
process.stdout.write(`${value('client_id')} got a token for ${token.expires_in} s\n`)
