import { parse as parseYaml } from 'yaml'
import type { ApiRequest } from '../http/request.ts'
import type { KubeObject } from '../objects.ts'
import { isRecord } from '../objects.ts'
import { Refusal, badRequest } from '../refusals.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'

// From the body of a write to the object in it.

/** What a program sent. */
export interface Body {
  readonly body: string
  readonly contentType: string
}

/** @returns the object, with name and namespace of the path where it names none
 *  @throws Refusal 400 when it is of another kind, name or namespace than the path, 415 for an unknown content type */
export function parseObject(call: Body & { request: ApiRequest; resource: Resource }): KubeObject {
  const { resource, request } = call
  const object = parseBody(call)
  if (!isRecord(object)) throw badRequest('the body must be an object')
  if (object['kind'] !== resource.kind || object['apiVersion'] !== groupVersion(resource)) {
    throw badRequest(
      `the API version and kind in the data (${String(object['apiVersion'])}, ${String(object['kind'])}) do not match the expected ones (${groupVersion(resource)}, ${resource.kind})`,
    )
  }
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
