import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { annotations, shardCount, shardSecretName } from '@nauthera/proto/names'
import { startFront } from '@nauthera/local/product/front'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import type { ServerPod } from '@nauthera/local/product/pod'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { releaseNamespace, startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { parseCredentials } from '@nauthera/local/product/token'
import type { Credentials } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { password } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import { callback, person } from './load.ts'

// The whole product with three replicas, the clients that the load uses, and a front that a test can take a replica out of, as the
// endpoints of a Service do before a pod gets its TERM.

export const namespace = 'demo'

export interface Chain {
  readonly directory: string
  readonly stack: Stack
  readonly kube: KubeClient
  /** For Browser and send: every request goes through the front. */
  readonly front: Target
  /** Of every process, the database included. */
  readonly lines: readonly string[]
  /** Adds a line of a process that a test started itself. */
  note(line: string): void
  /** What no line, status, event or metric may show: read and minted secrets, tokens, codes, passwords. */
  readonly planted: Set<string>
  /** New connections go to the other replicas until `undo`. */
  takeOut(pod: ServerPod): { undo(): void }
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
  credentials(name: string): Credentials
  secretId(name: string): string | undefined
  /** Resolves when the Secret holds another value than `from`. */
  published(name: string, from: string | undefined, timeoutMs?: number): Promise<void>
  /** Resource versions of the 16 shards, the manifest and the applications' Secrets. */
  secretVersions(): Readonly<Record<string, string>>
  stop(): Promise<void>
}

export const machine = { type: 'M2M', audiences: ['https://reports.example.com'] }
const web = { type: 'Web', redirectURIs: [callback], scopes: ['openid', 'profile', 'email', 'offline_access'] }
const addPerson =
  `users add ${person} --email ${person}@example.com --email-verified --name Ada --password-stdin`.split(' ')
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** @param options.keep the database's files outlive `stack.database.stop()`, for tests that start it again */
export async function startChain(options: { keep?: boolean; serverSettings?: object } = {}): Promise<Chain> {
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const directory = mkdtempSync(join(root, '.nauthera/faults-'))
  // the database's account is another one, and passes through
  chmodSync(directory, 0o711)
  reapDirectory(directory)
  const lines: string[] = []
  const planted = new Set<string>([password])
  const stack = await startStack({
    directory,
    replicas: 3,
    namespaces: [namespace],
    ...(options.keep ? { keep: true } : {}),
    ...(options.serverSettings ? { serverSettings: options.serverSettings } : {}),
    onLine: (process, line) => void lines.push(`${process}: ${line}`),
  })
  planted.add(new URL(stack.database.url).password)
  const out = new Set<ServerPod>()
  const takeTraffic = () => stack.pods.filter((pod) => pod.ready && !out.has(pod)).map(({ port }) => port)
  const front = await startFront({ port: 0, backends: takeTraffic })
  const kube = createKubeClient(stack.api.adminConfig)
  const path = (name: string) => `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`
  const secret = (name: string) =>
    stack.api.store.find(stack.api.resource('secrets'), namespace, `${name}-oidc`) as Json
  const client = (name: string) => stack.api.store.get(stack.api.resource('oidcclients'), namespace, name) as Json

  const call = async (name: string, body: object, contentType: string, query = {}) => {
    const answer = await kube.call('PATCH', path(name), { body, contentType, query })
    if (answer.status >= 300) throw new Error(`${name}: ${answer.status} ${String(answer.body.message)}`)
  }
  const chain: Chain = {
    directory,
    stack,
    kube,
    front: { issuer: stack.issuer, origin: () => `http://127.0.0.1:${front.port}` },
    lines,
    note: (line) => void lines.push(line),
    planted,
    takeOut: (pod) => {
      out.add(pod)
      return { undo: () => void out.delete(pod) }
    },
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
      await chain.apply(name, spec)
      await chain.ready(name)
    },
    patch: (name, body) => call(name, body, 'application/merge-patch+json'),
    generations: (name) => {
      const { metadata, status } = client(name)
      const ready = (status?.conditions as Json[] | undefined)?.find(({ type }) => type === 'Ready')
      return { now: metadata.generation, ready: ready?.status === 'True' ? status.observedGeneration : undefined }
    },
    rotate: (name) =>
      chain.patch(name, { metadata: { annotations: { [annotations.rotate]: new Date().toISOString() } } }),
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
      const holds = () => ![undefined, from].includes(chain.secretId(name))
      await waitForObject(stack.api, 'secrets', { namespace, name: `${name}-oidc` }, holds, timeoutMs)
      chain.credentials(name)
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
    stop: async () => {
      await front.stop()
      await stack.stop()
    },
  }
  try {
    await runToEnd({
      name: 'nauthera users add',
      script: 'server/src/cli/main.ts',
      args: addPerson.concat('--settings', stack.serverSettings),
      input: password,
    })
    await Promise.all([
      chain.applyAndWait('web', web),
      chain.applyAndWait('machine', machine),
      chain.applyAndWait('edited', machine),
    ])
    return chain
  } catch (error) {
    await chain.stop()
    throw error
  }
}
