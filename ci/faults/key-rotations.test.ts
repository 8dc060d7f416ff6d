import { expect } from 'chai'
import { SignJWT, createRemoteJWKSet, customFetch, importJWK, jwtVerify } from 'jose'
import type { CryptoKey, JWK } from 'jose'
import { customFetch as customFetchOfApi, validateJwtAccessToken } from 'oauth4webapi'
import { CodedError } from '@nauthera/runtime/coded-error'
import { jwksMaxAge } from '@nauthera/server/jwks-age'
import { createKeyRing } from '@nauthera/server/oidc/keys/ring'
import type { KeyRing } from '@nauthera/server/oidc/keys/ring'
import type { Keys } from '@nauthera/server/store/tokens/keys'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { keepLog } from '../../server/test/http/harness.ts'
import { freshStore } from '../../server/test/store/fresh-store.ts'
import type { FreshStore } from '../../server/test/store/fresh-store.ts'
import { keysAt } from '../../server/test/store/keys-at.ts'
import { tell } from './support/tell.ts'

const minute = 60_000
/** A token lives for an hour. Keys are replaced twice an hour, so that several overlap. */
const tokenLife = 60 * minute
const policy = { publishBefore: 15 * minute, rotateEvery: 30 * minute, retireFor: () => tokenLife + 5 * minute }
const algorithms = ['ES256', 'EdDSA'] as const
/** Minutes between two reads of the keys, by replica: the last one reaches PostgreSQL only now and then. docs/keys.md names its time. */
const readEvery = [1, 2, 9] as const
/** Verifications. */
const most = Math.min(100_000, propertyRuns(27_000))
const issuer = 'https://login.example.com'
const audience = 'https://api.example.com'

interface Replica {
  readonly ring: KeyRing
  readonly readEvery: number
}
interface Token {
  readonly text: string
  readonly madeAt: number
}
type Verify = (token: Token) => Promise<unknown>

describe('sixty rotations of the signing keys', () => {
  let fresh: FreshStore
  let replicas: readonly Replica[] = []
  const clock = Date.now
  let now = clock()
  before(async function () {
    this.timeout(30_000)
    fresh = await freshStore()
    // the caches of the libraries read it
    Date.now = () => now
  })
  after(async () => {
    Date.now = clock
    await Promise.all(replicas.map(({ ring }) => ring.stop()))
    await fresh.stop()
  })

  function replicaThatReads(every: number): Replica & { mayRead: boolean } {
    const keys = keysAt(fresh.replica({ poolMax: 2 }).keys, () => now)
    const replica = { readEvery: every, mayRead: true, ring: undefined as unknown as KeyRing }
    const list: Keys['list'] = async () => {
      if (!replica.mayRead) throw new CodedError('STORE_UNAVAILABLE')
      return keys.list()
    }
    const ring = createKeyRing({ keys: { ...keys, list }, algorithms, policy, now: () => now, log: keepLog() })
    return Object.assign(replica, { ring })
  }

  const jwksOf = ({ ring }: Replica) => JSON.stringify({ keys: ring.current().published })
  const answer = (body: string) => Response.json(JSON.parse(body))

  /** Between an application and one replica: a cache that keeps /jwks for as long as it may. */
  function kept(replica: Replica) {
    let held: { body: string; at: number } | undefined
    return async () => {
      if (held === undefined || now - held.at >= jwksMaxAge * 1000) held = { body: jwksOf(replica), at: now }
      return answer(held.body)
    }
  }

  /** Applications and APIs of every habit, at each replica. */
  function partiesAt(replica: Replica): readonly Verify[] {
    const url = new URL(`${issuer}/jwks`)
    const direct = async () => answer(jwksOf(replica))
    const checks = () => ({ issuer, audience, currentDate: new Date(now) })
    const withJose = (options: Parameters<typeof createRemoteJWKSet>[1]) => {
      const keys = createRemoteJWKSet(url, options)
      return async ({ text }: Token) => jwtVerify(text, keys, checks())
    }
    const server = { issuer, jwks_uri: url.href }
    return [
      withJose({ [customFetch]: direct }),
      withJose({ [customFetch]: kept(replica) }),
      // it reads the keys every five minutes, and never for a key that it does not know
      withJose({ [customFetch]: direct, cacheMaxAge: jwksMaxAge * 1000, cooldownDuration: Infinity }),
      async ({ text }) => {
        const request = new Request(audience, { headers: { authorization: `Bearer ${text}` } })
        return validateJwtAccessToken(server, request, audience, { [customFetchOfApi]: direct })
      },
    ]
  }

  const imported = new Map<string, CryptoKey>()
  async function sign({ ring }: Replica): Promise<readonly Token[]> {
    const signers = ring.current().signing.filter((key) => key.key_ops === undefined)
    expect(signers.map(({ alg }) => alg)).to.deep.equal(algorithms)
    return Promise.all(signers.map(async (jwk) => ({ text: await tokenOf(jwk), madeAt: now })))
  }
  async function tokenOf(jwk: JWK): Promise<string> {
    const key = imported.get(jwk.kid!) ?? ((await importJWK(jwk)) as CryptoKey)
    imported.set(jwk.kid!, key)
    return new SignJWT({ client_id: 'app', jti: 'one' })
      .setProtectedHeader({ alg: jwk.alg!, kid: jwk.kid!, typ: 'at+jwt' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject('ada')
      .setIssuedAt(Math.floor(now / 1000))
      .setExpirationTime(Math.floor((now + tokenLife) / 1000))
      .sign(key)
  }

  /** @returns how many verifications there were, and how many failed */
  async function rotate(times: number, about: { readEvery: readonly number[]; verifications: number }) {
    const lagging = about.readEvery.map(replicaThatReads)
    replicas = [...replicas, ...lagging]
    for (const { ring } of lagging) await ring.load()
    const parties = lagging.flatMap(partiesAt)
    const tokens: Token[] = []
    const kids = new Set<string>()
    let [done, failed] = [0, 0]
    const steps = (times * policy.rotateEvery) / minute
    for (let step = 0; step < steps; step++) {
      for (const replica of lagging) {
        replica.mayRead = step % replica.readEvery === 0
        await replica.ring.load().catch(() => undefined)
      }
      const made = (await Promise.all(lagging.map(sign))).flat()
      for (const { text } of made) kids.add(text.slice(0, text.indexOf('.')))
      tokens.push(...made)
      while (tokens[0]!.madeAt + tokenLife <= now) tokens.shift()
      const asked = Array.from({ length: Math.ceil(about.verifications / steps) }, (_, index) =>
        index < made.length ? made[index % made.length]! : tokens[(index * 7919 + step * 31) % tokens.length]!,
      )
      const outcomes = await Promise.allSettled(
        asked.map((token, index) => parties[(index * 5 + step) % parties.length]!(token)),
      )
      done += outcomes.length
      failed += outcomes.filter(({ status }) => status === 'rejected').length
      now += minute
    }
    return { done, failed, keys: kids.size }
  }

  it('F28 no verification fails while a replica lags and applications keep the keys', async function () {
    this.timeout(300_000)
    const { done, failed, keys } = await rotate(60, { readEvery, verifications: most })
    tell('verifications', { done, failed, keys })
    expect(failed).to.equal(0)
    expect(done).to.be.at.least(most)
    expect(keys).to.be.at.least(60 * algorithms.length)
  })

  it('F28 would see a replica that lags for longer than a key is published before it signs', async function () {
    this.timeout(60_000)
    const { failed } = await rotate(4, { readEvery: [1, 21], verifications: 4000 })
    expect(failed).to.be.greaterThan(0)
  })
})
