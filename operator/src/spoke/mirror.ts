// What a stored mirror says: the OIDCClient of the hub that stands for a client of this cluster. Pure.
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { shortDigest } from '@nauthera/proto/digest'
import type { OIDCClient } from '../api/oidc-client.ts'
import { present } from '../decide/client/present.ts'
import { renderConfig } from '../decide/client/metadata.ts'
import { endedVerifiersIn } from '../decide/client/restraint.ts'
import type { StoredVerifier } from '../decide/secret/rotation-terms.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'

/** An OIDCClient of the hub that stands for one of this cluster. */
export type Mirror = OIDCClient & KubernetesObject

/** @returns the name of the mirror: no namespace has a dot, so the first one parts the two */
export const mirrorNameOf = ({ namespace, name }: Readonly<{ namespace: string; name: string }>): string =>
  `${namespace}.${name}`

/** @returns `namespace/name` of the client that it stands for; undefined for an object that is no mirror */
export function clientKeyOf({ metadata, spec }: Mirror): string | undefined {
  const { origin } = spec
  return origin && mirrorNameOf(origin) === metadata.name ? `${origin.namespace}/${origin.name}` : undefined
}

/** @returns the verifiers of the mirror as the rotation knows them */
export function verifiersIn(mirror: Mirror, now: number): readonly StoredVerifier[] {
  const ended = new Set(endedIdsIn(mirror, now))
  return (mirror.spec.secret?.verifiers ?? []).flatMap(({ sha256, notAfter }) => {
    const id = shortDigest(sha256)
    const end = notAfter === undefined ? undefined : Date.parse(notAfter)
    return ended.has(id) ? [] : [{ id, sha256, ...present({ notAfter: end }) }]
  })
}

/** @returns the ids of secrets that ended, which the hub never takes again */
export const endedIdsIn = ({ status, spec }: Mirror, now: number): readonly string[] => [
  ...(status?.endedVerifiers ?? []),
  ...endedVerifiersIn(spec),
  ...(spec.secret?.verifiers ?? []).flatMap(({ sha256, notAfter }) =>
    notAfter !== undefined && Date.parse(notAfter) <= now ? [shortDigest(sha256)] : [],
  ),
]

/** @returns the mirror as an entry: what the steps of a secret ask for
 *  @param version of the client, when the mirror is as wanted */
export function entryIn(mirror: Mirror, version: ClientVersion | undefined, now: number): ShardEntry {
  const { namespace, name, uid } = mirror.spec.origin ?? { namespace: '', name: '', uid: '' }
  return create(ShardEntrySchema, {
    namespace,
    name,
    uid,
    verifiers: verifiersIn(mirror, now).map(({ id, sha256, notAfter }) => ({
      id,
      sha256,
      ...present({ notAfter: notAfter === undefined ? undefined : timestampFromMs(notAfter) }),
    })),
    ...present({ desired: version }),
  })
}

export const versionIn = (client: OIDCClient): ClientVersion => renderVersion(renderConfig(client))
