// A real operator on the stand-in API, and three real servers that serve what it stores: what objects and policies say comes out as answers.
import { startCluster } from '@nauthera/harness/operator/cluster'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { basic, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { RegisteredClient } from '@nauthera/server/clients/registered-client'
import { ServingReplica } from './serving-replica.ts'

export interface ServedCluster {
  readonly cluster: Cluster
  readonly operator: TestOperator
  putNamespace(name: string, labels: Readonly<Record<string, string>>): void
  putPolicy(name: string, spec: object): void
  /** The client as each of the replicas has it. */
  servedBy(clientId: string): readonly (RegisteredClient | undefined)[]
  /** A request of a client with the secret that is in its Secret. */
  ask(clientId: string, path: '/token' | '/introspect', form: Record<string, string>, replica: number): Promise<Answer>
  stop(): Promise<void>
}

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** Each client may have what it asks for, unless another policy says no. */
const baseline = {
  allow: {
    resourceServer: true,
    tokenExchange: true,
    consent: ['Explicit', 'Remember', 'Skip'],
    audiences: undefined,
  },
}

/** @param replicas that serve from then on what is stored in this cluster */
export async function startServedCluster(replicas: ServerReplicas): Promise<ServedCluster> {
  const cluster = await startCluster()
  const { api } = cluster
  const serving = replicas.apps.map(
    ({ checkClient, registry }) =>
      new ServingReplica({
        api,
        release,
        namespace: releaseNamespace,
        checkClient,
        serve: (next) => registry.swap(next),
      }),
  )
  api.store.onChange(({ resource, object }) => {
    if (resource.plural !== 'secrets' || object.metadata.namespace !== releaseNamespace) return
    for (const replica of serving) replica.follow()
  })
  await Promise.all(['server-a', 'server-b', 'server-c'].map((name) => cluster.startReplica(name)))
  const operator = cluster.startOperator({ settings: { watch: { mode: 'cluster' }, policy: baseline } })
  await operator.leading
  return {
    cluster,
    operator,
    putNamespace: (name, labels) => api.set({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }),
    putPolicy: (name, spec) =>
      api.set({ apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCPolicy', metadata: { name }, spec }),
    servedBy: (clientId) => serving.map((replica) => replica.find(clientId)),
    ask: (clientId, path, form, replica) => {
      const [namespace = '', name = ''] = clientId.split('.')
      return send(replicas, {
        replica,
        path,
        form,
        headers: basic(clientId, cluster.plain(name, namespace) ?? 'it has no Secret, and so nobody knows a secret'),
      })
    },
    stop: () => cluster.stop(),
  }
}
