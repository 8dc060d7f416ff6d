import { annotations, shardCount, shardSecretName } from '@nauthera/proto/names'
import { releaseNamespace } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { parseCredentials } from '@nauthera/local/product/token'
import type { MachineCredentials } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'

export const namespace = 'demo'

/** The OIDCClients of a chain and their Secrets, as people and applications meet them. */
export interface ChainClients {
  apply(name: string, spec: object): Promise<void>
  /** Applies and waits until every replica has it. */
  applyAndWait(name: string, spec: object): Promise<void>
  patch(name: string, body: object): Promise<void>
  /** Generation of the OIDCClient, and the one that its condition Ready is about when that holds. */
  generations(name: string): { now: number; ready: number | undefined }
  /** Asks for a rotation as a person does. */
  rotate(name: string): Promise<void>
  ready(name: string, timeoutMs?: number): Promise<void>
  /** What the application reads now. */
  credentials(name: string): MachineCredentials
  secretId(name: string): string | undefined
  /** Resolves when the Secret holds another value than `from`. */
  published(name: string, from: string | undefined, timeoutMs?: number): Promise<void>
  /** Resource versions of the 16 shards, the manifest and the applications' Secrets. */
  secretVersions(): Readonly<Record<string, string>>
}

/** @param planted gets each client secret that is read */
export function createChainClients(stack: Stack, kube: KubeClient, planted: Set<string>): ChainClients {
  const path = (name: string) => `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`
  const secret = (name: string) =>
    stack.api.store.find(stack.api.resource('secrets'), namespace, `${name}-oidc`) as Json
  const client = (name: string) => stack.api.store.get(stack.api.resource('oidcclients'), namespace, name) as Json

  const call = async (name: string, body: object, contentType: string, query = {}) => {
    const answer = await kube.call('PATCH', path(name), { body, contentType, query })
    if (answer.status >= 300) throw new Error(`${name}: ${answer.status} ${String(answer.body.message)}`)
  }
  const clients: ChainClients = {
    apply: (name, spec) => {
      const object = {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name, namespace },
        spec,
      }
      return call(name, object, 'application/apply-patch+yaml', { fieldManager: 'test', force: true })
    },
    applyAndWait: async (name, spec) => {
      await clients.apply(name, spec)
      await clients.ready(name)
    },
    patch: (name, body) => call(name, body, 'application/merge-patch+json'),
    generations: (name) => {
      const { metadata, status } = client(name)
      const ready = (status?.conditions as Json[] | undefined)?.find(({ type }) => type === 'Ready')
      return { now: metadata.generation, ready: ready?.status === 'True' ? status.observedGeneration : undefined }
    },
    rotate: (name) =>
      clients.patch(name, { metadata: { annotations: { [annotations.rotate]: new Date().toISOString() } } }),
    ready: async (name, timeoutMs = 20_000) => {
      await waitForObject(stack.api, 'oidcclients', { namespace, name }, isReady, timeoutMs)
    },
    credentials: (name) => {
      const credentials = parseCredentials(secret(name)?.data)
      planted.add(credentials.clientSecret)
      return credentials
    },
    secretId: (name) => secret(name)?.metadata.annotations?.[annotations.secretId],
    published: async (name, from, timeoutMs = 20_000) => {
      const holds = () => ![undefined, from].includes(clients.secretId(name))
      await waitForObject(stack.api, 'secrets', { namespace, name: `${name}-oidc` }, holds, timeoutMs)
      clients.credentials(name)
    },
    secretVersions: () => {
      const own = stack.api.store.all(stack.api.resource('secrets'), releaseNamespace)
      const shards = new Set(Array.from({ length: shardCount }, (_, shard) => shardSecretName('nauthera', shard)))
      const all = [
        ...own.filter(({ metadata }) => shards.has(metadata.name) || metadata.name.endsWith('manifest')),
        ...stack.api.store.all(stack.api.resource('secrets'), namespace),
      ]
      return Object.fromEntries(all.map(({ metadata }) => [metadata.name, String(metadata.resourceVersion)]))
    },
  }
  return clients
}
