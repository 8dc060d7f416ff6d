import type { JWK } from 'jose'
import type { Log } from '@nauthera/runtime/log'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import type { KeyWriter, Keys, NewKey, StoredKey } from '../../store/keys.ts'
import { isPrivateJwk, mintCookieKey, mintSigningKey, publicPart } from './jwt.ts'
import { buildKeySet, cookieLine, signingLine } from './key-set.ts'
import type { KeySet, RingKey } from './key-set.ts'
import { planKeys } from './states.ts'
import type { KeyPlan, KeyPolicy } from './states.ts'

/** The ring of keys, shared by all replicas through PostgreSQL. */
export interface KeyRing {
  /** Loads the keys, and makes those that are missing. @throws CodedError of the store; call again later */
  load(): Promise<void>
  /** Follows changes until `stop`. Needs `load` to have succeeded once. */
  follow(): Promise<void>
  /** @throws TypeError before the first `load` */
  current(): KeySet
  isLoaded(): boolean
  /** Makes the next key of each line now; it works after `publishBefore` (`nauthera keys rotate`). */
  rotate(): Promise<void>
  onChange(changed: (keys: KeySet) => void): void
  stop(): Promise<void>
}

/** Milliseconds. */
const pollEvery = 30_000
/** Of setTimeout. */
const longestTimer = 2_147_483_647

/** @param needs.now epoch milliseconds */
export function createKeyRing(needs: {
  keys: Keys
  algorithms: readonly SigningAlgorithm[]
  policy: KeyPolicy
  now: () => number
  log: Log
}): KeyRing {
  const { keys: store, algorithms, policy, now, log } = needs
  const lines = [cookieLine, ...algorithms.map(signingLine)]
  const listeners: ((keys: KeySet) => void)[] = []
  let stored: readonly RingKey[] = []
  let current: KeySet | undefined
  let listening: { stop(): Promise<void> } | undefined
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let queued: Promise<void> | undefined
  let stopped = false

  /** States move with time alone, whether PostgreSQL answers or not. */
  function settle(): void {
    if (stored.length === 0) return
    const next = buildKeySet(stored, algorithms, now(), policy)
    if (next.fingerprint === current?.fingerprint) return
    const first = current === undefined
    current = next
    log.info({ keys: next.fingerprint }, first ? 'keys loaded' : 'keys changed')
    for (const changed of listeners) changed(next)
  }

  async function load(forced?: ReadonlySet<string>): Promise<void> {
    let found = toRing(await store.list(), log)
    const plan = planKeys(found, lines, now(), policy, forced)
    if (plan.create.length + plan.remove.length > 0) {
      found = await store.underLock(async (writer) => {
        // another replica may have done it while this one waited
        const latest = toRing(await writer.list(), log)
        await carryOut(planKeys(latest, lines, now(), policy, forced), writer)
        return toRing(await writer.list(), log)
      })
    }
    stored = found
    settle()
  }

  /** One at a time. Who asks while one runs gets another one after it: what runs may have read before the change. */
  function loadOnce(): Promise<void> {
    if (running === undefined) return (running = load().finally(() => (running = undefined)))
    queued ??= running
      .catch(() => undefined)
      .then(() => {
        queued = undefined
        return loadOnce()
      })
    return queued
  }

  function schedule(): void {
    if (stopped) return
    clearTimeout(timer)
    const { wakeAt } = planKeys(stored, lines, now(), policy)
    const wait = Math.max(Math.min(wakeAt - now(), pollEvery, longestTimer), 50)
    timer = setTimeout(() => void wake(), wait)
    timer.unref()
  }

  async function wake(): Promise<void> {
    settle()
    try {
      await loadOnce()
    } catch (error) {
      log.warn({ error }, 'keys could not be read; those in memory stay')
    }
    schedule()
  }

  return {
    load: () => loadOnce(),
    async follow() {
      listening ??= await store.onChange(() => void wake())
      schedule()
    },
    current() {
      if (current === undefined) throw new TypeError('the key ring is not loaded')
      return current
    },
    isLoaded: () => current !== undefined,
    async rotate() {
      await running
      await load(new Set(lines))
      schedule()
    },
    onChange: (changed) => void listeners.push(changed),
    async stop() {
      stopped = true
      clearTimeout(timer)
      await listening?.stop()
      await (queued ?? running)?.catch(() => undefined)
    },
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
    if (key.use !== 'sig') return []
    const privateJwk = JSON.parse(key.secret.toString()) as JWK
    if (!isPrivateJwk(privateJwk)) {
      log.error({ key: key.id }, 'signing key does not parse')
      return []
    }
    return [{ ...times, use: 'sig', line: signingLine(key.alg as SigningAlgorithm), privateJwk }]
  })
}
