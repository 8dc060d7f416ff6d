// What the hub is told of a client of this cluster: a version of it, and beside that what stops or narrows it today. Pure.
import { isDeepStrictEqual } from 'node:util'
import { shortDigest } from '@nauthera/proto/digest'
import { showsSecret } from '@nauthera/rules/client-authentication'
import { authMethodOf, corsOriginsOf } from '../api/in-effect.ts'
import { clientSpecFields, mostEndedInMirror } from '../api/oidc-client.ts'
import type { OIDCClient, OIDCClientSpec } from '../api/oidc-client.ts'
import type { Schema } from '../api/schema.ts'
import { timeText } from '../api/time-text.ts'
import { birthsOf, saidOfAccounts } from '../decide/access/accounts-since.ts'
import { present } from '../decide/client/present.ts'
import { endedVerifiersIn, restraintOf } from '../decide/client/restraint.ts'
import type { StoredVerifier } from '../decide/secret/rotation-terms.ts'
import { verifiersIn } from './mirror.ts'
import type { Mirror } from './mirror.ts'

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
  /** Of this cluster, epoch milliseconds; undefined while that is unknown. */
  readonly namespaceBornAt: (namespace: string) => number | undefined
  /** By the hub's clock, epoch milliseconds. */
  readonly now: number
  /** What the mirror has now. */
  readonly stored: Mirror | undefined
}

/** @param client valid for the hub
 *  @returns the mirror of its present version: all of it but what stays in this cluster */
export function buildMirror(client: OIDCClient, about: AboutMirror): WantedMirror {
  const {
    secret,
    rotation: _here,
    serverName: _release,
    origin: _never,
    restraint: _own,
    redirectURIsFrom: _resolved,
    ...sent
  } = client.spec
  const rest = withoutDefaults(sent, clientSpecFields)
  const { redirectUris: followed = [] } = about
  const redirectURIs = [...new Set([...(client.spec.redirectURIs ?? []), ...followed])]
  const { namespace, name, uid, labels } = client.metadata
  const version = {
    ...rest,
    type: sent.type,
    ...(redirectURIs.length > 0 ? { redirectURIs } : {}),
    // the hub would take the origins of an SPA from all of them
    ...(followed.length > 0 && sent.type === 'SPA' ? { corsOrigins: [...corsOriginsOf(client.spec)] } : {}),
    origin: { namespace, name, uid, ...present({ labels, namespaceLabels: about.namespaceLabels }) },
  }
  const shown = shownIn(version, secret?.verifiers ?? sentVerifiers(about))
  // the version says itself that it is suspended or narrowed, also to a hub that does not know `restraint`
  return withToday(version, shown, { ...endsOf(about, shown), ...accountsIn(version, client, about) })
}

/** @param good the version that the hub took last
 *  @param client its spec may have any shape
 *  @returns that version, with what stops or narrows the client today: the two never wait for each other */
export function restrainMirror({ spec }: WantedMirror, client: OIDCClient, about: AboutMirror): WantedMirror {
  const { secret: _before, restraint: _lifted, ...good } = spec
  const shown = shownIn(good, sentVerifiers(about))
  const narrowed = { ...narrowedBy(client), ...endsOf(about, shown), ...accountsIn(good, client, about) }
  return withToday(good, shown, narrowed)
}

type SentVerifier = NonNullable<NonNullable<OIDCClientSpec['secret']>['verifiers']>[number]

const shownIn = (version: OIDCClientSpec, verifiers: readonly SentVerifier[]): readonly SentVerifier[] =>
  showsSecret(authMethodOf(version)) ? verifiers : []

const withToday = (version: OIDCClientSpec, sent: readonly SentVerifier[], restraint: SentRestraint): WantedMirror => ({
  spec: {
    ...version,
    ...(sent.length > 0 ? { secret: { verifiers: sent } } : {}),
    ...(Object.keys(restraint).length > 0 ? { restraint } : {}),
  },
})

/** An unpublished secret has no end, and neither has the published one: if the hub hears no more, none of the two may be refused. */
const sentVerifiers = ({ verifiers }: AboutMirror): readonly SentVerifier[] =>
  verifiers.map(({ sha256, notAfter }) => ({
    sha256,
    // to the millisecond, as the application's Secret says it
    ...present({ notAfter: notAfter === undefined ? undefined : new Date(notAfter).toISOString() }),
  }))

type SentRestraint = NonNullable<OIDCClientSpec['restraint']>

function narrowedBy({ spec }: OIDCClient): SentRestraint {
  const asked = restraintOf(spec)
  return {
    ...(asked?.suspended ? { suspended: true } : {}),
    ...(asked && asked.allowedGroups.length > 0 ? { allowedGroups: asked.allowedGroups } : {}),
    ...(asked && asked.leastAcr !== '' ? { leastAcr: asked.leastAcr } : {}),
  }
}

/** From when on tokens of its ServiceAccounts prove something. */
function accountsIn(
  version: OIDCClientSpec,
  client: OIDCClient,
  { namespaceBornAt: bornAt, stored }: AboutMirror,
): SentRestraint {
  const namespaces = (version.auth?.identities ?? []).flatMap(({ serviceAccount }) =>
    serviceAccount ? [serviceAccount.namespace ?? client.metadata.namespace] : [],
  )
  const births = Object.entries(birthsOf(namespaces, bornAt, saidOfAccounts(stored?.spec)))
  return births.length === 0
    ? {}
    : { accountsSince: Object.fromEntries(births.map(([name, at]) => [name, timeText(at)])) }
}

/** What the hub has, and what is not to be taken any more. */
function endsOf({ stored, verifiers, now }: AboutMirror, shown: readonly SentVerifier[]): SentRestraint {
  if (!stored) return {}
  const live = new Set([...verifiers.map(({ id }) => id), ...shown.map(({ sha256 }) => shortDigest(sha256))])
  const known = [...verifiersIn(stored, now).map(({ id }) => id), ...endedVerifiersIn(stored.spec)]
  // the hub remembers those
  const { endedVerifiers: told = [] } = stored.status ?? {}
  const endedVerifiers = [...new Set(known)].filter((id) => !live.has(id) && !told.includes(id))
  return endedVerifiers.length > 0 ? { endedVerifiers: endedVerifiers.slice(0, mostEndedInMirror) } : {}
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

/** @returns whether the mirror says what is wanted. Secrets that have ended may be there too: both sides know that they have, and they leave
 *  with the next write */
export const isAsWanted = ({ spec }: Pick<Mirror, 'spec'>, wanted: WantedMirror, now: number): boolean =>
  isDeepStrictEqual(comparable(spec, now), comparable(wanted.spec, now)) && endsTheSame(spec, wanted.spec)

/** The API server of the hub fills in the release and defaults, which the spoke leaves to it. */
function comparable({ serverName: _filled, secret, restraint, ...spec }: OIDCClientSpec, now: number): object {
  const live = (secret?.verifiers ?? []).filter(({ notAfter }) => notAfter === undefined || Date.parse(notAfter) > now)
  const { endedVerifiers: _apart, ...narrowed } = restraint ?? {}
  return { ...withoutDefaults(spec, clientSpecFields), verifiers: live, narrowed }
}

function endsTheSame(stored: OIDCClientSpec, wanted: OIDCClientSpec): boolean {
  const said = endedVerifiersIn(stored)
  const isLive = (id: string): boolean =>
    (wanted.secret?.verifiers ?? []).some(({ sha256 }) => shortDigest(sha256) === id)
  return endedVerifiersIn(wanted).every((id) => said.includes(id)) && !said.some(isLive)
}

/** @returns whether two mirrors are of one version, whatever stops or narrows it, and whichever secrets are valid */
export function isSameVersionOf(one: WantedMirror, other: WantedMirror): boolean {
  const [left, right] = [one, other].map(({ spec: { secret: _secrets, restraint: _today, ...version } }) => version)
  return isDeepStrictEqual(left, right)
}
