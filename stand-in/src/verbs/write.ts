// Create, update, patch, apply, delete: from the body to the stored object.
import { randomBytes } from 'node:crypto'
import type { ApiRequest } from '../http/request.ts'
import type { KubeObject } from '../objects.ts'
import { isRecord, same, without } from '../objects.ts'
import { Refusal, badRequest, conflict, invalid, notFound, staleVersion } from '../refusals.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'
import type { ObjectStore } from '../store/store.ts'
import { admitNamespace, checkName, prepare } from './admission.ts'
import { applyFields, undeclaredField, updateFields } from './managed-fields.ts'
import { jsonPatch, mergePatch, strategicMergePatch } from './patch.ts'
import type { Body } from './written-body.ts'
import { parseBody, parseObject, unsupported } from './written-body.ts'

export interface Written {
  readonly code: number
  readonly object: KubeObject | Record<string, unknown>
  /** For the header `Warning`: fields that were dropped. */
  readonly warnings: readonly string[]
}

interface Write extends Body {
  readonly store: ObjectStore
  readonly request: ApiRequest
  readonly resource: Resource
  /** A create is refused in a namespace that is missing or being deleted. */
  readonly findNamespace: (name: string) => KubeObject | undefined
}

/** @throws Refusal with the API server's code, reason and wording */
export function write(call: Write): Written {
  switch (call.request.verb) {
    case 'create':
      return create(call)
    case 'update':
      return update(call)
    case 'patch':
      return call.contentType === 'application/apply-patch+yaml' ? apply(call) : patch(call)
    case 'delete':
      return remove(call)
    default:
      throw new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
  }
}

function create(call: Write): Written {
  const { resource, request } = call
  const object = parseObject(call)
  if (object.metadata.name === undefined && object.metadata.generateName !== undefined) {
    object.metadata.name = `${object.metadata.generateName}${randomBytes(4).toString('hex').slice(0, 5)}`
  }
  if (object.metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created')
  checkName(resource, object)
  admitNamespace(call, object.metadata.name)
  const { next, warnings } = prepare(call, undefined, withoutStatus(resource, object, undefined))
  const created = isDryRun(request)
    ? next
    : call.store.create(resource, updateFields(resource, undefined, next, { manager: managerOf(request) }))
  return { code: 201, object: created, warnings }
}

function update(call: Write): Written {
  const object = parseObject(call)
  const live = call.store.get(call.resource, call.request.namespace, requiredName(call.request))
  checkName(call.resource, object)
  return save(call, live, object)
}

function patch(call: Write): Written {
  const { request, resource, contentType } = call
  const live = call.store.get(resource, request.namespace, requiredName(request))
  const body = parseBody(call)
  const kinds: Readonly<Record<string, (target: unknown, body: unknown) => unknown>> = {
    'application/merge-patch+json': mergePatch,
    'application/strategic-merge-patch+json': strategicMergePatch,
    'application/json-patch+json': jsonPatch,
  }
  const merge = kinds[contentType]
  if (!merge || (contentType.includes('strategic') && resource.schema)) throw unsupported(contentType)
  const asserted = isRecord(body) && isRecord(body['metadata']) ? body['metadata']['resourceVersion'] : undefined
  const patched = merge(live, body) as KubeObject
  const metadata = {
    ...patched.metadata,
    resourceVersion: (asserted as string | undefined) ?? live.metadata.resourceVersion!,
  }
  return save(call, live, { ...patched, metadata })
}

function apply(call: Write): Written {
  const { request, resource, store } = call
  const name = requiredName(request)
  const applied = parseObject(call)
  const manager = request.query.get('fieldManager')
  if (!manager)
    throw badRequest(
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    )
  if (applied.metadata.managedFields) throw badRequest('metadata.managedFields must be nil')
  const undeclared = undeclaredField(applied, resource.schema)
  if (undeclared) {
    const what = `${request.namespace ?? ''}/${name}; ${groupVersion(resource)}, Kind=${resource.kind}`
    const why = `failed to create typed patch object (${what}): ${undeclared}: field not declared in schema`
    throw new Refusal(500, 'InternalError', why)
  }
  checkName(resource, applied)
  const live = store.find(resource, request.namespace, name)
  if (request.subresource !== undefined && !live) throw notFound(resource, name)
  if (live && request.subresource === undefined) keepUid(resource, live, applied)
  if (live && applied.metadata.resourceVersion && applied.metadata.resourceVersion !== live.metadata.resourceVersion) {
    throw conflict(resource, name, staleVersion)
  }
  const writer = {
    manager,
    force: request.query.get('force') === 'true',
    ...(request.subresource === undefined ? {} : { subresource: request.subresource }),
  }
  const scope = live && request.subresource === 'status' ? onlyStatus(applied) : withoutStatusOf(resource, applied)
  if (!live) {
    admitNamespace(call, name)
    // the manager owns the fields that it sent, not those that defaults added
    const { next, warnings } = prepare(call, undefined, applyFields(resource, undefined, scope, writer))
    return { code: 201, object: isDryRun(request) ? next : store.create(resource, next), warnings }
  }
  const merged = applyFields(resource, live, scope, writer)
  const metadata = { ...merged.metadata, resourceVersion: live.metadata.resourceVersion! }
  return save(call, live, { ...merged, metadata }, 'owned')
}

function remove(call: Write): Written {
  const { request, resource, store } = call
  const name = requiredName(request)
  const live = store.get(resource, request.namespace, name)
  const options = call.body === '' ? {} : (parseBody(call) as DeleteOptions)
  const { uid, resourceVersion } = options.preconditions ?? {}
  if (uid !== undefined && uid !== live.metadata.uid) {
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`,
    )
  }
  if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${live.metadata.resourceVersion}`
    throw conflict(resource, name, why)
  }
  const policy = options.propagationPolicy ?? request.query.get('propagationPolicy')
  if (!isDryRun(request)) store.remove(resource, request.namespace, name, { orphan: policy === 'Orphan' })
  const details = { name, group: resource.group, kind: resource.plural, uid: live.metadata.uid }
  return {
    code: 200,
    object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
    warnings: [],
  }
}

/** Below /status nobody looks at the uid; elsewhere it is immutable. */
function keepUid(resource: Resource, live: KubeObject, next: KubeObject): void {
  const { uid } = next.metadata
  if (uid === undefined || uid === live.metadata.uid) return
  const message = `Invalid value: "${uid}": field is immutable`
  throw invalid(resource, live.metadata.name, [{ reason: 'FieldValueInvalid', field: 'metadata.uid', message }])
}

interface DeleteOptions {
  propagationPolicy?: string
  preconditions?: { uid?: string; resourceVersion?: string }
}

/** @param fields 'owned': managedFields are as they shall be already */
function save(call: Write, live: KubeObject, wanted: KubeObject, fields: 'track' | 'owned' = 'track'): Written {
  const { request, resource, store } = call
  const scoped =
    request.subresource === 'status'
      ? { ...live, metadata: { ...live.metadata, ...pick(wanted.metadata) }, status: wanted['status'] }
      : withoutStatus(resource, wanted, live)
  const { next, warnings } = prepare(call, live, scoped as KubeObject)
  if (request.subresource === 'status' && next['status'] === undefined) delete next['status']
  const content = (object: KubeObject) => ({
    ...object,
    metadata: without(object.metadata, 'managedFields', 'resourceVersion', 'generation'),
  })
  const unchanged = same(content(next), content(live))
  const writer = { manager: managerOf(request), ...(request.subresource ? { subresource: request.subresource } : {}) }
  const owned = fields === 'owned' ? next : updateFields(resource, live, next, writer)
  const version = wanted.metadata.resourceVersion
  const asserted = version && version !== live.metadata.resourceVersion
  // a write that changes nothing is answered with what is there: no new version, nothing for the watches
  if (
    unchanged &&
    !asserted &&
    (fields === 'track' || same(owned.metadata.managedFields, live.metadata.managedFields))
  ) {
    return { code: 200, object: live, warnings }
  }
  const generation = bumpGeneration(resource, live, owned)
  const metadata = { ...owned.metadata, ...(version ? { resourceVersion: version } : {}), ...generation }
  const object = { ...owned, metadata }
  return { code: 200, object: isDryRun(request) ? object : store.replace(resource, object), warnings }
}

/** What a write to /status may say about metadata: which object and which version it means. */
function pick({ resourceVersion, managedFields }: KubeObject['metadata']) {
  return {
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(managedFields === undefined ? {} : { managedFields }),
  }
}

function bumpGeneration(resource: Resource, live: KubeObject, next: KubeObject): { generation?: number } {
  if (!resource.hasGeneration) return {}
  const spec = (object: KubeObject) => without(object, 'metadata', 'status')
  const before = live.metadata.generation ?? 1
  return { generation: same(spec(live), spec(next)) ? before : before + 1 }
}

/** Ordinary writes leave the status as it is. */
function withoutStatus(resource: Resource, object: KubeObject, live: KubeObject | undefined): KubeObject {
  if (!resource.hasStatus) return object
  const rest = without(object, 'status')
  return (live?.['status'] === undefined ? rest : { ...rest, status: live['status'] }) as KubeObject
}

const withoutStatusOf = (resource: Resource, object: KubeObject): KubeObject =>
  withoutStatus(resource, object, undefined)

const onlyStatus = ({ apiVersion, kind, metadata, status }: KubeObject): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name: metadata.name, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) },
  ...(status === undefined ? {} : { status }),
})

function requiredName(request: ApiRequest): string {
  if (request.name !== undefined) return request.name
  throw new Refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource')
}

const isDryRun = (request: ApiRequest): boolean => request.query.get('dryRun') === 'All'

/** As the API server: the parameter, else the program's name in the User-Agent. */
const managerOf = (request: ApiRequest): string =>
  request.query.get('fieldManager') ?? (request.userAgent.split('/')[0] || 'unknown')
