// The ring of keys, shared by all replicas through PostgreSQL.
import type { Log } from '@nauthera/runtime/log'
import type { GaugeOf, Metrics } from '@nauthera/runtime/metrics'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import { serverMetrics } from '../../metrics.ts'
import type { KeySummary, KeyWriter, Keys, StoredKey } from '../../store/tokens/keys.ts'
import type { FileKeys, KeyFile } from './key-file.ts'
import { buildKeySet, cookieLine, isCut, signingLine, signingLines, statesOf } from './key-set.ts'
import type { KeySet, RingKey } from './key-set.ts'
import { cutOff, cutOffFile, publishNow } from './leak.ts'
import type { Cut } from './leak.ts'
import { keyStates, pairwiseLine, planFile, planKeys } from './states.ts'
import type { FilePlan, KeyPlan, KeyPolicy, KeyState } from './states.ts'
import { carryOut, carryOutFile, fileFaults, mintAhead, mintKey, toRing } from './stored-keys.ts'
import type { MintKey } from './stored-keys.ts'

/** The ring of keys, shared by all replicas through PostgreSQL. */
export interface KeyRing {
  /** Loads the keys, and makes those that are missing. @throws CodedError of the store; call again later */
  load(): Promise<void>
  /** Follows changes until `stop`. Needs `load` to have succeeded once. */
  follow(): Promise<void>
  /** @throws TypeError before the first `load` */
  current(): KeySet
  /** Makes the next key of each line now; it becomes active after `publishBefore` (`nauthera keys rotate`). */
  rotate(): Promise<void>
  /** As `rotate`, but the new keys become active as soon as caches have them (`--now`). */
  publishNow(): Promise<void>
  /** New keys are active now, and the old ones end now (`--now --cut`). Needs no `load` before it.
   *  @returns how many ended */
  cutOff(cut: Cut): Promise<number>
  /** What each key of a list does now. Needs no `load` before it. */
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
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Log
  readonly metrics?: Metrics
  /** For tests. */
  readonly mint?: MintKey
}

export const createKeyRing = (needs: KeyRingNeeds): KeyRing => new StoredKeyRing(needs)

class StoredKeyRing implements KeyRing {
  readonly #needs: KeyRingNeeds
  readonly #due: GaugeOf | undefined
  /** Of keys that are made here. */
  readonly #lines: readonly string[]
  readonly #listeners: ((keys: KeySet) => void)[] = []
  /** Keys of every state, from the last read. */
  #stored: readonly RingKey[] = []
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
  }

  current(): KeySet {
    if (this.#current === undefined) throw new TypeError('the key ring is not loaded yet: call load first')
    return this.#current
  }

  statesOf(keys: readonly KeySummary[]): ReadonlyMap<string, KeyState> {
    const places = this.#stored.flatMap(({ id, file }) =>
      file?.place === undefined ? [] : [[id, file.place] as const],
    )
    return statesOf(keys, this.#needs.now(), this.#needs.policy, new Map(places))
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
    await this.#read(new Set(this.#lines))
    this.#schedule()
  }

  async publishNow(): Promise<void> {
    const { keys: store, now, policy } = this.#needs
    const none = { listed: [], former: [] }
    const ringOf = (stored: readonly StoredKey[]) => toRing(stored, none, this.#needs.log)
    const forced = planKeys(ringOf(await store.list()), this.#lines, now(), policy, new Set(this.#lines))
    const mint = await this.#mintAhead(forced.create)
    await store.underLock(async (writer) =>
      publishNow(ringOf(await writer.list()), this.#lines, writer, { now: now(), policy, mint }),
    )
    await this.load()
  }

  async cutOff(cut: Cut): Promise<number> {
    const { keys: store, now, policy, log } = this.#needs
    const lines = cut === 'cookies' ? [] : [...signingLines]
    if (cut !== 'signing') lines.push(cookieLine)
    const made = lines.filter((line) => this.#lines.includes(line))
    const mint = await this.#mintAhead(made.map((line) => ({ line })))
    const ended = await store.underLock(async (writer) => {
      const stored = await writer.list()
      const inFile = await this.#readFile(stored)
      const about = { now: now(), policy, made, mint }
      const ofFile = new Set(inFile.listed.map(({ kid }) => kid))
      const ofStored = await cutOff(toRing(stored, inFile, log), lines, writer, about)
      return ofStored + (cut === 'cookies' ? 0 : await cutOffFile(stored, ofFile, writer, now()))
    })
    await this.load()
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
    this.#running = this.#read().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #read(forced?: ReadonlySet<string>): Promise<void> {
    const { keys: store, log } = this.#needs
    let stored = await store.list()
    const inFile = await this.#readFile(stored)
    const plan = this.#plan(stored, inFile, forced)
    if (!isDone(plan)) {
      const mint = await this.#mintAhead(plan.own.create)
      const done = store.underLock(async (writer) => {
        // another replica may have done it while this one waited
        await this.#carryOut(this.#plan(await writer.list(), inFile, forced), inFile, writer, mint)
        return writer.list()
      })
      stored = await done.catch((error: unknown) => {
        // a database may give keys and take none: a key that was cut off ends all the same
        if (this.#current !== undefined) this.#takeIfWhole(stored, inFile)
        throw error
      })
    }
    this.#take(stored, inFile)
    // tried again at the next read: keys work without it
    await this.#tellActive().catch((error: unknown) =>
      log.warn({ error }, 'key.activated could not be told; trying again'),
    )
  }

  /** @throws Error when a kind of key is missing: then the keys of before stay */
  #take(stored: readonly StoredKey[], inFile: FileKeys): void {
    this.#settle(toRing(stored, inFile, this.#needs.log))
  }

  #takeIfWhole(stored: readonly StoredKey[], inFile: FileKeys): void {
    try {
      this.#take(stored, inFile)
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

  async #readFile(stored: readonly StoredKey[]): Promise<FileKeys> {
    const { file } = this.#needs
    return file === undefined ? { listed: [], former: [] } : file.read((keys) => fileFaults(keys, stored))
  }

  async #tellActive(): Promise<void> {
    const { keys: store, now, policy } = this.#needs
    const states = keyStates(this.#stored, now(), policy)
    const active = this.#stored.filter(({ id }) => states.get(id) === 'active' && !this.#told.has(id))
    if (active.length === 0) return
    await store.recordActive(active.map(({ id, use, algorithm }) => ({ id, use, alg: algorithm })))
    for (const { id } of active) this.#told.add(id)
  }

  #plan(stored: readonly StoredKey[], inFile: FileKeys, forced?: ReadonlySet<string>): Plan {
    const { now, policy, log } = this.#needs
    const keys = toRing(stored, inFile, log)
    const cut = new Set(stored.filter(isCut).map(({ id }) => id))
    const listed = inFile.listed.filter(({ kid }) => !cut.has(kid))
    const lines = listed.map(({ kid, alg }) => ({ id: kid, line: signingLine(alg) }))
    return {
      own: planKeys(keys, this.#lines, now(), policy, forced),
      file: planFile(lines, keys, now(), policy),
    }
  }

  async #carryOut(plan: Plan, inFile: FileKeys, writer: KeyWriter, mint: MintKey): Promise<void> {
    const { now, policy } = this.#needs
    await carryOut(plan.own, writer, mint)
    const until = ({ alg }: { alg: SigningAlgorithm }) => new Date(now() + policy.retireFor(signingLine(alg)))
    await carryOutFile(plan.file, inFile.listed, until, writer)
  }

  /** The states of keys change with time, also while PostgreSQL does not answer. */
  #settle(stored = this.#stored): void {
    if (stored.length === 0) return
    const { algorithms, now, policy, log } = this.#needs
    const next = buildKeySet(stored, algorithms, now(), policy)
    this.#stored = stored
    if (next.fingerprint === this.#current?.fingerprint) return
    log.info({ keys: next.fingerprint }, this.#current === undefined ? 'keys loaded' : 'keys changed')
    this.#current = next
    for (const changed of this.#listeners) changed(next)
  }

  #schedule(): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    const { now, policy } = this.#needs
    const { wakeAt, dueAt } = planKeys(this.#stored, this.#lines, now(), policy)
    if (Number.isFinite(dueAt)) this.#due?.set(dueAt / 1000)
    const wait = Math.max(Math.min(wakeAt - now(), pollEvery, longestTimer), 50)
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

interface Plan {
  readonly own: KeyPlan
  readonly file: FilePlan
}

const isDone = ({ own, file }: Plan): boolean =>
  own.create.length + own.remove.length + own.leave.length + file.add.length + file.keep.length === 0
