// helm test: the discovery document and the keys, through the Service, as a client of the issuer's host would see them.
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'

const { ISSUER, SERVICE } = process.env
const issuer = new URL(ISSUER)

// The certificate is the issuer's and its CA may be unknown here; what is tested is what the server answers.
const get = (path) =>
  new Promise((resolve, reject) => {
    const request = (SERVICE.startsWith('https') ? overHttps : overHttp)(new URL(path, SERVICE), {
      headers: { host: issuer.host },
      servername: issuer.hostname,
      rejectUnauthorized: false,
      timeout: 10_000,
    })
    request.on('timeout', () => request.destroy(new Error(`no answer from ${SERVICE} within 10 s`)))
    request.on('error', reject)
    request.on('response', async (response) => {
      let text = ''
      for await (const part of response) text += part
      if (response.statusCode === 200) resolve(JSON.parse(text))
      else reject(new Error(`${path} answered ${response.statusCode}: ${text.slice(0, 300)}`))
    })
    request.end()
  })

const base = issuer.pathname === '/' ? '' : issuer.pathname
const discovery = await get(`${base}/.well-known/openid-configuration`)
if (discovery.issuer !== ISSUER) throw new Error(`issuer is ${discovery.issuer}, expected ${ISSUER}`)
const jwks = await get(new URL(discovery.jwks_uri).pathname)
if (!(jwks.keys?.length > 0)) throw new Error('the JWKS holds no key')
process.stdout.write(`${ISSUER} answers, with ${jwks.keys.length} keys` + '\n')
