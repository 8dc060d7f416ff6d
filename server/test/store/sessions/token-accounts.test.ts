import { expect } from 'chai'
import type { GrantedAccount } from '../../../src/store/sessions/accounts.ts'
import type { Cache, CacheKey } from '../../../src/store/cache/cache.ts'
import { createChanges } from '../../../src/store/cache/changes.ts'
import { createTokenAccounts } from '../../../src/store/sessions/token-accounts.ts'
import { createMemoryCache } from '../../../src/store/cache/memory-cache.ts'

const day = 86_400_000

describe(createTokenAccounts.name, () => {
  let now: number
  let queries: number
  let cache: Cache
  let stored: GrantedAccount | undefined
  /** What happens while a query runs. */
  let meanwhile: () => Promise<void> | void
  beforeEach(() => {
    now = Date.UTC(2026, 0, 1)
    queries = 0
    cache = createMemoryCache({ now: () => now })
    stored = ada()
    meanwhile = () => undefined
  })

  const ada = (): GrantedAccount => ({
    user: {
      id: 'ada',
      source: 'postgres',
      sourceKey: undefined,
      username: 'ada',
      email: undefined,
      emailVerified: false,
      name: 'Ada Example',
      locale: undefined,
      profile: { address: { country: 'UK', region: null } },
      passwordChangeRequired: false,
      disabled: false,
      createdAt: new Date(now - day),
      updatedAt: new Date(now - 1),
      groups: ['ops'],
      groupOrigins: { postgres: ['ops'] },
    },
    sessionLive: true,
    grant: {
      id: 'grant',
      userId: 'ada',
      clientUid: 'uid',
      clientId: 'app',
      sessionUid: 'session',
      offline: false,
      payload: { openid: { scope: 'openid' } },
      createdAt: new Date(now - day),
      expiresAt: new Date(now + day),
    },
    grantFrom: [{ clientUid: 'uid-before', clientId: 'before' }],
    refreshSeq: undefined,
  })
  const ask = {
    userId: 'ada',
    grantId: 'grant',
    session: { uid: 'session', version: 1, authTime: new Date(Date.UTC(2026, 0, 1)) },
  }
  /** Another replica each time; they share only the cache. */
  const load = (asked: typeof ask = ask) =>
    createTokenAccounts({
      accounts: {
        loadOfToken: () => Promise.reject(new TypeError('the query without a session')),
        async loadGranted() {
          queries++
          const found = stored
          await meanwhile()
          return found
        },
      },
      cache,
      now: () => now,
      monotonicNow: () => now,
    }).load(asked)
  const tell = (id: string) => createChanges(cache).report(id)

  it('asks PostgreSQL once, and then returns the same again', async () => {
    expect(await load()).to.deep.equal(stored)
    expect(await load()).to.deep.equal(stored)
    expect(queries).to.equal(1)
  })

  it('keeps nothing of what a person prefers: no token depends on it', async () => {
    const { user, ...rest } = ada()
    stored = { ...rest, user: { ...user, preferences: { language: 'de' } } }
    await load()
    expect((await load())?.user).to.deep.equal(user)
    expect(queries).to.equal(1)
  })

  it('returns nothing that is older than 10 s, however often it is asked', async () => {
    await load()
    for (let second = 1; second <= 9; second++) {
      now += 1000
      await load()
    }
    expect(queries).to.equal(1)
    now += 1000
    stored = undefined
    expect(await load()).to.equal(undefined)
  })

  it('counts these 10 s from the begin of the query', async () => {
    meanwhile = () => void (now += 4000)
    await load()
    now += 5999
    await load()
    expect(queries).to.equal(1)
    now += 1
    await load()
    expect(queries).to.equal(2)
  })

  it('keeps nothing longer than the grant lives', async () => {
    stored = { ...ada(), grant: { ...ada().grant!, expiresAt: new Date(now + 3000) } }
    await load()
    now += 3000
    stored = undefined
    expect(await load()).to.equal(undefined)
  })

  for (const id of ['grant', 'ada', 'session']) {
    it(`asks PostgreSQL again as soon as ${id} has changed, until no older entry can be left`, async () => {
      await load()
      await tell(id)
      stored = undefined
      for (let second = 0; second <= 20; second++) {
        expect(await load()).to.equal(undefined)
        now += 1000
      }
    })

    it(`returns no older data when ${id} changes while the query runs`, async () => {
      meanwhile = () => {
        stored = undefined
        return tell(id)
      }
      await load()
      meanwhile = () => undefined
      for (let second = 0; second <= 20; second++) {
        expect(await load()).to.equal(undefined)
        now += 1000
      }
    })
  }

  it('uses old data for at most 10 s when the mark of a change is lost', async () => {
    await load()
    stored = undefined
    now += 9999
    expect(await load()).to.not.equal(undefined)
    now += 1
    expect(await load()).to.equal(undefined)
  })

  it('does not cache a refusal: what is allowed again works at once', async () => {
    const refusals = [
      undefined,
      { ...ada(), user: { ...ada().user, disabled: true } },
      { ...ada(), grant: undefined },
      { ...ada(), sessionLive: false },
    ]
    for (const refusal of refusals) {
      stored = refusal
      expect(await load()).to.deep.equal(refusal)
    }
    stored = ada()
    expect(await load()).to.deep.equal(stored)
  })

  it('keeps an offline grant whose session has ended', async () => {
    stored = { ...ada(), sessionLive: false, grant: { ...ada().grant!, offline: true } }
    await load()
    expect(await load()).to.deep.equal(stored)
    expect(queries).to.equal(1)
  })

  it('uses an entry only for the same question: not for another person or session of the grant', async () => {
    await load()
    await load({ ...ask, userId: 'bob' })
    await load({ ...ask, session: { ...ask.session, uid: 'another' } })
    expect(queries).to.equal(3)
  })

  it('F7 ignores an entry of another shape', async () => {
    let key: CacheKey | undefined
    let entry: Record<string, unknown> = {}
    const spy: Cache = {
      ...cache,
      set(name, value, ttlMs) {
        key = name
        entry = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>
        return cache.set(name, value, ttlMs)
      },
    }
    await createTokenAccounts({
      accounts: {
        loadOfToken: () => Promise.reject(new TypeError('the query without a session')),
        loadGranted: () => Promise.resolve(stored),
      },
      cache: spy,
      now: () => now,
    }).load(ask)
    const { user, ...without } = entry
    const shapes = [
      '',
      'null',
      '[]',
      '{"half":',
      JSON.stringify(without),
      JSON.stringify({ ...entry, later: true }),
      JSON.stringify({ ...entry, user: { ...(user as object), groups: 'ops' } }),
      JSON.stringify({ ...entry, user: { ...(user as object), createdAt: 'yesterday' } }),
    ]
    for (const shape of shapes) {
      await cache.set(key!, Buffer.from(shape), 10_000)
      const before = queries
      expect(await load(), shape).to.deep.equal(stored)
      expect(queries, shape).to.equal(before + 1)
    }
  })
})
