import type { JWK } from 'jose'
import type { Log } from '@nauthera/runtime/log'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import type { KeyWriter, Keys, NewKey, StoredKey } from '../../store/keys.ts'
import { isPrivateJwk, mintCookieKey, mintSigningKey, publicPart } from './jwt.ts'
import { buildKeySet, cookieLine, signingLine } from './key-set.ts'
import type { KeySet, RingKey } from './key-set.ts'
import { keyStates, pairwiseLine, planKeys } from './states.ts'
import type { KeyPlan, KeyPolicy } from './states.ts'

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
  onChange(changed: (keys: KeySet) => void): void
  stop(): Promise<void>
}

/** Milliseconds. */
const pollEvery = 30_000
/** The longest time in milliseconds that setTimeout can wait. */
const longestTimer = 2_147_483_647

export interface KeyRingNeeds {
  readonly keys: Keys
  readonly algorithms: readonly SigningAlgorithm[]
  readonly policy: KeyPolicy
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly log: Log
}

export const createKeyRing = (needs: KeyRingNeeds): KeyRing => new StoredKeyRing(needs)

class StoredKeyRing implements KeyRing {
  readonly #needs: KeyRingNeeds
  readonly #lines: readonly string[]
  readonly #listeners: ((keys: KeySet) => void)[] = []
  /** Keys of every state, from the last read. */
  #stored: readonly RingKey[] = []
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
    this.#lines = [cookieLine, pairwiseLine, ...needs.algorithms.map(signingLine)]
  }

  current(): KeySet {
    if (this.#current === undefined) throw new TypeError('the key ring is not loaded yet: call load first')
    return this.#current
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
  }

  async rotate(): Promise<void> {
    await this.#running
    await this.#read(new Set(this.#lines))
    this.#schedule()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    await this.#listening?.stop()
    await (this.#queued ?? this.#running)?.catch(() => undefined)
  }

  #run(): Promise<void> {
    this.#running = this.#read().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #read(forced?: ReadonlySet<string>): Promise<void> {
    const { keys: store, log } = this.#needs
    let found = toRing(await store.list(), log)
    const plan = this.#plan(found, forced)
    if (plan.create.length + plan.remove.length > 0) {
      found = await store.underLock(async (writer) => {
        // another replica may have done it while this one waited
        await carryOut(this.#plan(toRing(await writer.list(), log), forced), writer)
        return toRing(await writer.list(), log)
      })
    }
    this.#stored = found
    this.#settle()
    // tried again at the next read: keys work without it
    await this.#tellActive().catch((error: unknown) => log.debug({ error }, 'key.activated could not be told'))
  }

  async #tellActive(): Promise<void> {
    const { keys: store, now, policy } = this.#needs
    const states = keyStates(this.#stored, now(), policy)
    const active = this.#stored.filter(({ id }) => states.get(id) === 'active' && !this.#told.has(id))
    if (active.length === 0) return
    await store.tellActive(active.map(({ id, use, algorithm }) => ({ id, use, alg: algorithm })))
    for (const { id } of active) this.#told.add(id)
  }

  #plan(keys: readonly RingKey[], forced?: ReadonlySet<string>): KeyPlan {
    return planKeys(keys, this.#lines, this.#needs.now(), this.#needs.policy, forced)
  }

  /** The states of keys change with time, also while PostgreSQL does not answer. */
  #settle(): void {
    if (this.#stored.length === 0) return
    const { algorithms, now, policy, log } = this.#needs
    const next = buildKeySet(this.#stored, algorithms, now(), policy)
    if (next.fingerprint === this.#current?.fingerprint) return
    log.info({ keys: next.fingerprint }, this.#current === undefined ? 'keys loaded' : 'keys changed')
    this.#current = next
    for (const changed of this.#listeners) changed(next)
  }

  #schedule(): void {
    if (this.#stopped) return
    clearTimeout(this.#timer)
    const { wakeAt } = this.#plan(this.#stored)
    const wait = Math.max(Math.min(wakeAt - this.#needs.now(), pollEvery, longestTimer), 50)
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

async function carryOut(plan: KeyPlan, writer: KeyWriter): Promise<void> {
  for (const { line, activeAt } of plan.create) {
    const key = await mint(line, new Date(activeAt))
    await writer.insert(key, [
      { event: 'key.created', outcome: 'success', detail: { key: key.id, use: key.use, alg: key.alg } },
    ])
  }
  for (const id of plan.remove)
    await writer.remove(id, [{ event: 'key.removed', outcome: 'success', detail: { key: id } }])
}

async function mint(line: string, activeAt: Date): Promise<NewKey> {
  const times = { activeAt, retireAt: undefined, removeAt: undefined }
  if (line === cookieLine) {
    const { id, secret } = mintCookieKey()
    return { id, use: 'cookie', alg: 'A256GCM', publicJwk: undefined, secret, ...times }
  }
  if (line === pairwiseLine) {
    const { id, secret } = mintCookieKey()
    return { id, use: pairwiseLine, alg: 'HS256', publicJwk: undefined, secret, ...times }
  }
  const jwk = await mintSigningKey(line.slice(signingLine('' as SigningAlgorithm).length) as SigningAlgorithm)
  const secret = Buffer.from(JSON.stringify(jwk))
  const publicJwk = publicPart(jwk) as Record<string, unknown>
  return { id: jwk.kid, use: 'sig', alg: jwk.alg!, publicJwk, secret, ...times }
}

function toRing(stored: readonly StoredKey[], log: Log): RingKey[] {
  return stored.flatMap((key): RingKey[] => {
    const times = {
      id: key.id,
      createdAt: key.createdAt.getTime(),
      activeAt: key.activeAt.getTime(),
      algorithm: key.alg,
    }
    if (key.use === 'cookie') return [{ ...times, use: 'cookie', line: cookieLine, secret: key.secret }]
    if (key.use === pairwiseLine) return [{ ...times, use: pairwiseLine, line: pairwiseLine, secret: key.secret }]
    if (key.use !== 'sig') return []
    const privateJwk = JSON.parse(key.secret.toString()) as JWK
    if (!isPrivateJwk(privateJwk)) {
      log.error({ key: key.id }, 'a signing key in the database cannot be read; it is not used')
      return []
    }
    return [{ ...times, use: 'sig', line: signingLine(key.alg as SigningAlgorithm), privateJwk }]
  })
}
