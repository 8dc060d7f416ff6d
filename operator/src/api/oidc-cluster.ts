// Schema of the OIDCCluster: another cluster whose OIDCClients this issuer serves.
import { clusterLimits } from '@nauthera/rules/limits'
import { conditionFields } from './client-status.ts'
import { count, observedGeneration } from './field-kinds.ts'
import { patterns } from './patterns.ts'
import { matchesRule } from './rule-kinds.ts'
import { flag, integer, list, mapList, object, set, text, time } from './schema.ts'
import type { TypeOf } from './schema.ts'

const place = {
  namespace: text('Its namespace: nauthera-cluster-<name> for a client of a joined cluster.', {
    maxLength: 63,
    minLength: 1,
  }),
  name: text('Its name: <namespace>.<name> of its origin for a client of a joined cluster.', {
    maxLength: 253,
    minLength: 1,
  }),
}

export const clusterSpec = object(
  'What the clients of the cluster may have.',
  {},
  {
    suspended: flag('Stops sign-ins and tokens of every client of the cluster; each keeps its id and secrets.', {
      default: false,
    }),
    serviceAccountKeys: flag(
      "Believes the keys that the cluster publishes: its clients may then prove themselves with tokens of its ServiceAccounts, and nobody else's clients can.",
      { default: false },
    ),
    keyIds: set(
      "Ids of the keys of its ServiceAccounts that are this cluster's for sure: `kid` in what `kubectl get --raw /openid/v1/jwks` prints there. Needed only when another cluster published one of them first: a key whose id is listed here is no other joined cluster's.",
      text('Id of a key: SHA-256 of the public key, in base64url.', {
        maxLength: 43,
        rules: [matchesRule(patterns.keyId, 'must be the kid of a key of ServiceAccounts, of 43 characters')],
      }),
      { maxItems: 8 },
    ),
    trustNamespaceLabels: flag(
      'Believes what the cluster says of the labels of its namespaces. Without it a policy that selects by labels limits its clients and opens nothing for them.',
      { default: false },
    ),
    moved: mapList(
      'Clients that came to this cluster, or left it for the cluster of the issuer. Each keeps its client id and its consents, and the earlier secrets are valid for an overlap. `kubectl nauthera cluster move` writes this list.',
      object(
        'A client that moved.',
        {
          clientId: text('The client id that it keeps; its spec.clientId says the same.', {
            maxLength: 200,
            minLength: 3,
          }),
          from: object('The object that it was, in the cluster of the issuer.', place, {}),
          to: object(
            'The object that it is now, in the cluster of the issuer.',
            {
              ...place,
              uid: text(
                'Uid of the object of the team: spec.origin.uid of a mirror, else metadata.uid. One that is made again inherits nothing.',
                {
                  maxLength: 128,
                  minLength: 1,
                },
              ),
            },
            {},
          ),
        },
        {},
      ),
      { maxItems: 1_000, keys: ['clientId'] },
    ),
    limits: object(
      'What the cluster may have as a whole. Each of its namespaces has its own share within that, as policies say.',
      {},
      {
        clients: integer(
          `How many OIDCClients. New ones above that are refused; one that is served stays. Default: ${clusterLimits.clients}.`,
          { minimum: 0, maximum: 100_000 },
        ),
        bytesPerShard: integer(
          `How many bytes its clients may take together in one of the 16 shards, compressed. Default: ${clusterLimits.shardBytes}.`,
          { minimum: 1024, maximum: 700 * 1024 },
        ),
      },
    ),
  },
)

export const clusterStatus = object(
  'What the operator found out.',
  {},
  {
    observedGeneration: observedGeneration('this status'),
    lastSeen: time('When the operator of the cluster was last heard of. It is written every few minutes.'),
    holder: text(
      'Who writes here: <uid>/<namespace>/<release>, with the uid of the namespace kube-system of the cluster, and the release of its operator.',
      { maxLength: 253 },
    ),
    operatorVersion: text('Version of the operator there.', { maxLength: 64 }),
    clients: count('How many OIDCClients of the cluster there are.'),
    ready: count('How many of them are Ready.'),
    conditions: list('Seen, Accepted.', conditionFields, { maxItems: 8 }),
  },
)

export type OIDCClusterSpec = TypeOf<typeof clusterSpec>
export type OIDCClusterStatus = TypeOf<typeof clusterStatus>

/** Cluster-scoped. */
export interface OIDCCluster {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly generation?: number
    readonly resourceVersion?: string
    readonly creationTimestamp?: string
  }
  readonly spec: OIDCClusterSpec
  readonly status?: OIDCClusterStatus
}
