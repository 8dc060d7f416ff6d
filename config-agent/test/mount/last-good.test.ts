import { mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { manifestFile, shardCount, shardFile } from '@nauthera/proto/names'
import { createKeeper, createLastGood } from '../../src/mount/last-good.ts'
import { parseManifest, parseShard } from '../../src/mount/parse-files.ts'
import type { HeldShards } from '../../src/snapshot.ts'
import { buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'

function heldOf(volume: ReturnType<typeof buildVolume>): HeldShards {
  const indices = Array.from({ length: shardCount }, (_, shard) => shard)
  return {
    shards: new Map(indices.map((shard) => [shard, parseShard(shard, volume.files.get(shardFile(shard))!)])),
    manifest: parseManifest(volume.files.get(manifestFile)!),
  }
}

/** Without the messages, which are unpacked anew. */
const plain = ({ shards, manifest }: HeldShards) => ({
  manifest,
  shards: [...shards.values()]
    .map(({ ref, clients, file }) => ({ ref, clients, file: Buffer.from(file) }))
    .sort((one, other) => one.ref.shard - other.ref.shard),
})

describe('createLastGood', () => {
  let root: string
  let directory: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'last-good-'))
    directory = join(root, 'state')
  })
  afterEach(() => rm(root, { recursive: true }))

  const one = heldOf(buildVolume(buildClients(30), { seq: 1n }))
  const two = heldOf(buildVolume(buildClients(31), { seq: 2n }))

  it('knows nothing before the first snapshot', async () => {
    expect(await createLastGood(directory).load()).to.deep.equal({ shards: new Map(), manifest: undefined })
  })

  it('F13 gives back exactly what was kept last, and keeps nothing older', async () => {
    const lastGood = createLastGood(directory)
    await lastGood.write(one)
    await lastGood.write(two)
    expect(plain(await createLastGood(directory).load())).to.deep.equal(plain(two))
    expect(await readdir(directory)).to.have.length(shardCount + 1)
  })

  it('leaves out what was damaged meanwhile, and gives the rest', async () => {
    await createLastGood(directory).write(one)
    const names = (await readdir(directory)).sort()
    const other = (await readFile(join(directory, names[2]!))).subarray()
    await truncate(join(directory, names[0]!), 40)
    // The right shard with other content: the digest in the name tells.
    const forged = buildVolume(buildClients(29), { seq: 1n }).files.get(shardFile(1))!
    await writeFile(join(directory, names[1]!), forged)
    await writeFile(join(directory, names.at(-1)!), '{}')
    const loaded = await createLastGood(directory).load()
    expect([...loaded.shards.keys()].sort((a, b) => a - b)).to.deep.equal(
      Array.from({ length: shardCount - 2 }, (_, index) => index + 2),
    )
    expect(Buffer.from(loaded.shards.get(2)!.file).equals(other)).to.equal(true)
    expect(loaded.manifest).to.equal(undefined)
  })

  it('F13 takes the newer of two versions, as after a crash between writing one and removing the other', async () => {
    await createLastGood(directory).write(one)
    const before = new Map<string, Uint8Array>()
    for (const name of await readdir(directory)) before.set(name, await readFile(join(directory, name)))
    await createLastGood(directory).write(two)
    for (const [name, content] of before) await writeFile(join(directory, name), content)
    await writeFile(join(directory, `${[...before.keys()][0]!}.0a1b2c3d.tmp`), 'half')
    expect(plain(await createLastGood(directory).load())).to.deep.equal(plain(two))
    await createLastGood(directory).write(two)
    expect(await readdir(directory)).to.have.length(shardCount + 1)
  })

  it('touches no file that is not its own', async () => {
    await createLastGood(directory).write(one)
    await writeFile(join(directory, 'README'), 'mine')
    await createLastGood(directory).write(two)
    expect(await readFile(join(directory, 'README'), 'utf8')).to.equal('mine')
  })
})

describe('createKeeper', () => {
  const held = (name: string) => ({ shards: new Map(), manifest: { digest: name } }) as never as HeldShards
  const nameOf = ({ manifest }: HeldShards) => manifest!.digest

  it('keeps one after the other, and of those that wait the newest', async () => {
    const kept: string[] = []
    const first = Promise.withResolvers<void>()
    const keep = async (one: HeldShards) => {
      kept.push(nameOf(one))
      if (kept.length === 1) await first.promise
    }
    const keeper = createKeeper({ write: keep, load: () => Promise.reject(new Error('not asked')) }, () => undefined)
    for (const name of ['one', 'two', 'three']) keeper.write(held(name))
    expect(kept).to.deep.equal(['one'])
    first.resolve()
    await keeper.waitUntilWritten()
    expect(kept).to.deep.equal(['one', 'three'])
    keeper.write(held('four'))
    await keeper.waitUntilWritten()
    expect(kept).to.deep.equal(['one', 'three', 'four'])
  })

  it('tells of a fault once, and again after it has worked', async () => {
    const faults: unknown[] = []
    let works = false
    const keep = () => (works ? Promise.resolve() : Promise.reject(new Error('full')))
    const keeper = createKeeper({ write: keep, load: () => Promise.reject(new Error('not asked')) }, (error) =>
      faults.push(error),
    )
    for (const isGood of [false, false, true, false]) {
      works = isGood
      keeper.write(held('one'))
      await keeper.waitUntilWritten()
    }
    expect(faults).to.have.length(2)
  })
})
