// What the stand-in for the Kubernetes API keeps, and how it refuses.

export interface Metadata {
  name: string
  namespace?: string
  generateName?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: { apiVersion: string; kind: string; name: string; uid: string; controller?: boolean }[]
  managedFields?: ManagedFields[]
  [key: string]: unknown
}

/** An object as it travels in JSON. */
export interface KubeObject {
  apiVersion: string
  kind: string
  metadata: Metadata
  [key: string]: unknown
}

export interface ManagedFields {
  manager: string
  operation: 'Apply' | 'Update'
  apiVersion: string
  time?: string
  fieldsType: 'FieldsV1'
  fieldsV1: FieldTree
  subresource?: string
}

/** `{"f:spec": {"f:type": {}}}`; Source: the FieldsV1 of sigs.k8s.io/structured-merge-diff. */
export interface FieldTree {
  [segment: string]: FieldTree
}

/** The part of a structural schema that the stand-in understands. */
export interface JsonSchema {
  type?: string
  description?: string
  default?: unknown
  enum?: readonly unknown[]
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  minItems?: number
  maxItems?: number
  minProperties?: number
  maxProperties?: number
  nullable?: boolean
  items?: JsonSchema
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema | boolean
  required?: readonly string[]
  'x-kubernetes-list-type'?: 'set' | 'atomic' | 'map'
  'x-kubernetes-list-map-keys'?: readonly string[]
  'x-kubernetes-map-type'?: 'atomic' | 'granular'
  'x-kubernetes-preserve-unknown-fields'?: boolean
  'x-kubernetes-int-or-string'?: boolean
  'x-kubernetes-validations'?: readonly ValidationRule[]
}

export interface ValidationRule {
  rule: string
  message?: string
  messageExpression?: string
  fieldPath?: string
  reason?: string
}

export interface Cause {
  reason: string
  message: string
  field: string
}

/** A refusal: what the API answers with a Status object. */
export class Refusal extends Error {
  readonly code: number
  readonly reason: string
  readonly details: Record<string, unknown>
  readonly retryAfterSeconds: number | undefined

  constructor(
    code: number,
    reason: string,
    message: string,
    options: { details?: Record<string, unknown>; retryAfterSeconds?: number } = {},
  ) {
    super(message)
    this.code = code
    this.reason = reason
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  toStatus(): Record<string, unknown> {
    const retry = this.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: this.retryAfterSeconds }
    const details = { ...this.details, ...retry }
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      ...(Object.keys(details).length > 0 ? { details } : {}),
      code: this.code,
    }
  }
}

/** `oidcclients.auth.nauthera.io`, `secrets`. */
export interface Names {
  group: string
  plural: string
  kind: string
}
const qualified = ({ group, plural }: Names): string => (group === '' ? plural : `${plural}.${group}`)
const detailsOf = (names: Names, name: string) => ({
  name,
  ...(names.group === '' ? {} : { group: names.group }),
  kind: names.plural,
})

export const notFound = (names: Names, name: string) =>
  new Refusal(404, 'NotFound', `${qualified(names)} "${name}" not found`, { details: detailsOf(names, name) })

export const alreadyExists = (names: Names, name: string) =>
  new Refusal(409, 'AlreadyExists', `${qualified(names)} "${name}" already exists`, { details: detailsOf(names, name) })

export const conflict = (names: Names, name: string, why: string) =>
  new Refusal(409, 'Conflict', `Operation cannot be fulfilled on ${qualified(names)} "${name}": ${why}`, {
    details: detailsOf(names, name),
  })

export const staleVersion =
  'the object has been modified; please apply your changes to the latest version and try again'

export function invalid(names: Names, name: string, causes: readonly Cause[]): Refusal {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`)
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`
  const kind = names.group === '' ? names.kind : `${names.kind}.${names.group}`
  return new Refusal(422, 'Invalid', `${kind} "${name}" is invalid: ${text}`, {
    details: { ...detailsOf(names, name), kind: names.kind, causes },
  })
}

export const badRequest = (message: string) => new Refusal(400, 'BadRequest', message)
export const expired = (message: string) => new Refusal(410, 'Expired', message)

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** @returns a copy without these keys */
export function without<T extends object, K extends PropertyKey>(object: T, ...keys: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>
}
