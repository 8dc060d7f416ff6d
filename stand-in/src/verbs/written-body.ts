// From the body of a write to the object in it.
import { parse as parseYaml } from 'yaml'
import type { ApiRequest } from '../http/request.ts'
import type { KubeObject } from '../objects.ts'
import { isRecord } from '../objects.ts'
import { Refusal, badRequest, invalid } from '../refusals.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'

/** What a program sent. */
export interface Body {
  readonly body: string
  readonly contentType: string
}

/** @returns the object, with name and namespace of the path where it names none
 *  @throws Refusal 400 or 422 when it is of another kind, name or namespace than the path, 415 for an unknown content type */
export function parseObject(call: Body & { request: ApiRequest; resource: Resource }): KubeObject {
  const { resource, request } = call
  const body = parseBody(call)
  if (!isRecord(body)) throw badRequest('the body must be an object')
  const object: Record<string, unknown> = { ...body, ...checkKind(resource, body) }
  const metadata = isRecord(object['metadata']) ? { ...object['metadata'] } : {}
  if (resource.namespaced) {
    if (metadata['namespace'] !== undefined && metadata['namespace'] !== request.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
    }
    metadata['namespace'] = request.namespace
  }
  if (request.name !== undefined) {
    metadata['name'] ??= request.name
    if (metadata['name'] !== request.name) {
      throw badRequest(
        `the name of the object (${String(metadata['name'])}) does not match the name on the URL (${request.name})`,
      )
    }
  }
  return { ...object, metadata } as KubeObject
}

/** A built-in kind is taken for granted where the body leaves it out; a custom one is not.
 *  @throws Refusal in the words of an API server when it is another one */
function checkKind(resource: Resource, body: Record<string, unknown>): { kind: string; apiVersion: string } {
  const isCustom = resource.schema !== undefined
  const expected = { kind: resource.kind, apiVersion: groupVersion(resource) }
  const kind = textOf(body['kind']) || (isCustom ? '' : expected.kind)
  const apiVersion = textOf(body['apiVersion']) || (isCustom ? '' : expected.apiVersion)
  if (kind === expected.kind && apiVersion === expected.apiVersion) return expected
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1)
  if (kind === '') {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): Object 'Kind' is missing in '${JSON.stringify(body)}'`,
    )
  }
  if (!isCustom) {
    throw badRequest(
      `${kind} in version "${version}" cannot be handled as a ${expected.kind}: converting (${version}.${kind}) to (core.${expected.kind}): unknown conversion`,
    )
  }
  if (apiVersion !== expected.apiVersion) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expected.apiVersion})`,
    )
  }
  const { name } = (isRecord(body['metadata']) ? body['metadata'] : {}) as { name?: string }
  const message = `Invalid value: "${kind}": must be ${expected.kind}`
  throw invalid(resource, name ?? '', [{ reason: 'FieldValueInvalid', field: 'kind', message }])
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

export function parseBody({ body, contentType }: Body): unknown {
  if (!/^application\/(.*\+)?(json|yaml)$/.test(contentType)) throw unsupported(contentType)
  try {
    return contentType.endsWith('yaml') && !body.trimStart().startsWith('{') ? parseYaml(body) : JSON.parse(body)
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${error instanceof Error ? error.message : String(error)}`)
  }
}

export const unsupported = (contentType: string) =>
  new Refusal(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml (got ${contentType})`,
  )
