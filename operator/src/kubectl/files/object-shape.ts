// Checks what the API server checks of every object, such as its name.
import type { Fault } from '@nauthera/runtime/coded-error'
import { isJsonRecord } from '@nauthera/runtime/json'
import { matches, patterns } from '../../api/patterns.ts'

/** @returns whether the API takes it as the name of a namespace (an RFC 1123 label) */
export const isNamespaceName = (name: string): boolean =>
  name.length <= 63 && matches(name, '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')

export const namespaceRule = 'must be a name of lower-case letters, digits and -, at most 63 characters'

/** @returns what the API refuses of an OIDCClient or OIDCPolicy besides its spec */
export function shapeFaults(object: Readonly<Record<string, unknown>>): readonly Fault[] {
  const { status } = object
  const metadata = object['metadata'] ?? {}
  return [
    ...(isJsonRecord(metadata) ? metadataFaults(metadata) : [notMapping('metadata')]),
    ...(object['kind'] === 'OIDCClient' || object['spec'] !== undefined ? specFaults(object['spec']) : []),
    ...(isJsonRecord(status ?? {}) ? [] : [notMapping('status')]),
  ]
}

function metadataFaults(metadata: Readonly<Record<string, unknown>>): readonly Fault[] {
  const { name, namespace } = metadata
  // both are names of custom resources: an RFC 1123 subdomain
  const isName = typeof name === 'string' && name.length <= 253 && matches(name, patterns.secretName)
  const isNamespace = namespace === undefined || (typeof namespace === 'string' && isNamespaceName(namespace))
  const isAbsent = name === undefined || name === null
  const rule = 'must be a name of lower-case letters, digits, - and ., at most 253 characters'
  return [
    ...(isName ? [] : [{ path: 'metadata.name', message: isAbsent ? 'Required value' : rule }]),
    ...(isNamespace ? [] : [{ path: 'metadata.namespace', message: namespaceRule }]),
    ...textsFaults('metadata.labels', metadata['labels']),
    ...textsFaults('metadata.annotations', metadata['annotations']),
  ]
}

function specFaults(spec: unknown): readonly Fault[] {
  if (spec === undefined || spec === null) return [{ path: 'spec', message: 'Required value' }]
  return isJsonRecord(spec) ? [] : [notMapping('spec')]
}

function textsFaults(path: string, value: unknown): readonly Fault[] {
  if (value === undefined || value === null) return []
  if (!isJsonRecord(value)) return [notMapping(path)]
  return Object.entries(value)
    .filter(([, text]) => typeof text !== 'string')
    .map(([key]) => ({ path: `${path}.${key}`, message: 'must be text; put it in quotes' }))
}

const notMapping = (path: string): Fault => ({ path, message: 'must be a mapping of keys to values' })
