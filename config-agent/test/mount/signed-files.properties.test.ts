import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { digestOf, encodeManifest } from '@nauthera/proto/digest'
import { createFileSigner } from '@nauthera/proto/file-signature'
import type { FileSigner } from '@nauthera/proto/file-signature'
import { ClientShardSchema, ManifestSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import {
  manifestFile,
  platformKeysFile,
  shardCount,
  shardFile,
  shardSchema,
  signatureFile,
} from '@nauthera/proto/names'
import { renderShardFile } from '@nauthera/proto/shard-file'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { writeAtomically } from '@nauthera/stand-in/atomic-writer'
import { isConfirmed } from '../../src/mount/accept-snapshot.ts'
import { createLastGood } from '../../src/mount/last-good.ts'
import { MountedShards } from '../../src/mount/mounted-shards.ts'
import { PlatformKeys } from '../../src/mount/platform-keys.ts'

// An operator that dies between any two of its writes, and may lose its key; volumes that get each Secret when they get it; agents that
// start anew, with and without what they kept; and somebody who may write one of the Secrets. The files and the agent are real. The
// operator is a model of what operator/src/shards does: each Secret in one write, the manifest when every shard is its own.

interface Secret {
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly digest: string
  readonly seq: bigint
  /** The key that has signed it; undefined for the manifest. */
  readonly signer: FileSigner | undefined
}
type Name = number | 'issuers' | 'manifest'

const shardNames = Array.from({ length: shardCount }, (_, index) => index)
const keys = Array.from({ length: 5 }, (_, index) => createFileSigner(Buffer.alloc(32, index)))
const intruder = keys.pop()!
const [operatorMark, intruderMark] = ['aaaa', 'bad0']

const signed = (name: string, bytes: Uint8Array, about: Omit<Secret, 'files'>): Secret => ({
  ...about,
  files: new Map([
    [name, bytes],
    [signatureFile(name), about.signer!.sign({ name, digest: about.digest })],
  ]),
})

function makeSecret(name: Exclude<Name, 'manifest'>, seq: bigint, signer: FileSigner): Secret {
  const change = signer === intruder ? intruderMark : operatorMark
  if (name === 'issuers') {
    const bytes = Buffer.from(`${change} ${seq}`)
    return signed(platformKeysFile, bytes, { digest: digestOf(bytes), seq, signer })
  }
  const head = { schema: shardSchema, shard: name, shardCount, seq, change, entries: [] }
  const { file, digest } = renderShardFile(create(ClientShardSchema, { ...head, renderedAt: timestampFromMs(0) }))
  return signed(shardFile(name), file, { digest, seq, signer })
}

class Operator {
  readonly secrets = new Map<Name, Secret>()
  /** What the OIDCClients ask for and is not written yet. */
  readonly #changed = new Set<Exclude<Name, 'manifest'>>([...shardNames, 'issuers'])
  #queue: Name[] = []
  #key = 0
  #seq = 0n

  change(name: Exclude<Name, 'manifest'>): void {
    this.#changed.add(name)
    this.#queue.push(name, 'manifest')
  }

  /** One write. */
  step(): void {
    const name = this.#queue.shift()
    if (name === 'manifest') return this.#writeManifest()
    if (name === undefined) return
    // the start's second and what replicas have seen put it above whatever was there
    this.secrets.set(name, makeSecret(name, ++this.#seq, keys[this.#key]!))
    this.#changed.delete(name)
  }

  /** Dies; the next one writes what is not as its own key has it. */
  restart(losesKey: boolean): void {
    if (losesKey) this.#key = (this.#key + 1) % keys.length
    this.#queue = []
    this.readBack()
  }

  readBack(): void {
    const names = ([...shardNames, 'issuers'] as const).filter((name) => this.#changed.has(name) || !this.#isOwn(name))
    this.#queue.push(...names, 'manifest')
  }

  finish(): void {
    this.readBack()
    while (this.#queue.length > 0) this.step()
  }

  #isOwn(name: Name): boolean {
    return this.secrets.get(name)?.signer === keys[this.#key]
  }

  #writeManifest(): void {
    if (!shardNames.every((shard) => this.#isOwn(shard))) return
    const shards = shardNames.map((shard) => ({ shard, seq: this.secrets.get(shard)!.seq, count: 0 }))
    const signedBy = Uint8Array.from(keys[this.#key]!.publicKey)
    const { file, digest } = encodeManifest(
      create(ManifestSchema, {
        shardCount,
        signedBy,
        shards: shards.map((entry) => ({ ...entry, digest: this.secrets.get(entry.shard)!.digest })),
      }),
    )
    this.secrets.set('manifest', { files: new Map([[manifestFile, file]]), digest, seq: 0n, signer: undefined })
  }
}

/** A pod: its volume, and the agent that looks at it. */
class Pod {
  readonly #root = mkdtempSync(join(tmpdir(), 'nauthera-signed-'))
  readonly #mounted = new Map<Name, Secret>()
  #shards = new MountedShards(join(this.#root, 'clients'), { shards: new Map(), manifest: undefined }, () => {})
  #platform = new PlatformKeys(join(this.#root, 'clients'))

  constructor() {
    mkdirSync(join(this.#root, 'clients'))
  }

  get held() {
    return this.#shards.held
  }

  /** The kubelet brings these Secrets, and the others stay as they were. */
  mount(secrets: ReadonlyMap<Name, Secret>, names: Iterable<Name>): void {
    for (const name of names) if (secrets.has(name)) this.#mounted.set(name, secrets.get(name)!)
    writeAtomically(
      join(this.#root, 'clients'),
      new Map([...this.#mounted.values()].flatMap(({ files }) => [...files])),
    )
    this.#shards.readAgain()
    this.#platform.readAgain(this.held.manifest?.manifest.signedBy)
  }

  async restart(keeps: boolean): Promise<void> {
    const lastGood = createLastGood(join(this.#root, 'kept'))
    if (keeps) await lastGood.write(this.held)
    const kept = keeps ? await lastGood.load() : { shards: new Map(), manifest: undefined }
    this.#shards = new MountedShards(join(this.#root, 'clients'), kept, () => {})
    this.#platform = new PlatformKeys(join(this.#root, 'clients'))
  }

  /** The marks of whoever wrote what is held. */
  writers(): Set<string> {
    const keysFile = this.#platform.held?.file
    const marks = [...this.held.shards.values()].map(({ change }) => change)
    return new Set(keysFile ? [...marks, Buffer.from(keysFile).toString().slice(0, 4)] : marks)
  }

  digests(): string[] {
    return [
      ...shardNames.map((shard) => this.held.shards.get(shard)?.ref.digest ?? ''),
      this.#platform.held?.digest ?? '',
    ]
  }

  remove(): void {
    rmSync(this.#root, { recursive: true })
  }
}

const named = fc.constantFrom<Exclude<Name, 'manifest'>>(0, 1, 2, 'issuers')
const act = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), name: named }),
  fc.record({ kind: fc.constant('steps' as const), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ kind: fc.constant('operator dies' as const), losesKey: fc.boolean() }),
  fc.record({ kind: fc.constant('read back' as const) }),
  fc.record({
    kind: fc.constant('forge' as const),
    seq: fc.constantFrom(1n, 5n, 40n, 1_000_000n),
    copiesSignature: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('mount' as const),
    pod: fc.integer({ min: 0, max: 1 }),
    names: fc.subarray<Name>([...shardNames, 'issuers', 'manifest']),
  }),
  fc.record({ kind: fc.constant('agent starts' as const), pod: fc.integer({ min: 0, max: 1 }), keeps: fc.boolean() }),
)
/** Every Secret but the manifest, which names the key: who may write it can stop what is new, and add nothing. */
const target = fc.oneof({ weight: 5, arbitrary: named }, fc.constant(undefined))

describe('files that are signed', () => {
  it('K20 whoever may write one Secret adds nothing to any agent, and an operator that died at any write goes on until all have all', () =>
    fc.assert(
      fc.asyncProperty(target, fc.array(act, { minLength: 12, maxLength: 40 }), async (forged, acts) => {
        const operator = new Operator()
        const pods = [new Pod(), new Pod()]
        try {
          for (const one of acts) {
            if (one.kind === 'change') operator.change(one.name)
            if (one.kind === 'steps') for (let step = 0; step < one.count; step++) operator.step()
            if (one.kind === 'operator dies') operator.restart(one.losesKey)
            if (one.kind === 'read back') operator.readBack()
            if (one.kind === 'mount') pods[one.pod]!.mount(operator.secrets, one.names)
            if (one.kind === 'agent starts') await pods[one.pod]!.restart(one.keeps)
            if (one.kind === 'forge' && forged !== undefined) {
              const made = makeSecret(forged, one.seq, intruder)
              const signature = [...(operator.secrets.get(forged)?.files ?? [])].filter(([file]) =>
                file.endsWith('.sig'),
              )
              const files = new Map([...made.files, ...(one.copiesSignature ? signature : [])])
              operator.secrets.set(forged, { ...made, files })
            }
            for (const pod of pods) expect([...pod.writers()]).to.not.include(intruderMark)
          }
          operator.finish()
          for (const pod of pods) {
            pod.mount(operator.secrets, operator.secrets.keys())
            expect(pod.digests()).to.deep.equal(
              [...shardNames, 'issuers' as const].map((name) => operator.secrets.get(name)!.digest),
            )
            expect(isConfirmed(pod.held)).to.equal(true)
          }
        } finally {
          for (const pod of pods) pod.remove()
        }
      }),
      { numRuns: propertyRuns(12) },
    ))
})
