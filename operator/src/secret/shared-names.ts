// Decides which of several clients in a namespace gets the Secret that all of them name. The holder keeps it; the others get a condition.
import { findCondition, isTrue } from '../api/conditions.ts'
import type { OIDCClient } from '../api/oidc-client.ts'
import { keyOf, oldestFirst } from '../decide/client/client-names.ts'
import { listsSecrets } from '../decide/secret/listed-secrets.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { passed } from './look.ts'
import type { SecretStep } from './look.ts'

/** The rivals for a Secret's name. */
export interface SharedName {
  /** `namespace/name` of the clients whose status says that their Secret is ready. */
  readonly holders: readonly string[]
  /** The present holder, or for a free name the oldest client that is not refused; undefined when that is the client itself. */
  readonly holder: string | undefined
}

/** A client that lists its secrets has no Secret, and so no rival.
 *  @param client the one that is looked at
 *  @param sharing the clients of its namespace that name the same Secret; may include the client
 *  @returns undefined when no other client names its Secret */
export function sharedNameOf(client: OIDCClient, sharing: readonly OIDCClient[]): SharedName | undefined {
  if (listsSecrets(client)) return undefined
  const [key, name] = [keyOf(client), secretNameOf(client)]
  const others = sharing.filter(
    (one) =>
      keyOf(one) !== key &&
      one.metadata.namespace === client.metadata.namespace &&
      secretNameOf(one) === name &&
      !listsSecrets(one),
  )
  if (others.length === 0) return undefined
  const [oldest] = oldestFirst([client, ...others.filter((one) => !isRefused(one))])
  const holder = [client, ...others].find((one) => hasHad(one, name)) ?? oldest
  return {
    holders: others.filter((one) => isReady(one, name)).map(keyOf),
    holder: holder && keyOf(holder) !== key ? keyOf(holder) : undefined,
  }
}

const hasHad = (client: OIDCClient, name: string): boolean =>
  isReady(client, name) || (client.status?.secret?.name === name && client.status.secret.activeId !== undefined)

/** Whether it is refused or has no room, so that it will create no Secret, and has none yet. */
const isRefused = ({ status }: OIDCClient): boolean =>
  findCondition(status, 'Accepted')?.status === 'False' ||
  findCondition(status, 'AudiencesGranted')?.reason === 'NotRendered'

const isReady = ({ status }: OIDCClient, name: string): boolean =>
  status?.secret?.name === name && isTrue(status, 'SecretReady')

/** A step: ends when another client must create the Secret: its former holder, or for a new name the oldest. */
export const leaveToHolder: SecretStep = ({ read, holder, judgement: { client } }) =>
  (read.state.kind === 'absent' || read.isFormer) && holder !== undefined
    ? {
        kind: 'ended',
        secret: { kind: 'name-taken', name: secretNameOf(client), holder: { kind: 'client', key: holder } },
      }
    : passed
