import { spawnSync } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { manifestFile, shardCount, shardFile } from '@nauthera/proto/names'
import { maxShardBytes } from '@nauthera/proto/shard-file'
import { readSnapshot } from '../../src/mount/read-snapshot.ts'
import type { ReadCache } from '../../src/mount/read-snapshot.ts'
import type { AgentErrorCode } from '../../src/errors.ts'
import { buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { startSwapping } from '@nauthera/harness/agent/swapping-volume'

describe('readSnapshot', () => {
  let root: string
  let directory: string
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'snapshot-'))
    directory = join(root, 'clients')
  })
  afterEach(() => rm(root, { recursive: true }))

  const clients = buildClients(64)
  const good = buildVolume(clients)
  const swap = (damage?: (fresh: string) => Promise<void>) => createVolumeWriter(directory).swap(good.files, damage)

  it('reads every shard and the manifest', async () => {
    await swap()
    const snapshot = readSnapshot(directory)!
    expect(snapshot.faults).to.deep.equal([])
    expect(snapshot.missing).to.deep.equal({ shards: [], manifest: false })
    expect([...snapshot.shards.values()].map((shard) => shard.ref.digest).sort()).to.deep.equal(
      [...good.digests.values()].sort(),
    )
    expect([...snapshot.shards.values()].flatMap((shard) => [...shard.clients.keys()])).to.have.length(64)
    expect(snapshot.manifest?.digest).to.equal(good.manifestDigest)
  })

  it('F13 takes an absent and an empty directory as not mounted yet', async () => {
    expect(readSnapshot(directory)).to.equal(undefined)
    await mkdir(directory)
    expect(readSnapshot(directory)).to.equal(undefined)
  })

  it('takes a volume without a single Secret as everything missing', async () => {
    await createVolumeWriter(directory).swap(new Map())
    const snapshot = readSnapshot(directory)!
    expect(snapshot.shards.size).to.equal(0)
    expect(snapshot.missing.shards).to.have.length(shardCount)
    expect(snapshot.missing.manifest).to.equal(true)
  })

  const seven = shardFile(7)
  const rewrite = (edit: (text: string) => string) => async (fresh: string) => {
    const text = gunzipSync(await readFile(join(fresh, seven))).toString()
    await writeFile(join(fresh, seven), gzipSync(Buffer.from(edit(text))))
  }
  const replaceBy = (content: Uint8Array) => (fresh: string) => writeFile(join(fresh, seven), content)
  const damages: [string, AgentErrorCode, (fresh: string) => Promise<unknown>][] = [
    ['F14 a shard that is cut', 'SHARD_UNREADABLE', (fresh) => truncate(join(fresh, seven), 60)],
    ['F14 a shard that is emptied', 'SHARD_UNREADABLE', (fresh) => truncate(join(fresh, seven), 0)],
    ['F14 bytes after the shard', 'SHARD_UNREADABLE', (fresh) => appendFile(join(fresh, seven), 'more')],
    ['F14 another shard in its place', 'SHARD_MISPLACED', replaceBy(good.files.get(shardFile(8))!)],
    [
      'F14 a client that belongs elsewhere',
      'SHARD_MISPLACED',
      rewrite((text) => text.replace(/"name":"[^"]+"/, '"name":"foreign"')),
    ],
    [
      'a client that is there twice',
      'SHARD_UNREADABLE',
      rewrite((text) => text.replace(/\n(\{.*\})(,?\n)/, '\n$1,\n$1$2')),
    ],
    [
      'a shard for another number of shards',
      'SHARD_MISPLACED',
      rewrite((text) => text.replace('"shardCount":16', '"shardCount":32')),
    ],
    ['a shard of a later schema', 'SHARD_SCHEMA_UNKNOWN', rewrite((text) => text.replace('"schema":1', '"schema":3'))],
    ['a shard without a schema', 'SHARD_SCHEMA_UNKNOWN', rewrite((text) => text.replace('"schema":1,', ''))],
    ['K8 bad UTF-8', 'SHARD_UNREADABLE', replaceBy(gzipSync(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])))],
    ['K8 a gzip bomb', 'SHARD_TOO_LARGE', replaceBy(gzipSync(Buffer.alloc(maxShardBytes * 8, 0x20)))],
    ['K8 a file larger than any Secret', 'SHARD_TOO_LARGE', (fresh) => truncate(join(fresh, seven), 64 * 1024 * 1024)],
    [
      'K8 a link that leads out',
      'SHARD_NOT_A_FILE',
      async (fresh) => {
        await unlink(join(fresh, seven))
        await symlink('/etc/passwd', join(fresh, seven))
      },
    ],
    [
      'K8 a pipe that nobody writes to',
      'SHARD_NOT_A_FILE',
      async (fresh) => {
        await unlink(join(fresh, seven))
        expect(spawnSync('mkfifo', [join(fresh, seven)]).status).to.equal(0)
      },
    ],
    [
      'K8 a directory',
      'SHARD_NOT_A_FILE',
      async (fresh) => {
        await unlink(join(fresh, seven))
        await mkdir(join(fresh, seven))
      },
    ],
  ]
  for (const [title, code, damage] of damages) {
    it(`${title} is ${code}; the other shards are read`, async () => {
      await swap(async (fresh) => void (await damage(fresh)))
      const snapshot = readSnapshot(directory)!
      expect(snapshot.faults.map((fault) => [fault.shard, fault.code])).to.deep.equal([[7, code]])
      expect([...snapshot.shards.keys()].sort((a, b) => a - b)).to.deep.equal(
        Array.from({ length: shardCount }, (_, shard) => shard).filter((shard) => shard !== 7),
      )
    })
  }

  const manifests: [string, (text: string) => string][] = [
    ['is cut', (text) => text.slice(0, -20)],
    ['is empty', () => ''],
    ['names a shard twice', (text) => text.replace('"shard":3', '"shard":4')],
    ['leaves shards out', (text) => text.replace(/"shards":\[\{.*?\},/, '"shards":[')],
    ['counts wrong', (text) => text.replace('"total":64', '"total":63')],
  ]
  for (const [title, edit] of manifests) {
    it(`F14 a manifest that ${title} is MANIFEST_UNREADABLE; every shard is read`, async () => {
      await swap(async (fresh) => {
        const text = await readFile(join(fresh, manifestFile), 'utf8')
        expect(edit(text)).not.to.equal(text)
        await writeFile(join(fresh, manifestFile), edit(text))
      })
      const snapshot = readSnapshot(directory)!
      expect(snapshot.faults.map((fault) => fault.code)).to.deep.equal(['MANIFEST_UNREADABLE'])
      expect(snapshot.shards.size).to.equal(shardCount)
    })
  }

  for (const target of ['../elsewhere', '/etc', '..', '.']) {
    it(`K8 refuses a volume whose ..data leads to ${target}`, async () => {
      await mkdir(directory)
      await symlink(target, join(directory, '..data'))
      expect(() => readSnapshot(directory))
        .to.throw(CodedError)
        .with.property('code', 'MOUNT_UNREADABLE')
    })
  }

  it('does not parse a file again whose bytes have not changed', async () => {
    const cache: ReadCache = new Map()
    await swap()
    const one = readSnapshot(directory, cache)!
    await createVolumeWriter(join(root, 'other')).swap(good.files)
    const other = readSnapshot(join(root, 'other'), cache)!
    for (const [shard, read] of one.shards) expect(other.shards.get(shard)).to.equal(read)
  })

  it('F14 never mixes two versions while they are swapped as fast as the disk allows', async () => {
    const versions = Array.from({ length: 8 }, (_, index) => buildVolume(clients, { seq: BigInt(index + 1) }).files)
    // In a thread: what is read without a pause cannot be disturbed from within its own.
    const writer = await startSwapping(directory, versions)
    let whole = 0
    try {
      while (whole < 60 || writer.swaps() < 60) {
        const snapshot = readSnapshot(directory)
        await new Promise((resolve) => setImmediate(resolve))
        // Switched faster than it could be read: the next look is due at once.
        if (!snapshot) continue
        const seqs = new Set([...snapshot.shards.values()].map((shard) => shard.ref.seq))
        const named = new Set(snapshot.manifest?.manifest.shards.map((shard) => shard.seq))
        expect([...seqs]).to.have.length(1)
        expect([...named]).to.deep.equal([...seqs])
        expect(snapshot.missing.shards).to.deep.equal([])
        expect(snapshot.faults).to.deep.equal([])
        whole++
      }
    } finally {
      await writer.stop()
    }
  })
})
