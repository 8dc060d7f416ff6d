import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { keptLog } from '@nauthera/harness/kept-log'
import { createMetrics } from '@nauthera/runtime/metrics'
import { serverMetrics } from '../../../src/metrics.ts'
import { createKeyFile } from '../../../src/oidc/keys/key-file.ts'
import { createKeyRing } from '../../../src/oidc/keys/ring.ts'
import type { KeyRing } from '../../../src/oidc/keys/ring.ts'
import { freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'
import { keysAt, monotonicNow } from '../../store/keys-at.ts'
import { privateKey, setOf } from './key-pairs.ts'

const minute = 60_000
const day = 24 * 60 * minute
const policy = { publishBefore: 15 * minute, rotateEvery: 30 * day, retireFor: () => day }

describe('createKeyFile', () => {
  let fresh: FreshStore
  let directory: string
  const lines: string[] = []
  const rings: KeyRing[] = []
  let now = Date.now()
  before(async () => {
    fresh = await freshStore()
    directory = temporaryDirectory('keys')
  })
  beforeEach(async () => {
    lines.length = 0
    await fresh.replica().keys.underLock(async (writer) => {
      for (const { id } of (await writer.list()).opened) await writer.remove(id)
    })
  })
  after(async () => {
    await Promise.all(rings.map((ring) => ring.stop()))
    await fresh.stop()
  })

  /** A replica with a file of its own, as the kubelet brings a Secret to each pod in its own time. */
  function replica(content?: string) {
    const path = join(directory, `jwks-${rings.length}.json`)
    const put = (text: string) => writeFileSync(path, text)
    if (content !== undefined) put(content)
    const { log } = keptLog('info', lines)
    const metrics = createMetrics('server')
    const algorithms = ['ES256'] as const
    const file = content === undefined ? undefined : createKeyFile({ path, algorithms, log, metrics })
    const ring = createKeyRing({
      keys: keysAt(fresh.replica({ poolMax: 2 }).keys, () => now),
      algorithms,
      policy,
      file,
      now: () => now,
      monotonicNow,
      log,
    })
    rings.push(ring)
    const signer = () => ring.current().signing.find((key) => key.key_ops === undefined)?.kid
    const published = () => ring.current().published.map(({ kid }) => kid)
    return {
      ring,
      put,
      signer,
      published,
      load: () => ring.load(),
      isGood: async () =>
        (await metrics.render()).match(new RegExp(`^${serverMetrics.keyFileOk.name}\\S* 1$`, 'm')) !== null,
    }
  }
  const [a, b, c] = ['a', 'b', 'c'].map((kid) => privateKey('ES256', kid)) as [object, object, object]

  it('signs with the first key of the file, and keeps no private part in the database', async () => {
    const one = replica(setOf(a, b))
    await one.load()
    expect(one.signer()).to.equal('a')
    expect(one.published()).to.have.members(['a', 'b'])
    expect(JSON.stringify(one.ring.current().published)).to.not.contain('"d"')
    const rows = (await fresh.replica().keys.list()).opened
    const sizes = rows.filter(({ alg }) => alg === 'ES256').map(({ use, secret }) => [use, secret.length])
    expect(sizes).to.deep.equal([
      ['file', 0],
      ['file', 0],
    ])
    expect(JSON.stringify(rows)).to.not.contain((a as { d: string }).d)
  })

  it('publishes a new key before it signs, on replicas too that have not got the file yet', async () => {
    const [one, late] = [replica(setOf(a)), replica(setOf(a))]
    await one.load()
    await late.load()
    one.put(setOf(b, a))
    await one.load()
    await late.load()
    for (const each of [one, late]) {
      expect(each.signer()).to.equal('a')
      expect(each.published()).to.have.members(['a', 'b'])
    }
    now += policy.publishBefore
    await one.load()
    await late.load()
    expect([one.signer(), late.signer()]).to.deep.equal(['b', 'a'])
    expect(late.published()).to.include('b')
    late.put(setOf(b, a))
    await late.load()
    expect(late.signer()).to.equal('b')
  })

  it('goes on with a key that was replaced at once until the new one may sign, and publishes it for as long as its tokens live', async () => {
    const one = replica(setOf(a))
    await one.load()
    one.put(setOf(b))
    await one.load()
    expect(one.signer()).to.equal('a')
    now += policy.publishBefore
    await one.load()
    expect(one.signer()).to.equal('b')
    expect(one.published()).to.include('a')
    const fresher = replica(setOf(b))
    await fresher.load()
    expect(fresher.published()).to.have.members(['a', 'b'])
    now += day
    await fresher.load()
    expect(fresher.published()).to.deep.equal(['b'])
  })

  it('takes over from keys of the database, and gives back to them, without a key that signs unpublished', async () => {
    const database = replica()
    await database.load()
    const own = database.signer()!
    const withFile = replica(setOf(a))
    await withFile.load()
    await database.load()
    for (const each of [withFile, database]) expect(each.published()).to.have.members([own, 'a'])
    expect(withFile.signer()).to.equal(own)
    now += policy.publishBefore
    await withFile.load()
    expect(withFile.signer()).to.equal('a')
    expect(withFile.published()).to.include(own)
    await database.load()
    expect(database.signer()).to.equal(own)
    expect(database.published()).to.include('a')
  })

  for (const [sentence, content, says] of [
    ['damaged', '{"keys": [', 'is not JSON'],
    ['empty', '', 'is not JSON'],
    ['a set without the algorithm', setOf(), 'has no key with alg ES256'],
    [
      'another key of the same kid',
      setOf({ ...c, kid: 'a' }),
      'has the kid a for another key than before; give a new key a new kid',
    ],
  ] as const) {
    it(`keeps the good keys when the file is ${sentence}, and says so in the log once and in the metric`, async () => {
      const one = replica(setOf(a))
      await one.load()
      expect(await one.isGood()).to.equal(true)
      one.put(content)
      await one.load()
      await one.load()
      expect(one.signer()).to.equal('a')
      expect(one.published()).to.deep.equal(['a'])
      expect(await one.isGood()).to.equal(false)
      expect(lines.filter((line) => line.includes(says))).to.have.length(1)
      one.put(setOf(a))
      await one.load()
      expect(await one.isGood()).to.equal(true)
    })
  }

  it('cannot start with a file that is no good, and says why', async () => {
    const error = await replica('{}')
      .load()
      .catch((one: unknown) => one)
    expect(error).to.have.property('code', 'SIGNING_KEYS_INVALID')
    expect(String(error)).to.match(/jwks-\d+\.json: must be a JWK set/)
  })

  it('sees by itself that the file has changed', async () => {
    const one = replica(setOf(a))
    await one.load()
    await one.ring.follow()
    const changed = new Promise<void>((resolve) => one.ring.onChange(() => resolve()))
    one.put(setOf(b, a))
    await changed
    await one.ring.stop()
    expect(one.published()).to.have.members(['a', 'b'])
  })

  it('cuts off what is no longer in the file: the new key signs at once, and no replica with the old file brings the old one back', async () => {
    const [one, late] = [replica(setOf(a)), replica(setOf(a))]
    await one.load()
    await late.load()
    one.put(setOf(b))
    await one.load()
    expect(one.signer()).to.equal('a')
    expect(await one.ring.cutOff('signing')).to.equal(1)
    expect([one.signer(), one.published()]).to.deep.equal(['b', ['b']])
    await late.load()
    expect(late.published()).to.deep.equal(['b'])
    expect(late.signer()).to.equal(undefined)
    expect(
      lines.some((line) => line.includes('has the key a, which was cut off since it leaked; take it out')),
    ).to.equal(true)
    await one.load()
    expect(one.published()).to.deep.equal(['b'])
    const states = one.ring.statesOf(await fresh.replica().keys.summaries())
    expect([states.get('a'), states.get('b')]).to.deep.equal(['removed', 'active'])
  })
})
