// Which keys at jwks_uri count, at every replica and whatever comes between: those that the owner publishes, and no withdrawn one.
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { expect } from 'chai'
import fc from 'fast-check'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { readKeysFirst } from '../../../src/oidc/library/overrides/read-keys-first.ts'
import { internalsOf } from '../../../src/oidc/library/shapes.ts'
import { createJwksFetch } from '../../../src/oidc/outbound/jwks-fetch.ts'

const issuer = 'http://localhost:1'
const jwksUri = 'https://app.example.com/jwks'
const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
/** What docs/keys.md states: keys are read again after this, and what was read counts for so long while nothing can be read. */
const stated = { fresh: hour, kept: day + minute }

const keys = await Promise.all(
  [0, 1, 2].map(async (index) => {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const kid = `key-${index}`
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'ES256' } }
  }),
)

/** What a host of keys answers. */
const answers = {
  set: (published: readonly number[], cacheControl: string) =>
    Response.json(
      { keys: published.map((index) => keys[index]!.jwk) },
      { headers: { 'cache-control': cacheControl, expires: 'Fri, 31 Dec 2199 00:00:00 GMT' } },
    ),
  error: () => new Response('no', { status: 503 }),
  page: () => new Response('<html>'),
} as const
type Answer = keyof typeof answers | 'nothing'

/** The client of assertions, and that of request objects. */
const ways = ['assertion', 'request'] as const
type Way = (typeof ways)[number]

/** The artefacts of one replica that this test needs: none is read again. */
class ForgetfulAdapter {
  upsert() {}
  find() {}
}

describe('the keys that a client publishes', () => {
  const clock = Date.now
  /** Milliseconds: by the steady clock, and how far the time of day is ahead of it. */
  let [now, ahead] = [0, clock()]
  let host: { published: readonly number[]; answer: Answer; cacheControl: string }
  const servers: Server[] = []
  before(() => (Date.now = () => now + ahead))
  afterEach(() => stopLibraries())
  after(() => (Date.now = clock))

  const fetchOfReplica = () =>
    createJwksFetch({
      fetch: async () => {
        if (host.answer === 'nothing') throw new Error('no answer')
        return answers[host.answer](host.published, host.cacheControl)
      },
      asker: () => '192.0.2.1',
      log,
      now: () => now,
    })

  /** The library as a server has it, with the part that decides which keys count. Its own keys are new. */
  async function startLibrary(fetch: ReturnType<typeof createJwksFetch>): Promise<string> {
    const provider = new Provider(issuer, {
      adapter: ForgetfulAdapter as never,
      cookies: { keys: ['x'] },
      jwks: { keys: [{ ...(await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)) }] },
      clientAuthMethods: ['none', 'private_key_jwt'],
      ttl: { ClientCredentials: 60 },
      clientDefaults: { id_token_signed_response_alg: 'ES256' },
      fetch: (input) => fetch(input instanceof Request ? input.url : input),
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        requestObjects: { enabled: true },
        pushedAuthorizationRequests: { enabled: true },
      },
      clients: [
        {
          client_id: 'assertion',
          token_endpoint_auth_method: 'private_key_jwt',
          grant_types: ['client_credentials'],
          response_types: [],
          redirect_uris: [],
          jwks_uri: jwksUri,
        },
        {
          client_id: 'request',
          token_endpoint_auth_method: 'none',
          redirect_uris: ['https://app.example.com/callback'],
          jwks_uri: jwksUri,
        },
      ],
    })
    readKeysFirst(internalsOf(provider))
    const server = createServer(provider.callback())
    servers.push(server)
    return `http://127.0.0.1:${await listenOnLoopback(server)}`
  }

  const stopLibraries = () => servers.splice(0).forEach((server) => (server.closeAllConnections(), server.close()))

  let jti = 0
  async function isAccepted(origin: string, way: Way, key: (typeof keys)[number]): Promise<boolean> {
    const common = { iss: way, aud: issuer, jti: String(jti++), exp: Math.floor(Date.now() / 1000) + 60 }
    const callback = { redirect_uri: 'https://app.example.com/callback', scope: 'openid', response_type: 'code' }
    const claims = way === 'assertion' ? { sub: way } : { client_id: way, ...callback, code_challenge: 'x'.repeat(43) }
    const jwt = await new SignJWT({ ...common, ...claims, code_challenge_method: 'S256' })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid })
      .sign(key.privateKey)
    const form = {
      assertion: {
        grant_type: 'client_credentials',
        client_assertion: jwt,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      },
      request: { client_id: way, request: jwt },
    }[way]
    const path = way === 'assertion' ? '/token' : '/request'
    const answer = await fetch(`${origin}${path}`, { method: 'POST', body: new URLSearchParams(form) })
    const { error } = (await answer.json()) as { error?: string }
    if (answer.ok) return true
    expect(error, jwt).to.be.oneOf(['invalid_client', 'invalid_request_object', 'invalid_client_metadata'])
    return false
  }

  const step = fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('publish' as const),
        published: fc.subarray([0, 1, 2]),
        cacheControl: fc.constantFrom('', 'max-age=0', 'max-age=600', 'max-age=999999999', 'no-store'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('host' as const),
        answer: fc.constantFrom<Answer>('set', 'set', 'error', 'page', 'nothing'),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        ms: fc.constantFrom(1000, minute, minute + 1000, 10 * minute, hour, hour + 1000, 6 * hour, day, 20 * day),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('clock' as const),
        ms: fc.constantFrom(-400 * day, -40 * day, 40 * day, 400 * day),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('renew' as const), replica: fc.nat(1) }) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('prove' as const),
        replica: fc.nat(1),
        way: fc.constantFrom(...ways),
        key: fc.nat(2),
      }),
    },
  )

  /** What was so since when: the newest is the last. */
  type History<T> = { readonly at: number; readonly value: T }[]
  /** @returns what was so at any time since `since` */
  const within = <T>(history: History<T>, since: number): readonly T[] => [
    history.findLast(({ at }) => at <= since)?.value ?? history[0]!.value,
    ...history.filter(({ at }) => at > since).map(({ value }) => value),
  ]

  it('T71 a withdrawn key proves nothing after the stated time, and a published one proves at once, on every replica', async function () {
    this.timeout(300_000)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 24 }), async (steps) => {
        host = { published: [0, 1, 2], answer: 'set', cacheControl: 'max-age=600' }
        const published: History<readonly number[]> = [{ at: now, value: host.published }]
        const answering: History<boolean> = [{ at: now, value: true }]
        const fetches = [fetchOfReplica(), fetchOfReplica()]
        const replicas = await Promise.all(fetches.map(startLibrary))
        const read = replicas.map(() => -Infinity)
        for (const one of steps) {
          if (one.kind === 'wait') now += one.ms
          if (one.kind === 'clock') ahead += one.ms
          // as when the keys of the server itself rotate
          if (one.kind === 'renew') replicas[one.replica] = await startLibrary(fetches[one.replica]!)
          if (one.kind === 'publish') {
            host = { ...host, published: one.published, cacheControl: one.cacheControl }
            published.push({ at: now, value: one.published })
          }
          if (one.kind === 'host') {
            host = { ...host, answer: one.answer }
            answering.push({ at: now, value: one.answer === 'set' })
          }
          if (one.kind !== 'prove') continue
          const accepted = await isAccepted(replicas[one.replica]!, one.way, keys[one.key]!)
          const had = (since: number) => within(published, now - since).map((set) => set.includes(one.key))
          const wasAway = within(answering, now - minute - 1000).includes(false)
          const wasReadAWhileAgo = now - read[one.replica]! < day
          // a key that was there all the time, while the host answers or this replica has read it within a day
          if (!had(day + hour).includes(false) && (!wasAway || wasReadAWhileAgo))
            expect(accepted, 'a published key').to.equal(true)
          if (!had(stated.fresh).includes(true) && !wasAway) expect(accepted, 'a withdrawn key').to.equal(false)
          if (!had(stated.kept + stated.fresh).includes(true)) expect(accepted, 'a long withdrawn key').to.equal(false)
          if (accepted && host.answer === 'set') read[one.replica] = now - hour
        }
        stopLibraries()
      }),
      { numRuns: propertyRuns(60) },
    )
  })
})
