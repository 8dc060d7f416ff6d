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

/** @returns the object as the caller asked for it: as it is, or as a row of a table */
export const present = (call: Call, resource: Resource, object: KubeObject): object =>
  wantsTable(call) ? renderTable(resource, [object], {}) : object

export const unknownPath = (): Refusal =>
  new Refusal(404, 'NotFound', 'the server could not find the requested resource')
