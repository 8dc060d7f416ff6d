// Each field of an OIDCCluster: what it takes, what it refuses with which words, and the test that shows that it does something.
import type { FieldRow } from './field-row.ts'

const moves = 'operator/test/moves.integration.test.ts'
const moving = {
  moved: [
    {
      clientId: 'edge_shop.web',
      from: { namespace: 'shop', name: 'web' },
      to: { namespace: 'nauthera-cluster-edge', name: 'shop.web', uid: 'a-uid' },
    },
  ],
}
const mirrors = 'operator/test/mirrors.integration.test.ts'

// a row is a line
// prettier-ignore
export const clusterRows: readonly FieldRow[] = [
  ['suspended', true, 'yes', 'spec.suspended: must be of type boolean: "string"', mirrors, 'a suspended cluster suspends all its clients', {}],
  ['serviceAccountKeys', true, 'yes', 'spec.serviceAccountKeys: must be of type boolean: "string"', mirrors, 'a ServiceAccount of a cluster whose keys are believed', {}],
  ['keyIds', ['ab12'.repeat(10) + '-_A'], ['berlin'], 'spec.keyIds[0]: must be the kid of a key of ServiceAccounts, of 43 characters', 'operator/test/decide/cluster-keys.test.ts', 'T33 takes a listed key at once', {}],
  ['trustNamespaceLabels', true, 'yes', 'spec.trustNamespaceLabels: must be of type boolean: "string"', 'operator/test/decide/policies.test.ts', 'opens nothing by labels that nobody trusts', {}],
  ['moved[].clientId', 'edge_shop.web', 'x', 'spec.moved[0].clientId: should be at least 3 chars long', moves, 'from a joined cluster to the hub', moving],
  ['moved[].from.namespace', 'shop', '', 'spec.moved[0].from.namespace: should be at least 1 chars long', moves, 'takes no id from a third one', moving],
  ['moved[].from.name', 'web', '', 'spec.moved[0].from.name: should be at least 1 chars long', moves, 'takes no id from a third one', moving],
  ['moved[].to.namespace', 'shop', '', 'spec.moved[0].to.namespace: should be at least 1 chars long', moves, 'A hostile cluster moves nobody', moving],
  ['moved[].to.name', 'web', '', 'spec.moved[0].to.name: should be at least 1 chars long', moves, 'A hostile cluster moves nobody', moving],
  ['moved[].to.uid', '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11', '', 'spec.moved[0].to.uid: should be at least 1 chars long', moves, 'A hostile cluster moves nobody', moving],
  ['limits.clients', 10, -1, 'spec.limits.clients: should be greater than or equal to 0', mirrors, 'a cluster as a whole has a limit of clients', {}],
  ['limits.bytesPerShard', 65_536, 1023, 'spec.limits.bytesPerShard: should be greater than or equal to 1024', 'operator/test/shards/plan-shard.test.ts', 'so has a joined cluster as a whole', {}],
]
