import { mkdir, mkdtemp, readFile, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { manifestFile, shardCount, shardFile } from '@nauthera/proto/names'
import { acceptSnapshot } from '../../src/mount/accept-snapshot.ts'
import { readSnapshot } from '../../src/mount/read-snapshot.ts'
import type { HeldShards } from '../../src/snapshot.ts'
import { buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'

type Damage = (path: string, random: { at: number; byte: number }) => Promise<void>

const damages: Record<string, Damage> = {
  intact: async () => undefined,
  missing: (path) => unlink(path),
  emptied: (path) => truncate(path, 0),
  cut: async (path, { at }) => truncate(path, at % ((await readFile(path)).length || 1)),
  flipped: async (path, { at, byte }) => {
    const bytes = await readFile(path)
    bytes[at % bytes.length]! ^= byte
    await writeFile(path, bytes)
  },
  noise: (path, { at }) => writeFile(path, Buffer.alloc(at % 5_000, at)),
  packed: (path, { byte }) => writeFile(path, gzipSync(Buffer.alloc(3_000, byte))),
  shape: (path) => writeFile(path, gzipSync('{"schema":1,"shardCount":16,"seq":"99","__proto__":{"entries":[]}}')),
  link: async (path) => {
    await unlink(path)
    await symlink('/etc/hostname', path)
  },
  directory: async (path) => {
    await unlink(path)
    await mkdir(path)
  },
}

describe('a damaged volume', () => {
  it('I3 F14 no mixture of damaged, missing, older and swapped files ever drops a client', async () => {
    const root = await mkdtemp(join(tmpdir(), 'damage-'))
    const clients = buildClients(60)
    const current = buildVolume(clients, { seq: 10n }).files
    const older = buildVolume(clients.slice(0, 25), { seq: 9n }).files
    const reused = buildVolume(clients.slice(0, 25), { seq: 10n }).files
    const newer = buildVolume(clients, { seq: 11n }).files
    const sources = { current, older, reused, newer, emptied: new Map<string, Uint8Array>() }
    // A manifest that names a shard is the operator's word for it; one of another history would be no damage.
    const sourcesOf = (name: string) =>
      (Object.keys(sources) as (keyof typeof sources)[]).filter(
        (source) => name !== manifestFile || source !== 'reused',
      )
    const names = [...Array.from({ length: shardCount }, (_, shard) => shardFile(shard)), manifestFile]
    const files = fc.tuple(
      ...names.map((name) =>
        fc.record({
          source: fc.constantFrom(...sourcesOf(name)),
          damage: fc.constantFrom(...Object.keys(damages)),
          at: fc.nat(50_000),
          byte: fc.integer({ min: 1, max: 255 }),
        }),
      ),
    )
    const volume = createVolumeWriter(join(root, 'clients'))
    await volume.swap(current)
    const first = acceptSnapshot({ shards: new Map(), manifest: undefined }, readSnapshot(volume.directory)!)
    const wanted = clients.map((client) => client.name).sort()

    try {
      await fc.assert(
        fc.asyncProperty(fc.array(files, { minLength: 1, maxLength: 3 }), async (steps) => {
          let state: { held: HeldShards; lost: ReadonlySet<string> } = first
          for (const step of steps) {
            const content = new Map<string, Uint8Array>()
            step.forEach(({ source }, index) => {
              // A manifest and a shard that agree on a reused seq are the operator's word: that pair is no damage.
              const from = names[index] === manifestFile && source === 'reused' ? 'current' : source
              const file = sources[from].get(names[index]!)
              if (file) content.set(names[index]!, file)
            })
            await volume.swap(content, async (fresh) => {
              for (const [index, { damage, at, byte }] of step.entries()) {
                if (content.has(names[index]!)) await damages[damage]!(join(fresh, names[index]!), { at, byte })
              }
            })
            state = acceptSnapshot(state.held, readSnapshot(volume.directory)!, state.lost)
            const held = [...state.held.shards.values()].flatMap((shard) =>
              [...shard.clients.keys()].map((key) => key.replace('apps/', '')),
            )
            expect(held.sort()).to.deep.equal(wanted)
          }
        }),
        { numRuns: propertyRuns(150) },
      )
    } finally {
      await rm(root, { recursive: true })
    }
  })
})
