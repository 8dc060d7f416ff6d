import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments, stringify } from 'yaml'
import { discover } from './discovery.ts'
import { Faults, refusalOf } from './faults.ts'
import type { KubeObject } from './objects.ts'
import { Refusal, isRecord } from './objects.ts'
import { protobufType, readProtobuf } from './protobuf.ts'
import type { Rule, User } from './rbac.ts'
import { authorize, everything } from './rbac.ts'
import type { ApiRequest } from './request.ts'
import { parseRequest } from './request.ts'
import type { Resource } from './resources.ts'
import { builtInResources, groupVersion, parseCustomResourceDefinition } from './resources.ts'
import { parseFieldSelector, parseLabelSelector } from './selectors.ts'
import { Store } from './store.ts'
import { renderTable } from './table.ts'
import type { OpenWatch } from './watch.ts'
import { askedInitialEvents, invalidOptions, serveWatch } from './watch.ts'
import { write } from './writes.ts'

// A stand-in for the Kubernetes API on loopback: what the operator and `kubectl apply|get|wait|delete|describe|logs` need, and no
// more. test/contract.ts holds it equal to a real API server.

export interface RecordedRequest extends ApiRequest {
  readonly user: string
  /** Status of the answer; undefined while it is open, and for ever when a fault kept it back. */
  code?: number
}

/** What a container wrote, for `kubectl logs`. */
export type ContainerLogs = (query: {
  namespace: string
  pod: string
  container: string | undefined
  follow: boolean
  tailLines: number | undefined
  signal: AbortSignal
}) => AsyncIterable<string> | undefined

export interface KubeApi {
  readonly url: string
  readonly port: number
  readonly store: Store
  readonly faults: Faults
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
   *  @returns the user's kubeconfig as YAML */
  addUser(name: string, rules: readonly Rule[], options?: { namespace?: string }): string
  /** kubeconfig of a user who may do everything. */
  readonly adminConfig: string
  readonly adminToken: string
  /** Puts an object in or over, as the system would: no rights, no validation, status included. */
  put(object: KubeObject): KubeObject
  /** Ends every connection and the server. */
  stop(): Promise<void>
}

const root = fileURLToPath(new URL('../..', import.meta.url))
const maxBodyBytes = 3 * 1024 * 1024

/** @param options.port default: any free one
 *  @param options.definitions CustomResourceDefinitions; default: the chart's
 *  @param options.bookmarkMs pause between bookmarks; a real API server takes about a minute
 *  @param options.namespaces there from the start, besides `default`
 *  @param options.onRequest told when a request arrives, before anything is done */
export async function startKubeApi(
  options: {
    port?: number
    definitions?: readonly unknown[]
    bookmarkMs?: number
    namespaces?: readonly string[]
    state?: Parameters<Store['restore']>[0]
    logs?: ContainerLogs
    onRequest?: (request: RecordedRequest) => void
  } = {},
): Promise<KubeApi> {
  const definitions = options.definitions ?? readDefinitions()
  const resources = [...builtInResources, ...definitions.flatMap(parseCustomResourceDefinition)]
  const store = new Store()
  store.restore(options.state ?? [], resources)
  const namespaceKind = resources.find(({ kind }) => kind === 'Namespace')!
  const hasNamespace = (name: string) => store.find(namespaceKind, undefined, name) !== undefined
  for (const name of ['default', ...(options.namespaces ?? [])]) {
    const metadata = { name, labels: { 'kubernetes.io/metadata.name': name } }
    if (!hasNamespace(name)) store.create(namespaceKind, { apiVersion: 'v1', kind: 'Namespace', metadata })
  }
  const users = new Map<string, User>()
  const faults = new Faults()
  const requests: RecordedRequest[] = []
  const watches = new Set<OpenWatch>()
  const find = (group: string, version: string, plural: string) =>
    resources.find((one) => one.group === group && one.version === version && one.plural === plural)

  const server = createServer((incoming, response) => {
    void handle(incoming, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy()
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', describe(error))
      const retry = refusal.retryAfterSeconds === undefined ? {} : { 'retry-after': String(refusal.retryAfterSeconds) }
      answer(response, refusal.code, refusal.toStatus(), retry)
    })
  })
  server.keepAliveTimeout = 60_000

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(incoming)
    const { token, url } = findToken(incoming)
    const user = users.get(token)
    const parsed = parseRequest(
      { method: incoming.method!, url, userAgent: incoming.headers['user-agent'] ?? '' },
      find,
    )
    const request: RecordedRequest = { ...parsed, user: user?.name ?? '' }
    requests.push(request)
    options.onRequest?.(request)
    response.once('finish', () => (request.code = response.statusCode))

    const effect = faults.meet(request)
    if (effect?.kind === 'silence') return
    if (effect?.kind === 'reset') return void incoming.socket.resetAndDestroy()
    if (effect?.kind === 'refuse') throw refusalOf(effect)
    if (effect?.kind === 'answer') return answer(response, effect.code ?? 200, effect.body)
    if (effect?.kind === 'delay') await new Promise((resolve) => setTimeout(resolve, effect.ms))
    if (!user) throw new Refusal(401, 'Unauthorized', 'Unauthorized')
    authorize(user, request)
    if (effect?.kind === 'lose-answer') {
      serveResource(request, { body, incoming, response: muteResponse(response), user })
      return void incoming.socket.resetAndDestroy()
    }
    serveResource(request, { body, incoming, response, user })
  }

  const serveResource = (
    request: ApiRequest,
    {
      body,
      incoming,
      response,
      user,
    }: { body: Buffer; incoming: IncomingMessage; response: ServerResponse; user: User },
  ): void => {
    const { resource, verb, namespace, name, subresource, query } = request
    if (!resource) return serveRest(request, response)
    if (resource.kind === 'Pod' && subresource === 'log' && verb === 'get') return serveLogs(request, response)
    if (subresource !== undefined && !(subresource === 'status' && resource.hasStatus)) throw unknownPath()
    const wantsTable = (incoming.headers.accept ?? '').includes('as=Table')
    const one = (object: KubeObject) => (wantsTable ? renderTable(resource, [object], {}) : object)
    if (verb === 'get') return answer(response, 200, one(store.get(resource, namespace, name!)))
    if (verb === 'list' || verb === 'watch') {
      const byLabel = parseLabelSelector(query.get('labelSelector'))
      const byField = parseFieldSelector(query.get('fieldSelector'))
      const byName = (object: KubeObject) => name === undefined || object.metadata.name === name
      const filter = (object: KubeObject) => byName(object) && byLabel(object) && byField(object)
      const scope = { ...(namespace === undefined ? {} : { namespace }), filter }
      if (verb === 'list' && query.has('sendInitialEvents'))
        throw invalidOptions('sendInitialEvents', 'Forbidden: sendInitialEvents is forbidden for list')
      if (verb === 'list') return serveList(resource, request, scope, wantsTable, response)
      const initialEvents = askedInitialEvents(query)
      const open = serveWatch({
        store,
        resource,
        ...scope,
        from: query.get('resourceVersion'),
        initialEvents,
        bookmarks: query.get('allowWatchBookmarks') === 'true',
        bookmarkMs: options.bookmarkMs ?? 60_000,
        timeoutSeconds: Number(query.get('timeoutSeconds') ?? 1800),
        response,
        user: user.name,
        render: ([object]) => one(object!),
      })
      watches.add(open)
      response.once('close', () => watches.delete(open))
      return
    }
    const written = write({ store, request, resource, ...textOf(body, incoming, resource), hasNamespace })
    if (resource === namespaceKind && verb === 'delete') emptyNamespace(name!)
    const warnings = written.warnings.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`)
    const object = written.object as KubeObject
    answer(
      response,
      written.code,
      object.kind === 'Status' ? object : one(object),
      warnings.length > 0 ? { warning: warnings } : {},
    )
  }

  const serveList = (
    resource: Resource,
    request: ApiRequest,
    scope: { namespace?: string; filter: (object: KubeObject) => boolean },
    wantsTable: boolean,
    response: ServerResponse,
  ): void => {
    const limit = Number(request.query.get('limit') ?? 0)
    const token = request.query.get('continue') || undefined
    const page = store.list(resource, { ...scope, limit, ...(token === undefined ? {} : { continue: token }) })
    const metadata = {
      resourceVersion: page.resourceVersion,
      ...(page.continue === undefined ? {} : { continue: page.continue, remainingItemCount: page.remaining }),
    }
    if (wantsTable) return answer(response, 200, renderTable(resource, page.items, metadata))
    const [kind, apiVersion] = [`${resource.kind}List`, groupVersion(resource)]
    answer(response, 200, { kind, apiVersion, metadata, items: page.items })
  }

  const serveRest = ({ path, method }: ApiRequest, response: ServerResponse): void => {
    if (method !== 'GET') throw unknownPath()
    if (path === '/livez' || path === '/readyz' || path === '/healthz') return answer(response, 200, 'ok')
    const found = discover(path, resources)
    if (!found) throw unknownPath()
    answer(response, 200, found)
  }

  const serveLogs = ({ namespace, name, query }: ApiRequest, response: ServerResponse): void => {
    const abort = new AbortController()
    response.once('close', () => abort.abort())
    const tail = query.get('tailLines')
    const lines = options.logs?.({
      namespace: namespace!,
      pod: name!,
      container: query.get('container') ?? undefined,
      follow: query.get('follow') === 'true',
      tailLines: tail === null ? undefined : Number(tail),
      signal: abort.signal,
    })
    if (!lines) throw new Refusal(404, 'NotFound', `pods "${name}" has no such container here`)
    response.writeHead(200, { 'content-type': 'text/plain' })
    void (async () => {
      for await (const line of lines) response.write(`${line}\n`)
      response.end()
    })().catch(() => response.destroy())
  }

  const emptyNamespace = (namespace: string): void => {
    for (const resource of resources.filter(({ namespaced }) => namespaced)) {
      for (const { metadata } of store.all(resource, namespace)) {
        if (store.find(resource, namespace, metadata.name)) store.remove(resource, namespace, metadata.name)
      }
    }
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`

  const addUser: KubeApi['addUser'] = (name, rules, { namespace } = {}) => {
    const token = randomBytes(16).toString('hex')
    users.set(token, { name, rules })
    return renderKubeconfig({ url, token, user: name, namespace: namespace ?? 'default' })
  }
  const resourceOf = ({ apiVersion, kind }: KubeObject): Resource => {
    const found = resources.find((one) => one.kind === kind && groupVersion(one) === apiVersion)
    if (!found) throw new Error(`${apiVersion} ${kind}: not served`)
    return found
  }
  const adminConfig = addUser('admin', everything)
  return {
    url,
    port,
    store,
    faults,
    requests,
    watches,
    resource: (plural) => {
      const found = resources.find((one) => one.plural === plural)
      if (!found) throw new Error(`${plural}: not served`)
      return found
    },
    addUser,
    adminConfig,
    adminToken: [...users.keys()][0]!,
    resourceOf,
    put: (object) => {
      const resource = resourceOf(object)
      const live = store.find(resource, object.metadata.namespace, object.metadata.name)
      return live ? store.replace(resource, object) : store.create(resource, object)
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** @returns the CustomResourceDefinitions of the chart */
export function readDefinitions(directory = join(root, 'charts/nauthera/files/crds')): unknown[] {
  return readdirSync(directory)
    .filter((file) => /\.ya?ml$/.test(file))
    .sort()
    .flatMap((file) => readManifests(join(directory, file)))
    .filter((object) => isRecord(object) && object['kind'] === 'CustomResourceDefinition')
}

/** @returns the documents of a YAML file that hold something */
export function readManifests(file: string): KubeObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'))
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object): object is KubeObject => object !== null)
}

/** kubectl sends no credentials over plain http, so that a kubeconfig from here carries the token as the first part of the path. */
function findToken(incoming: IncomingMessage): { token: string; url: string } {
  const [, inPath, rest] = /^\/token-([0-9a-f]+)(\/.*|$)/.exec(incoming.url!) ?? []
  if (inPath !== undefined) return { token: inPath, url: rest || '/' }
  return { token: (incoming.headers.authorization ?? '').replace(/^Bearer /, ''), url: incoming.url! }
}

function renderKubeconfig(options: { url: string; token: string; user: string; namespace: string }): string {
  const { url, token, user, namespace } = options
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'nauthera-local', cluster: { server: `${url}/token-${token}` } }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'nauthera-local', context: { cluster: 'nauthera-local', user, namespace } }],
    'current-context': 'nauthera-local',
  })
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maxBodyBytes)
      throw new Refusal(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${maxBodyBytes}`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** @returns the body as JSON or YAML; as it came when it is neither */
function textOf(
  body: Buffer,
  { headers }: IncomingMessage,
  { schema }: Resource,
): { body: string; contentType: string } {
  const contentType = (headers['content-type'] ?? 'application/json').split(';')[0]!.trim()
  const object = contentType === protobufType && !schema ? readProtobuf(body) : undefined
  if (object) return { body: JSON.stringify(object), contentType: 'application/json' }
  return { body: body.toString('utf8'), contentType }
}

function answer(
  response: ServerResponse,
  code: number,
  body: unknown,
  headers: Readonly<Record<string, string | string[]>> = {},
): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(text), ...headers }).end(text)
}

/** A response that takes everything and sends nothing. */
function muteResponse(response: ServerResponse): ServerResponse {
  return new Proxy(response, {
    get: (target, property, receiver): unknown => {
      if (property === 'writeHead' || property === 'end' || property === 'write') return () => receiver as unknown
      const value = Reflect.get(target, property, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const unknownPath = () => new Refusal(404, 'NotFound', 'the server could not find the requested resource')
const describe = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))
