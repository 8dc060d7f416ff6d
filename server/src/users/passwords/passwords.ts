// Hashes and verifies passwords with argon2id, outside of the event loop, in a queue with limits of length and time.
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash as argon2Hash, parseOptions, verify as argon2Verify } from '@node-rs/argon2'
import { CodedError } from '@nauthera/runtime/coded-error'
import { inSpan } from '@nauthera/runtime/traces'
import { createBoundedQueue } from '../../store/driver/bounded-queue.ts'
import type { QueueLimits } from '../../store/driver/bounded-queue.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import { isCommonPassword } from './common-passwords.ts'
import { isHeavy, matchesHash, readHash } from './imported-hashes.ts'
import type { StoredHash } from './imported-hashes.ts'

/** Characters. */
export const passwordLength = { min: 12, max: 128 } as const

/** The cost of each guess. `algorithm` 2 is argon2id; the package's enum exists for the compiler only. */
const cost = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

export interface PasswordFault {
  readonly code: 'too-short' | 'too-long' | 'common' | 'contains-name' | 'same'
  readonly path: 'password'
  readonly message: string
}

export interface Passwords {
  /** @returns a PHC string; throws CodedError PASSWORD_QUEUE_FULL */
  hash(password: string): Promise<string>
  /** Takes the same time whether there is a hash or not, and whether it matches; an imported hash takes longer until it is upgraded.
   *  @param hash undefined for an account that is unknown or has no password: never matches
   *  @returns `outdated`: it matched, but was hashed in another way or with another cost than we use now
   *  @throws CodedError PASSWORD_QUEUE_FULL */
  verify(hash: string | undefined, password: string): Promise<{ matches: boolean; outdated: boolean }>
  /** @returns every rule that a new password breaks */
  checkNew(password: string, about: { username?: string | undefined; email?: string | undefined }): PasswordFault[]
  /** How many wait, and how many are computed now; the heavy ones too. */
  queue(): { waiting: number; running: number }
}

/** Each keeps one core busy for some 20 ms and holds 19 MiB. libuv lends at most four threads, unless the process was started
 *  with more. */
const defaultPasswordQueue = (): QueueLimits => ({
  width: Math.min(availableParallelism(), 4),
  waitMs: 2000,
  longest: 200,
})

export function createPasswords(queue: QueueLimits = defaultPasswordQueue()): Passwords {
  const turns = createBoundedQueue(queue, full)
  const heavyTurns = createBoundedQueue(heavyQueue(queue), full)
  // the hash of a random password: for an unknown account the typed password is checked against it
  const dummy = argon2Hash(randomBytes(32), cost)
  dummy.catch(() => undefined)
  return {
    hash: (password) => inSpan('hash password', {}, () => turns.waitForTurn(() => argon2Hash(normal(password), cost))),
    async verify(hash, password) {
      // a password of this length cannot be anybody's, so it is not hashed
      if (password.length > passwordLength.max * 4) return { matches: false, outdated: false }
      const against = await dummy
      const stored = storedHash(hash)
      const check = () => turns.waitForTurn(() => verifyAny(stored, password, against))
      return inSpan('check password', {}, () => (stored?.isHeavy === true ? heavyTurns.waitForTurn(check) : check()))
    },
    checkNew,
    queue() {
      const { waiting, running } = turns.state()
      return { waiting: waiting + heavyTurns.state().waiting, running }
    },
  }
}

/** Imported hashes that take more than ours are checked one at a time, so that they neither fill the memory of a pod nor hold every
 *  thread. One of them may take two seconds, so the others wait longer. */
const heavyQueue = ({ waitMs, longest }: QueueLimits): QueueLimits => ({ width: 1, waitMs: 5 * waitMs, longest })

interface Stored {
  readonly text: string
  readonly hash: StoredHash
  readonly isHeavy: boolean
}

/** @returns undefined when there is none that can be checked */
function storedHash(text: string | undefined): Stored | undefined {
  const read = text === undefined ? undefined : readHash(text)
  if (read === undefined || 'fault' in read) return undefined
  return { text: text!, hash: read.hash, isHeavy: isHeavy(read.hash, cost) }
}

/** Two keyboards may send different code points for the same characters (RFC 8265 section 4.2). */
const normal = (password: string): string => password.normalize('NFC')

/** @param dummy is checked where there is no argon2 hash to check, so that this takes no less time */
async function verifyAny(
  stored: Stored | undefined,
  password: string,
  dummy: string,
): Promise<{ matches: boolean; outdated: boolean }> {
  if (stored?.hash.kind !== 'argon2') {
    const matches = stored !== undefined && (await matchesImported(stored, password))
    // the right password is hashed once more anyway, to be stored
    if (!matches) await argon2Verify(dummy, normal(password))
    return { matches, outdated: matches }
  }
  const matches = await argon2Verify(stored.text, normal(password))
  return { matches, outdated: matches && isOutdated(stored.text) }
}

/** Other programs hash the password as typed, without normalizing. A heavy hash is checked only once, so that a guess costs no more. */
async function matchesImported({ text, hash, isHeavy }: Stored, password: string): Promise<boolean> {
  if (hash.kind === 'argon2') return false
  if (await matchesHash({ text, hash }, normal(password))) return true
  return !isHeavy && password !== normal(password) && matchesHash({ text, hash }, password)
}

function isOutdated(hash: string): boolean {
  const { algorithm, memoryCost, timeCost, parallelism } = parseOptions(hash)
  const isCurrent = memoryCost === cost.memoryCost && timeCost === cost.timeCost && parallelism === cost.parallelism
  return algorithm !== cost.algorithm || !isCurrent || hash.includes('$v=16$')
}

function checkNew(
  password: string,
  about: { username?: string | undefined; email?: string | undefined },
): PasswordFault[] {
  const faults: PasswordFault[] = []
  const fault = (code: PasswordFault['code'], message: string) => faults.push({ code, path: 'password', message })
  const length = Array.from(normal(password)).length
  if (length < passwordLength.min) fault('too-short', `must have at least ${passwordLength.min} characters`)
  if (length > passwordLength.max) fault('too-long', `must have at most ${passwordLength.max} characters`)
  else if (isCommonPassword(password)) fault('common', 'is a common password; choose another one')
  if (length <= passwordLength.max && containsName(password, about)) {
    fault('contains-name', 'must not be the user name or e-mail address with only a few characters added')
  }
  return faults
}

/** The name itself, or the name and fewer than 6 characters of anything else. */
function containsName(password: string, about: { username?: string | undefined; email?: string | undefined }): boolean {
  const text = canonicalName(password)
  const names = [about.username, about.email, about.email?.split('@')[0]].map((name) => canonicalName(name ?? ''))
  return names.some((name) => name.length >= 4 && text.includes(name) && text.length - name.length < 6)
}

const full = () => new CodedError('PASSWORD_QUEUE_FULL', { message: 'too many passwords wait to be checked' })
