// What an object must pass before it is stored.
import type { ApiRequest } from '../http/request.ts'
import type { KubeObject } from '../objects.ts'
import { isRecord, without } from '../objects.ts'
import type { Cause } from '../refusals.ts'
import { badRequest, invalid, notFound, terminating } from '../refusals.ts'
import { applyDefaults, prune, validate } from '../schema.ts'
import type { Resource } from '../store/resources.ts'

interface Admitted {
  readonly request: ApiRequest
  readonly resource: Resource
}

/** @throws Refusal 422 when the name is missing or no DNS name */
export function checkName(resource: Resource, object: KubeObject): void {
  const { name } = object.metadata
  const causes: Cause[] = []
  if (!name) {
    causes.push({
      reason: 'FieldValueRequired',
      field: 'metadata.name',
      message: 'Required value: name or generateName is required',
    })
  } else if (name.length > 253 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) {
    const rule =
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"
    causes.push({ reason: 'FieldValueInvalid', field: 'metadata.name', message: `Invalid value: "${name}": ${rule}` })
  }
  if (causes.length > 0) throw invalid(resource, name ?? '', causes)
}

/** @throws Refusal 404 when the object would lie in a namespace that is not there, 403 in one that is being deleted */
export function admitNamespace(
  { resource, request, findNamespace }: Admitted & { findNamespace: (name: string) => KubeObject | undefined },
  name: string,
): void {
  if (!resource.namespaced) return
  const namespace = findNamespace(request.namespace!)
  if (namespace?.metadata.deletionTimestamp !== undefined) throw terminating(resource, name, request.namespace!)
  if (namespace) return
  throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, request.namespace ?? name)
}

/** Pruning, defaults and validation, as `fieldValidation` asks.
 *  @throws Refusal 400 for unknown fields under Strict, 422 for everything else that is wrong */
export function prepare(
  { resource, request }: Admitted,
  live: KubeObject | undefined,
  object: KubeObject,
): { next: KubeObject; warnings: string[] } {
  const kept = keptOf(object, live)
  const { pruned, unknown } = prune(without(object, ...Object.keys(kept)), resource.schema)
  const mode = request.query.get('fieldValidation') ?? 'Warn'
  const sentences = unknown.map((path) => `unknown field "${path}"`)
  if (mode === 'Strict' && sentences.length > 0) {
    const text = `strict decoding error: ${sentences.join(', ')}`
    throw badRequest(
      live
        ? text
        : `${resource.kind} in version "${resource.version}" cannot be handled as a ${resource.kind}: ${text}`,
    )
  }
  const next = normalize(resource, { ...(applyDefaults(pruned, resource.schema) as KubeObject), ...kept })
  const causes = validate(next, live, resource.schema)
  if (causes.length > 0) throw invalid(resource, object.metadata.name, causes)
  return { next, warnings: mode === 'Ignore' ? [] : sentences }
}

/** What a write does not touch, such as the spec below /status: it passed when it was stored, and is not looked at again. A real API server
 *  does not hold it against a write either (ratcheting). */
function keptOf(object: KubeObject, live: KubeObject | undefined): Record<string, unknown> {
  const isKept = ([key, value]: [string, unknown]) => key !== 'metadata' && isRecord(value) && value === live?.[key]
  return Object.fromEntries(Object.entries(object).filter(isKept))
}

/** What a built-in kind does with its own fields. */
function normalize(resource: Resource, object: KubeObject): KubeObject {
  if (resource.kind === 'Namespace') return withNameLabel(object)
  return resource.kind === 'Secret' ? normalizeSecret(resource, object) : object
}

/** Sets the label that namespace selectors use; it cannot be removed. */
export function withNameLabel(namespace: KubeObject): KubeObject {
  const { metadata } = namespace
  return {
    ...namespace,
    metadata: { ...metadata, labels: { ...metadata.labels, 'kubernetes.io/metadata.name': metadata.name } },
  }
}

function normalizeSecret(resource: Resource, object: KubeObject): KubeObject {
  const {
    stringData = {},
    data = {},
    type = 'Opaque',
  } = object as { stringData?: object; data?: object; type?: string }
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(String(text)).toString('base64')])
  const causes = Object.entries(data as Record<string, unknown>)
    .filter(([, value]) => typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    .map(([key]) => ({
      reason: 'FieldValueInvalid',
      field: `data[${key}]`,
      message: 'Invalid value: illegal base64 data',
    }))
  if (causes.length > 0) throw invalid(resource, object.metadata.name, causes)
  const all = { ...data, ...Object.fromEntries(encoded) }
  const rest: KubeObject = { ...object, type, ...(Object.keys(all).length > 0 ? { data: all } : {}) }
  delete rest['stringData']
  return rest
}
