// The cases of a stop: where the client is, who refuses its new version, and what is tightened meanwhile.
import type { RegisteredClient } from '@nauthera/server/clients/registered-client'
import type { ObjectSchema } from '@nauthera/stand-in/objects'

export type Spec = Record<string, unknown>

export const api = 'https://billing.example.com'
export const refusedName = 'refused by servers'
/** The joined cluster. */
export const edge = 'edge'
export const base: Spec = {
  type: 'Web',
  redirectURIs: ['https://app.example.com/callback'],
  scopes: ['openid', 'read'],
  audiences: [api],
  rotation: { trigger: '1', interval: '720h', overlap: '24h', retire: 'AfterOverlap' },
}

type Refuse = (spec: Spec) => Spec

/** How a new version comes to be refused by the operator or the servers, so that an earlier one is served. */
export const refusals = {
  invalid: (spec) => ({ ...spec, rotation: { ...(spec['rotation'] as Spec), window: never } }),
  'too-large': (spec) => ({ ...spec, redirectURIs: manyURIs(28, 500), corsOrigins: manyOrigins(20) }),
  'no-room': (spec) => ({ ...spec, redirectURIs: manyURIs(20, 200) }),
  rejected: (spec) => ({ ...spec, displayName: refusedName }),
  'name-taken': (spec) => ({ ...spec, secret: { name: 'of-a-stranger' } }),
  'id-taken': (spec) => ({ ...spec, resourceServer: { ...(spec['resourceServer'] as Spec), identifier: api } }),
} satisfies Record<string, Refuse>
const never = { schedule: '0 0 30 2 *', duration: '1h' }
const manyURIs = (count: number, length: number): string[] =>
  Array.from({ length: count }, (_, index) => `https://app.example.com/${index}/${randomText(length)}`)
const manyOrigins = (count: number): string[] =>
  Array.from({ length: count }, () => `https://${[1, 2, 3].map(() => randomText(50)).join('.')}.example.com`)
/** Text that does not compress. */
const randomText = (length: number): string =>
  Array.from({ length }, () => Math.floor(Math.random() * 36).toString(36)).join('')

/** How the API server of the hub refuses the mirror of a version that its own cluster takes. */
const refusalsOfHub = {
  'hub-invalid': (spec) => ({ ...spec, description: 'longer than the hub takes' }),
  'hub-too-old': (spec) => ({ ...spec, par: true }),
} satisfies Record<string, Refuse>

/** Makes the definition of OIDCClient in the hub that of another version.
 *  @param fields of its spec */
export function makeOtherVersion(fields: Record<string, ObjectSchema>): void {
  fields['description'] = { type: 'string', maxLength: 5 }
  delete fields['par']
}

interface Tightening {
  /** What the object says from then on. */
  readonly tighten?: Refuse
  readonly isObeyed: (served: RegisteredClient) => boolean
}

export const tightenings: Readonly<Record<string, Tightening>> = {
  suspended: {
    tighten: (spec) => ({ ...spec, suspended: true }),
    isObeyed: ({ config }) => config.suspended,
  },
  // the API lets only some clients in from then on
  access: { isObeyed: ({ granted }) => granted?.every(({ scopes }) => scopes.length === 0) === true },
  groups: {
    tighten: (spec) => ({ ...spec, access: { ...(spec['access'] as Spec), allowedGroups: ['staff'] } }),
    isObeyed: ({ config }) => config.allowedGroups.join() === 'staff',
  },
  acr: {
    tighten: (spec) => ({ ...spec, access: { ...(spec['access'] as Spec), requiredAcr: ['urn:nauthera:mfa'] } }),
    isObeyed: ({ config }) => config.requiredAcr.join() === 'urn:nauthera:mfa',
  },
  revoked: {
    tighten: (spec) => ({ ...spec, rotation: { ...(spec['rotation'] as Spec), revokePrevious: 'leak' } }),
    isObeyed: ({ verifiers }) => verifiers.length === 1,
  },
  // a policy forbids what is served, and its grace ends
  denied: { isObeyed: () => false },
}

/** The cluster of a client: that of the issuer, or one that has joined it. */
type Place = 'hub' | 'spoke'

export interface StopCase {
  readonly name: string
  readonly place: Place
  /** In its own cluster. */
  readonly namespace: string
  readonly refuse: Refuse
  readonly tightening: string
}

/** The policies select by these namespaces. */
const casesIn = (place: Place, ways: Readonly<Record<string, Refuse>>): readonly StopCase[] =>
  Object.entries(ways).flatMap(([refusal, refuse]) =>
    Object.keys(tightenings).map((tightening) => ({
      name: `${refusal}-${tightening}`,
      place,
      namespace: `${refusal}-${tightening === 'denied' ? 'denied' : 'others'}`,
      refuse,
      tightening,
    })),
  )

export const stopCases: readonly StopCase[] = [
  ...casesIn('hub', refusals),
  ...casesIn('spoke', { ...refusals, ...refusalsOfHub }),
]

export const clientIdOf = ({ place, name, namespace }: StopCase): string =>
  place === 'hub' ? `${namespace}.${name}` : `${edge}_${namespace}.${name}`

/** @returns what the object says when it is refused, when it is stopped, and both */
export function editsOf({ refuse, tightening }: StopCase, spec: Spec): Record<'refused' | 'stopped' | 'both', Spec> {
  const { tighten = (before: Spec) => before } = tightenings[tightening]!
  return { refused: refuse(spec), stopped: tighten(spec), both: tighten(refuse(spec)) }
}
