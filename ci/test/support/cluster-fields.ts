import type { FieldRow } from './field-row.ts'

// Each field of an OIDCCluster: what it takes, what it refuses with which words, and the test that shows that it does something.

const tenants = 'rules/test/tenants.test.ts'

// a row is a line
// prettier-ignore
export const clusterRows: readonly FieldRow[] = [
  ['suspended', true, 'yes', 'spec.suspended: must be of type boolean: "string"', tenants, 'is the cluster and the namespace there of a mirror', {}],
  ['serviceAccountKeys', true, 'yes', 'spec.serviceAccountKeys: must be of type boolean: "string"', tenants, 'is the cluster and the namespace there of a mirror', {}],
  ['trustNamespaceLabels', true, 'yes', 'spec.trustNamespaceLabels: must be of type boolean: "string"', tenants, 'is the cluster and the namespace there of a mirror', {}],
  ['limits.clients', 10, -1, 'spec.limits.clients: should be greater than or equal to 0', tenants, 'is the cluster and the namespace there of a mirror', {}],
  ['limits.bytesPerShard', 65_536, 1023, 'spec.limits.bytesPerShard: should be greater than or equal to 1024', tenants, 'is the cluster and the namespace there of a mirror', {}],
]
