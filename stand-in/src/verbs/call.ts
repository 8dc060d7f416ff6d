import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { ApiRequest } from '../http/request.ts'
import type { KubeObject } from '../objects.ts'
import { Refusal } from '../refusals.ts'
import type { Resource } from '../store/resources.ts'
import { renderTable } from './table.ts'

/** One request of a user who may make it. */
export interface Call {
  readonly request: ApiRequest
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly response: ServerResponse
  readonly user: string
}

export const wantsTable = ({ headers }: Call): boolean => (headers.accept ?? '').includes('as=Table')

const wantsMetadata = ({ headers }: Call): boolean => (headers.accept ?? '').includes('as=PartialObjectMetadata')

/** @returns the object as the caller asked for it: as it is, as a row of a table, or its metadata alone */
export const present = (call: Call, resource: Resource, object: KubeObject): object => {
  if (wantsTable(call)) return renderTable(resource, [object], {})
  if (wantsMetadata(call))
    return { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object.metadata }
  return object
}

export const unknownPath = (): Refusal =>
  new Refusal(404, 'NotFound', 'the server could not find the requested resource')
