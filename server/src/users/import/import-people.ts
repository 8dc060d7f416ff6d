// Imports the people of a file in batches, one commit each. Existing people are changed only if requested, and then only made stricter where it
// concerns how they sign in; so an interrupted import can be repeated.
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { CodedError } from '@nauthera/runtime/coded-error'
import { definedOf, isJsonRecord } from '@nauthera/runtime/json'
import type { AuditEvent } from '../../store/audit/audit-event.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import type { ImportBatch, ImportedChange, ImportedPerson } from '../../store/people/import-batch.ts'
import { ownSource } from '../../store/people/user.ts'
import type { Profile, User } from '../../store/people/user.ts'
import { faultsOfOwnName } from '../../store/people/user-names.ts'
import { addressMovedMail } from '../factors/notice.ts'
import type { LeaveOut, PersonEntry, ReadEntry } from './person-entry.ts'

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
  /** Of each person who is created; a batch has one event of its own. */
  readonly events: (userId: string) => readonly AuditEvent[]
  readonly changeEvents: (userId: string, change: ImportedChange) => readonly AuditEvent[]
  readonly batchEvent: (people: number) => AuditEvent
  readonly onRefused: (refusal: ImportRefusal) => void
  /** What a file says, and an import does not do. */
  readonly leaveOut: LeaveOut
  /** After each batch. */
  readonly onProgress: (counts: ImportCounts) => void
}

interface Options {
  readonly dryRun: boolean
  readonly createGroups: boolean
  /** Changes people who have an account already; else they stay as they are. */
  readonly update?: boolean | undefined
  /** Enables people who are disabled here, and not in the file. */
  readonly enable?: boolean | undefined
  /** The groups of the help desk, when this file neither puts anybody into them nor changes who is in one: such people are refused. */
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
  const rules = { groups, closedDesk: options.closedDesk ?? [], mayEnable: options.enable ?? false }
  const decided = batch.map((candidate) => ({ candidate, decision: decide(candidate, known, rules) }))
  let counts: ImportCounts = { created: 0, updated: 0, unchanged: 0, refused: 0 }
  const refuse = ({ at, entry: { username } }: Candidate, reason: string) => {
    needs.onRefused({ at, username, reason })
    counts = plus(counts, { refused: 1 })
  }
  for (const { candidate, decision } of decided) {
    const done = decision.kind === 'change' ? await change(needs, candidate, decision, { rules, options }) : decision
    if (done.kind === 'refuse') refuse(candidate, done.reason)
    if (done.kind === 'keep') counts = plus(counts, { unchanged: 1 })
    if (done.kind === 'change') counts = plus(counts, { updated: 1 })
    if (decision.kind === 'keep' || decision.kind === 'change')
      for (const what of keptBack(decision.user, candidate.entry, rules)) needs.leaveOut(what)
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
  | { readonly kind: 'keep'; readonly user: User }
  | { readonly kind: 'change'; readonly user: User; readonly change: ImportedChange }
  | { readonly kind: 'refuse'; readonly reason: string }

interface ImportRules {
  /** Those that people may be put into. */
  readonly groups: ReadonlySet<string>
  readonly closedDesk: readonly string[]
  readonly mayEnable: boolean
}

const refusal = (reason: string): Decision => ({ kind: 'refuse', reason })

/** Decides once more while the person's row is locked, and writes that. @returns what was decided then */
async function change(
  { store, changeEvents, onRefused }: Needs,
  candidate: Candidate,
  first: Extract<Decision, { kind: 'change' }>,
  { rules, options: { update = false, dryRun } }: { rules: ImportRules; options: Options },
): Promise<Decision> {
  const fields = Object.keys(first.change).join(', ')
  if (!update) return refusal(`is there, and differs in ${fields}; --update changes what is there`)
  if (dryRun) return first
  let decided: Decision = refusal('is gone meanwhile; run it again')
  const decideNow = (now: User) => {
    decided = decide(candidate, [now], rules)
    return decided.kind === 'change' ? decided.change : undefined
  }
  const userId = first.user.id
  const events = (written: ImportedChange) => changeEvents(userId, written)
  try {
    await store.change(userId, decideNow, { events, moved: addressMovedMail })
  } catch (error) {
    if (error instanceof CodedError && error.faults.length > 0) return refusal(reasonOf(error.faults))
    const { at, entry } = candidate
    onRefused({ at, username: entry.username, reason: 'was not changed, and nobody after it was; run it again' })
    throw error
  }
  return decided
}

/** @param known everybody who has one of the names of the batch */
function decide(
  { entry, id }: Pick<Candidate, 'entry' | 'id'>,
  known: readonly User[],
  { groups, closedDesk, mayEnable }: ImportRules,
): Decision {
  const ofDesk = entry.groups?.find((group) => closedDesk.includes(group))
  if (ofDesk !== undefined) {
    return refusal(`groups: ${ofDesk} is a group of the help desk; --allow-help-desk puts people into it`)
  }
  const missing = (entry.groups ?? []).filter((group) => !groups.has(group))
  if (missing.length > 0) return refusal(`groups: there is no ${missing.join(', ')}; --create-groups creates them`)
  const names = new Set([entry.username, ...(entry.email === undefined ? [] : [entry.email])].map(canonicalName))
  const alike = known.filter(
    (user) => user.id === id || names.has(canonicalName(user.username)) || names.has(canonicalName(user.email ?? '')),
  )
  if (alike.length === 0) {
    const faults = faultsOfOwnName(entry.username)
    return faults.length === 0 ? { kind: 'create' } : refusal(reasonOf(faults))
  }
  const user = alike.find(({ username }) => canonicalName(username) === canonicalName(entry.username))
  const other = alike.find((each) => each !== user)
  if (user === undefined || other !== undefined)
    return refusal(`the e-mail address or id belongs to ${(other ?? alike[0]!).username}`)
  if (user.source !== ownSource) return refusal(`is there, and is described by ${user.source}`)
  if (entry.id !== undefined && entry.id.toLowerCase() !== user.id)
    return refusal(`is there with another id: ${user.id}`)
  const change = changeOf(user, entry, mayEnable)
  const fields = Object.keys(change).join(', ')
  if (fields === '') return { kind: 'keep', user }
  if (user.groups.some((group) => closedDesk.includes(group)))
    return refusal(`is of the help desk, and differs in ${fields}; --allow-help-desk changes such people`)
  return { kind: 'change', user, change }
}

/** What the file leaves out does not differ, nor does a password: people may have changed it here. Further groups and claims are no difference.
 *  @returns only what becomes different. An address is never made a verified one, and nobody is enabled who must stay disabled */
function changeOf(user: User, entry: PersonEntry, mayEnable: boolean): ImportedChange {
  const differing = <T>(wanted: T | undefined, now: T | undefined) =>
    wanted === undefined || isDeepStrictEqual(wanted, now) ? undefined : wanted
  const groups = (entry.groups ?? []).filter((group) => !user.groups.includes(group))
  const disabled = differing(entry.disabled, user.disabled)
  return definedOf({
    email: differing(entry.email, user.email),
    emailVerified: entry.emailVerified === false && user.emailVerified ? false : undefined,
    name: differing(entry.name, user.name),
    locale: differing(entry.locale, user.locale),
    profile: entry.profile && differing(withMore(user.profile, entry.profile), user.profile),
    groups: groups.length === 0 ? undefined : groups,
    disabled: disabled === false && !mayEnable ? undefined : disabled,
  })
}

/** The claims of both; of an address its parts. */
const withMore = (before: Profile, more: Profile): Profile => ({
  ...before,
  ...Object.fromEntries(
    Object.entries(more).map(([claim, value]) => {
      const now = before[claim]
      return [claim, isJsonRecord(now) && isJsonRecord(value) ? { ...now, ...value } : value]
    }),
  ),
})

/** What the file says, and `changeOf` does not do. */
function* keptBack(user: User, entry: PersonEntry, { mayEnable }: ImportRules): Generator<string> {
  if (user.disabled && entry.disabled === false && !mayEnable)
    yield 'enabling somebody who is disabled here (--update --enable does it)'
  if (entry.emailVerified === true && !(user.emailVerified && hasAddress(user, entry.email ?? user.email)))
    yield 'an address as verified, of somebody who has an account (nauthera users verify-email asks the person)'
}

const hasAddress = ({ email }: User, other: string | undefined): boolean =>
  canonicalName(email ?? '') === canonicalName(other ?? '')
