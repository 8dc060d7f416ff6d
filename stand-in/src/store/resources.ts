import type { ObjectSchema, KubeObject } from '../objects.ts'
import type { ResourceNames } from '../refusals.ts'
import { isRecord } from '../objects.ts'

/** A column of `kubectl get`. `path` is the JSONPath of an additionalPrinterColumn. */
interface Column {
  name: string
  type: string
  description: string
  /** 0 is always shown; more is shown with `-o wide`. */
  priority: number
  value: ((object: KubeObject) => unknown) | { path: string }
}

/** One kind that is served. */
export interface Resource extends ResourceNames {
  version: string
  singular: string
  namespaced: boolean
  shortNames: readonly string[]
  categories: readonly string[]
  /** Served below `/status` and left out of ordinary writes. */
  hasStatus: boolean
  /** `metadata.generation` counts the changes of what is neither metadata nor status. */
  hasGeneration: boolean
  /** Absent: taken as it is. */
  schema?: ObjectSchema
  columns: readonly Column[]
}

export const groupVersion = ({ group, version }: { group: string; version: string }): string =>
  group === '' ? version : `${group}/${version}`

const ageColumn: Column = {
  name: 'Age',
  type: 'date',
  description: 'When it was created',
  priority: 0,
  value: { path: '.metadata.creationTimestamp' },
}
const column = (name: string, value: (object: KubeObject) => unknown): Column => ({
  name,
  type: 'string',
  description: name,
  priority: 0,
  value,
})

const builtIn = (
  names: Pick<Resource, 'group' | 'version' | 'plural' | 'singular' | 'kind'> & Partial<Resource>,
): Resource => ({
  namespaced: true,
  shortNames: [],
  categories: [],
  hasStatus: false,
  hasGeneration: false,
  columns: [ageColumn],
  ...names,
})

interface PodStatus {
  phase?: string
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
}
interface ContainerStatus {
  ready?: boolean
  restartCount?: number
  started?: boolean
}

const podContainers = (object: KubeObject): ContainerStatus[] => {
  const status = (object['status'] ?? {}) as PodStatus
  return [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
}

/** The built-in kinds that the operator, the chart's pods and kubectl need. */
export const builtInResources: readonly Resource[] = [
  builtIn({
    group: '',
    version: 'v1',
    plural: 'namespaces',
    singular: 'namespace',
    kind: 'Namespace',
    namespaced: false,
    shortNames: ['ns'],
    columns: [column('Status', () => 'Active'), ageColumn],
  }),
  builtIn({
    group: '',
    version: 'v1',
    plural: 'secrets',
    singular: 'secret',
    kind: 'Secret',
    columns: [
      column('Type', (object) => object['type']),
      {
        ...column('Data', (object) => Object.keys((object['data'] as object | undefined) ?? {}).length),
        type: 'integer',
      },
      ageColumn,
    ],
  }),
  builtIn({
    group: '',
    version: 'v1',
    plural: 'pods',
    singular: 'pod',
    kind: 'Pod',
    shortNames: ['po'],
    categories: ['all'],
    hasStatus: true,
    columns: [
      column('Ready', (object) => {
        const containers = podContainers(object)
        return `${containers.filter(({ ready }) => ready).length}/${containers.length}`
      }),
      column('Status', (object) => (object['status'] as PodStatus | undefined)?.phase ?? 'Pending'),
      {
        ...column('Restarts', (object) =>
          podContainers(object).reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
        ),
        type: 'integer',
      },
      ageColumn,
    ],
  }),
  builtIn({
    group: '',
    version: 'v1',
    plural: 'configmaps',
    singular: 'configmap',
    kind: 'ConfigMap',
    shortNames: ['cm'],
    columns: [
      {
        ...column('Data', ({ data }) => Object.keys({ ...(isRecord(data) ? data : {}) }).length),
        type: 'string',
      },
      ageColumn,
    ],
  }),
  builtIn({
    group: '',
    version: 'v1',
    plural: 'serviceaccounts',
    singular: 'serviceaccount',
    kind: 'ServiceAccount',
    shortNames: ['sa'],
    columns: [ageColumn],
  }),
  builtIn({
    group: '',
    version: 'v1',
    plural: 'events',
    singular: 'event',
    kind: 'Event',
    shortNames: ['ev'],
    columns: [
      { ...column('Last Seen', (object) => object['lastTimestamp']), type: 'date' },
      column('Type', (object) => object['type']),
      column('Reason', (object) => object['reason']),
      column('Object', (object) => {
        const involved = isRecord(object['involvedObject']) ? object['involvedObject'] : {}
        return `${String(involved['kind']).toLowerCase()}/${String(involved['name'])}`
      }),
      column('Message', (object) => object['message']),
    ],
  }),
  builtIn({
    group: 'networking.k8s.io',
    version: 'v1',
    plural: 'ingresses',
    singular: 'ingress',
    kind: 'Ingress',
    shortNames: ['ing'],
    hasStatus: true,
    hasGeneration: true,
  }),
  builtIn({
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    singular: 'lease',
    kind: 'Lease',
    columns: [
      column('Holder', (object) => (object['spec'] as { holderIdentity?: string } | undefined)?.holderIdentity ?? ''),
      ageColumn,
    ],
  }),
]

interface CustomResourceDefinition {
  spec: {
    group: string
    scope: string
    names: { plural: string; singular?: string; kind: string; shortNames?: string[]; categories?: string[] }
    versions: {
      name: string
      served: boolean
      schema?: { openAPIV3Schema?: ObjectSchema }
      subresources?: { status?: object }
      additionalPrinterColumns?: {
        name: string
        type: string
        description?: string
        priority?: number
        jsonPath: string
      }[]
    }[]
  }
}

/** @returns the kinds that a CustomResourceDefinition defines, one a served version */
export function parseCustomResourceDefinition(definition: unknown): Resource[] {
  const { spec } = definition as CustomResourceDefinition
  return spec.versions
    .filter(({ served }) => served)
    .map((version) => ({
      group: spec.group,
      version: version.name,
      plural: spec.names.plural,
      singular: spec.names.singular ?? spec.names.kind.toLowerCase(),
      kind: spec.names.kind,
      namespaced: spec.scope === 'Namespaced',
      shortNames: spec.names.shortNames ?? [],
      categories: spec.names.categories ?? [],
      hasStatus: version.subresources?.status !== undefined,
      hasGeneration: true,
      ...(version.schema?.openAPIV3Schema ? { schema: version.schema.openAPIV3Schema } : {}),
      columns: version.additionalPrinterColumns
        ? version.additionalPrinterColumns.map(({ name, type, description = '', priority = 0, jsonPath }) => ({
            name,
            type,
            description,
            priority,
            value: { path: jsonPath },
          }))
        : [ageColumn],
    }))
}
