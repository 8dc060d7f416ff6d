// What `doctor` finds in the objects of a cluster.
import { fieldsOf, isJsonRecord, listOf } from '@nauthera/runtime/json'
import { apiVersion } from '@nauthera/proto/names'
import type { CustomResourceDefinition } from '../../api/crds.ts'
import type { ClusterAnswer } from '../cluster.ts'
import { agoText } from '../terminal.ts'

export interface DoctorCheck {
  readonly what: string
  /** `unknown`: the caller may not look. */
  readonly state: 'ok' | 'missing' | 'unknown' | 'unreachable'
  readonly text: string
  /** What to type, a line each. */
  readonly cure?: string
}

type JsonObject = Readonly<Record<string, unknown>>

/** Compares the fields that the definition in the cluster has with those that this version knows: a chart of another version leaves either
 *  side with more. */
export function checkDefinition(ours: CustomResourceDefinition, found: ClusterAnswer<JsonObject>): DoctorCheck {
  const what = `definition ${ours.spec.names.plural}`
  if (found.kind === 'absent') {
    const text = 'is not there: the chart is not installed in this cluster'
    return {
      what,
      state: 'missing',
      text,
      cure: 'helm install nauthera oci://REGISTRY/nauthera -n auth -f values.yaml',
    }
  }
  if (found.kind !== 'found') return { what, state: 'unknown', text: lastLine(found.message) }
  const version = labelOf(found.value, 'app.kubernetes.io/version')
  const schema = schemaOf(found.value)
  if (schema === undefined) return { what, state: 'missing', text: `serves no version ${apiVersion}` }
  const theirs = new Set(fieldPaths(schema))
  const known = fieldPaths(ours.spec.versions[0]!.schema.openAPIV3Schema)
  const lacking = known.filter((path) => !theirs.has(path))
  if (lacking.length > 0) {
    const text = `is of ${version ?? 'another version'} and lacks ${someOf(lacking)}`
    return {
      what,
      state: 'missing',
      text,
      cure: 'helm upgrade nauthera oci://REGISTRY/nauthera -n auth --reuse-values',
    }
  }
  const more = [...theirs].filter((path) => !known.includes(path))
  if (more.length === 0)
    return { what, state: 'ok', text: `has every field that this version knows${version ? ` (${version})` : ''}` }
  const text = `is of ${version ?? 'another version'}: this plugin does not know ${someOf(more)}`
  return { what, state: 'missing', text, cure: 'kubectl krew upgrade nauthera' }
}

const someOf = (paths: readonly string[]): string =>
  `${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''}`

function schemaOf({ spec }: JsonObject): unknown {
  const version = listOf(fieldsOf(spec)['versions']).find(
    (one) => isJsonRecord(one) && one['name'] === apiVersion && one['served'] === true,
  )
  return fieldsOf(fieldsOf(version)['schema'])['openAPIV3Schema']
}

/** @returns such as `spec.secret.name`; what is in a list has `[]` before its name */
function fieldPaths(schema: unknown, path = ''): readonly string[] {
  if (!isJsonRecord(schema)) return []
  const properties = isJsonRecord(schema['properties']) ? schema['properties'] : {}
  return [
    ...Object.entries(properties).flatMap(([name, inner]) => {
      const at = path === '' ? name : `${path}.${name}`
      return path === '' && name === 'metadata' ? [] : [at, ...fieldPaths(inner, at)]
    }),
    ...fieldPaths(schema['items'], `${path}[]`),
  ]
}

/** @returns one line for each Deployment, or one that says why there is none */
export function checkPods(
  component: 'operator' | 'server',
  found: ClusterAnswer<readonly JsonObject[]>,
): readonly DoctorCheck[] {
  const label = `app.kubernetes.io/component=${component}`
  if (found.kind !== 'found') {
    const cure =
      found.kind === 'forbidden' ? `ask who runs the cluster for: kubectl get deployments -A -l ${label}` : undefined
    return [{ what: component, state: 'unknown', text: lastLine(found.message), ...(cure ? { cure } : {}) }]
  }
  if (found.value.length === 0)
    return [
      { what: component, state: 'missing', text: 'none is installed', cure: `kubectl get deployments -A -l ${label}` },
    ]
  return found.value.map((deployment) => {
    const { name, namespace } = nameOf(deployment)
    const wanted = numberAt(deployment, 'spec', 'replicas') ?? 1
    const ready = numberAt(deployment, 'status', 'readyReplicas') ?? 0
    const text = `${namespace}/${name}: ${ready} of ${wanted} pods are ready`
    return ready >= wanted && ready > 0
      ? { what: component, state: 'ok', text }
      : { what: component, state: 'missing', text, cure: `kubectl -n ${namespace} describe deployment ${name}` }
  })
}

/** @param read gives the Lease of that name */
export function checkLeader(
  operator: JsonObject,
  read: (lease: { readonly namespace: string; readonly name: string }) => ClusterAnswer<JsonObject>,
  now: number,
): DoctorCheck {
  const { namespace } = nameOf(operator)
  const name = `${labelOf(operator, 'app.kubernetes.io/instance') ?? 'nauthera'}-operator`
  const cure = `kubectl -n ${namespace} logs -l app.kubernetes.io/component=operator --tail 50`
  const lease = read({ namespace, name })
  if (lease.kind === 'absent')
    return { what: 'leader', state: 'missing', text: `${namespace}: no operator has led yet`, cure }
  if (lease.kind !== 'found') return { what: 'leader', state: 'unknown', text: lastLine(lease.message) }
  const spec = isJsonRecord(lease.value['spec']) ? lease.value['spec'] : {}
  const { holderIdentity: holder, renewTime, leaseDurationSeconds } = spec
  const renewedAt = typeof renewTime === 'string' ? Date.parse(renewTime) : 0
  const lastsMs = (typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 15) * 1000
  if (typeof holder !== 'string' || holder === '')
    return { what: 'leader', state: 'missing', text: `${namespace}: no operator leads`, cure }
  const text = `${namespace}: ${holder}, renewed ${agoText(renewedAt, now)}`
  // the clocks of this machine and of the cluster may differ a little
  return now - renewedAt <= lastsMs + 15_000
    ? { what: 'leader', state: 'ok', text }
    : { what: 'leader', state: 'missing', text: `${text}: nobody leads any more`, cure }
}

const lastLine = (message: string): string => message.split('\n').at(-1)!

export const labelOf = ({ metadata }: JsonObject, label: string): string | undefined => {
  const labels = isJsonRecord(metadata) && isJsonRecord(metadata['labels']) ? metadata['labels'] : {}
  return typeof labels[label] === 'string' ? labels[label] : undefined
}

export function nameOf({ metadata }: JsonObject): { readonly name: string; readonly namespace: string } {
  const { name, namespace } = isJsonRecord(metadata) ? metadata : {}
  return { name: String(name), namespace: String(namespace) }
}

function numberAt(object: JsonObject, ...[part, field]: readonly [string, string]): number | undefined {
  const found = isJsonRecord(object[part]) ? object[part][field] : undefined
  return typeof found === 'number' ? found : undefined
}
