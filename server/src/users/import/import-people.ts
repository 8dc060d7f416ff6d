// Imports the people of a file in batches, one commit each. Existing people are not overwritten unless requested, so an interrupted import
// can be repeated.
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import type { ImportBatch, ImportedPerson } from '../../store/people/import-batch.ts'
import { ownSource } from '../../store/people/user.ts'
import type { User } from '../../store/people/user.ts'
import { faultsOfOwnName } from '../../store/people/user-names.ts'
import type { PersonEntry, ReadEntry } from './person-entry.ts'

export interface ImportCounts {
  readonly created: number
  readonly updated: number
  /** They are here, as the file says. */
  readonly unchanged: number
  readonly refused: number
}

/** Somebody who is not here as the file says. */
export interface ImportRefusal {
  readonly at: string
  readonly username: string | undefined
  readonly reason: string
}

interface Needs {
  readonly store: ImportBatch
  /** Changes people who have an account already, as the file says. Absent: they stay as they are. */
  readonly update?: ((user: User, entry: PersonEntry) => Promise<void>) | undefined
  /** Of each person who is created; a batch has one event of its own. */
  readonly events: (userId: string) => readonly AuditEvent[]
  readonly batchEvent: (people: number) => AuditEvent
  readonly onRefused: (refusal: ImportRefusal) => void
  /** After each batch. */
  readonly onProgress: (counts: ImportCounts) => void
}

interface Options {
  readonly dryRun: boolean
  readonly createGroups: boolean
  /** The groups of the help desk, when nobody is put into them by this file: their people are refused. */
  readonly closedDesk?: readonly string[] | undefined
}

/** People of one commit. */
const batchSize = 100

/** @returns how many there were of each
 *  @throws CodedError STORE_UNAVAILABLE: the batches before are written */
export async function importPeople(
  needs: Needs,
  entries: AsyncIterable<ReadEntry>,
  options: Options,
): Promise<ImportCounts> {
  const seen = new Map<string, string>()
  let counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  let batch: Candidate[] = []
  const flush = async () => {
    counts = plus(counts, await writeBatch(needs, batch, options))
    batch = []
    needs.onProgress(counts)
  }
  for await (const read of entries) {
    const reason = read.kind === 'refused' ? reasonOf(read.faults) : repeated(seen, read.at, read.entry)
    if (reason !== undefined) {
      needs.onRefused({ at: read.at, username: read.username, reason })
      counts = plus(counts, { refused: 1 })
    } else if (read.kind === 'person') batch.push({ at: read.at, entry: read.entry, id: read.entry.id ?? randomUUID() })
    if (batch.length >= batchSize) await flush()
  }
  await flush()
  return counts
}

interface Candidate {
  readonly at: string
  readonly entry: PersonEntry
  /** Of the record, when it is a new one. */
  readonly id: string
}

const plus = (counts: ImportCounts, more: Partial<ImportCounts>): ImportCounts => ({
  created: counts.created + (more.created ?? 0),
  updated: counts.updated + (more.updated ?? 0),
  unchanged: counts.unchanged + (more.unchanged ?? 0),
  refused: counts.refused + (more.refused ?? 0),
})

const reasonOf = (faults: readonly { path: string; message: string }[]): string =>
  faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')

/** Only names are remembered, so that a large file fits into memory. */
function repeated(seen: Map<string, string>, at: string, { id, username, email }: PersonEntry): string | undefined {
  const keys = new Set([username, ...(email === undefined ? [] : [email])].map(canonicalName))
  if (id !== undefined) keys.add(`id ${id.toLowerCase()}`)
  const before = [...keys].map((key) => seen.get(key)).find((place) => place !== undefined)
  if (before !== undefined) return `has the same user name, e-mail address or id as ${before}`
  for (const key of keys) seen.set(key, at)
  return undefined
}

async function writeBatch(needs: Needs, batch: readonly Candidate[], options: Options): Promise<Partial<ImportCounts>> {
  if (batch.length === 0) return {}
  const { store } = needs
  const known = await store.findLike(batch.map(({ id, entry: { username, email } }) => ({ id, username, email })))
  const wanted = [...new Set(batch.flatMap(({ entry }) => entry.groups ?? []))]
  const groups = options.createGroups ? new Set(wanted) : new Set(await store.findGroups(wanted))
  const decided = batch.map((candidate) => ({
    candidate,
    decision: decide(candidate, known, { groups, closedDesk: options.closedDesk ?? [] }),
  }))
  let counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  const refuse = ({ at, entry: { username } }: Candidate, reason: string) => {
    needs.onRefused({ at, username, reason })
    counts = plus(counts, { refused: 1 })
  }
  for (const { candidate, decision } of decided) {
    if (decision.kind === 'refuse') refuse(candidate, decision.reason)
    if (decision.kind === 'keep') counts = plus(counts, { unchanged: 1 })
    if (decision.kind !== 'differs') continue
    if (needs.update === undefined) {
      refuse(candidate, `is there, and differs in ${decision.fields.join(', ')}; --update changes what is there`)
      continue
    }
    if (!options.dryRun) await needs.update(decision.user, candidate.entry)
    counts = plus(counts, { updated: 1 })
  }
  const fresh = decided.filter(({ decision }) => decision.kind === 'create').map(({ candidate }) => candidate)
  const written = options.dryRun ? fresh.map(({ id }) => id) : await insert(needs, fresh)
  for (const candidate of fresh.filter(({ id }) => !written.includes(id))) {
    refuse(candidate, 'somebody with this user name, e-mail address or id has come into being meanwhile; run it again')
  }
  return plus(counts, { created: written.length })
}

async function insert({ store, events, batchEvent }: Needs, fresh: readonly Candidate[]): Promise<readonly string[]> {
  if (fresh.length === 0) return []
  const people: ImportedPerson[] = fresh.map(({ id, entry }) => ({ ...entry, id }))
  return store.insert(people, [batchEvent(people.length), ...people.flatMap(({ id }) => events(id))])
}

type Decision =
  | { readonly kind: 'create' }
  | { readonly kind: 'keep' }
  | { readonly kind: 'differs'; readonly user: User; readonly fields: readonly string[] }
  | { readonly kind: 'refuse'; readonly reason: string }

/** @param known everybody who has one of the names of the batch; @param rules.groups those that people may be put into */
function decide(
  { entry, id }: Pick<Candidate, 'entry' | 'id'>,
  known: readonly User[],
  { groups, closedDesk }: { groups: ReadonlySet<string>; closedDesk: readonly string[] },
): Decision {
  const refuse = (reason: string): Decision => ({ kind: 'refuse', reason })
  const ofDesk = entry.groups?.find((group) => closedDesk.includes(group))
  if (ofDesk !== undefined) {
    return refuse(`groups: ${ofDesk} is a group of the help desk; --allow-help-desk puts people into it`)
  }
  const missing = (entry.groups ?? []).filter((group) => !groups.has(group))
  if (missing.length > 0) return refuse(`groups: there is no ${missing.join(', ')}; --create-groups creates them`)
  const names = new Set([entry.username, ...(entry.email === undefined ? [] : [entry.email])].map(canonicalName))
  const alike = known.filter(
    (user) => user.id === id || names.has(canonicalName(user.username)) || names.has(canonicalName(user.email ?? '')),
  )
  if (alike.length === 0) {
    const faults = faultsOfOwnName(entry.username)
    return faults.length === 0 ? { kind: 'create' } : refuse(reasonOf(faults))
  }
  const same = alike.find(({ username }) => canonicalName(username) === canonicalName(entry.username))
  const other = alike.find((user) => user !== same)
  if (other !== undefined) return refuse(`the e-mail address or id belongs to ${other.username}`)
  if (same!.source !== ownSource) return refuse(`is there, and is described by ${same!.source}`)
  if (entry.id !== undefined && entry.id.toLowerCase() !== same!.id)
    return refuse(`is there with another id: ${same!.id}`)
  const fields = differences(same!, entry)
  return fields.length === 0 ? { kind: 'keep' } : { kind: 'differs', user: same!, fields }
}

const compared = ['email', 'emailVerified', 'name', 'locale', 'profile', 'disabled'] as const

/** What the file leaves out does not differ, nor does a password: people may have changed it here. Further groups are no difference.
 *  @returns names of what the file says otherwise */
export function differences(user: User, entry: PersonEntry): string[] {
  const fields = compared.filter((field) => entry[field] !== undefined && !isDeepStrictEqual(entry[field], user[field]))
  const isIn = (entry.groups ?? []).every((group) => user.groups.includes(group))
  return [...fields, ...(isIn ? [] : ['groups'])]
}
