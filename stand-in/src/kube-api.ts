// A stand-in for the Kubernetes API on loopback: what the operator and `kubectl apply|get|wait|delete|describe|logs` need, and no
// more. contract.ts holds it equal to a real API server.
import type { AddressInfo } from 'node:net'
import { Faults } from './http/faults.ts'
import { createApiServer } from './server.ts'
import { RbacUsers, renderKubeconfig } from './http/users.ts'
import { readDefinitions } from './manifests.ts'
import type { KubeObject } from './objects.ts'
import type { RbacRule } from './http/rbac.ts'
import { everything } from './http/rbac.ts'
import { ServiceAccountKeys } from './service-accounts.ts'
import type { ApiState, ContainerLogs, OpenWatch, RecordedRequest } from './state.ts'
import { Kinds } from './store/kinds.ts'
import type { Resource } from './store/resources.ts'
import { builtInResources, parseCustomResourceDefinition } from './store/resources.ts'
import { ObjectStore } from './store/store.ts'
import { withNameLabel } from './verbs/admission.ts'

export interface KubeApi {
  readonly url: string
  readonly port: number
  readonly store: ObjectStore
  readonly faults: Faults
  /** What signs the tokens of ServiceAccounts. */
  readonly accountKeys: ServiceAccountKeys
  /** Every request since the start, oldest first. */
  readonly requests: readonly RecordedRequest[]
  readonly watches: ReadonlySet<OpenWatch>
  /** @returns the served kind
   *  @throws Error when it is not served */
  resource(plural: string): Resource
  /** @returns the kind that the object is of
   *  @throws Error when it is not served */
  resourceOf(object: KubeObject): Resource
  /** Makes a user with these rights.
   *  @param options.token default: a random one; kubectl takes no other
   *  @returns the user's kubeconfig as YAML */
  addUser(name: string, rules: readonly RbacRule[], options?: { namespace?: string; token?: string }): string
  /** The tokens of this user are taken no more. */
  removeUser(name: string): void
  /** kubeconfig of a user who may do everything. */
  readonly adminConfig: string
  readonly adminToken: string
  /** Puts an object in or over, as the system would: no rights, no validation, status included. */
  set(object: KubeObject): KubeObject
  /** Ends every connection and the server. */
  stop(): Promise<void>
}

/** @param options.port default: any free one
 *  @param options.definitions CustomResourceDefinitions; default: the chart's
 *  @param options.bookmarkMs pause between bookmarks; a real API server takes about a minute
 *  @param options.namespaces there from the start, besides `default`
 *  @param options.state objects of an earlier run, from `store.dump()`
 *  @param options.now the time that answers say; default: the clock of this machine
 *  @param options.onRequest told when a request arrives, before anything is done */
export async function startKubeApi(
  options: {
    port?: number
    definitions?: readonly unknown[]
    bookmarkMs?: number
    namespaces?: readonly string[]
    state?: Parameters<ObjectStore['restore']>[0]
    logs?: ContainerLogs
    now?: () => number
    onRequest?: (request: RecordedRequest) => void
  } = {},
): Promise<KubeApi> {
  const definitions = options.definitions ?? readDefinitions()
  const kinds = new Kinds([...builtInResources, ...definitions.flatMap(parseCustomResourceDefinition)])
  const state: ApiState = {
    kinds,
    store: createStore(kinds, ['default', ...(options.namespaces ?? [])], options.state ?? []),
    users: new RbacUsers(),
    faults: new Faults(),
    accountKeys: new ServiceAccountKeys(),
    requests: [],
    watches: new Set(),
    bookmarkMs: options.bookmarkMs ?? 60_000,
    logs: options.logs,
    now: options.now,
    onRequest: options.onRequest,
  }
  const server = createApiServer(state)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await closed
  }
  return openApi(state, port, stop)
}

function createStore(
  kinds: Kinds,
  namespaces: readonly string[],
  objects: Parameters<ObjectStore['restore']>[0],
): ObjectStore {
  const store = new ObjectStore()
  store.restore(objects, kinds.all)
  const kind = kinds.named('namespaces')
  for (const name of namespaces) {
    if (store.find(kind, undefined, name)) continue
    store.create(kind, withNameLabel({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))
  }
  return store
}

/** What tests and `npm run dev` hold of an API that listens. */
function openApi(state: ApiState, port: number, stop: () => Promise<void>): KubeApi {
  const { store, kinds, users, faults, accountKeys, requests, watches } = state
  const url = `http://127.0.0.1:${port}`
  const configOf = (user: string, token: string, namespace = 'default') =>
    renderKubeconfig({ url, token, user, namespace })
  const adminToken = users.add('admin', everything)
  return {
    url,
    port,
    store,
    faults,
    accountKeys,
    requests,
    watches,
    resource: (plural) => kinds.named(plural),
    resourceOf: (object) => kinds.of(object),
    addUser: (name, rules, { namespace, token } = {}) => configOf(name, users.add(name, rules, token), namespace),
    removeUser: (name) => users.remove(name),
    adminConfig: configOf('admin', adminToken),
    adminToken,
    set: (object) => {
      const resource = kinds.of(object)
      const live = store.find(resource, object.metadata.namespace, object.metadata.name)
      return live ? store.replace(resource, object) : store.create(resource, object)
    },
    stop,
  }
}
