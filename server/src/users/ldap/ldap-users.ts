// The LDAP source of people: describes people and checks passwords, over TLS only. It never writes to the directory.
import type { Log } from '@nauthera/runtime/log'
import type { LdapSourceSettings } from '../../settings/sources.ts'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createBoundedQueue } from '../../store/driver/bounded-queue.ts'
import type { QueueLimits } from '../../store/driver/bounded-queue.ts'
import type { Cache } from '../../store/cache/cache.ts'
import { canonicalName } from '../../store/people/canonical-name.ts'
import type { Vouching } from '../sources/vouching.ts'
import type { PasswordAnswer, PasswordAttempt, UserSource } from '../sources/user-source.ts'
import { createDirectory } from './directory.ts'
import type { Directory } from './directory.ts'
import { DirectoryClient } from './directory-client.ts'
import type { DirectoryMetrics } from './directory-client.ts'
import type { DirectoryPatience } from './connection.ts'
import { createKeptPeople } from './kept-people.ts'
import type { KeptPeople } from './kept-people.ts'

interface Needs {
  readonly settings: LdapSourceSettings
  /** For which addresses it may vouch. */
  readonly vouching: Vouching
  readonly cache: Cache
  readonly log: Log
  readonly metrics?: DirectoryMetrics | undefined
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly patience?: DirectoryPatience | undefined
  readonly passwordQueue?: QueueLimits | undefined
}

export interface LdapUsers extends UserSource {
  stop(): void
}

/** Each opens a connection of its own. */
const usualPasswordQueue: QueueLimits = { width: 16, waitMs: 2000, longest: 200 }

/** Milliseconds. How long a directory checks a password may tell something, so a refusal waits for the next multiple of this. */
const refusalStepMs = 250

/** @throws CodedError SETTINGS_INVALID */
export function createLdapUsers(needs: Needs): LdapUsers {
  const { settings, vouching, cache, log, metrics, now, patience, passwordQueue = usualPasswordQueue } = needs
  const { id, maxAge: maxAgeMs } = settings
  const client = new DirectoryClient({ id, servers: settings, log, metrics, patience })
  const directory = createDirectory({ settings, vouching, client, log })
  const kept = createKeptPeople({ cache, source: id, maxAgeMs, now })
  const turns = createBoundedQueue(passwordQueue, full)
  return {
    id,
    maxAgeMs,
    refusalStepMs,
    read: async ({ sourceKey }) =>
      sourceKey === undefined ? undefined : kept.get(sourceKey, () => readPerson(directory, sourceKey)),
    checkPassword: (attempt) => turns.waitForTurn(() => checkPassword({ directory, kept, now }, attempt)),
    knows: (names) => directory.hasName(names),
    // the refusal waits as long as every other one
    pretendToCheck: async () => undefined,
    stop: () => client.stop(),
  }
}

async function readPerson(directory: Directory, key: string) {
  const found = await directory.findByKey(key)
  return found && directory.describe(found)
}

async function checkPassword(
  { directory, kept, now }: { directory: Directory; kept: KeptPeople; now: () => number },
  { login, password, mayTry }: PasswordAttempt,
): Promise<PasswordAnswer> {
  const name = canonicalName(login)
  const at = now()
  const found = name === '' ? undefined : await directory.findByLogin(name)
  if (found === undefined) return { kind: 'unknown' }
  if (!(await mayTry(found.key))) return { kind: 'locked' }
  const verdict = isSendable(password) ? await directory.checkPassword(found, password) : 'wrong'
  if (verdict !== 'right') return { kind: verdict }
  const person = await directory.describe(found)
  if (person === undefined) return { kind: 'unknown' }
  await kept.record(found.key, person, at)
  return { kind: 'right', found: { key: found.key, person } }
}

/** Characters. */
const longestPassword = 512

/** An empty password asks for an anonymous sign-in, which a directory may allow (RFC 4513 section 5.1.2); a
 *  server that is written in C may read one that begins with NUL as empty. */
const isSendable = (password: string): boolean =>
  password !== '' && password.length <= longestPassword && !password.includes('\u0000')

const full = () => new CodedError('PASSWORD_QUEUE_FULL', { message: 'too many passwords wait for the directory' })
