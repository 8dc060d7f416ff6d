import type { Refusal } from '../refusals.ts'
import { invalid } from '../refusals.ts'

/** @returns whether the caller of a watch wants the existing objects first; undefined when it does not say
 *  @throws Refusal 422 for a parameter without the one that it needs */
export function askedInitialEvents(query: URLSearchParams): boolean | undefined {
  const asked = query.get('sendInitialEvents')
  const match = query.get('resourceVersionMatch') ?? ''
  if (asked === null && match === '') return undefined
  if (asked === null) {
    const why = 'Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'
    throw invalidOptions('resourceVersionMatch', why)
  }
  if (match !== 'NotOlderThan') {
    const why = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
    throw invalidOptions('resourceVersionMatch', why)
  }
  return asked === 'true'
}

export const invalidOptions = (field: string, message: string): Refusal =>
  invalid({ group: 'meta.k8s.io', kind: 'ListOptions', plural: '' }, '', [
    { reason: 'FieldValueForbidden', field, message },
  ])
