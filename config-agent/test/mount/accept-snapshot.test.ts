import { expect } from 'chai'
import { createFileSigner } from '@nauthera/proto/file-signature'
import { manifestFile, shardCount, shardFile, signatureFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acceptSnapshot, isConfirmed } from '../../src/mount/accept-snapshot.ts'
import { parseManifest, parseShard } from '../../src/mount/parse-files.ts'
import type { HeldShards, ReadShard, Snapshot } from '../../src/snapshot.ts'
import { buildClient, buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'

const nothing: HeldShards = { shards: new Map(), manifest: undefined }

/** A volume as a snapshot, with the files that are named taken from another one or left out. */
function snapshotOf(
  volume: ReturnType<typeof buildVolume>,
  more: { without?: string[]; from?: [string, typeof volume][] } = {},
): Snapshot {
  const files = new Map(volume.files)
  for (const name of more.without ?? []) files.delete(name)
  for (const [name, other] of more.from ?? []) {
    for (const file of [name, signatureFile(name)]) {
      const bytes = other.files.get(file)
      if (bytes) files.set(file, bytes)
    }
  }
  const signatures = new Map<number, Uint8Array>()
  const shards = new Map<number, ReadShard>()
  const missing: number[] = []
  for (let shard = 0; shard < shardCount; shard++) {
    const file = files.get(shardFile(shard))
    if (file) shards.set(shard, parseShard(shard, file))
    else missing.push(shard)
    const signature = files.get(signatureFile(shardFile(shard)))
    if (signature) signatures.set(shard, signature)
  }
  const manifest = files.get(manifestFile)
  return {
    shards,
    signatures,
    manifest: manifest && parseManifest(manifest),
    faults: [],
    missing: { shards: missing, manifest: manifest === undefined },
  }
}

const hold = (volume: ReturnType<typeof buildVolume>) => acceptSnapshot(nothing, snapshotOf(volume))
const namesIn = (held: HeldShards) =>
  [...held.shards.values()].flatMap((shard) => [...shard.clients.keys()].map((key) => key.replace('apps/', ''))).sort()
const codes = (acceptance: { faults: readonly { shard: number | undefined; code: string }[] }) =>
  acceptance.faults.map(({ shard, code }) => `${shard ?? 'manifest'} ${code}`)
const names = (clients: readonly ShardEntry[]) => clients.map((client) => client.name).sort()

describe('acceptSnapshot', () => {
  const clients = buildClients(60)
  const at5 = buildVolume(clients, { seq: 5n })
  const later = buildVolume([...clients, buildClient('late')], { seq: 6n })
  const home = shardOf('apps', 'late')

  it('takes a whole first volume, which the manifest confirms', () => {
    const accepted = hold(at5)
    expect(accepted.changed).to.have.length(shardCount)
    expect(isConfirmed(accepted.held)).to.equal(true)
    expect(codes(accepted)).to.deep.equal([])
  })

  it('changes nothing when it reads the same again', () => {
    const { held } = hold(at5)
    const accepted = acceptSnapshot(held, snapshotOf(at5))
    expect(accepted.changed).to.deep.equal([])
    for (const [shard, read] of held.shards) expect(accepted.held.shards.get(shard)).to.equal(read)
  })

  it('takes a newer shard without waiting for the manifest', () => {
    const accepted = acceptSnapshot(hold(at5).held, snapshotOf(later, { from: [[manifestFile, at5]] }))
    expect(namesIn(accepted.held)).to.include('late')
    expect(isConfirmed(accepted.held)).to.equal(false)
    expect(codes(accepted)).to.deep.equal([])
  })

  it('F14 takes the new half of a half-swapped volume and keeps the old half', () => {
    const half = snapshotOf(at5, { from: [[shardFile(home), later]] })
    const accepted = acceptSnapshot(hold(at5).held, half)
    expect(accepted.changed.map((shard) => shard.ref.shard)).to.deep.equal([home])
    expect(namesIn(accepted.held)).to.deep.equal(names([...clients, buildClient('late')]))
  })

  it('F14 keeps a shard that is missing, and says so', () => {
    const accepted = acceptSnapshot(hold(at5).held, snapshotOf(at5, { without: [shardFile(3), manifestFile] }))
    expect(namesIn(accepted.held)).to.deep.equal(names(clients))
    expect(codes(accepted)).to.deep.equal(['manifest MANIFEST_MISSING', '3 SHARD_MISSING'])
    expect(accepted.held.manifest?.digest).to.equal(at5.manifestDigest)
  })

  it('F14 keeps everything when the whole volume is empty', () => {
    const empty: Snapshot = {
      shards: new Map(),
      signatures: new Map(),
      manifest: undefined,
      faults: [],
      missing: { shards: Array.from({ length: shardCount }, (_, shard) => shard), manifest: true },
    }
    const accepted = acceptSnapshot(hold(at5).held, empty)
    expect(namesIn(accepted.held)).to.deep.equal(names(clients))
    expect(accepted.changed).to.deep.equal([])
  })

  it('is silent about shards that were never there', () => {
    const accepted = acceptSnapshot(nothing, snapshotOf(at5, { without: [shardFile(3)] }))
    expect(codes(accepted)).to.deep.equal([])
  })

  it('K8 refuses an older shard and an older manifest, as after a restore of Secrets', () => {
    const accepted = acceptSnapshot(hold(later).held, snapshotOf(at5))
    expect(namesIn(accepted.held)).to.include('late')
    expect(codes(accepted)).to.include(`${home} SHARD_OLDER`)
    expect(codes(accepted)).to.include('manifest MANIFEST_OLDER')
    expect(accepted.held.manifest?.digest).to.equal(later.manifestDigest)
  })

  const tampered = buildVolume(
    clients.map((client) => buildClient(client.name, { clientId: 'stolen' })),
    { seq: 5n },
  )

  it('K8 refuses a shard that differs from the digest in the manifest', () => {
    const accepted = acceptSnapshot(nothing, snapshotOf(at5, { from: [[shardFile(3), tampered]] }))
    expect(codes(accepted)).to.deep.equal(['3 SHARD_TAMPERED'])
    expect(accepted.held.shards.has(3)).to.equal(false)
  })

  it('K8 refuses a shard that changed without a new seq, manifest or none', () => {
    const accepted = acceptSnapshot(hold(at5).held, snapshotOf(tampered, { without: [manifestFile] }))
    expect(accepted.changed).to.deep.equal([])
    expect(codes(accepted).filter((code) => code.endsWith('SHARD_TAMPERED'))).to.have.length(shardCount)
  })

  it('takes no shard before a manifest says whose it is', () => {
    const early = acceptSnapshot(nothing, snapshotOf(tampered, { without: [manifestFile] }))
    expect([early.held.shards.size, early.met.length, codes(early)]).to.deep.equal([0, 0, []])
    const healed = acceptSnapshot(early.held, snapshotOf(at5))
    expect(isConfirmed(healed.held)).to.equal(true)
    expect(codes(healed)).to.deep.equal([])
  })

  describe('K20 a shard that somebody else wrote', () => {
    const others = createFileSigner(Buffer.alloc(32, 2))
    const verifiers = [{ id: 'f'.repeat(8), sha256: 'f'.repeat(64) }]
    const forgeries = clients.map((client) => buildClient(client.name, { verifiers }))
    const forged = buildVolume(forgeries, { seq: 900n, signer: others })
    const unsigned = buildVolume(forgeries, { seq: 900n })
    for (const name of forged.files.keys()) if (name.endsWith('.sig')) unsigned.files.set(name, at5.files.get(name)!)

    for (const [sentence, volume] of [
      ['is signed by another key', forged],
      ['has the signature of the one before it', unsigned],
    ] as const)
      it(`is neither taken nor told to operators when it ${sentence}`, () => {
        const snapshot = snapshotOf(at5, { from: [[shardFile(home), volume]] })
        for (const held of [nothing, hold(at5).held]) {
          const accepted = acceptSnapshot(held, snapshot)
          expect(codes(accepted)).to.deep.equal([`${home} SHARD_UNSIGNED`])
          expect(accepted.held.shards.get(home)).to.equal(held.shards.get(home))
          expect(accepted.met.some(({ ref }) => ref.seq === 900n)).to.equal(false)
        }
      })

    it('stays refused when the manifest names its key, for whoever writes both is the operator; the true manifest comes back', () => {
      const fooled = acceptSnapshot(hold(at5).held, snapshotOf(at5, { from: [[manifestFile, forged]] }))
      expect([fooled.changed.length, codes(fooled)]).to.deep.equal([0, []])
      const healed = acceptSnapshot(fooled.held, snapshotOf(later))
      expect([isConfirmed(healed.held), codes(healed)]).to.deep.equal([true, []])
    })
  })

  describe('when more than half and more than 20 of all clients would vanish', () => {
    const few = buildVolume(clients.slice(0, 20), { seq: 6n })

    it('keeps them until the manifest agrees', () => {
      const before = hold(at5)
      const unsure = acceptSnapshot(before.held, snapshotOf(few, { from: [[manifestFile, at5]] }), before.lost)
      expect(namesIn(unsure.held)).to.deep.equal(names(clients))
      expect(codes(unsure).some((code) => code.endsWith('SHARD_MASS_VANISH'))).to.equal(true)

      const sure = acceptSnapshot(unsure.held, snapshotOf(few), unsure.lost)
      expect(namesIn(sure.held)).to.deep.equal(names(clients.slice(0, 20)))
      expect(codes(sure)).to.deep.equal([])
    })

    it('keeps them too when the manifest is missing', () => {
      const before = hold(at5)
      const unsure = acceptSnapshot(before.held, snapshotOf(few, { without: [manifestFile] }), before.lost)
      expect(namesIn(unsure.held)).to.deep.equal(names(clients))
    })

    it('counts a loss in small steps as one', () => {
      let state = hold(at5)
      for (let shard = 0; shard < shardCount; shard++) {
        const step = snapshotOf(at5, { from: Array.from({ length: shard + 1 }, (_, index) => [shardFile(index), few]) })
        state = acceptSnapshot(state.held, step, state.lost)
      }
      expect(namesIn(state.held).length).to.be.at.least(30)
    })

    it('still takes what else is new in the same look', () => {
      const before = hold(at5)
      const emptied = shardOf('apps', 'late') === 0 ? 1 : 0
      const most = buildVolume(
        clients.filter((client) => shardOf('apps', client.name) === home),
        { seq: 6n },
      )
      const grown = buildVolume([...clients, buildClient('late')], { seq: 6n })
      const mixed = snapshotOf(most, { from: [[shardFile(home), grown]], without: [manifestFile] })
      const accepted = acceptSnapshot(before.held, mixed, before.lost)
      expect(namesIn(accepted.held)).to.deep.equal(names([...clients, buildClient('late')]))
      expect(codes(accepted)).to.include(`${emptied} SHARD_MASS_VANISH`)
    })
  })

  it('takes the loss of 20 of 21 clients without the manifest', () => {
    const small = buildClients(21)
    const before = hold(buildVolume(small, { seq: 5n }))
    const after = snapshotOf(buildVolume(small.slice(0, 1), { seq: 6n }), { without: [manifestFile] })
    expect(namesIn(acceptSnapshot(before.held, after, before.lost).held)).to.deep.equal(names(small.slice(0, 1)))
  })
})
