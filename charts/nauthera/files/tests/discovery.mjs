// The discovery document with the exact issuer, and the keys.
const base = issuer.pathname === '/' ? '' : issuer.pathname
const discovery = await ask(`${base}/.well-known/openid-configuration`)
if (discovery.issuer !== ISSUER) throw new Error(`issuer is ${discovery.issuer}, expected ${ISSUER}`)
const jwks = await ask(new URL(discovery.jwks_uri).pathname)
if (!(jwks.keys?.length > 0)) throw new Error('the JWKS holds no key')
process.stdout.write(`${ISSUER} answers, with ${jwks.keys.length} keys\n`)
