// The two places where a restored client is served: a shard with its replicas, or a mirror in the hub. Each with what its writer and its servers do.
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { timeText } from '../../src/api/time-text.ts'
import type { Judgement } from '../../src/decide/access/judgement.ts'
import { bindingOf } from '../../src/decide/client/policies.ts'
import type { SecretOutlet } from '../../src/secret/outlet.ts'
import { plannedEntry, verifiersOf } from '../../src/shards/client-entry.ts'
import { judgeByHub } from '../../src/spoke/judge-by-hub.ts'
import { afterEvent, isPresentIn, nextWrite } from '../../src/spoke/mirror-record.ts'
import type { MirrorEvent, MirrorRecord } from '../../src/spoke/mirror-record.ts'
import { createMirrorSecrets } from '../../src/spoke/mirror-secrets.ts'
import { endedIdsIn, verifiersIn } from '../../src/spoke/mirror.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import type { OneClient } from './one-client.ts'

export interface RestorePlace {
  readonly outlet: SecretOutlet
  judge(): Judgement
  /** @param entry what is stored when the operator starts; undefined: nothing is */
  begin(entry: ShardEntry | undefined): void
  /** Writes what the look asked for. */
  store(): void
  /** Every replica has what is stored. */
  spread(): void
  /** SHA-256 of the secrets that every replica accepts. */
  taken(): ReadonlySet<string>
}

/** @param bornAt when the shard was created, epoch milliseconds */
export function createHubPlace(one: OneClient, bornAt: number): RestorePlace {
  const { shards, replicas, follow } = one.needs
  let taken: ReadonlySet<string> = new Set()
  return {
    outlet: { shards: { ...shards, bornAt: () => bornAt }, replicas, follow },
    judge: () => one.work().judgement,
    begin: (entry) => void (one.shard.entry = entry),
    store: () => {
      const asked = one.shard.asked.splice(0).at(-1)
      const next = asked?.client && plannedEntry(asked.client, one.shard.entry)
      if (!asked || next === one.shard.entry) return
      one.shard.entry = next
      one.shard.live = false
    },
    spread: () => {
      one.shard.live = true
      taken = new Set(one.shard.entry?.verifiers.map(({ sha256 }) => sha256))
    },
    taken: () => taken,
  }
}

/** A hub that takes every mirror, and never takes again what has ended. */
export function createSpokePlace(one: OneClient): RestorePlace {
  const { clock, client } = one
  let record: MirrorRecord = {}
  let taken: ReadonlySet<string> = new Set()
  let generation = 0
  const happen = (...events: readonly MirrorEvent[]) => void (record = events.reduce(afterEvent, record))
  const today = () => ({
    client,
    isValid: true,
    about: { namespaceLabels: undefined, namespaceBornAt: () => undefined, now: clock.now() },
  })
  const find = () => record.stored
  const isCurrent = () => record.asked !== undefined && isPresentIn(record, today())
  const mirrorOf = ({ spec, status }: Pick<Mirror, 'spec' | 'status'>): Mirror => {
    const metadata = { ...client.metadata, name: 'demo.app', namespace: 'nauthera-cluster-edge', uid: 'of-mirror' }
    return { spec, ...(status ? { status } : {}), metadata: { ...metadata, generation: ++generation } }
  }
  return {
    outlet: createMirrorSecrets({
      mirrors: {
        find,
        isCurrent,
        ask: (asked) => happen({ kind: 'asked', client: asked }),
        forget: () => happen({ kind: 'forgotten' }),
      },
      state: { fault: undefined, clock },
      findClient: () => client,
    }),
    judge: () => {
      const about = { cluster: 'edge', binding: bindingOf([]), refusal: undefined }
      return judgeByHub(client, { ...about, mirror: find(), isCurrent: isCurrent() })
    },
    begin: (entry) => {
      if (!entry) return
      const { namespace, name, uid, ended } = entry
      const verifiers = verifiersOf(entry).map(({ sha256, notAfter }) =>
        notAfter === undefined ? { sha256 } : { sha256, notAfter: timeText(notAfter) },
      )
      const spec = { ...client.spec, origin: { namespace, name, uid }, secret: { verifiers } }
      happen({ kind: 'seen', mirror: mirrorOf({ spec, status: { endedVerifiers: Object.keys(ended) } }) })
    },
    store: () => {
      const { stored } = record
      // the sweep finds nobody here of whom it is
      if (stored && stored.spec.origin?.uid !== client.metadata.uid)
        happen({ kind: 'deleted', uid: stored.metadata.uid })
      const next = record.asked && nextWrite(record, today())
      if (next?.kind !== 'write') return
      const { wish } = next
      happen({ kind: 'begun', wish }, { kind: 'taken', mirror: mirrorOf({ ...record.stored, ...wish.wanted }) })
    },
    spread: () => {
      const mirror = record.stored
      if (!mirror) return void (taken = new Set())
      const live = verifiersIn(mirror, clock.now())
      const before = mirror.status?.verifiers?.map(({ id }) => id) ?? []
      const gone = before.filter((id) => !live.some((one) => one.id === id))
      taken = new Set(live.map(({ sha256 }) => sha256))
      const { generation: said } = mirror.metadata
      const status = {
        observedGeneration: said,
        verifiersGeneration: said,
        verifiers: live.map(({ id }) => ({ id, firstSeen: timeText(clock.now()), acceptedByAll: true })),
        endedVerifiers: [...new Set([...endedIdsIn(mirror, clock.now()), ...gone])],
      }
      happen({ kind: 'seen', mirror: { ...mirror, status } })
    },
    taken: () => taken,
  }
}
