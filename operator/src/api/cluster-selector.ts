// Schema of a choice of tenants of joined clusters.
import { maxClusterName } from '@nauthera/rules/limits'
import { patterns } from './patterns.ts'
import { matchesRule } from './rule-kinds.ts'
import { mapList, object, set, text } from './schema.ts'
import type { TypeOf } from './schema.ts'

export const clusterSelector = (description: string) =>
  mapList(
    description,
    object(
      'A joined cluster, and namespaces there.',
      {
        name: text('Name of its OIDCCluster.', { maxLength: maxClusterName, minLength: 1 }),
        namespaces: set(
          'Namespaces of that cluster; "*" stands for every one.',
          text('Namespace.', {
            maxLength: 63,
            rules: [matchesRule(patterns.namespaceOrAll, 'must be the name of a namespace, or "*" for every one')],
          }),
          // within the budget of the API server for all rules, in lists of lists
          { maxItems: 20, minItems: 1 },
        ),
      },
      {},
    ),
    { maxItems: 20, keys: ['name'] },
  )

export type ClusterSelector = TypeOf<ReturnType<typeof clusterSelector>>
