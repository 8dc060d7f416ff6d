import {
  annotations,
  labels,
  linkSecretName,
  keysSecretName,
  managedByOperator,
  manifestSecretName,
} from '@nauthera/proto/names'
import { Secret } from '@nauthera/runtime/log'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretSource, SecretState } from '../decide/rotation-terms.ts'
import { hasMintedForm, identifySecret } from '../decide/secret-id.ts'
import { readMarks, secretNameOf } from '../decide/secret.ts'
import type { RenderedSecret } from '../decide/secret.ts'
import { isForbidden } from '../kubernetes/api-error.ts'
import type { SecretOutcome, SecretStore, WantedSecret } from '../kubernetes/conditional-write.ts'
import type { OwnerReference, SecretObject } from '../kubernetes/objects.ts'

/** The application's Secret as it was read just now. The plain value is in here and nowhere else: do not keep it. */
export interface ReadSecret {
  readonly state: SecretState
  readonly object: SecretObject | undefined
  /** The client secret that it holds, when it is ours. */
  readonly plain: Secret | undefined
  /** All this is of the Secret of a former name: under the one that the client asks for there is none yet. */
  readonly isFormer?: true
}

/** Reads the application's Secret. A failed read is not an absent Secret: it throws, and nothing is written.
 *  @param former names that it had before: what lies there moves to the present one, and is not lost */
export async function readClientSecret(
  secrets: SecretStore,
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

/** Removes what is ours under former names.
 *  @returns the names at which something may still be: somebody wrote to it meanwhile */
export async function removeFormerSecrets(
  secrets: SecretStore,
  client: OIDCClient,
  former: readonly string[],
): Promise<readonly string[]> {
  const left: string[] = []
  for (const name of former) {
    const object = await secrets.read(client.metadata.namespace, name)
    if (object && isOwned(object, client) && !(await secrets.remove(object))) left.push(name)
  }
  return left
}

/** @param names other names that are known to have been used since the status was written
 *  @returns where the client's Secret may still lie besides the name that it asks for, newest first */
export function formerNames(
  client: OIDCClient,
  names: Iterable<string>,
  about: { namespace: string; release: string },
): readonly string[] {
  const all = new Set([...[...names].toReversed(), client.status?.secret?.name ?? secretNameOf(client)])
  return [...all].filter(
    (name) => name !== secretNameOf(client) && !isReservedName(client.metadata.namespace, name, about),
  )
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

/** Ours is what carries our labels and belongs to this very object; or to no object, as deletionPolicy Retain has it, and then
 *  names the client's uid: one that was there before the client cannot. */
function isOwned(object: SecretObject, client: OIDCClient): boolean {
  const { metadata } = object
  if (metadata.labels?.[labels.client] !== client.metadata.name) return false
  if (metadata.labels[labels.managedBy] !== managedByOperator) return false
  const controller = metadata.ownerReferences?.find((owner) => owner.controller)
  return controller === undefined
    ? (metadata.ownerReferences ?? []).length === 0 &&
        metadata.annotations?.[annotations.clientUid] === client.metadata.uid
    : controller.uid === client.metadata.uid
}

/** @returns whether the name is of a Secret that the operator itself needs in its namespace */
export function isReservedName(
  namespace: string,
  name: string,
  about: { namespace: string; release: string },
): boolean {
  if (namespace !== about.namespace) return false
  const { release } = about
  const own = [linkSecretName(release), keysSecretName(release), manifestSecretName(release)]
  return own.includes(name) || name.startsWith(`${release}-clients-`)
}

/** The value under the key for the secret, unless another key holds the very one that the annotation names: then
 *  somebody edited the first, and nothing needs to be minted to restore it. */
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

/** Writes what was rendered over what was read, or creates it where nothing was. */
export async function writeClientSecret(
  secrets: SecretStore,
  read: ReadSecret,
  rendered: RenderedSecret,
): Promise<SecretOutcome> {
  const wanted: WantedSecret = {
    namespace: rendered.namespace,
    name: rendered.name,
    labels: rendered.labels,
    annotations: rendered.annotations,
    data: Object.fromEntries(
      Object.entries(rendered.data).map(([key, value]) => [
        key,
        Buffer.from(value.reveal(), 'utf8').toString('base64'),
      ]),
    ),
    ownerReferences: rendered.ownerReferences as unknown as readonly OwnerReference[],
  }
  return read.object ? await secrets.update(read.object, wanted) : await secrets.create(wanted)
}

/** Finds out where the client's secret comes from; reads the Secret of existingSecretRef. Without the label on it, that
 *  Secret is none of the client's author's, and counts as missing. */
export async function readSource(
  secrets: SecretStore,
  client: OIDCClient,
  needsSecret: boolean,
): Promise<{ source: SecretSource; plain: Secret | undefined; missing: string | undefined }> {
  const reference = client.spec.secret?.existingSecretRef
  if (!needsSecret) return { source: { kind: 'none' }, plain: undefined, missing: undefined }
  if (!reference) return { source: { kind: 'minted' }, plain: undefined, missing: undefined }
  const none = (missing: string) => ({
    source: { kind: 'existing', secret: undefined } as const,
    plain: undefined,
    missing,
  })
  let object: SecretObject | undefined
  try {
    object = await secrets.read(client.metadata.namespace, reference.name)
  } catch (error) {
    if (isForbidden(error)) return none(`the operator may not read Secret ${reference.name}`)
    throw error
  }
  const wantedLabel = `${labels.client}: ${client.metadata.name}`
  if (!object) return none(`Secret ${reference.name} does not exist; create it with label ${wantedLabel}`)
  if (object.metadata.labels?.[labels.client] !== client.metadata.name) {
    return none(`Secret ${reference.name} must carry the label ${wantedLabel}`)
  }
  const value = Buffer.from(object.data?.[reference.key] ?? '', 'base64').toString('utf8')
  if (!/^[\x21-\x7e]{32,512}$/.test(value)) {
    return none(`Secret ${reference.name}, key ${reference.key}: must be 32 to 512 printable characters`)
  }
  const plain = new Secret(value)
  return { source: { kind: 'existing', secret: identifySecret(plain) }, plain, missing: undefined }
}
