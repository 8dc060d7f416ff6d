import { answer } from '../http/message.ts'
import type { ApiRequest } from '../http/request.ts'
import type { ApiState } from '../state.ts'
import type { Resource } from '../store/resources.ts'
import { groupVersion } from '../store/resources.ts'
import type { Filter } from '../store/store.ts'
import type { Call } from './call.ts'
import { wantsTable } from './call.ts'
import { invalidOptions } from './options.ts'
import { parseFieldSelector, parseLabelSelector } from './selectors.ts'
import { renderTable } from './table.ts'

/** Which objects a list or a watch is about. */
export interface Scope {
  readonly namespace?: string
  readonly filter: Filter
}

export function scopeOf({ query, name, namespace }: ApiRequest): Scope {
  const tests: Filter[] = [
    (object) => name === undefined || object.metadata.name === name,
    parseLabelSelector(query.get('labelSelector')),
    parseFieldSelector(query.get('fieldSelector')),
  ]
  const filter: Filter = (object) => tests.every((test) => test(object))
  return { ...(namespace === undefined ? {} : { namespace }), filter }
}

/** Answers with one page: `limit` objects from where the `continue` token says. */
export function serveList({ store }: ApiState, call: Call, resource: Resource): void {
  const { query } = call.request
  const scope = scopeOf(call.request)
  if (query.has('sendInitialEvents'))
    throw invalidOptions('sendInitialEvents', 'Forbidden: sendInitialEvents is forbidden for list')
  const limit = Number(query.get('limit') ?? 0)
  const token = query.get('continue') || undefined
  const page = store.list(resource, { ...scope, limit, ...(token === undefined ? {} : { continue: token }) })
  const metadata = {
    resourceVersion: page.resourceVersion,
    ...(page.continue === undefined ? {} : { continue: page.continue, remainingItemCount: page.remaining }),
  }
  if (wantsTable(call)) return answer(call.response, 200, renderTable(resource, page.items, metadata))
  const [kind, apiVersion] = [`${resource.kind}List`, groupVersion(resource)]
  answer(call.response, 200, { kind, apiVersion, metadata, items: page.items })
}
