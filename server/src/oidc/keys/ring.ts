// The ring of keys, shared by all replicas through PostgreSQL.
import type { Log } from '@nauthera/runtime/log'
import type { GaugeOf, Metrics } from '@nauthera/runtime/metrics'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { serverMetrics } from '../../metrics.ts'
import type { KeyList, KeySummary, Keys } from '../../store/tokens/keys.ts'
import type { FileKeys, KeyFile } from './key-file.ts'
import { buildKeySet, signingLine, signingLines, statesOf } from './key-set.ts'
import type { KeySet, RingKey } from './key-set.ts'
import { KeyTable } from './key-table.ts'
import { cutOff, cutOffFile, publishNow } from './leak.ts'
import type { Cut } from './leak.ts'
import { carryOutRing, isDone, planRing } from './ring-plan.ts'
import { cookieLine, keyStates, pairwiseLine, planKeys } from './states.ts'
import type { KeyPolicy, KeyState } from './states.ts'
import { fileFaults, mintAhead, mintKey, toRing } from './stored-keys.ts'
import type { MintKey } from './stored-keys.ts'

/** The ring of keys, shared by all replicas through PostgreSQL. */
export interface KeyRing {
  /** Loads the keys, and makes those that are missing. A row that does not open is named and left.
   *  @throws CodedError of the store; CLOCKS_DIFFER, and what says that the key-encryption ring is not the right one, before anything is
   *  made; call again later */
  load(): Promise<void>
  /** Follows changes until `stop`. Needs `load` to have succeeded once. */
  follow(): Promise<void>
  /** @throws TypeError before the first `load` */
  current(): KeySet
  /** Makes the next key of each line now; it becomes active after `publishBefore` (`nauthera keys rotate`). @throws as `load` */
  rotate(): Promise<void>
  /** As `rotate`, but the new keys become active as soon as caches have them (`--now`). @throws as `load` */
  publishNow(): Promise<void>
  /** New keys are active now, and the old ones end now (`--now --cut`), whether they open or not. Needs no `load` before it.
   *  @returns how many ended */
  cutOff(cut: Cut): Promise<number>
  /** What each key of a list does now. @throws TypeError before the first `load` */
  statesOf(keys: readonly KeySummary[]): ReadonlyMap<string, KeyState>
  onChange(changed: (keys: KeySet) => void): void
  stop(): Promise<void>
}

/** Milliseconds. */
const pollEvery = 30_000
const lookAtFileEvery = 2000
/** The longest time in milliseconds that setTimeout can wait. */
const longestTimer = 2_147_483_647

export interface KeyRingNeeds {
  readonly keys: Keys
  readonly algorithms: readonly SigningAlgorithm[]
  readonly policy: KeyPolicy
  /** Takes the place of the signing keys that are made here. */
  readonly file?: KeyFile | undefined
  /** Epoch milliseconds, of this process: compared with those of the database, and nothing else. */
  readonly now: () => number
  /** Milliseconds that no change of a clock moves. Default: those of the process. */
  readonly monotonicNow?: () => number
  readonly log: Log
  readonly metrics?: Metrics
  /** For tests. */
  readonly mint?: MintKey
}

export const createKeyRing = (needs: KeyRingNeeds): KeyRing => new StoredKeyRing(needs)

class StoredKeyRing implements KeyRing {
  readonly #needs: KeyRingNeeds
  readonly #due: GaugeOf | undefined
  readonly #table: KeyTable
  /** Of keys that are made here. */
  readonly #lines: readonly string[]
  readonly #listeners: ((keys: KeySet) => void)[] = []
  /** Keys of every state, from the last read: those in use, and what is planned by. */
  #stored: readonly RingKey[] = []
  #planned: readonly RingKey[] = []
  #fileTimer: NodeJS.Timeout | undefined
  #current: KeySet | undefined
  /** Active keys that the audit log knows of. */
  readonly #told = new Set<string>()
  #listening: { stop(): Promise<void> } | undefined
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #queued: Promise<void> | undefined
  #stopped = false

  constructor(needs: KeyRingNeeds) {
    this.#needs = needs
    this.#due = needs.metrics?.gauge(serverMetrics.keysDue)
    this.#lines = [cookieLine, pairwiseLine, ...(needs.file ? [] : needs.algorithms.map(signingLine))]
    const unreadable = needs.metrics?.gauge(serverMetrics.keysUnreadable)
    this.#table = new KeyTable({ ...needs, lines: this.#lines, unreadable })
  }

  current(): KeySet {
    if (this.#current === undefined) throw new TypeError('the key ring is not loaded yet: call load first')
    return this.#current
  }

  statesOf(keys: readonly KeySummary[]): ReadonlyMap<string, KeyState> {
    const { policy } = this.#needs
    const now = this.#table.now()
    const places = this.#stored.flatMap(({ id, file }) =>
      file?.place === undefined ? [] : [[id, file.place] as const],
    )
    // what this process does with keys that do not open is not in their rows
    const here = keyStates(this.#stored, now, policy)
    return new Map([...statesOf(keys, now, policy, new Map(places))].map(([id, state]) => [id, here.get(id) ?? state]))
  }

  onChange(changed: (keys: KeySet) => void): void {
    this.#listeners.push(changed)
  }

  /** Loads one at a time. A call during a load waits for a second load: the running one may have read before the
   *  change. */
  load(): Promise<void> {
    if (this.#running === undefined) return this.#run()
    this.#queued ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined
        return this.load()
      })
    return this.#queued
  }

  async follow(): Promise<void> {
    this.#listening ??= await this.#needs.keys.onChange(() => void this.#wake())
    this.#schedule()
    const { file } = this.#needs
    if (file === undefined || this.#stopped) return
    this.#fileTimer ??= setInterval(async () => {
      if (await file.hasChanged()) await this.#wake()
    }, lookAtFileEvery)
    this.#fileTimer.unref()
  }

  async rotate(): Promise<void> {
    await this.#running
    await this.#load(new Set(this.#lines))
    this.#schedule()
  }

  async publishNow(): Promise<void> {
    const { keys: store, policy, log } = this.#needs
    const about = { inFile: { listed: [], former: [] } }
    const { list, doubt } = await this.#table.list()
    if (doubt !== undefined) throw doubt
    const forced = planKeys(toRing(list, about, log), this.#lines, list.at, policy, new Set(this.#lines))
    const mint = await this.#mintAhead(forced.create)
    await store.underLock(async (writer) => {
      const now = await writer.list()
      await publishNow(toRing(now, about, log), this.#lines, writer, { now: now.at, policy, mint })
    })
    await this.load()
  }

  async cutOff(cut: Cut): Promise<number> {
    const { keys: store, policy } = this.#needs
    const lines = cut === 'cookies' ? [] : [...signingLines]
    if (cut !== 'signing') lines.push(cookieLine)
    const made = lines.filter((line) => this.#lines.includes(line))
    const mint = await this.#mintAhead(made.map((line) => ({ line })))
    const { ended, list, inFile } = await store.underLock(async (writer) => {
      const before = await writer.list()
      const keys = [...before.opened, ...before.unreadable]
      const found = await this.#readFile(before)
      const about = { now: before.at, policy, made, mint }
      const ofFile = new Set(found.listed.map(({ kid }) => kid))
      const ofStored = await cutOff(keys, lines, writer, about)
      const gone = ofStored + (cut === 'cookies' ? 0 : await cutOffFile(keys, ofFile, writer, before.at))
      return { ended: gone, list: await writer.list(), inFile: found }
    })
    if (this.#current !== undefined) this.#takeIfWhole(list, inFile)
    return ended
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    clearInterval(this.#fileTimer)
    await this.#listening?.stop()
    await (this.#queued ?? this.#running)?.catch(() => undefined)
  }

  #run(): Promise<void> {
    this.#running = this.#load().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #load(forced?: ReadonlySet<string>): Promise<void> {
    const { keys: store, policy, log } = this.#needs
    const { list: before, doubt } = await this.#table.list()
    const inFile = await this.#readFile(before)
    if (doubt !== undefined) {
      // a key that was cut off ends all the same
      if (this.#current !== undefined) this.#takeIfWhole(before, inFile)
      throw doubt
    }
    this.#table.setTime(before.at)
    let list = before
    const about = { lines: this.#lines, policy, forced, log }
    const plan = planRing(before, inFile, about)
    if (!isDone(plan)) {
      const mint = await this.#mintAhead(plan.own.create)
      const done = store.underLock(async (writer) => {
        // another replica may have done it while this one waited
        const now = await writer.list()
        await carryOutRing(planRing(now, inFile, about), inFile, writer, { mint, now: now.at, policy })
        return writer.list()
      })
      list = await done.catch((error: unknown) => {
        // a database may give keys and take none: a key that was cut off ends all the same
        if (this.#current !== undefined) this.#takeIfWhole(before, inFile)
        throw error
      })
    }
    this.#take(list, inFile)
    // tried again at the next read: keys work without it
    await this.#tellActive().catch((error: unknown) =>
      log.warn({ error }, 'key.activated could not be told; trying again'),
    )
  }

  /** @throws Error when a kind of key is missing: then the keys of before stay */
  #take(list: KeyList, inFile: FileKeys): void {
    const held = new Map(this.#stored.filter(isHeld).map((key) => [key.id, key]))
    const { log } = this.#needs
    this.#planned = toRing(list, { inFile }, log)
    this.#settle(toRing(list, { inFile, held }, log))
  }

  #takeIfWhole(list: KeyList, inFile: FileKeys): void {
    try {
      this.#take(list, inFile)
    } catch (error) {
      this.#needs.log.warn({ error }, 'the keys in the database are not whole; the keys in memory stay in use')
    }
  }

  #mintAhead(create: readonly { readonly line: string }[]): Promise<MintKey> {
    return mintAhead(
      create.map(({ line }) => line),
      this.#needs.mint ?? mintKey,
    )
  }

  async #readFile({ opened, unreadable }: KeyList): Promise<FileKeys> {
    const { file } = this.#needs
    if (file === undefined) return { listed: [], former: [] }
    return file.read((keys) => fileFaults(keys, [...opened, ...unreadable]))
  }

  async #tellActive(): Promise<void> {
    const { keys: store, policy } = this.#needs
    const states = keyStates(this.#stored, this.#table.now(), policy)
    const active = this.#stored.filter(({ id }) => states.get(id) === 'active' && !this.#told.has(id))
    if (active.length === 0) return
    await store.recordActive(active.map(({ id, use, algorithm }) => ({ id, use, alg: algorithm })))
    for (const { id } of active) this.#told.add(id)
  }

  /** The states of keys change with time, also while PostgreSQL does not answer. */
  #settle(stored = this.#stored): void {
    if (stored.length === 0) return
    const { algorithms, policy, log } = this.#needs
    const next = buildKeySet(stored, algorithms, this.#table.now(), policy)
    this.#stored = stored
    if (next.fingerprint === this.#current?.fingerprint) return
    log.info({ keys: next.fingerprint }, this.#current === undefined ? 'keys loaded' : 'keys changed')
    this.#current = next
    for (const changed of this.#listeners) changed(next)
  }

  #schedule(): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    const { policy } = this.#needs
    const now = this.#table.now()
    const { wakeAt, dueAt } = planKeys(this.#planned, this.#lines, now, policy)
    if (Number.isFinite(dueAt)) this.#due?.set(dueAt / 1000)
    const wait = Math.max(Math.min(wakeAt - now, pollEvery, longestTimer), 50)
    this.#timer = setTimeout(() => void this.#wake(), wait)
    this.#timer.unref()
  }

  async #wake(): Promise<void> {
    this.#settle()
    try {
      await this.load()
    } catch (error) {
      this.#needs.log.warn({ error }, 'keys could not be read; the keys in memory stay in use')
    }
    this.#schedule()
  }
}

/** What a process may go on with where the row does not open any more. */
const isHeld = ({ file, unreadable }: RingKey): boolean => file === undefined && unreadable !== 'lost'
