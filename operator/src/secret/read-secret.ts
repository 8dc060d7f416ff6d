import { annotations, labels, managedByOperator } from '@nauthera/proto/names'
import { Secret } from '@nauthera/runtime/secret'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { SecretState } from '../decide/secret/rotation-terms.ts'
import { present } from '../decide/client/present.ts'
import type { RestoreVerdict } from '../decide/secret/restored.ts'
import { hasMintedForm, identifySecret } from '../decide/secret/secret-id.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { readMarks } from '../decide/secret/secret-marks.ts'
import type { OwnerProof, ProvenOwner } from '../decide/secret/owner-proof.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import type { SecretObject } from '../kubernetes/objects.ts'

/** The application's Secret as just read, with its plain value: do not store it. */
export interface ReadSecret {
  readonly state: SecretState
  /** The object that a write is conditional on. Undefined: there is none, or it is only remembered. */
  readonly object: SecretObject | undefined
  /** The client secret that it holds, when it is ours. */
  readonly plain: Secret | undefined
  /** The Secret has a former name; there is none under the present name yet. */
  readonly isFormer?: true
  /** It still names an earlier client, and is the present one's to write. */
  readonly wasOfEarlier?: true
  /** The uid that its client was restored from, by its proof. */
  readonly restoredFrom?: string | undefined
  /** It was written for an earlier OIDCClient of this name. */
  readonly earlier?: EarlierSecret
}

/** A Secret of an earlier client, as it is by each verdict on it (decide/secret/restored.ts). */
export interface EarlierSecret {
  /** Undefined without a valid proof. */
  readonly former: ProvenOwner | undefined
  readonly held: { readonly id: string | undefined; readonly sha256: string | undefined }
  as(verdict: Exclude<RestoreVerdict, 'left'>): OwnedSecret
}

type OwnedSecret = ReadSecret & { readonly state: Extract<SecretState, { kind: 'owned' }> }

/** Reads the application's Secret. A failed read is not an absent Secret: it throws, and nothing is written.
 *  @param former earlier names: a Secret there moves to the present name */
export async function readClientSecret(
  { secrets, proof }: { readonly secrets: Pick<SecretStore, 'read'>; readonly proof: OwnerProof },
  client: OIDCClient,
  former: readonly string[] = [],
): Promise<ReadSecret> {
  const { namespace } = client.metadata
  const now = readSecretObject(await secrets.read(namespace, secretNameOf(client)), client, proof)
  if (now.state.kind !== 'absent') return now
  for (const name of former) {
    const { state, plain } = readSecretObject(await secrets.read(namespace, name), client, proof)
    if (state.kind === 'owned') return { state, object: undefined, plain, isFormer: true }
  }
  return now
}

/** @param object the application's Secret; undefined after a confirmed 404 */
export function readSecretObject(object: SecretObject | undefined, client: OIDCClient, proof: OwnerProof): ReadSecret {
  if (!object) return { state: { kind: 'absent' }, object: undefined, plain: undefined }
  const { namespace, name } = client.metadata
  const owner = proof.read({ namespace, client: name, secret: object.metadata.name }, object.metadata.annotations)
  const isProven = owner?.uid === client.metadata.uid
  const isOurs = isOwned(object, client)
  // an older one may have been put over it, which keeps its owner
  if (isOurs && (isProven || !owner)) return readOwned(object, client, owner)
  const foreign = { state: { kind: 'foreign' }, object, plain: undefined } as const
  return isOurs || isOfEarlier(object, client) ? { ...foreign, earlier: readEarlier(object, client, owner) } : foreign
}

function readEarlier(object: SecretObject, client: OIDCClient, owner: ProvenOwner | undefined): EarlierSecret {
  const read = readOwned(object, client, owner)
  const { state } = read
  const kept = { ...read, wasOfEarlier: true, restoredFrom: owner && (owner.restoredFrom ?? owner.uid) } as const
  const emptied = { ...state, sha256: undefined, isMinted: false, secretId: undefined, verifiers: [] } as const
  return {
    former: owner,
    held: { id: state.secretId, sha256: state.sha256 },
    as: (verdict) => {
      switch (verdict) {
        case 'restored':
          return { ...kept, state: { ...state, isRestored: true } }
        case 'restored-without-secret':
          return { ...kept, state: emptied, plain: undefined }
        case 'written-again': {
          const nothing = { ...emptied, rotatedAt: undefined, observed: undefined, fence: undefined } as const
          return { ...kept, state: nothing, plain: undefined, restoredFrom: undefined }
        }
      }
    },
  }
}

/** @param owner the proven owner: then all marks are ours */
function readOwned(object: SecretObject, client: OIDCClient, owner: ProvenOwner | undefined): OwnedSecret {
  const since = owner ? -Infinity : Date.parse(client.metadata.creationTimestamp)
  const marks = readMarks(object.metadata.annotations, since)
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
    ...present({ restoredFrom: owner?.restoredFrom }),
  }
}

/** A Secret is ours when it has our labels and this object as owner. Without an owner (deletionPolicy Retain) it must name the client's
 *  uid, which an older Secret cannot. */
export function isOwned(object: SecretObject, client: OIDCClient): boolean {
  const { metadata } = object
  if (!hasLabelsOf(object, client)) return false
  const controller = metadata.ownerReferences?.find((owner) => owner.controller)
  return controller === undefined
    ? (metadata.ownerReferences ?? []).length === 0 &&
        metadata.annotations?.[annotations.clientUid] === client.metadata.uid
    : controller.uid === client.metadata.uid
}

const hasLabelsOf = ({ metadata: { labels: found } }: SecretObject, client: OIDCClient): boolean =>
  found?.[labels.client] === client.metadata.name && found[labels.managedBy] === managedByOperator

/** Whether it has our labels and belongs to an earlier OIDCClient of this name, or has no owner. */
function isOfEarlier(object: SecretObject, client: OIDCClient): boolean {
  const former = object.metadata.annotations?.[annotations.clientUid]
  const owners = object.metadata.ownerReferences ?? []
  const isOurs = owners.every(
    ({ kind, name, uid }) => kind === 'OIDCClient' && name === client.metadata.name && uid === former,
  )
  return isOurs && former !== undefined && hasLabelsOf(object, client)
}

/** The client secret in the Secret. When its key was edited but a preset's key still holds the value that the annotation names, that value
 *  counts, and nothing is minted. */
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
