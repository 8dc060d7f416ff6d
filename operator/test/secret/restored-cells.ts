// One client whose Secret comes back from a backup: each case of order, uid, owner, value, proof and loss, by the real steps of each look.
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { digestOf } from '@nauthera/proto/digest'
import { annotations } from '@nauthera/proto/names'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { createOwnerProof } from '../../src/decide/secret/owner-proof.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import { macBy } from '../../src/secret/proof-key.ts'
import { createWorkOnSecret } from '../../src/secret/work-on-secret.ts'
import type { SecretResult, WorkNeeds } from '../../src/secret/work-on-secret.ts'
import { createOneClient, values } from './one-client.ts'
import type { OneClient } from './one-client.ts'
import { createHubPlace, createSpokePlace } from './restored-places.ts'
import type { RestorePlace } from './restored-places.ts'

/** The parts of a case. */
export const parts = {
  /** Who serves it: replicas of its cluster, or the hub that this has joined. What is said of the shard is then said of the mirror. */
  place: ['hub', 'spoke'],
  first: ['Secret', 'client'],
  uid: ['kept', 'new'],
  /** Of the Secret: as in the backup, none, or that of the Secret which it was put over. */
  owner: ['there', 'stripped', 'present'],
  /** What the shard says of its secret: valid, previous, ended, nothing; or somebody changed it. */
  value: ['known', 'older', 'ended', 'unknown', 'forged'],
  /** The key of proofs. */
  proof: ['there', 'lost'],
  lost: ['nothing', 'shard', 'namespace'],
  said: [false, true],
} as const

export type RestoreCell = { readonly [Part in keyof typeof parts]: (typeof parts)[Part][number] }

/** @returns every case that there is. Only a Secret that is put over another one has the owner of that */
export function allCells(): readonly RestoreCell[] {
  let cells: object[] = [{}]
  for (const [part, all] of Object.entries(parts))
    cells = cells.flatMap((cell) => all.map((one) => ({ ...cell, [part]: one })))
  return (cells as RestoreCell[]).filter(({ first, owner }) => first === 'client' || owner !== 'present')
}

/** What became of a case. */
export interface RestoredCell {
  readonly end: 'restored' | 'a new secret' | 'stays'
  /** What was wrong on the way. */
  readonly faults: readonly string[]
  readonly restoredFrom: string | undefined
}

const [beganAt, now] = [Date.parse('2026-01-01T00:00:00Z'), Date.parse('2026-06-10T00:00:00Z')]
const hourMs = 3_600_000
const textAt = (time: number) => new Date(time).toISOString()

/** Looks, writes what is asked for, and brings it to the replicas, until nothing changes any more. */
function createLife(one: OneClient, place: RestorePlace, needs: WorkNeeds, onLook: (result: SecretResult) => void) {
  const workOnSecret = createWorkOnSecret({ ...needs, ...place.outlet })
  const look = async () => {
    const result = await workOnSecret({ ...one.work(), judgement: place.judge() })
    if (result.failure) throw result.failure
    onLook(result)
    Object.assign(one.client, { status: statusAfter(one, result) })
    place.store()
  }
  return {
    settle: async () => {
      for (let round = 0; round < 4; round++) {
        await look()
        // the replicas have not got it yet
        await look()
        place.spread()
        one.clock.advance(1_000)
      }
    },
  }
}

function statusAfter({ client, clock, memory }: OneClient, { plan, secret }: SecretResult): OIDCClient['status'] {
  const { activeId, lastRotated } = plan?.report ?? {}
  return {
    ...(memory.restoredFrom === undefined ? {} : { restoredFrom: memory.restoredFrom }),
    secret: {
      ...(secret.name === undefined ? {} : { name: secret.name }),
      ...(activeId === undefined ? {} : { activeId }),
      ...(lastRotated === undefined ? {} : { lastRotated: textAt(lastRotated) }),
    },
    conditions: [
      {
        type: 'SecretReady',
        status: secret.kind === 'ready' ? 'True' : 'False',
        reason: '',
        message: '',
        lastTransitionTime: textAt(Math.max(clock.now(), Date.parse(client.metadata.creationTimestamp))),
      },
    ],
  }
}

/** The Secret of the backup, and the entry that its client then had. */
async function createBackup(): Promise<{ readonly object: SecretObject; readonly entry: ShardEntry }> {
  const clock = createManualClock(beganAt)
  const one = createOneClient({ clock, metadata: { uid: 'former', creationTimestamp: textAt(beganAt) } })
  await createLife(one, createHubPlace(one, beganAt), one.needs, () => {}).settle()
  return { object: one.secrets.held.get('app-oidc')!, entry: one.shard.entry! }
}

const backup = createBackup()

/** The entry of the shard before the restore. */
function entryOf(entry: ShardEntry, { value, lost, first }: RestoreCell): ShardEntry | undefined {
  const { desired, namespace, name, uid, clientId, verifiers } = entry
  if (value === 'unknown' || lost === 'shard' || (lost === 'namespace' && first === 'client')) return undefined
  const base = { namespace, name, uid, clientId, ...(desired ? { desired } : {}) }
  const later = { id: digestOf(values.fresh).slice(0, 8), sha256: digestOf(values.fresh) }
  switch (value) {
    case 'known':
    case 'forged':
      return create(ShardEntrySchema, { ...base, verifiers })
    case 'older': {
      const previous = verifiers.map(({ id, sha256 }) => ({ id, sha256, notAfter: timestampFromMs(now + hourMs) }))
      return create(ShardEntrySchema, { ...base, verifiers: [later, ...previous] })
    }
    case 'ended': {
      const ended = Object.fromEntries(verifiers.map(({ id }) => [id, Math.floor(now / 86_400_000)]))
      return create(ShardEntrySchema, { ...base, verifiers: [later], ended })
    }
  }
}

/** The status of a client that nobody made again: its Secret had a secret since. */
function keptStatus({ verifiers }: ShardEntry, { value }: RestoreCell): OIDCClient['status'] {
  const isLater = value === 'older' || value === 'ended'
  const activeId = isLater ? digestOf(values.fresh).slice(0, 8) : verifiers[0]!.id
  const conditions = [
    { type: 'SecretReady', status: 'True' as const, reason: '', message: '', lastTransitionTime: textAt(beganAt) },
  ]
  return { secret: { activeId, lastRotated: textAt(isLater ? now - 30 * 24 * hourMs : beganAt) }, conditions }
}

/** Puts the Secret of the backup there, over another one or not. */
function putBack({ secrets, client }: OneClient, { metadata, data }: SecretObject, cell: RestoreCell): void {
  const owner = metadata.ownerReferences?.[0]
  const owners = {
    there: metadata.ownerReferences ?? [],
    stripped: [],
    present: owner ? [{ ...owner, uid: client.metadata.uid }] : [],
  }
  secrets.put('app-oidc', {
    metadata: { ...metadata, ownerReferences: [...owners[cell.owner]] },
    data: cell.value === 'forged' ? { client_secret: Buffer.from(forged).toString('base64') } : { ...data },
  })
}

const forged = 'ZZD0J3Yx_8k1mZ-4nVhT7bLs9WcPfE6rGaUuIoXyK5A'

/** @returns what becomes of the client and its Secret */
export async function restoreCell(cell: RestoreCell): Promise<RestoredCell> {
  const { object, entry } = await backup
  const one = createOneClient({
    clock: createManualClock(now),
    ...(cell.uid === 'kept' ? { status: keptStatus(entry, cell) } : {}),
    metadata: {
      uid: cell.uid === 'kept' ? 'former' : 'present',
      creationTimestamp: textAt(cell.uid === 'kept' ? beganAt : now),
      annotations: cell.said ? { [annotations.restored]: 'true' } : {},
    },
  })
  const bornAt = (lost: RestoreCell['lost']) => (cell.lost === lost ? now - hourMs : beganAt - hourMs)
  const needs: WorkNeeds = {
    ...one.needs,
    ...(cell.proof === 'lost' ? { proof: createOwnerProof(macBy(Buffer.alloc(32, 9))) } : {}),
    namespaceBornAt: () => bornAt('namespace'),
  }
  const place = cell.place === 'hub' ? createHubPlace(one, bornAt('shard')) : createSpokePlace(one)
  const stored = () => place.outlet.shards.stored(one.key)?.entry
  const [old, faults] = [object.data!['client_secret']!, new Set<string>()]
  const held = () => digestOf(one.published() ?? '')
  const inEntry = (sha256: string) => stored()?.verifiers.find((verifier) => verifier.sha256 === sha256)
  place.begin(entryOf(entry, cell))
  place.spread()
  // servers keep what they have when its shard is lost
  const isKept = cell.uid === 'kept' && ['known', 'unknown'].includes(cell.value)
  const kept = new Set([...place.taken(), ...(isKept ? entry.verifiers.map(({ sha256 }) => sha256) : [])])
  let isPut = false
  let isReady = false
  let taken: ReadonlySet<string> = kept
  // by every replica: it is in what they have, and in what they get next
  const isAccepted = () => taken.has(held()) && (stored() === undefined || inEntry(held()) !== undefined)
  const seen: RestorePlace = {
    ...place,
    spread: () => {
      place.spread()
      taken = place.taken()
    },
  }
  const life = createLife(one, seen, needs, ({ secret }) => {
    isReady = secret.kind === 'ready'
    if (inEntry(digestOf(forged))) faults.add('servers take a secret that somebody made up')
    if (isPut && isReady && !isAccepted()) faults.add('ready, and servers refuse what the Secret holds')
    if (isPut && cell.first === 'client' && secret.kind === 'name-taken') faults.add('the Secret that it had is taken')
  })

  if (cell.first === 'client') await life.settle()
  const meanwhile = one.published()
  putBack(one, object, cell)
  one.memory.read = undefined
  isPut = true
  await life.settle()

  const last = meanwhile === undefined ? undefined : inEntry(digestOf(meanwhile))
  if (meanwhile !== undefined && last === undefined) faults.add('the secret that it had meanwhile is refused at once')
  const present = one.secrets.held.get('app-oidc')
  const isOurs = present?.metadata.annotations?.[annotations.clientUid] === one.client.metadata.uid
  const isOld = present?.data?.['client_secret'] === old
  if (isOurs && !isAccepted()) faults.add('servers refuse what the Secret holds at last')
  if (isOurs && !isReady) faults.add('it never becomes ready')
  const end = isOurs ? (isOld ? 'restored' : 'a new secret') : 'stays'
  return { end, faults: [...faults], restoredFrom: one.memory.restoredFrom }
}
