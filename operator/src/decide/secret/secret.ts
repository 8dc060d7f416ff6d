// Renders the application's Secret: data, labels and annotations from presets, renames and templates.
import { digestOf } from '@nauthera/proto/digest'
import { annotations, apiGroup, apiVersion, labels, managedByOperator } from '@nauthera/proto/names'
import type { Fault } from '@nauthera/runtime/coded-error'
import { Secret } from '@nauthera/runtime/secret'
import { canonicalKeys } from '../../api/client-secret.ts'
import { presetRow, presetsWithoutEdDSA } from '../../api/presets.ts'
import type { Preset } from '../../api/presets.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { present } from '../client/present.ts'
import { presetData } from './presets.ts'
import type { PresetInput } from './preset-values.ts'
import type { SecretMarks } from './rotation-terms.ts'
import { writeMarks } from './secret-marks.ts'
import type { OwnerProof } from './owner-proof.ts'
import { valuesOf, variablesOf } from './secret-values.ts'
import type { SecretValues } from './secret-values.ts'
import { renderTemplate } from './template.ts'

export interface RenderedSecret {
  readonly name: string
  readonly namespace: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Plain text, printed as [redacted]; the writer encodes it. */
  readonly data: Readonly<Record<string, Secret>>
  readonly ownerReferences: readonly ReturnType<typeof ownerReference>[]
}

/** Room in a Secret beside its names and annotations. Bytes. */
const maxDataBytes = 512 * 1024

/** @returns `spec.secret.name`, or `<name>-oidc`. */
export function secretNameOf(client: OIDCClient): string {
  return client.spec.secret?.name ?? `${client.metadata.name}-oidc`
}

/** @param input.client with the defaults of policy applied (apply-defaults.ts)
 *  @param input.plain the client secret; undefined for a client without one
 *  @param input.marks undefined for a client without a secret
 *  @returns the Secret, or a fault for each template that does not render (SecretReady=False/TemplateInvalid) */
export function renderSecret(input: {
  readonly client: OIDCClient
  readonly clientId: string
  readonly issuer: string
  readonly plain: Secret | undefined
  readonly marks: SecretMarks | undefined
  /** The uid of which the client was restored. */
  readonly restoredFrom?: string | undefined
  /** Undefined offline, where nobody can prove anything. */
  readonly proof?: OwnerProof
}):
  | { readonly kind: 'rendered'; readonly secret: RenderedSecret }
  | { readonly kind: 'invalid'; readonly faults: readonly Fault[] } {
  const { client } = input
  const { metadata, spec } = client
  const values = valuesOf(input)
  const presets: readonly Preset[] = spec.secret?.presets ?? ['Generic']
  const templates = renderTemplates(client, values)
  if (templates.faults.length > 0) return { kind: 'invalid', faults: templates.faults }
  const about: PresetInput = { values, spec, secretName: secretNameOf(client) }
  const data: Record<string, string> = {
    ...canonicalData(client, values, templates.data),
    ...Object.assign({}, ...presets.map((preset) => presetData(preset, about))),
    ...templates.data,
  }
  const faults = [...presetFaults(client, presets), ...secretKeyFaults(client, values, data)]
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
        ...Object.assign({}, ...presets.map((preset) => presetRow(preset).labels)),
        ...spec.secret?.labels,
        [labels.client]: metadata.name,
        [labels.managedBy]: managedByOperator,
      },
      annotations: {
        ...spec.secret?.annotations,
        ...ownAnnotations(input),
        [annotations.contentDigest]: contentDigest(data),
      },
      data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, new Secret(value)])),
      ownerReferences: spec.secret?.deletionPolicy === 'Retain' ? [] : [ownerReference(client)],
    },
  }
}

/** @returns owner and marks of the Secret, with their proof */
function ownAnnotations({ client, marks, restoredFrom, proof }: Parameters<typeof renderSecret>[0]) {
  const { namespace, name, uid, creationTimestamp } = client.metadata
  const said: Record<string, string> = {
    [annotations.clientUid]: uid,
    ...present({ [annotations.restoredFrom]: restoredFrom }),
    ...(marks ? writeMarks(marks) : {}),
  }
  const owner = { namespace, client: name, secret: secretNameOf(client), uid, createdAt: Date.parse(creationTimestamp) }
  return { ...said, ...proof?.write(owner, said) }
}

/** @returns a digest of the data. It does not reveal a secret of 256 bits. */
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

/** The canonical keys of every Secret, renamed by the client. A template replaces a key of the same name, but never the client secret. */
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

/** The CRD checks a preset of the client itself; this also checks presets of policies. */
function presetFaults({ spec }: OIDCClient, presets: readonly Preset[]): Fault[] {
  if (spec.signing?.idToken !== 'EdDSA') return []
  return presets.flatMap((preset) => {
    const message = presetsWithoutEdDSA.get(preset)
    return message === undefined ? [] : [{ path: 'spec.signing.idToken', message }]
  })
}

/** The client secret is read back from its key. Another value there would look like an edit and start rotations without end. */
function secretKeyFaults({ spec }: OIDCClient, values: SecretValues, data: Readonly<Record<string, string>>): Fault[] {
  const key = spec.secret?.keys?.client_secret ?? 'client_secret'
  if (values.client_secret === undefined || data[key] === values.client_secret) return []
  const isTemplate = Object.hasOwn(spec.secret?.data ?? {}, key)
  return isTemplate
    ? [{ path: `spec.secret.data.${key}`, message: 'must not take the place of the client secret; choose another key' }]
    : [{ path: 'spec.secret.keys', message: `must leave ${key} to the client secret; choose another key` }]
}

function renderTemplates(client: OIDCClient, values: SecretValues): { data: Record<string, string>; faults: Fault[] } {
  const variables = variablesOf(client, values)
  const data: Record<string, string> = {}
  const faults: Fault[] = []
  for (const [key, template] of Object.entries(client.spec.secret?.data ?? {})) {
    const rendered = renderTemplate(template, variables)
    if (rendered.kind === 'rendered') data[key] = rendered.text
    else faults.push({ path: `spec.secret.data.${key}`, message: rendered.message })
  }
  return { data, faults }
}
