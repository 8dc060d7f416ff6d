// Writes and verifies the proof in an application's Secret: an operator of this release wrote it, for this client, name and marks.
import { annotations as names } from '@nauthera/proto/names'

/** Whose Secret it is, and where it lies. */
export interface SecretOwner {
  readonly namespace: string
  /** Of the OIDCClient. */
  readonly client: string
  /** Of the Secret. */
  readonly secret: string
  readonly uid: string
  /** When that OIDCClient was made, epoch milliseconds. */
  readonly createdAt: number
}

/** The OIDCClient that a proof names. */
export interface ProvenOwner {
  readonly uid: string
  readonly createdAt: number
  /** The uid of which that one was restored. */
  readonly restoredFrom: string | undefined
}

export interface OwnerProof {
  /** @param said our other annotations @returns the annotation that proves them */
  write(owner: SecretOwner, said: Readonly<Record<string, string>>): Record<string, string>
  /** @returns the OIDCClient for which the annotations were written; undefined when nothing proves it */
  read(
    place: Pick<SecretOwner, 'namespace' | 'client' | 'secret'>,
    annotations: Readonly<Record<string, string>> | undefined,
  ): ProvenOwner | undefined
}

/** The proven annotations: the owner, and which secrets are valid. */
const proven = [
  names.clientUid,
  names.restoredFrom,
  names.secretId,
  names.rotatedAt,
  names.verifiers,
  names.observed,
  names.fence,
]

/** @param mac of a text, by a key that nobody but the operators of this release reads; base64url */
export function createOwnerProof(mac: (text: string) => string): OwnerProof {
  const macOf = (place: readonly string[], seconds: string, said: Readonly<Record<string, string>>): string =>
    mac(JSON.stringify(['application secret 1', ...place, seconds, proven.map((name) => said[name] ?? null)]))
  return {
    write: ({ namespace, client, secret, createdAt }, said) => {
      const seconds = String(Math.floor(createdAt / 1000))
      return { [names.proof]: `${seconds}.${macOf([namespace, client, secret], seconds, said)}` }
    },
    read: ({ namespace, client, secret }, annotations = {}) => {
      const [, seconds = '', given] = /^(\d{1,12})\.([\w-]{43})$/.exec(annotations[names.proof] ?? '') ?? []
      const uid = annotations[names.clientUid]
      if (given === undefined || uid === undefined) return undefined
      // the comparison takes constant time
      if (mac(macOf([namespace, client, secret], seconds, annotations)) !== mac(given)) return undefined
      return { uid, createdAt: Number(seconds) * 1000, restoredFrom: annotations[names.restoredFrom] }
    },
  }
}
