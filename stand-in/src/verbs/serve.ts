import { answer } from '../http/message.ts'
import { protobufType, readProtobuf } from '../http/protobuf.ts'
import type { KubeObject } from '../objects.ts'
import { issuerDocument } from '../service-accounts.ts'
import type { ApiState } from '../state.ts'
import type { Resource } from '../store/resources.ts'
import type { Call } from './call.ts'
import { present, unknownPath } from './call.ts'
import { discover, openApiV2 } from './discovery.ts'
import { serveList } from './list.ts'
import { serveLogs } from './logs.ts'
import { serveToken } from './token.ts'
import { serveWatch } from './watch.ts'
import { write } from './write.ts'
import type { Body } from './written-body.ts'

/** Answers a request by its verb.
 *  @throws Refusal with the API server's code, reason and wording */
export function serve(state: ApiState, call: Call): void {
  const { request, response } = call
  const { resource, verb, namespace, name, subresource } = request
  if (!resource) return serveRest(state, call)
  if (resource.kind === 'Pod' && subresource === 'log' && verb === 'get') return serveLogs(state, call)
  if (resource.kind === 'ServiceAccount' && subresource === 'token' && verb === 'create') return serveToken(state, call)
  if (subresource !== undefined && !(subresource === 'status' && resource.hasStatus)) throw unknownPath()
  if (verb === 'get') return answer(response, 200, present(call, resource, state.store.get(resource, namespace, name!)))
  if (verb === 'list') return serveList(state, call, resource)
  if (verb === 'watch') return serveWatch(state, call, resource)
  serveWrite(state, call, resource)
}

function serveWrite(state: ApiState, call: Call, resource: Resource): void {
  const { store, kinds } = state
  const { request, response } = call
  const findNamespace = (name: string) => store.find(kinds.named('namespaces'), undefined, name)
  const written = write({ store, request, resource, ...textOf(call, resource), findNamespace })
  if (resource.kind === 'Namespace' && request.verb === 'delete') emptyNamespace(state, request.name!)
  const warnings = written.warnings.map((text) => `299 - "${text.replaceAll('"', '\\"')}"`)
  const object = written.object as KubeObject
  const body = object.kind === 'Status' ? object : present(call, resource, object)
  answer(response, written.code, body, warnings.length > 0 ? { warning: warnings } : {})
}

/** Kubernetes removes what lies in a namespace with it. */
function emptyNamespace({ store, kinds }: ApiState, namespace: string): void {
  for (const resource of kinds.all.filter(({ namespaced }) => namespaced)) {
    for (const { metadata } of store.all(resource, namespace)) {
      if (store.find(resource, namespace, metadata.name)) store.remove(resource, namespace, metadata.name)
    }
  }
}

function serveRest({ kinds, accountKeys }: ApiState, { request: { path, method }, response }: Call): void {
  if (method !== 'GET') throw unknownPath()
  if (path === '/livez' || path === '/readyz' || path === '/healthz') return answer(response, 200, 'ok')
  if (path === '/openapi/v2') {
    const type = { 'content-type': 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf' }
    return void response.writeHead(200, type).end(openApiV2())
  }
  const found = issuerDocument(path, accountKeys) ?? discover(path, kinds.all)
  if (!found) throw unknownPath()
  answer(response, 200, found)
}

/** @returns the body as JSON or YAML; as it came when it is neither */
function textOf({ body, headers }: Call, { schema }: Resource): Body {
  const contentType = (headers['content-type'] ?? 'application/json').split(';')[0]!.trim()
  const object = contentType === protobufType && !schema ? readProtobuf(body) : undefined
  if (object) return { body: JSON.stringify(object), contentType: 'application/json' }
  return { body: body.toString('utf8'), contentType }
}
