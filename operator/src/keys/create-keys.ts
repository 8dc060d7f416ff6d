import { randomBytes } from 'node:crypto'
import { keysSecretName, labels, managedByOperator } from '@nauthera/proto/names'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { createBackoff } from '../time/backoff.ts'
import { pause } from '../time/clock.ts'
import type { Clock } from '../time/clock.ts'

/** How long to retry: a new cluster may still lack DNS, network or RBAC. Milliseconds. */
const patienceMs = 600_000

interface KeysNeeds {
  readonly secrets: Pick<SecretStore, 'read' | 'create'>
  readonly release: string
  readonly namespace: string
  readonly log: Log
}

/** Creates the ring, with retries for ten minutes: a new cluster may not be ready.
 *  @param needs.signal ends the tries
 *  @throws CodedError KEYS_NOT_CREATED of the last try */
export async function createKeysInTime(
  needs: KeysNeeds & { readonly clock: Clock; readonly random: () => number; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, signal, log } = needs
  const until = clock.monotonic() + patienceMs
  const backoff = createBackoff({ baseMs: 1_000, capMs: 30_000, random: needs.random })
  for (;;) {
    try {
      await createKeys(needs)
      return
    } catch (error) {
      const retryMs = backoff.next()
      if (signal.aborted || clock.monotonic() + retryMs > until) throw error
      log.warn({ error, retry: `${Math.round(retryMs)}ms` }, 'keys not created')
      await pause(clock, retryMs, signal)
    }
  }
}

/** Creates the key-encryption ring of a release, once: an entry of 32 random bytes under its id, and `current`, the id
 *  that encrypts. A ring that exists stays as it is, whatever it holds.
 *  @returns whether it was made now
 *  @throws CodedError KEYS_NOT_CREATED when it is unknown whether a ring exists, or the create is forbidden */
export async function createKeys(needs: KeysNeeds): Promise<boolean> {
  try {
    return await createOnce(needs)
  } catch (cause) {
    throw new CodedError('KEYS_NOT_CREATED', { cause })
  }
}

async function createOnce({ secrets, release, namespace, log }: KeysNeeds): Promise<boolean> {
  const name = keysSecretName(release)
  if (await secrets.read(namespace, name)) {
    log.info({ secret: name }, 'keys exist already')
    return false
  }
  const id = randomBytes(4).toString('hex')
  const outcome = await secrets.create({
    namespace,
    name,
    labels: { [labels.managedBy]: managedByOperator },
    annotations: {},
    data: { [id]: randomBytes(32).toString('base64'), current: Buffer.from(id).toString('base64') },
  })
  const created = outcome.kind === 'written'
  log.info({ secret: name }, created ? 'keys created' : 'keys exist already')
  return created
}
