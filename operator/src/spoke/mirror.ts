// What the hub is told of a client of this cluster, and what the stored mirror says. Pure.
import { isDeepStrictEqual } from 'node:util'
import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { shortDigest } from '@nauthera/proto/digest'
import { showsSecret } from '@nauthera/rules/client-authentication'
import { authMethodOf, corsOriginsOf } from '../api/in-effect.ts'
import { durationMs } from '../api/duration.ts'
import { clientSpecFields } from '../api/oidc-client.ts'
import type { OIDCClient, OIDCClientSpec } from '../api/oidc-client.ts'
import type { Schema } from '../api/schema.ts'
import { defaultMaxOverlapMs } from '../decide/client/apply-defaults.ts'
import { present } from '../decide/client/present.ts'
import { renderConfig } from '../decide/client/metadata.ts'
import type { StoredVerifier } from '../decide/secret/rotation-terms.ts'
import type { KubernetesObject } from '../kubernetes/objects.ts'

/** An OIDCClient of the hub that stands for one of this cluster. */
export type Mirror = OIDCClient & KubernetesObject

/** The part of a mirror that the spoke decides. */
export interface WantedMirror {
  readonly spec: OIDCClientSpec
}

export interface AboutMirror {
  /** Those that follow routes of this cluster. */
  readonly redirectUris?: readonly string[]
  /** Newest first: `RotationPlan.verifiers`. */
  readonly verifiers: readonly StoredVerifier[]
  /** Of the namespace of the client; undefined where the operator may not read them. */
  readonly namespaceLabels: Readonly<Record<string, string>> | undefined
  /** How long a second secret may be valid. Milliseconds. */
  readonly maxOverlapMs: number
  /** By the hub's clock, epoch milliseconds. */
  readonly now: number
  /** What the mirror has now. */
  readonly stored: Mirror | undefined
}

/** @returns the name of the mirror: no namespace has a dot, so the first one parts the two */
export const mirrorNameOf = ({ namespace, name }: Readonly<{ namespace: string; name: string }>): string =>
  `${namespace}.${name}`

/** @returns `namespace/name` of the client that it stands for; undefined for an object that is no mirror */
export function originKeyOf({ metadata, spec }: Mirror): string | undefined {
  const { origin } = spec
  return origin && mirrorNameOf(origin) === metadata.name ? `${origin.namespace}/${origin.name}` : undefined
}

/** @returns the mirror of a client: all of it but what stays in this cluster */
export function buildMirror(origin: OIDCClient, about: AboutMirror): WantedMirror {
  const {
    secret,
    rotation: _here,
    serverName: _release,
    origin: _never,
    redirectURIsFrom: _resolved,
    ...sent
  } = origin.spec
  const rest = withoutDefaults(sent, clientSpecFields)
  const { redirectUris: followed = [] } = about
  const redirectURIs = [...new Set([...(origin.spec.redirectURIs ?? []), ...followed])]
  const { namespace, name, uid, labels } = origin.metadata
  const verifiers = secret?.verifiers ?? verifiersFor(about)
  return {
    spec: {
      ...rest,
      type: sent.type,
      ...(redirectURIs.length > 0 ? { redirectURIs } : {}),
      // the hub would take the origins of an SPA from all of them
      ...(followed.length > 0 && sent.type === 'SPA' ? { corsOrigins: [...corsOriginsOf(origin.spec)] } : {}),
      origin: { namespace, name, uid, ...present({ labels, namespaceLabels: about.namespaceLabels }) },
      ...(showsSecret(authMethodOf(origin.spec)) && verifiers.length > 0 ? { secret: { verifiers } } : {}),
    },
  }
}

/** The hub fills in its own defaults. An older one would refuse a field that it does not know, though it only says what holds there anyway. */
function withoutDefaults<T extends object>(value: T, { properties = {} }: Pick<Schema<unknown>, 'properties'>) {
  const kept: Partial<T> = { ...value }
  for (const key in kept) {
    const usual = properties[key]?.json.default
    if (usual !== undefined && kept[key] === usual) delete kept[key]
  }
  return kept
}

type SentVerifier = NonNullable<NonNullable<OIDCClientSpec['secret']>['verifiers']>[number]

/** Only one verifier may lack an end. Of several without one, the oldest is published and must not end: the newer ones have an end until
 *  they are published too. In the hub an end never moves to a later time, so it stays as it was first said. */
function verifiersFor({ verifiers, maxOverlapMs, now, stored }: AboutMirror): readonly SentVerifier[] {
  const published = verifiers.findLastIndex(({ notAfter }) => notAfter === undefined)
  const announcedEnd = textOf(now + Math.min(maxOverlapMs, longestUnpublishedMs) - marginMs)
  const known = (sha256: string) => stored?.spec.secret?.verifiers?.find((one) => one.sha256 === sha256)?.notAfter
  return verifiers.map(({ sha256, notAfter }, at) =>
    at < published
      ? { sha256, notAfter: known(sha256) ?? announcedEnd }
      : { sha256, ...present({ notAfter: notAfter === undefined ? undefined : textOf(notAfter) }) },
  )
}

/** To the millisecond, as the application's Secret says it. */
const textOf = (time: number): string => new Date(time).toISOString()

/** How long an unpublished secret is announced for. Milliseconds. */
const longestUnpublishedMs = 24 * 3_600_000
/** What clocks and calls may take of it. Milliseconds. */
const marginMs = 5_000

/** @returns those of its verifiers that are not published: the ones before the one without an end */
function announced(mirror: Mirror): readonly SentVerifier[] {
  const all = mirror.spec.secret?.verifiers ?? []
  return all.slice(
    0,
    Math.max(
      0,
      all.findIndex(({ notAfter }) => notAfter === undefined),
    ),
  )
}

/** @returns the verifiers of the mirror as the rotation knows them: an unpublished secret has no end there */
export function verifiersIn(mirror: Mirror, now: number): readonly StoredVerifier[] {
  const unpublished = announced(mirror)
  const ended = new Set(endedIdsIn(mirror, now))
  return (mirror.spec.secret?.verifiers ?? []).flatMap((one) => {
    const { sha256, notAfter } = one
    const id = shortDigest(sha256)
    const end = notAfter === undefined || unpublished.includes(one) ? undefined : Date.parse(notAfter)
    return ended.has(id) ? [] : [{ id, sha256, ...present({ notAfter: end }) }]
  })
}

/** @returns the ids of secrets that ended, which the hub never takes again */
export const endedIdsIn = ({ status, spec }: Mirror, now: number): readonly string[] => [
  ...(status?.endedVerifiers ?? []),
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

/** @returns whether the mirror says what is wanted. Secrets that have ended may be there too: both sides know that they have, and they leave
 *  with the next write */
export const isAsWanted = ({ spec }: Pick<Mirror, 'spec'>, wanted: WantedMirror, now: number): boolean =>
  isDeepStrictEqual(comparable(spec, now), comparable(wanted.spec, now))

/** The API server of the hub fills in the release and defaults, which the spoke leaves to it. */
function comparable({ serverName: _filled, secret, ...spec }: OIDCClientSpec, now: number): object {
  const live = (secret?.verifiers ?? []).filter(({ notAfter }) => notAfter === undefined || Date.parse(notAfter) > now)
  return { ...withoutDefaults(spec, clientSpecFields), verifiers: live }
}

/** @returns how long a second secret may be valid in the hub, milliseconds */
export const maxOverlapOf = (mirror: Mirror | undefined): number =>
  durationMs(mirror?.status?.rotationLimits?.maxOverlap) ?? defaultMaxOverlapMs
