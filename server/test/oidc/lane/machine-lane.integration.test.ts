import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import fc from 'fast-check'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { basic } from '@nauthera/harness/browser'
import { fetchCode, fetchTokens, redeem, revoke, tokensOf } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { createSigner, projected } from '../platform-tokens.ts'
import type { PlatformSigner } from '../platform-tokens.ts'
import { ask, closeConnections, comparable, expectSameLines, idOf, linesById } from './asked-twice.ts'
import type { LaneRequest, Got } from './asked-twice.ts'

// The machine lane against the library: whatever is asked, in whatever way, nobody can tell which of the two has answered.

const api = 'https://api.example.com'
const other = 'https://other.example.com'
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const strict = 'https://strict.example.com'
const sealing = 'https://sealing.example.com'
const terms = { accessTokenTtl: 60, tokenClaims: ['groups', 'email', 'preferred_username', 'name', 'roles'] }
const strictApi = (resourceServer: object) => ({
  ...configs.api,
  claims: [{ name: 'roles', fromGroups: [{ group: 'engineers', values: ['Editor'] }], join: 'CSV' }],
  resourceServer: { scopes: ['read'], ...terms, ...resourceServer },
})
const granted = { [api]: ['read', 'write'] }
const oldSecret = 'a-secret-of-before-with-more-than-32-characters'
const endedSecret = 'a-secret-that-ended-with-more-than-32-characters'
const platform = 'https://kubernetes.default.svc'

const machine = { ...configs.machine, scopes: ['read', 'write', 'openid'] }
const secrets = [
  { plain: clientSecret },
  { plain: oldSecret, notAfter: new Date(Date.now() + 3_600_000) },
  { plain: endedSecret, notAfter: new Date(Date.now() - 1000) },
]
const clients = [
  entry('app.machine', machine, { granted, secrets }),
  entry(
    'app.both',
    { ...machine, audiences: [api, other, strict, sealing] },
    { granted: { ...granted, [other]: ['read'], [strict]: ['read'], [sealing]: ['read'] } },
  ),
  entry('app.strict', strictApi({ identifier: strict }) as never),
  entry('app.sealing', strictApi({ identifier: sealing, accessTokenFormat: 'opaque' }) as never),
  entry('app.none', { ...machine, audiences: [] }, { granted: {} }),
  entry('app.denied', machine, { granted: {} }),
  entry('app.sealed', { ...machine, accessTokenFormat: 'opaque' }, { granted }),
  entry('app.short', { ...machine, accessTokenTtl: 60 }, { granted }),
  entry('app.rsa', { ...machine, accessTokenSignedResponseAlg: 'RS256' }, { granted }),
  entry('app.dpop', { ...machine, dpopBoundAccessTokens: true }, { granted }),
  entry('app.post', { ...machine, secretMethods: ['client_secret_post'] }, { granted }),
  entry('app.any', { ...machine, secretMethods: ['client_secret_basic', 'client_secret_post'] }, { granted }),
  entry('app.gone', { ...machine, suspended: true }, { granted }),
  entry(
    'app.web',
    { ...configs.web, scopes: [...configs.web.scopes, 'read'], audiences: [api, strict, sealing] },
    { granted: { ...granted, [strict]: ['read'], [sealing]: ['read'] } },
  ),
  entry('app.paired', { ...configs.web, subjectType: 'pairwise', audiences: [api] }, { granted }),
  entry('app.public', configs.spa),
  entry('app.api', configs.api),
  entry(
    'app.worker',
    {
      ...machine,
      tokenEndpointAuthMethod: 'federated_jwt',
      identities: [{ serviceAccount: { namespace: 'default', name: 'worker' } }],
    },
    { granted },
  ),
]
const ids = clients.map(({ clientId }) => clientId)

describe('the machine lane', function () {
  this.timeout(propertyRuns(300_000))
  let replicas: ServerReplicas
  let signer: PlatformSigner
  let tokens: Readonly<Record<string, string>>
  let assertions: Readonly<Record<string, string>>
  const directory = temporaryDirectory('lane')

  const tokenOf = (got: Got) => (JSON.parse(got.body) as { access_token: string }).access_token
  const form = (fields: Readonly<Record<string, string>>) => new URLSearchParams(fields).toString()
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const forToken = (clientId: string, fields: Readonly<Record<string, string>> = {}): LaneRequest => ({
    path: '/token',
    headers: { ...type, ...basic(clientId, clientSecret) },
    body: form({ grant_type: 'client_credentials', ...fields }),
  })
  const about = (clientId: string, token: string, fields: Readonly<Record<string, string>> = {}): LaneRequest => ({
    path: '/introspect',
    headers: { ...type, ...basic(clientId, clientSecret) },
    body: form({ token, ...fields }),
  })

  before(async () => {
    signer = await createSigner(platform, 'platform-1')
    const jwksFile = join(directory, 'jwks.json')
    writeFileSync(jwksFile, JSON.stringify({ keys: [signer.jwk] }))
    const identityIssuers = [{ issuer: platform, jwksFile, thisCluster: true }]
    const settings = { identityIssuers, signing: { algorithms: ['ES256', 'RS256'] } }
    replicas = await startReplicas({
      count: 2,
      settings: (replica) => ({ ...settings, lane: replica === 0 ? 'on' : 'off' }),
    })
    await replicas.serve(clients)
    await addPerson(replicas, 'ada', ['engineers'])
    const get = async (clientId: string) => tokenOf(await ask(replicas, forToken(clientId), 'whole'))
    const person = await fetchTokens(replicas, { parameters: { scope: 'openid email offline_access' } })
    const code = await fetchCode(replicas, { parameters: { resource: api, scope: 'openid read' } })
    const ofApi = tokensOf(await redeem(replicas, code, { form: { resource: api } }))
    const at = async (resource: string) => {
      const asked = { resource, scope: 'openid email groups profile read' }
      return tokensOf(await redeem(replicas, await fetchCode(replicas, { parameters: asked }), { form: { resource } }))
        .access
    }
    const paired = await fetchTokens(replicas, { clientId: 'app.paired', parameters: { client_id: 'app.paired' } })
    const [signed, revoked] = [await get('app.machine'), await get('app.machine')]
    const [sealed, gone] = [await get('app.none'), await get('app.none')]
    await revoke(replicas, revoked, { clientId: 'app.machine' })
    await revoke(replicas, gone, { clientId: 'app.none' })
    const changed = `${signed.slice(0, -4)}AAAA`
    const ended = await fetchTokens(replicas)
    await revoke(replicas, ended.refresh)
    tokens = {
      signed,
      revoked,
      sealed,
      gone,
      changed,
      person: person.access,
      refresh: person.refresh,
      ended: ended.refresh,
      ofApi: ofApi.access,
      ofStrict: await at(strict),
      ofSealing: await at(sealing),
      paired: paired.access,
      rsa: await get('app.rsa'),
      ofSealed: await get('app.sealed'),
      cut: sealed.slice(0, -1),
      garbage: 'garbage',
      id: person.id,
    }
    const claims = projected(replicas.issuer)
    assertions = {
      good: await signer.sign(claims),
      another: await signer.sign({ ...claims, aud: ['https://another.example.com'] }),
      old: await signer.sign({ ...claims, iat: 1, nbf: 1, exp: 600 }),
      typed: await signer.sign(claims, 'at+jwt'),
      stranger: await signer.sign({ ...claims, sub: 'system:serviceaccount:default:stranger' }),
      garbage: 'a.b.c',
    }
  })
  after(async () => {
    closeConnections()
    await replicas.stop()
  })

  /** By turns the library is asked in chunks, and where the settings take the lane out. */
  let turn = 0
  /** @returns both answers, after both are known to be the same: the second is the library's */
  async function askTwice(asked: LaneRequest): Promise<readonly [Got, Got]> {
    const around = turn++ % 2 === 0 ? 'chunks' : 'lane off'
    const whole = await ask(replicas, asked, 'whole')
    const other = await ask(replicas, asked, around)
    expect(comparable(whole), `${around} ${asked.path} ${JSON.stringify(asked.headers)} ${asked.body}`).to.deep.equal(
      comparable(other),
    )
    return [whole, other]
  }

  const isInLane = (got: Got) =>
    linesById(replicas.lines)
      .get(idOf(got))!
      .some(({ lane }) => lane === true)

  /** @returns whether the lane answered */
  async function isTaken(asked: LaneRequest): Promise<boolean> {
    const [whole, other] = await askTwice(asked)
    expect(isInLane(other)).to.equal(false)
    return isInLane(whole)
  }

  const ordinary: readonly [string, () => LaneRequest][] = [
    ['a secret in the header', () => forToken('app.machine')],
    ['a scope', () => forToken('app.machine', { scope: 'read' })],
    ['a resource', () => forToken('app.both', { resource: other })],
    ['a short life', () => forToken('app.short')],
    ['an API that says how its tokens are', () => forToken('app.both', { resource: strict })],
    ['what an API is told of the person of a signed token', () => about('app.strict', tokens['ofStrict']!)],
    ['what an API is told of the person of a sealed token', () => about('app.sealing', tokens['ofSealing']!)],
    ['what the client of that token is told', () => about('app.web', tokens['ofSealing']!)],
    [
      'a secret in the body, and a charset',
      () => ({
        path: '/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8', accept: 'application/json' },
        body: form({ grant_type: 'client_credentials', client_id: 'app.any', client_secret: clientSecret }),
      }),
    ],
    [
      'a token of the platform',
      () => ({
        path: '/token',
        headers: type,
        body: form({
          grant_type: 'client_credentials',
          client_assertion_type: assertionType,
          client_assertion: assertions['good']!,
        }),
      }),
    ],
    ['a signed token of a machine', () => about('app.api', tokens['signed']!)],
    ['a sealed token of a machine', () => about('app.none', tokens['sealed']!)],
    ['a sealed token of a person', () => about('app.web', tokens['person']!)],
    ['a signed token of a person', () => about('app.api', tokens['ofApi']!, { token_type_hint: 'access_token' })],
    ['a sealed token with a pairwise subject', () => about('app.paired', tokens['paired']!)],
  ]
  for (const [what, asked] of ordinary)
    it(`answers the ordinary request: ${what}`, async () => expect(await isTaken(asked())).to.equal(true))

  const refused: readonly [string, () => LaneRequest][] = [
    ['a scope that is not granted', () => forToken('app.machine', { scope: 'admin' })],
    ['a client that must bind its tokens', () => forToken('app.dpop')],
    ['a token of another form', () => forToken('app.sealed')],
    ['a token of the form that its API wants', () => forToken('app.both', { resource: sealing })],
    ['a token of another algorithm', () => forToken('app.rsa')],
    ['a suspended client', () => forToken('app.gone')],
    ['a parameter that it does not know', () => forToken('app.machine', { audience: api })],
    ['another method', () => ({ ...forToken('app.machine'), method: 'PUT' })],
    ['a revoked token', () => about('app.machine', tokens['revoked']!)],
    ['a token that is none of the caller', () => about('app.short', tokens['signed']!)],
    ['a refresh token', () => about('app.web', tokens['refresh']!)],
    [
      'an origin',
      () => ({
        ...forToken('app.machine'),
        headers: { ...forToken('app.machine').headers, origin: 'https://x.example' },
      }),
    ],
    [
      'a signed answer',
      () => {
        const asked = about('app.api', tokens['signed']!)
        return { ...asked, headers: { ...asked.headers, accept: 'application/json;q=0.1, */*' } }
      },
    ],
  ]
  for (const [what, asked] of refused)
    it(`hands over ${what}`, async () => expect(await isTaken(asked())).to.equal(false))

  it('signs as the library does: others verify its tokens by what the server publishes', async () => {
    const token = tokenOf(await ask(replicas, forToken('app.machine', { scope: 'read' }), 'whole'))
    const keys = createRemoteJWKSet(new URL(`${replicas.issuer}/jwks`))
    const { payload } = await jwtVerify(token, keys, { issuer: replicas.issuer, audience: api, typ: 'at+jwt' })
    expect(payload).to.include({ sub: 'app.machine', client_id: 'app.machine', scope: 'read' })
  })

  it('takes the previous secret, and says so in the audit log', async () => {
    const asked = { ...forToken('app.machine'), headers: { ...type, ...basic('app.machine', oldSecret) } }
    for (const got of await askTwice(asked)) {
      const events = linesById(replicas.lines)
        .get(idOf(got))!
        .map(({ event }) => event)
      expect(events).to.have.members(['token.issued', 'client.previous_secret_used'])
    }
    const { uses } = { uses: createHash('sha256').update(oldSecret).digest('hex').slice(0, 8) }
    expect(replicas.lines.some((line) => line.includes(`"secret":"${uses}"`))).to.equal(true)
  })

  it('answers requests, good, bad and odd, as the library does, and tells the same of them', async () => {
    const before = replicas.lines.length
    const counted = async () =>
      (await Promise.all(replicas.metrics.map((metrics) => metrics.render())))
        .flatMap((text) => text.split('\n'))
        .filter((line) => line.startsWith('nauthera_token_requests_total'))
    // of both replicas together
    const valuesOf = (lines: readonly string[]) => {
      const sums = new Map<string, number>()
      for (const [name, value] of lines.map((line) => line.split(/ (?=\d+$)/) as [string, string]))
        sums.set(name, (sums.get(name) ?? 0) + Number(value))
      return sums
    }
    const atFirst = valuesOf(await counted())
    const count = propertyRuns(2_000)
    const requests = fc.sample(anyRequest({ tokens, assertions }), { numRuns: count, seed: 12 })
    const pairs: (readonly [Got, Got])[] = []
    const queue = requests.values()
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (const asked of queue) pairs.push(await askTwice(asked))
      }),
    )
    const lines = replicas.lines.slice(before)
    const taken = expectSameLines(pairs, { lines })
    const byId = linesById(lines)
    expect(pairs.some(([, other]) => byId.get(idOf(other))!.some(({ lane }) => lane === true))).to.equal(false)
    for (const [name, value] of valuesOf(await counted()))
      expect((value - (atFirst.get(name) ?? 0)) % 2, name).to.equal(0)
    const good = pairs.filter(([{ status }]) => status === 200)
    expect(pairs.length).to.equal(count)
    expect(taken.length).to.be.greaterThan(count / 10)
    expect(good.length).to.be.lessThan(count * 0.9)
  })
})

/** Requests as programs send them, with some that no program would. */
function anyRequest(known: {
  tokens: Readonly<Record<string, string>>
  assertions: Readonly<Record<string, string>>
}): fc.Arbitrary<LaneRequest> {
  const rarely = <T>(usual: T, ...others: T[]) =>
    fc.oneof({ weight: 24, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })
  const secret = rarely(clientSecret, oldSecret, endedSecret, 'wrong', `${clientSecret} `, 'a%20b', 'ä', '')
  const client = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('app.machine', 'app.any', 'app.short', 'app.api', 'app.none') },
    { weight: 3, arbitrary: fc.constantFrom(...ids) },
    { weight: 1, arbitrary: fc.constantFrom('app.unknown', '', 'https://app.example.com/client', 'app.machine:x') },
  )
  const encoded = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`
  const proof = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ client, secret }).map(({ client: id, secret: value }) => ({
        headers: { authorization: encoded(`${id}:${value}`) },
        fields: [] as [string, string][],
      })),
    },
    {
      weight: 4,
      arbitrary: fc.record({ client, secret }).map(({ client: id, secret: value }) => ({
        headers: {},
        fields: [
          ['client_id', id],
          ['client_secret', value],
        ] as [string, string][],
      })),
    },
    {
      weight: 4,
      arbitrary: fc
        .record({
          assertion: rarely('good', ...Object.keys(known.assertions)),
          id: fc.constantFrom(undefined, 'app.worker', 'system:serviceaccount:default:worker', 'app.machine'),
          kind: rarely(assertionType, 'x', assertionType.replace('jwt-bearer', 'jwt-spiffe')),
        })
        .map(({ assertion, id, kind }) => ({
          headers: {},
          fields: [
            ['client_assertion_type', kind],
            ['client_assertion', known.assertions[assertion]!],
            ...(id === undefined ? [] : [['client_id', id]]),
          ] as [string, string][],
        })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { headers: {}, fields: [] as [string, string][] },
        { headers: { authorization: 'Bearer x' }, fields: [] },
        { headers: { authorization: 'Basic !' }, fields: [] },
        { headers: { authorization: 'Basic' }, fields: [] },
        { headers: { authorization: encoded('app.machine') }, fields: [] },
        { headers: { authorization: encoded(`app.machine:${clientSecret}`).replace('Basic', 'basic') }, fields: [] },
        {
          headers: { authorization: encoded(`app.machine:${clientSecret}`) },
          fields: [['client_secret', clientSecret]],
        },
        { headers: { authorization: encoded(`app.machine:${clientSecret}`) }, fields: [['client_id', 'app.api']] },
        { headers: { authorization: encoded(`app.machine:${clientSecret}`) }, fields: [['client_id', 'app.machine']] },
      ) as fc.Arbitrary<{ headers: Record<string, string>; fields: [string, string][] }>,
    },
  ) as fc.Arbitrary<{ headers: Record<string, string>; fields: [string, string][] }>
  const optional = (name: string, ...values: string[]) =>
    fc
      .oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: fc.constantFrom(...values) })
      .map((value) => (value === undefined ? [] : [[name, value] as [string, string]]))
  // one that lives would be another one after each use: refresh.integration.test.ts
  const { refresh: _, ...unused } = known.tokens
  const token = fc
    .record({
      grant: rarely('client_credentials', 'refresh_token', 'password', '', 'authorization_code'),
      scope: optional('scope', 'read', 'write read', 'read', 'read read', ' read', 'openid', 'admin', 'a"b', 'ä', ''),
      resource: optional('resource', api, api, other, 'https://nobody.example.com', `${api}#x`, 'x', ''),
      refresh: rarely<[string, string][]>(
        [],
        ...Object.values(unused).map((one) => [['refresh_token', one]] as [string, string][]),
      ),
    })
    .map(({ grant, scope, resource, refresh }) => [
      ['grant_type', grant] as [string, string],
      ...scope,
      ...resource,
      ...refresh,
    ])
  const introspection = fc
    .record({
      token: fc.constantFrom(...Object.values(known.tokens), ''),
      hint: optional('token_type_hint', 'access_token', 'refresh_token', 'x', ''),
    })
    .map(({ token: value, hint }) => [['token', value] as [string, string], ...hint])
  const odd = rarely<[string, string][]>(
    [],
    [['audience', api]],
    [['scope', 'read']],
    [['grant_type', 'client_credentials']],
    [['resource', api]],
    [['x', '']],
    [['__proto__', 'x']],
  )
  const headers = rarely<Record<string, string>>(
    {},
    { accept: 'application/json' },
    { accept: '*/*' },
    { accept: 'text/html, */*' },
    { accept: 'application/token-introspection+jwt' },
    { accept: 'application/json;q=0.1, */*' },
    { origin: 'https://spa.example.com' },
    { dpop: 'x' },
    { 'content-encoding': 'gzip' },
    { 'oauth-client-attestation': 'x' },
    { 'x-forwarded-for': '192.0.2.1' },
    { cookie: 'a=b' },
  )
  const contentType = rarely(
    'application/x-www-form-urlencoded',
    'application/x-www-form-urlencoded; charset=utf-8',
    'application/x-www-form-urlencoded;charset=ISO-8859-1',
    'application/json',
    'text/plain',
  )
  return fc
    .record({
      about: fc.oneof(
        { weight: 3, arbitrary: token.map((fields) => ({ path: '/token', fields })) },
        { weight: 2, arbitrary: introspection.map((fields) => ({ path: '/introspect', fields })) },
      ),
      proof,
      odd,
      headers,
      method: rarely('POST', 'PUT', 'PATCH'),
      contentType,
      write: rarely<(fields: [string, string][]) => string>(
        (fields) => new URLSearchParams(fields).toString(),
        (fields) => new URLSearchParams(fields).toString().replaceAll('.', '%2E').replaceAll('+', '%20'),
        (fields) => `${new URLSearchParams(fields).toString()}&`,
        (fields) => fields.map(([name, value]) => `${name}=${value}`).join('&'),
        () => '',
        () => '%',
      ),
    })
    .map(({ about, proof: shown, odd: more, headers: others, method, contentType: kind, write }) => ({
      method,
      path: about.path,
      headers: { 'content-type': kind, ...shown.headers, ...others },
      body: write([...about.fields, ...shown.fields, ...more]),
    }))
}
