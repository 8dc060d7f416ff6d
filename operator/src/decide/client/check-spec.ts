// Validates a spec: all rules of the CRD, and those that CEL cannot express.
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { checkClient } from '@nauthera/rules/check-client'
import { maxNameLength } from '@nauthera/rules/limits'
import type { Fault } from '@nauthera/runtime/coded-error'
import { checkValue } from '../../api/check.ts'
import type { SchemaFault } from '../../api/check.ts'
import { clientSpec } from '../../api/client-rules.ts'
import type { OIDCClient } from '../../api/oidc-client.ts'
import { policySpec } from '../../api/oidc-policy.ts'
import type { OIDCPolicySpec } from '../../api/oidc-policy.ts'
import { renderSchema } from '../../api/schema.ts'
import { renderConfig } from './metadata.ts'
import { checkWindow } from './schedule.ts'

const clientSchema = renderSchema(clientSpec)
const policySchema = renderSchema(policySpec)

/** Not known here: the secret is minted later, and only a server knows which algorithms it has. */
const unknownHere = { hasSecret: true, algorithms: signingAlgorithms }

/** Caches the faults of a spec: each change of a client leads to several looks. */
const judged = new WeakMap<object, { readonly of: string; readonly faults: readonly Fault[] }>()

/** A client whose spec may have any shape. */
export interface UncheckedClient {
  readonly metadata: OIDCClient['metadata']
  readonly spec: unknown
}

/** @param object is immutable: a changed spec is another object
 *  @returns every fault, `spec.redirectURIs: must be …`; none is fixed, none is ignored */
export function checkSpec(object: UncheckedClient): readonly Fault[] {
  const { spec, metadata } = object
  const of = `${metadata.namespace}/${metadata.name}`
  const before = isObject(spec) ? judged.get(spec) : undefined
  if (before?.of === of) return before.faults
  const found = findFaults(object)
  const faults = found.length === 0 ? none : found
  if (isObject(spec)) judged.set(spec, { of, faults })
  return faults
}

const none: readonly Fault[] = []

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function findFaults(object: UncheckedClient): readonly Fault[] {
  const name =
    object.metadata.name.length > maxNameLength
      ? [{ path: 'metadata.name', message: `may not be more than ${maxNameLength} bytes` }]
      : []
  const shape = checkValue(clientSchema, object.spec, 'spec')
  // a value of the wrong type would make the next checks throw
  if (!isTyped(object, shape)) return [...name, ...shape].map(plain)
  const found = [...name, ...shape, ...checkWindow(object.spec.rotation, 'spec.rotation')].map(plain)
  return [...found, ...checkConfig(object).filter(({ path }) => !found.some((fault) => isSamePlace(path, fault.path)))]
}

/** @param shape what checkValue says of the spec: one that only breaks rules has the types of the schema */
const isTyped = (_object: UncheckedClient, shape: readonly SchemaFault[]): _object is OIDCClient => !hasTypeFault(shape)

const hasTypeFault = (shape: readonly SchemaFault[]): boolean => shape.some(({ kind }) => kind !== 'rule')

/** What the server would refuse. */
const checkConfig = (object: OIDCClient): readonly Fault[] =>
  checkClient(renderConfig(object), unknownHere).map(({ field, message }) => ({ path: field, message }))

/** Whether two faults are one mistake: the CRD names `spec.claims[0].name` where the server names `spec.claims`. */
const isSamePlace = (one: string, other: string): boolean => isWithin(one, other) || isWithin(other, one)
const isWithin = (path: string, above: string): boolean =>
  path.startsWith(above) && ['', '.', '['].includes(path.charAt(above.length))

/** @param path where the spec stands: `spec`, or `policy` for the baseline in the settings */
export function checkPolicySpec(spec: unknown, path: string): readonly Fault[] {
  const shape = checkValue(policySchema, spec, path)
  if (!isTypedPolicy(spec, shape)) return shape.map(plain)
  return [...shape, ...checkWindow(spec.defaults?.rotation, `${path}.defaults.rotation`)].map(plain)
}

const isTypedPolicy = (_spec: unknown, shape: readonly SchemaFault[]): _spec is OIDCPolicySpec => !hasTypeFault(shape)

export const isPolicySpec = (value: unknown): value is OIDCPolicySpec => checkPolicySpec(value, '').length === 0

const plain = ({ path, message }: Fault): Fault => ({ path, message })
