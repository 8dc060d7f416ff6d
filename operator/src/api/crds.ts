// The CustomResourceDefinitions, rendered from the schemas.
import { apiGroup, apiVersion } from '@nauthera/proto/names'
import { maxClusterName, maxNameLength } from '@nauthera/rules/limits'
import { clientSpec } from './client-rules.ts'
import { clientStatus } from './client-status.ts'
import { clusterSpec, clusterStatus } from './oidc-cluster.ts'
import { policySpec, policyStatus } from './oidc-policy.ts'
import { renderSchema } from './schema.ts'
import type { JsonSchema, Schema } from './schema.ts'

export interface CustomResourceDefinition {
  readonly apiVersion: 'apiextensions.k8s.io/v1'
  readonly kind: 'CustomResourceDefinition'
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly group: string
    readonly names: {
      readonly kind: string
      readonly listKind: string
      readonly plural: string
      readonly singular: string
      readonly shortNames: readonly string[]
      readonly categories: readonly string[]
    }
    readonly scope: 'Namespaced' | 'Cluster'
    readonly versions: readonly {
      readonly name: string
      readonly served: true
      readonly storage: true
      readonly subresources: { readonly status: Readonly<Record<string, never>> }
      readonly additionalPrinterColumns: readonly PrinterColumn[]
      readonly schema: { readonly openAPIV3Schema: JsonSchema }
    }[]
  }
}

export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'boolean' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** 1 = only with `-o wide`. */
  readonly priority?: 1
}

const column = (
  name: string,
  jsonPath: string,
  description: string,
  wide: 'wide' | 'always' = 'always',
): PrinterColumn => ({
  name,
  type: 'string',
  jsonPath,
  description,
  ...(wide === 'wide' ? { priority: 1 as const } : {}),
})
const age: PrinterColumn = {
  name: 'AGE',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since the object was created.',
}
const ready = (field: 'status' | 'reason'): string => `.status.conditions[?(@.type=="Ready")].${field}`

const clientColumns: readonly PrinterColumn[] = [
  column('TYPE', '.spec.type', 'Kind of client.'),
  column('CLIENT-ID', '.status.clientId', 'Client id in effect.'),
  column('SECRET', '.status.secret.name', 'Secret that the application mounts.'),
  column('LOADED', '.status.replicas.summary', 'Replicas that have this version live.'),
  {
    name: 'SUSPENDED',
    type: 'boolean',
    jsonPath: '.spec.suspended',
    description: 'Nobody can use it, because its owner wants it so.',
  },
  column('NEXT-ROTATION', '.status.secret.nextRotation', 'When the next scheduled rotation begins.'),
  column('READY', ready('status'), 'Live on every replica, and its Secret is there.'),
  age,
  column('REASON', ready('reason'), 'Why it is ready or not.', 'wide'),
  column('REFUSED', '.status.refusals[0].code', 'The kind of refused request that is worth a look first.', 'wide'),
  column('POLICY', '.status.policySummary', 'Policies that hold.', 'wide'),
  column('ISSUER', '.status.issuer', 'Issuer that serves it.', 'wide'),
]

const policyColumns: readonly PrinterColumn[] = [
  column('ENFORCEMENT', '.spec.enforcement', 'What happens to a client that breaks it.'),
  {
    name: 'CLIENTS',
    type: 'integer',
    jsonPath: '.status.releases[*].matchedClients',
    description: 'How many clients of the first release it applies to.',
  },
  {
    name: 'VIOLATING',
    type: 'integer',
    jsonPath: '.status.releases[*].violatingClients',
    description: 'How many of them break it.',
  },
  age,
]

const clusterColumns: readonly PrinterColumn[] = [
  { name: 'CLIENTS', type: 'integer', jsonPath: '.status.clients', description: 'OIDCClients of the cluster.' },
  { name: 'READY', type: 'integer', jsonPath: '.status.ready', description: 'How many of them are Ready.' },
  {
    name: 'LAST-SEEN',
    type: 'date',
    jsonPath: '.status.lastSeen',
    description: 'Time since the operator there was heard of.',
  },
  {
    name: 'SUSPENDED',
    type: 'boolean',
    jsonPath: '.spec.suspended',
    description: 'Nobody can use any client of the cluster.',
  },
  age,
  column('VERSION', '.status.operatorVersion', 'Version of the operator there.', 'wide'),
  column(
    'HOLDER',
    '.status.holder',
    'Who writes here: the uid of kube-system of the cluster, and the release of its operator.',
    'wide',
  ),
]

function definition(options: {
  kind: string
  plural: string
  shortName: string
  scope: 'Namespaced' | 'Cluster'
  description: string
  spec: Schema<unknown>
  status: Schema<unknown>
  columns: readonly PrinterColumn[]
  /** Characters of metadata.name. */
  maxName?: number
}): CustomResourceDefinition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${options.plural}.${apiGroup}` },
    spec: {
      group: apiGroup,
      names: {
        kind: options.kind,
        listKind: `${options.kind}List`,
        plural: options.plural,
        singular: options.kind.toLowerCase(),
        shortNames: [options.shortName],
        categories: ['nauthera'],
      },
      scope: options.scope,
      versions: [
        {
          name: apiVersion,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: options.columns,
          schema: { openAPIV3Schema: rootSchema(options) },
        },
      ],
    },
  }
}

function rootSchema({
  description,
  spec,
  status,
  maxName = maxNameLength,
}: Pick<Parameters<typeof definition>[0], 'description' | 'spec' | 'status' | 'maxName'>): JsonSchema {
  return {
    type: 'object',
    description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: `${apiGroup}/${apiVersion}.` },
      kind: { type: 'string', description: 'Kind of the object.' },
      metadata: { type: 'object', properties: { name: { type: 'string', maxLength: maxName } } },
      spec: renderSchema(spec),
      status: renderSchema(status),
    },
  }
}

export const clientDefinition = definition({
  kind: 'OIDCClient',
  plural: 'oidcclients',
  shortName: 'nclient',
  scope: 'Namespaced',
  description: 'An application that people sign in to, or that asks for tokens for itself.',
  spec: clientSpec,
  status: clientStatus,
  columns: clientColumns,
})

export const policyDefinition = definition({
  kind: 'OIDCPolicy',
  plural: 'oidcpolicies',
  shortName: 'npolicy',
  scope: 'Cluster',
  description: 'Limits and defaults for OIDCClients, set by those who run the cluster.',
  spec: policySpec,
  status: policyStatus,
  columns: policyColumns,
})

export const clusterDefinition = definition({
  kind: 'OIDCCluster',
  plural: 'oidcclusters',
  shortName: 'oidccl',
  scope: 'Cluster',
  description: 'Another cluster whose OIDCClients this issuer serves.',
  spec: clusterSpec,
  status: clusterStatus,
  columns: clusterColumns,
  maxName: maxClusterName,
})
