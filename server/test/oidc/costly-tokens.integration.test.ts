import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { deflateRawSync } from 'node:zlib'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { basic, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { fetchTokens, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// Tokens that are made to cost a lot, at every place that takes a JWT: whoever decrypts, unpacks or stretches a password for them
// pays with seconds or gigabytes.

const encode = (text: string | Buffer) => Buffer.from(text).toString('base64url')
const encrypted = (header: object, content = encode('content')) =>
  [encode(JSON.stringify(header)), encode('key'), encode('initial-iv--'), content, encode('tag')].join('.')
const megabyte = 'A'.repeat(1_000_000)

/** How they are named in titles, and how each is made. */
const tokens: Readonly<Record<string, string>> = {
  'an encrypted JWT': encrypted({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'any' }),
  'an encrypted JWT with two billion rounds (p2c)': encrypted({
    alg: 'PBES2-HS512+A256KW',
    enc: 'A256GCM',
    p2c: 2_147_483_647,
    p2s: encode('salt-salt-salt'),
  }),
  'an encrypted JWT that unpacks to 16 MB (zip)': encrypted(
    { alg: 'dir', enc: 'A256GCM', zip: 'DEF' },
    encode(deflateRawSync(Buffer.alloc(16_000_000))),
  ),
  'a signed JWT with the header of PBES2': `${encode('{"alg":"PBES2-HS256+A128KW","p2c":2147483647,"p2s":"c2FsdA"}')}.${encode('{"sub":"app.signed"}')}.AA`,
  'a JWT of 1 MB': `${encode('{"alg":"ES256","kid":"own"}')}.${megabyte}.AA`,
}

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'

/** Of a body, of headers, and of headers that the other side still sends when it is cut off. */
const tooLarge = ['400 invalid_request', '413', '431', 'ECONNRESET', 'EPIPE']

/** Milliseconds of one processor, of all threads of this process: the server and who asks it. A megabyte is read, which takes a third of
 *  it on a busy machine; a thousandth of the rounds takes many times as long. */
const mostMs = 200

describe('a token that is made to cost a lot', () => {
  let replicas: ServerReplicas
  let access: string
  let collect: () => void
  let assertion: () => Promise<string>
  before(async () => {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
    replicas = await startReplicas()
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk: object = { ...(await exportJWK(publicKey)), kid: 'own', alg: 'ES256' }
    assertion = () =>
      new SignJWT({ jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'own' })
        .setIssuer('app.signed')
        .setSubject('app.signed')
        .setAudience(replicas.issuer)
        .setExpirationTime('1m')
        .sign(privateKey)
    const keyed = { tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [jwk as Record<string, string>] } }
    const identities = [{ serviceAccount: { name: 'worker', namespace: 'default' } }]
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.spa', configs.spa),
      entry('app.signed', { ...configs.web, ...keyed }),
      entry('app.platform', {
        ...configs.machine,
        audiences: [],
        tokenEndpointAuthMethod: 'federated_jwt',
        identities,
      }),
      entry('app.api', { ...configs.api, grantTypes: ['client_credentials', exchange] }),
      entry('app.device', {
        ...configs.spa,
        ...keyed,
        type: 'Device',
        redirectUris: [],
        corsOrigins: [],
        grantTypes: ['urn:ietf:params:oauth:grant-type:device_code'],
      }),
    ])
    await addPerson(replicas, 'ada')
    access = (await fetchTokens(replicas)).access
  })
  after(() => replicas?.stop())

  const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
    send(replicas, { path, form, headers })
  /** As a page does; the server makes a GET of it. */
  const byForm = async (path: string, form: Record<string, string>) => {
    const answer = await post(path, form, html)
    const { location } = answer.headers
    return location?.startsWith(`${path}?`) ? send(replicas, { path: location, headers: html }) : answer
  }
  const own = basic('app.web', clientSecret)
  const asserted = (token: string) => ({ client_assertion: token, client_assertion_type: jwtBearer })
  const machine = { grant_type: 'client_credentials' }
  const html = { accept: 'text/html' }
  const query = (parameters: Record<string, string>) => new URLSearchParams(parameters).toString()

  /** What a place answers: a status, or the error that the client is told at its redirect address. */
  const places: Readonly<
    Record<string, readonly [ask: (token: string) => Promise<Answer>, answers: readonly string[]]>
  > = {
    'the assertion of a client at /token': [
      (token) => post('/token', { ...machine, client_id: 'app.signed', ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    'the assertion of a client that is not named': [
      (token) => post('/token', { ...machine, ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    'the token of a platform at /token': [
      (token) => post('/token', { ...machine, client_id: 'app.platform', ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    'the assertion at /introspect': [
      (token) => post('/introspect', { token: 'x', client_id: 'app.signed', ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    'the assertion at /revoke': [
      (token) => post('/revoke', { token: 'x', client_id: 'app.signed', ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    'the assertion at /request': [
      (token) => post('/request', { ...request(pkce(), { client_id: 'app.signed' }), ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    'the assertion at /device_authorization': [
      (token) => post('/device_authorization', { client_id: 'app.device', ...asserted(token) }),
      ['400 invalid_request', '401 invalid_client'],
    ],
    subject_token: [
      (token) =>
        post(
          '/token',
          {
            grant_type: exchange,
            subject_token: token,
            subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
          },
          basic('app.api', clientSecret),
        ),
      ['400 invalid_request'],
    ],
    refresh_token: [
      (token) => post('/token', { grant_type: 'refresh_token', refresh_token: token }, own),
      ['400 invalid_grant'],
    ],
    // RFC 7662 2.2 and RFC 7009 2.2: a token that is none is no error
    'token at /introspect': [(token) => post('/introspect', { token }, own), ['200 inactive']],
    'token at /revoke': [(token) => post('/revoke', { token }, own), ['200']],
    'a pushed request object': [
      async (token) => post('/request', { client_id: 'app.signed', request: token, ...asserted(await assertion()) }),
      ['400 invalid_request_object'],
    ],
    'a pushed id_token_hint': [
      async (token) =>
        post('/request', {
          ...request(pkce(), { client_id: 'app.signed', id_token_hint: token }),
          ...asserted(await assertion()),
        }),
      ['400 invalid_request'],
    ],
    'a request object at /authorize': [
      (token) =>
        send(replicas, { path: `/authorize?${query({ client_id: 'app.signed', request: token })}`, headers: html }),
      ['303 invalid_request_object', '400'],
    ],
    'a request object that is sent to /authorize by a form': [
      (token) => byForm('/authorize', { client_id: 'app.signed', request: token }),
      ['303 invalid_request_object', '400', '400 invalid_request'],
    ],
    'id_token_hint at /authorize': [
      (token) =>
        send(replicas, { path: `/authorize?${query(request(pkce(), { id_token_hint: token }))}`, headers: html }),
      ['303 invalid_request'],
    ],
    'id_token_hint at /logout': [
      (token) => send(replicas, { path: `/logout?${query({ id_token_hint: token })}`, headers: html }),
      ['400'],
    ],
    'id_token_hint that is sent to /logout by a form': [
      (token) => byForm('/logout', { id_token_hint: token }),
      ['400', '400 invalid_request'],
    ],
    'the token at /userinfo': [
      (token) => send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } }),
      ['401 invalid_token'],
    ],
    'the token that is sent to /userinfo by a form': [
      (token) => post('/userinfo', { access_token: token }),
      ['401 invalid_token'],
    ],
    'a proof of possession at /token': [
      (token) => post('/token', { ...machine }, { ...basic('app.api', clientSecret), dpop: token }),
      ['400 invalid_dpop_proof'],
    ],
    'a proof of possession at /userinfo': [
      (token) => send(replicas, { path: '/userinfo', headers: { authorization: `DPoP ${access}`, dpop: token } }),
      ['401 invalid_dpop_proof'],
    ],
  }

  function told({ status, headers, body }: Answer): string {
    if (status === 303) return `303 ${new URL(headers.location!).searchParams.get('error') ?? headers.location}`
    if (!String(headers['content-type']).includes('json')) return String(status)
    const { error, active } = JSON.parse(body) as { error?: string; active?: boolean }
    return `${status} ${active === false ? 'inactive' : error}`
  }

  /** A request whose headers are too large is answered, and cut off: who still sends may not read that answer. */
  const outcomeOf = (answer: Promise<Answer>): Promise<string> =>
    answer.then(told, (error: NodeJS.ErrnoException) => error.code ?? 'unknown')

  /** @returns what comes of a request, and the processor time of the one of three that took the least: others run beside it */
  async function costOf(ask: () => Promise<Answer>): Promise<{ outcome: string; ms: number }> {
    let least = Infinity
    let outcome = await outcomeOf(ask())
    for (let turn = 0; turn < 3; turn++) {
      const before = process.cpuUsage()
      outcome = await outcomeOf(ask())
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1000)
    }
    return { outcome, ms: least }
  }

  for (const [what, token] of Object.entries(tokens))
    it(`T7 is refused without being opened, for less than ${mostMs} ms of a processor: ${what}`, async () => {
      const isLarge = token.length > 900_000
      for (const [where, [ask, answers]] of Object.entries(places)) {
        const { outcome, ms } = await costOf(() => ask(token))
        expect(outcome, where).to.be.oneOf(isLarge ? tooLarge : answers)
        expect(ms, where).to.be.below(mostMs)
      }
    })

  it('T7 would be seen if somebody did its rounds: a thousandth of them costs more than that', async () => {
    const before = process.cpuUsage()
    await promisify(pbkdf2)('password', 'salt', 2_147_483, 32, 'sha512')
    const { user } = process.cpuUsage(before)
    expect(user / 1000).to.be.above(mostMs)
  })

  it('T7 leaves nothing behind: after 660 of them, with 130 MB in all, the memory is what it was', async () => {
    const flood = async () => {
      for (let round = 0; round < 6; round++)
        for (const [ask] of Object.values(places))
          await Promise.all(Object.values(tokens).map((token) => outcomeOf(ask(token))))
    }
    const held = () => {
      collect()
      const { heapUsed, external } = process.memoryUsage()
      return (heapUsed + external) / 1e6
    }
    // what is compiled and pooled comes first
    await flood()
    const before = held()
    await flood()
    let after = held()
    // connections that were cut off hold a megabyte each until they have closed
    for (const end = performance.now() + 20_000; after - before >= 8 && performance.now() < end; after = held())
      await new Promise((resolve) => setTimeout(resolve, 50))
    expect(after - before, 'megabytes').to.be.below(8)
  })

  it('T7 a good request is answered beside them', async () => {
    const answer = await post('/token', { ...machine }, basic('app.api', clientSecret))
    expect(answer.status, answer.body).to.equal(200)
    const signed = await post('/request', {
      ...request(pkce(), { client_id: 'app.signed' }),
      ...asserted(await assertion()),
    })
    expect(signed.status, signed.body).to.equal(201)
    expect(
      (await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })).status,
    ).to.equal(200)
  })
})
