import { annotations, labels, managedByOperator } from '@nauthera/proto/names'
import { Secret } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretState } from '../decide/rotation-terms.ts'
import { hasMintedForm, identifySecret } from '../decide/secret-id.ts'
import { secretNameOf } from '../decide/secret.ts'
import { readMarks } from '../decide/secret-marks.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

/** The application's Secret as it was read just now. The plain value is in here and nowhere else: do not keep it. */
export interface ReadSecret {
  readonly state: SecretState
  /** What a write is conditional on. Undefined: there is none of that name, or it is remembered and was not read. */
  readonly object: SecretObject | undefined
  /** The client secret that it holds, when it is ours. */
  readonly plain: Secret | undefined
  /** This Secret has a former name: under the name that the client asks for there is none yet. */
  readonly isFormer?: true
}

/** Reads the application's Secret. A failed read is not an absent Secret: it throws, and nothing is written.
 *  @param former names that it had before: what lies there moves to the present one, and is not lost */
export async function readClientSecret(
  secrets: Pick<SecretStore, 'read'>,
  client: OIDCClient,
  former: readonly string[] = [],
): Promise<ReadSecret> {
  const { namespace } = client.metadata
  const present = readSecretObject(await secrets.read(namespace, secretNameOf(client)), client)
  if (present.state.kind !== 'absent') return present
  for (const name of former) {
    const { state, plain } = readSecretObject(await secrets.read(namespace, name), client)
    if (state.kind === 'owned') return { state, object: undefined, plain, isFormer: true }
  }
  return present
}

/** @param object the application's Secret as the API gave it; undefined after a confirmed 404 */
export function readSecretObject(object: SecretObject | undefined, client: OIDCClient): ReadSecret {
  if (!object) return { state: { kind: 'absent' }, object: undefined, plain: undefined }
  if (!isOwned(object, client)) return { state: { kind: 'foreign' }, object, plain: undefined }
  const marks = readMarks(object.metadata.annotations, Date.parse(client.metadata.creationTimestamp))
  const plain = findPlain(object, client, marks.secretId)
  return {
    state: {
      kind: 'owned',
      ...marks,
      sha256: plain && identifySecret(plain).sha256,
      isMinted: plain !== undefined && hasMintedForm(plain),
    },
    object,
    plain,
  }
}

/** A Secret is ours when it has our labels and its owner is this object. Without an owner (deletionPolicy Retain) it must name the
 *  client's uid: a Secret from before the client cannot do that. */
export function isOwned(object: SecretObject, client: OIDCClient): boolean {
  const { metadata } = object
  if (metadata.labels?.[labels.client] !== client.metadata.name) return false
  if (metadata.labels[labels.managedBy] !== managedByOperator) return false
  const controller = metadata.ownerReferences?.find((owner) => owner.controller)
  return controller === undefined
    ? (metadata.ownerReferences ?? []).length === 0 &&
        metadata.annotations?.[annotations.clientUid] === client.metadata.uid
    : controller.uid === client.metadata.uid
}

/** The value under the key of the client secret. When that was edited, but another key (of a preset) still holds the value that the
 *  annotation names, it is that one: then nothing needs to be minted to restore it. */
function findPlain(object: SecretObject, client: OIDCClient, secretId: string | undefined): Secret | undefined {
  const values = new Map(
    Object.entries(object.data ?? {}).map(([key, value]) => [
      key,
      new Secret(Buffer.from(value, 'base64').toString('utf8')),
    ]),
  )
  const named = [...values.values()].find((value) => identifySecret(value).id === secretId)
  if (named) return named
  const primary = values.get(client.spec.secret?.keys?.client_secret ?? 'client_secret')
  return primary?.reveal() === '' ? undefined : primary
}
