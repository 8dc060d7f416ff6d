import { badRequest } from '../refusals.ts'
import type { Resource } from '../store/resources.ts'

/** One request, as the stand-in understands it; what the request log, RBAC and scripted faults look at. */
export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** get, list, watch, create, update, patch, delete; for anything that is no resource: the method in lower case. */
  readonly verb: string
  readonly resource?: Resource
  readonly namespace?: string
  readonly name?: string
  readonly subresource?: string
  readonly userAgent: string
}

const verbs: Readonly<Record<string, string>> = { POST: 'create', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }

/** `/api/v1/namespaces/a/secrets/b`, `/apis/auth.nauthera.io/v1alpha1/oidcclients` ...
 *  @returns without `resource` when the path is no resource */
export function parseRequest(
  request: { method: string; url: string; userAgent: string },
  find: (group: string, version: string, plural: string) => Resource | undefined,
): ApiRequest {
  const url = new URL(request.url, 'http://stand-in')
  const { method, userAgent } = request
  const base = { method, path: url.pathname, query: url.searchParams, userAgent }
  const parts = url.pathname.split('/').filter(Boolean).map(decodeSegment)
  const [group, version, rest] =
    parts[0] === 'api'
      ? ['', parts[1], parts.slice(2)]
      : parts[0] === 'apis'
        ? [parts[1], parts[2], parts.slice(3)]
        : []
  if (group === undefined || version === undefined || rest === undefined || rest.length === 0) {
    return { ...base, verb: method.toLowerCase() }
  }
  // /namespaces/a/status and /namespaces/a are the namespace itself, /namespaces/a/secrets is in it
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'status'
  const [plural = '', name, subresource] = inNamespace ? rest.slice(2) : rest
  const resource = find(group, version, plural)
  if (!resource) return { ...base, verb: method.toLowerCase() }
  const isWatch = url.searchParams.get('watch') === 'true' || url.searchParams.get('watch') === '1'
  const verb =
    method === 'GET'
      ? isWatch
        ? 'watch'
        : name === undefined
          ? 'list'
          : 'get'
      : (verbs[method] ?? method.toLowerCase())
  return {
    ...base,
    verb,
    resource,
    ...(inNamespace ? { namespace: rest[1]! } : {}),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  }
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw badRequest('the path is not valid')
  }
}
