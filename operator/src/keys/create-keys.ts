import { randomBytes } from 'node:crypto'
import { keysSecretName, labels, managedByOperator } from '@nauthera/proto/names'
import { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { ErrorCode } from '../errors.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'

/** Creates the key-encryption ring of a release, once: an entry of 32 random bytes under its id, and `current`, the id
 *  that encrypts. A ring that exists stays as it is, whatever it holds.
 *  @returns whether it was made now
 *  @throws CodedError KEYS_NOT_CREATED when nobody knows whether there is one, or it may not be made */
export async function createKeys(needs: {
  secrets: SecretStore
  release: string
  namespace: string
  log: Log
}): Promise<boolean> {
  try {
    return await createOnce(needs)
  } catch (cause) {
    throw new CodedError<ErrorCode>('KEYS_NOT_CREATED', { cause })
  }
}

async function createOnce({ secrets, release, namespace, log }: Parameters<typeof createKeys>[0]): Promise<boolean> {
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
