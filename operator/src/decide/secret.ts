// The application's Secret: presets, renames and templates -> data, labels, annotations.
import {
  apiGroup,
  apiVersion,
  annotations as names,
  labels as labelNames,
  managedByOperator,
} from '@nauthera/proto/names'
import { digestOf } from '@nauthera/proto/digest'
import { paths } from '@nauthera/rules/endpoints'
import type { Fault } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/log'
import { canonicalKeys } from '../api/oidc-client.ts'
import type { CanonicalKey, OIDCClient, Preset } from '../api/oidc-client.ts'
import { scopesOf } from './metadata.ts'
import { presetData, presetLabels } from './presets.ts'
import type { Observed, SecretMarks, StoredVerifier } from './rotation-terms.ts'
import { renderTemplate } from './template.ts'
import type { TemplateVariable } from './template.ts'

export interface RenderedSecret {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Plain text, printed as [redacted]; the writer encodes it. */
  readonly data: Readonly<Record<string, Secret>>
  readonly ownerReferences: readonly ReturnType<typeof ownerReference>[]
}

/** The values that an application needs, as text. */
export type SecretValues = Readonly<Record<Exclude<CanonicalKey, 'client_secret'>, string>> & {
  readonly client_secret?: string
}

/** Room in a Secret beside its names and annotations. Bytes. */
const maxDataBytes = 512 * 1024

/** @returns `spec.secret.name`, or `<name>-oidc`. */
export function secretNameOf(client: OIDCClient): string {
  return client.spec.secret?.name ?? `${client.metadata.name}-oidc`
}

/** @returns the endpoints of an issuer under the paths of the server. */
function endpointsOf(issuer: string) {
  const base = issuer.replace(/\/$/, '')
  return {
    discovery_url: `${base}${paths.discovery}`,
    authorization_endpoint: `${base}${paths.authorization}`,
    token_endpoint: `${base}${paths.token}`,
    userinfo_endpoint: `${base}${paths.userinfo}`,
    jwks_uri: `${base}${paths.jwks}`,
    end_session_endpoint: `${base}${paths.endSession}`,
  } as const
}

/** @param input.client with the defaults of policy applied (policy.ts, applyDefaults)
 *  @param input.plain the client secret; undefined for a client without one
 *  @param input.marks undefined for a client without a secret
 *  @returns the Secret, or a fault for each template that does not render (SecretReady=False/TemplateInvalid) */
export function renderSecret(input: {
  readonly client: OIDCClient
  readonly clientId: string
  readonly issuer: string
  readonly plain: Secret | undefined
  readonly marks: SecretMarks | undefined
}):
  | { readonly kind: 'rendered'; readonly secret: RenderedSecret }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] } {
  const { client, marks } = input
  const { metadata, spec } = client
  const values = valuesOf(input)
  const presets: readonly Preset[] = spec.secret?.presets ?? ['Generic']
  const templates = renderTemplates(client, values)
  if (templates.faults.length > 0) return { kind: 'invalid', faults: templates.faults }
  const data = {
    ...canonicalData(client, values, templates.data),
    ...Object.assign({}, ...presets.map((preset) => presetData(preset, values))),
    ...templates.data,
  } as Record<string, string>
  const faults = secretKeyFaults(client, values, data)
  if (faults.length > 0) return { kind: 'invalid', faults }
  const size = Object.entries(data).reduce((sum, [key, value]) => sum + key.length + Buffer.byteLength(value), 0)
  if (size > maxDataBytes) {
    return {
      kind: 'invalid',
      faults: [{ path: 'spec.secret.data', message: `must render to at most ${maxDataBytes / 1024} KiB in all` }],
    }
  }
  return {
    kind: 'rendered',
    secret: {
      name: secretNameOf(client),
      namespace: metadata.namespace,
      labels: {
        ...Object.assign({}, ...presets.map(presetLabels)),
        ...spec.secret?.labels,
        [labelNames.client]: metadata.name,
        [labelNames.managedBy]: managedByOperator,
      },
      annotations: {
        ...spec.secret?.annotations,
        [names.clientUid]: metadata.uid,
        ...(marks ? writeMarks(marks) : {}),
        [names.contentDigest]: contentDigest(data),
      },
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, new Secret(value)])),
      ownerReferences: spec.secret?.deletionPolicy === 'Retain' ? [] : [ownerReference(client)],
    },
  }
}

/** @returns a digest of the data that tells nothing of a 256-bit secret in it. */
function contentDigest(data: Readonly<Record<string, string>>): string {
  return digestOf(JSON.stringify(Object.entries(data).toSorted(([left], [right]) => (left < right ? -1 : 1))))
}

const ownerReference = ({ metadata }: OIDCClient) => ({
  apiVersion: `${apiGroup}/${apiVersion}`,
  kind: 'OIDCClient',
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
  blockOwnerDeletion: false,
})

function valuesOf(input: {
  client: OIDCClient
  clientId: string
  issuer: string
  plain: Secret | undefined
}): SecretValues {
  const { spec } = input.client
  return {
    client_id: input.clientId,
    ...(input.plain ? { client_secret: input.plain.reveal() } : {}),
    issuer: input.issuer,
    ...endpointsOf(input.issuer),
    scopes: scopesOf(spec).join(' '),
    redirect_uris: (spec.redirectURIs ?? []).join(' '),
  }
}

/** The canonical keys stand in every Secret, renamed where the client says so; a template of the same name wins, but not over the
 *  client secret. */
function canonicalData(
  client: OIDCClient,
  values: SecretValues,
  templates: Readonly<Record<string, string>>,
): Record<string, string> {
  const renames = client.spec.secret?.keys ?? {}
  const entries = canonicalKeys.flatMap((key) => {
    const value = values[key]
    const name = Object.hasOwn(renames, key) ? renames[key]! : key
    return value === undefined || Object.hasOwn(templates, name) ? [] : [[name, value] as const]
  })
  return Object.fromEntries(entries)
}

/** The client secret is read back from its key. Another value there would look like somebody's edit, and be rotated away
 *  for ever. */
function secretKeyFaults({ spec }: OIDCClient, values: SecretValues, data: Readonly<Record<string, string>>): Fault[] {
  const key = spec.secret?.keys?.client_secret ?? 'client_secret'
  if (values.client_secret === undefined || data[key] === values.client_secret) return []
  const isTemplate = Object.hasOwn(spec.secret?.data ?? {}, key)
  return isTemplate
    ? [{ path: `spec.secret.data.${key}`, message: 'must not take the place of the client secret; choose another key' }]
    : [{ path: 'spec.secret.keys', message: `must leave ${key} to the client secret; choose another key` }]
}

function renderTemplates(client: OIDCClient, values: SecretValues): { data: Record<string, string>; faults: Fault[] } {
  const variables: Record<TemplateVariable, string> = {
    clientId: values.client_id,
    clientSecret: values.client_secret ?? '',
    issuer: values.issuer,
    discoveryUrl: values.discovery_url,
    authorizationEndpoint: values.authorization_endpoint,
    tokenEndpoint: values.token_endpoint,
    userinfoEndpoint: values.userinfo_endpoint,
    jwksUri: values.jwks_uri,
    endSessionEndpoint: values.end_session_endpoint,
    scopes: values.scopes,
    redirectUris: values.redirect_uris,
    namespace: client.metadata.namespace,
    name: client.metadata.name,
  }
  const data: Record<string, string> = {}
  const faults: Fault[] = []
  for (const [key, template] of Object.entries(client.spec.secret?.data ?? {})) {
    const rendered = renderTemplate(template, variables)
    if (rendered.kind === 'rendered') data[key] = rendered.text
    else faults.push({ path: `spec.secret.data.${key}`, message: rendered.message })
  }
  return { data, faults }
}

function writeMarks(marks: SecretMarks): Record<string, string> {
  return {
    [names.secretId]: marks.secretId,
    [names.rotatedAt]: new Date(marks.rotatedAt).toISOString(),
    [names.verifiers]: JSON.stringify(
      marks.verifiers.map(({ id, sha256, notAfter }) => ({
        id,
        sha256,
        ...(notAfter === undefined ? {} : { notAfter: new Date(notAfter).toISOString() }),
      })),
    ),
    [names.observed]: JSON.stringify(marks.observed),
    ...(marks.fence === undefined ? {} : { [names.fence]: marks.fence }),
  }
}

export interface ReadMarks {
  readonly secretId: string | undefined
  readonly rotatedAt: number | undefined
  readonly verifiers: readonly StoredVerifier[]
  readonly observed: Observed | undefined
  readonly fence: string | undefined
}

/** How far behind the API server's clock ours may be. Milliseconds. */
const toleratedSkewMs = 3_600_000

/** Reads the annotations back. Whoever may write the Secret may write them, so nothing here is trusted beyond its form; and what
 *  the API would not take in a status is ignored, or no status would be written any more.
 *  @param createdAt of the client, epoch milliseconds: nothing was published before */
export function readMarks(annotations: Readonly<Record<string, string>> | undefined, createdAt = -Infinity): ReadMarks {
  const rotatedAt = readTime(annotations?.[names.rotatedAt])
  const fence = annotations?.[names.fence]
  return {
    secretId: annotations?.[names.secretId],
    rotatedAt: rotatedAt !== undefined && rotatedAt >= createdAt - toleratedSkewMs ? rotatedAt : undefined,
    verifiers: readVerifiers(annotations?.[names.verifiers]),
    observed: readObserved(annotations?.[names.observed]),
    fence: fence !== undefined && /^[0-9a-f]{8}(,[0-9a-f]{8})*$/.test(fence) ? fence : undefined,
  }
}

/** RFC 3339, as the API takes it: four digits for the year. */
function readTime(text: string | undefined): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text ?? '')) return undefined
  const time = Date.parse(text!)
  return Number.isNaN(time) ? undefined : time
}

function readVerifiers(text: string | undefined): readonly StoredVerifier[] {
  const value = parseJson(text)
  if (!Array.isArray(value)) return []
  return value.slice(0, 2).flatMap((item: unknown): StoredVerifier[] => {
    const { sha256, notAfter } = (item ?? {}) as Readonly<Record<string, unknown>>
    if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) return []
    const end = typeof notAfter === 'string' ? readTime(notAfter) : undefined
    return [{ id: sha256.slice(0, 8), sha256, ...(end === undefined ? {} : { notAfter: end }) }]
  })
}

/** Characters that the status has room for. */
export const longestObserved = { trigger: 64, annotation: 256, revoke: 64 } as const

function readObserved(text: string | undefined): Observed | undefined {
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const record = value as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    Object.entries(longestObserved).flatMap(([key, length]) => {
      const text = record[key]
      return typeof text === 'string' && text.length <= length ? [[key, text]] : []
    }),
  )
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}
