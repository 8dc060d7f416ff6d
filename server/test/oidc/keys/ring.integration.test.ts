import { randomBytes } from 'node:crypto'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { expect } from 'chai'
import { keyPolicy } from '../../../src/oidc/lifetimes.ts'
import { createKeyRing } from '../../../src/oidc/keys/ring.ts'
import type { KeyRing } from '../../../src/oidc/keys/ring.ts'
import { mintKey } from '../../../src/oidc/keys/stored-keys.ts'
import { createKeyRing as createEncryptionRing } from '../../../src/store/driver/envelope.ts'
import type { KeyEncryptionRing as EncryptionRing } from '../../../src/store/driver/envelope.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'
import { codeOf } from '../../store/code-of.ts'
import { keysAt, monotonicNow } from '../../store/keys-at.ts'
import { keptLog } from '@nauthera/harness/kept-log'
import { keepLog } from '../../http/harness.ts'
import { basic, send } from '@nauthera/harness/browser'
import { headerOfJwt } from '@nauthera/harness/flows'
import { clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const minute = 60_000
const policy = { publishBefore: 15 * minute, rotateEvery: 30 * 24 * 60 * minute, retireFor: () => 24 * 60 * minute }

describe('createKeyRing', () => {
  let fresh: FreshStore
  const rings: KeyRing[] = []
  let now = Date.now()
  before(async () => {
    fresh = await freshStore()
  })
  after(async () => {
    await Promise.all(rings.map((ring) => ring.stop()))
    await fresh.stop()
  })
  const ringOf = () => {
    const ring = createKeyRing({
      keys: keysAt(fresh.replica().keys, () => now),
      algorithms: ['ES256', 'EdDSA'],
      policy,
      now: () => now,
      monotonicNow,
      log: keepLog(),
    })
    rings.push(ring)
    return ring
  }

  it('replicas that start at the same time agree on one key for each line', async () => {
    const three = [ringOf(), ringOf(), ringOf()]
    await Promise.all(three.map((ring) => ring.load()))
    expect(new Set(three.map((ring) => ring.current().fingerprint)).size).to.equal(1)
    expect(three[0]!.current().published.map(({ alg }) => alg)).to.deep.equal(['ES256', 'EdDSA'])
    expect(JSON.stringify(three[0]!.current().published)).to.not.match(/"d":/)
  })

  it('makes no key while it holds the lock: RSA keys take seconds on a busy processor', async () => {
    const keys = keysAt(fresh.replica().keys, () => now)
    let locked = false
    const made: boolean[] = []
    const ring = createKeyRing({
      keys: {
        ...keys,
        underLock: async (work) => {
          locked = true
          return keys.underLock(work).finally(() => (locked = false))
        },
      },
      algorithms: ['ES256', 'EdDSA'],
      policy,
      now: () => now,
      monotonicNow,
      log: keepLog(),
      mint: async (line) => {
        made.push(locked)
        return mintKey(line)
      },
    })
    rings.push(ring)
    await ring.load()
    await ring.rotate()
    await ring.publishNow()
    await ring.cutOff('all')
    expect(made).to.have.length.above(5)
    expect(new Set(made)).to.deep.equal(new Set([false]))
  })

  it('a new key reaches every replica, is published before it signs, and then signs', async () => {
    const [first, second] = [ringOf(), ringOf()]
    await first.load()
    await second.load()
    const told = new Promise<void>((resolve) => second.onChange(() => resolve()))
    await second.follow()
    const before = first.current().signing[0]!.kid
    await first.rotate()
    await told
    const waiting = second.current()
    expect(waiting.signing[0]!.kid).to.equal(before)
    expect(waiting.published.filter(({ alg }) => alg === 'ES256')).to.have.length(2)
    expect(waiting.signing.filter((key) => key.key_ops?.[0] === 'verify')).to.have.length(2)
    now += policy.publishBefore
    await second.load()
    await first.load()
    expect(second.current().signing[0]!.kid).to.not.equal(before)
    expect(first.current().fingerprint).to.equal(second.current().fingerprint)
    expect(second.current().published.map(({ kid }) => kid)).to.include(before)
    now += policy.retireFor()
    await second.load()
    expect(second.current().published.map(({ kid }) => kid)).to.not.include(before)
  })

  it('T10 a key is published, without its private part, until a token of a day that it signed last has expired, and then goes', async () => {
    const ofServer = keyPolicy({ ...policy, algorithms: ['ES256'] })
    const keys = keysAt(fresh.replica().keys, () => now)
    const ring = createKeyRing({
      keys,
      algorithms: ['ES256'],
      policy: ofServer,
      now: () => now,
      monotonicNow,
      log: keepLog(),
    })
    rings.push(ring)
    await ring.load()
    const { kid } = ring.current().signing[0]!
    await ring.rotate()
    const published = async (at: number) => {
      now = at
      await ring.load()
      expect(JSON.stringify(ring.current().published)).to.not.match(/"(d|k|p|q|dp|dq|qi)":/)
      return ring.current().published.some((key) => key.kid === kid)
    }
    const lastSigned = now + policy.publishBefore - 1
    expect(await published(lastSigned)).to.equal(true)
    expect(ring.current().signing[0]!.kid).to.equal(kid)
    const expired = lastSigned + 24 * 60 * minute
    expect(await published(lastSigned + 1)).to.equal(true)
    expect(ring.current().signing[0]!.kid).to.not.equal(kid)
    expect(await published(expired)).to.equal(true)
    expect(await published(expired + 5 * minute + 1)).to.equal(false)
    expect((await keys.summaries()).map(({ id }) => id)).to.not.include(kid)
  })

  it('a key that was cut off ends at a replica that can read keys and write none', async () => {
    let isReadOnly = false
    const nowOfStuck = () => now + (isReadOnly ? policy.rotateEvery : 0)
    const keys = keysAt(fresh.replica().keys, nowOfStuck)
    const underLock: typeof keys.underLock = (work) =>
      isReadOnly ? Promise.reject(new Error('read-only')) : keys.underLock(work)
    const about = { algorithms: ['ES256', 'EdDSA'] as const, policy, log: keepLog() }
    const [healthy, stuck] = [
      ringOf(),
      // it finds a key to create at each look
      createKeyRing({ ...about, keys: { ...keys, underLock }, now: nowOfStuck, monotonicNow }),
    ]
    rings.push(stuck)
    await Promise.all([healthy.load(), stuck.load()])
    const { kid } = stuck.current().signing[0]!
    isReadOnly = true
    await healthy.cutOff('all')
    const failed = await stuck.load().catch((error: unknown) => String(error))
    expect(failed).to.include('read-only')
    expect(JSON.stringify(stuck.current().published)).to.not.include(kid)
  })

  it('the keys in memory stay when the database has no key for cookies any more, and takes none', async () => {
    const keys = keysAt(fresh.replica().keys, () => now)
    let isBroken = false
    const ring = createKeyRing({
      algorithms: ['ES256'],
      policy,
      log: keepLog(),
      now: () => now,
      monotonicNow,
      keys: {
        ...keys,
        async list() {
          const list = await keys.list()
          return { ...list, opened: list.opened.filter(({ use }) => !isBroken || use !== 'cookie') }
        },
        underLock: (work) => (isBroken ? Promise.reject(new Error('read-only')) : keys.underLock(work)),
      },
    })
    rings.push(ring)
    await ring.load()
    const [loaded, states] = [ring.current(), ring.statesOf(await keys.summaries())]
    isBroken = true
    expect(await ring.load().catch((error: unknown) => String(error))).to.include('read-only')
    expect(ring.current()).to.equal(loaded)
    expect(ring.statesOf(await keys.summaries())).to.deep.equal(states)
  })

  it('keys of an algorithm that is taken out sign nothing, stay published while replicas sign with it and a day longer, and come back', async () => {
    // those of other tests sign with it too, and would move the end on
    await Promise.all(rings.splice(0).map((ring) => ring.stop()))
    const ringWith = (...algorithms: SigningAlgorithm[]) => {
      const own = keyPolicy({ ...policy, algorithms })
      const ring = createKeyRing({
        keys: keysAt(fresh.replica().keys, () => now),
        algorithms,
        policy: own,
        now: () => now,
        monotonicNow,
        log: keepLog(),
      })
      rings.push(ring)
      return ring
    }
    const [before, after] = [ringWith('ES256', 'PS256'), ringWith('ES256')]
    await before.load()
    const key = before.current().signing.find(({ alg }) => alg === 'PS256')!
    const publishedBy = async (ring: KeyRing) => {
      await ring.load()
      return ring.current().published.some(({ kid }) => kid === key.kid)
    }
    expect(await publishedBy(after)).to.equal(true)
    expect(after.current().signing.find(({ kid }) => kid === key.kid)).to.include.keys('key_ops')
    // a server of before the change still signs, two days long
    for (let hour = 0; hour < 48; hour++) {
      now += 60 * minute
      expect(await publishedBy(before)).to.equal(true)
      expect(before.current().signing.find(({ alg }) => alg === 'PS256')!.kid).to.equal(key.kid)
      expect(await publishedBy(after)).to.equal(true)
    }
    const ends = now + 24 * 60 * minute + 5 * minute
    now = ends - 1
    expect(await publishedBy(after)).to.equal(true)
    now = ends + 60 * minute
    expect(await publishedBy(after)).to.equal(false)
    const again = ringWith('ES256', 'PS256')
    await again.load()
    expect(
      again.current().signing.find(({ alg, key_ops: uses }) => alg === 'PS256' && uses === undefined)!.kid,
    ).to.not.equal(key.kid)
  })

  it('the key of pairwise subjects is one for all replicas, and stays through every rotation', async () => {
    const [first, second] = [ringOf(), ringOf()]
    await Promise.all([first.load(), second.load()])
    const before = first.current().pairwise().export()
    expect(before).to.have.length(32)
    await first.rotate()
    now += policy.rotateEvery + policy.retireFor()
    await Promise.all([first.load(), second.load()])
    expect(second.current().pairwise().export()).to.deep.equal(before)
    const stored = await fresh.replica().keys.summaries()
    expect(stored.filter(({ use }) => use === 'pairwise')).to.have.length(1)
  })

  it('the audit log hears once of each key that became active, whichever replica tells it first', async () => {
    const three = [ringOf(), ringOf(), ringOf()]
    await Promise.all(three.map((ring) => ring.load()))
    const { audit, keys } = fresh.replica()
    const told = (await audit.search({ event: 'key.activated', limit: 99 })).map(({ detail }) => detail!['key'])
    expect(new Set(told).size).to.equal(told.length)
    const active = (await keys.summaries()).filter(({ activeAt }) => activeAt.getTime() <= now)
    expect(told).to.include.members(active.map(({ id }) => id))
    const created = await audit.search({ event: 'key.created', limit: 99 })
    expect(created.map(({ detail }) => detail!['key'])).to.include.members(told)
  })
})

describe('a key ring whose replica lacks a key-encryption key', () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('F42 goes on with the keys that it has, names those that it cannot open, and has them after a restart with that key', async () => {
    const [old, next] = [randomBytes(32), randomBytes(32)]
    const before = createEncryptionRing(new Map([['old', old]]), 'old')
    const both = createEncryptionRing(
      new Map([
        ['old', old],
        ['next', next],
      ]),
      'next',
    )
    let now = Date.now()
    const replica = (ring: EncryptionRing) => {
      const { log, lines } = keptLog()
      const keys = keysAt(fresh.replica({ ring }).keys, () => now)
      return {
        lines,
        ...named(createKeyRing({ keys, algorithms: ['ES256'], policy, now: () => now, monotonicNow, log })),
      }
    }
    const named = (ring: KeyRing) => ({ ring, signer: () => ring.current().signing[0]!.kid! })
    const [lacking, changed] = [replica(before), replica(both)]
    await lacking.ring.load()
    await changed.ring.load()
    const known = lacking.ring.current().fingerprint
    await changed.ring.rotate()
    await lacking.ring.load()
    expect(lacking.ring.current().fingerprint).to.equal(known)
    expect(lacking.lines.filter((line) => line.includes('has no key next'))).to.have.length(2)
    // the new key signs elsewhere: this replica goes on with the one of before, and one that starts without the key is not ready
    now += policy.publishBefore
    await changed.ring.load()
    const started = replica(before)
    for (const { ring } of [lacking, started]) expect(await codeOf(ring.load())).to.equal('KEY_RING_LACKS_KEY')
    expect(lacking.ring.current().fingerprint).to.equal(known)
    expect(changed.ring.current().published.map(({ kid }) => kid)).to.include(lacking.signer())
    expect(await codeOf(started.ring.rotate())).to.equal('KEY_RING_LACKS_KEY')
    // nobody opens a key that was cut off, so it proves no ring
    const cut = `INSERT INTO keys (id, use, alg, secret, encrypted_by, active_at, retire_at)
      VALUES ('cut', 'file', 'ES256', '', 'next', now(), now())`
    await fresh.replica({ ring: both }).database.query(statement('test-cut-key', cut))
    const besideCut = replica(before)
    expect(await codeOf(besideCut.ring.load())).to.equal('KEY_RING_LACKS_KEY')
    await besideCut.ring.stop()
    const restarted = replica(both)
    await restarted.ring.load()
    expect(restarted.ring.current().fingerprint).to.equal(changed.ring.current().fingerprint)
    await Promise.all([lacking, changed, started, restarted].map(({ ring }) => ring.stop()))
  })
})

describe('a new generation of the Provider', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({
      count: 2,
      settings: { signing: { algorithms: ['ES256'], idToken: 'ES256' } },
    })
    await replicas.serve([entry('app.machine', configs.machine)])
  })
  after(() => replicas.stop())

  const kidNow = async (replica: number): Promise<string> => {
    const ask = {
      replica,
      path: '/token',
      headers: basic('app.machine', clientSecret),
      form: { grant_type: 'client_credentials' },
    }
    return String(headerOfJwt(String((await send(replicas, ask)).json()['access_token']))['kid'])
  }
  const published = async (replica: number): Promise<string[]> =>
    ((await send(replicas, { replica, path: '/jwks' })).json() as { keys: { kid: string }[] }).keys.map(
      ({ kid }) => kid,
    )

  it('F28 takes over under load: no request fails, and every signing key is already published on every replica', async () => {
    const before = await kidNow(0)
    const cli = createKeyRing({
      keys: replicas.apps[0]!.store.keys,
      algorithms: ['ES256'],
      policy: { ...policy, publishBefore: 1000 },
      now: Date.now,
      log: keepLog(),
    })
    await cli.load()
    await cli.rotate()
    await cli.stop()
    const deadline = Date.now() + 10_000
    const after = new Set<string>()
    while (after.size < 2 && Date.now() < deadline) {
      for (const replica of [0, 1]) {
        const kid = await kidNow(replica)
        expect(await published(1 - replica)).to.include(kid)
        if (kid !== before) after.add(`${replica}`)
      }
    }
    expect(after.size).to.equal(2)
    expect(await published(0)).to.include(before)
    expect(await kidNow(0)).to.equal(await kidNow(1))
  })
})
