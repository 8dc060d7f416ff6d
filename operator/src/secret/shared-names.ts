// Two clients of a namespace may ask for one Secret. The one that has it keeps it; the other is told, and looks each time anew.
import type { OIDCClient } from '../api/oidc-client.ts'
import { byAge, keyOf } from '../decide/client/acceptance.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { passed } from './look.ts'
import type { SecretStep } from './look.ts'

/** The others that ask for the Secret which this client asks for. */
export interface SharedName {
  /** `namespace/name` of those whose status says that they have the Secret, and all is well with it. */
  readonly holders: readonly string[]
  /** The one that has had it until now, or of those that ask for a free one the oldest that is not refused; undefined when that is the
   *  client itself. */
  readonly holder: string | undefined
}

/** @param client one that is looked at now, whatever its status says
 *  @param rivals the client itself may be among them
 *  @returns undefined when nobody else asks for its Secret */
export function sharedNameOf(client: OIDCClient, rivals: readonly OIDCClient[]): SharedName | undefined {
  const [key, name] = [keyOf(client), secretNameOf(client)]
  const others = rivals.filter(
    (one) => keyOf(one) !== key && one.metadata.namespace === client.metadata.namespace && secretNameOf(one) === name,
  )
  if (others.length === 0) return undefined
  const [oldest] = [client, ...others.filter((one) => !isRefused(one))].toSorted(byAge)
  const holder = [client, ...others].find((one) => hasHad(one, name)) ?? oldest
  return {
    holders: others.filter((one) => isReady(one, name)).map(keyOf),
    holder: holder && keyOf(holder) !== key ? keyOf(holder) : undefined,
  }
}

const hasHad = (client: OIDCClient, name: string): boolean =>
  isReady(client, name) || (client.status?.secret?.name === name && client.status.secret.activeId !== undefined)

/** A rule or a policy refuses it, or there is no room for it: it makes no Secret, and one that it made before shows that it has had it. */
const isRefused = ({ status }: OIDCClient): boolean =>
  status?.conditions?.some(
    (one) =>
      (one.type === 'Accepted' && one.status === 'False') ||
      (one.type === 'AudiencesGranted' && one.reason === 'NotRendered'),
  ) === true

const isReady = ({ status }: OIDCClient, name: string): boolean =>
  status?.secret?.name === name && status.conditions?.find(({ type }) => type === 'SecretReady')?.status === 'True'

/** A step: a Secret that is gone is made again by the client that had it, and a new one by the oldest that may have one, not by another that
 *  asks for the same name. */
export const leaveToHolder: SecretStep = ({ read, holder, judgement: { client } }) =>
  (read.state.kind === 'absent' || read.isFormer) && holder !== undefined
    ? {
        kind: 'ended',
        secret: { kind: 'name-taken', name: secretNameOf(client), holder: { kind: 'client', key: holder } },
      }
    : passed
