// Judges the authorization details (RFC 9396) of requests, by the types that an API declares and the operator granted. Pure.
import { isDeepStrictEqual } from 'node:util'
import { detailLimits, detailLists } from '@nauthera/rules/authorization-details'
import { isJsonRecord } from '@nauthera/runtime/json'
import { apisOf, detailTypesAt } from './apis.ts'
import type { Apis, ApisOf } from './apis.ts'
import { typeFault } from './detail-type.ts'
import type { Detail } from './detail-type.ts'
import { plain } from './plain.ts'

/** By identifier of the API. */
export type Details = Readonly<Record<string, readonly Detail[]>>

export interface AskedDetail {
  readonly api: string
  readonly detail: Detail
  /** Whether the person may allow it permanently. */
  readonly canRemember: boolean
}

export interface AskedDetails {
  /** The parameter `authorization_details`; undefined without one. */
  readonly text: string | undefined
  /** APIs that the request names. */
  readonly resources: readonly string[]
}

export type DetailsVerdict =
  | { readonly kind: 'allowed'; readonly details: readonly AskedDetail[] }
  | {
      readonly kind: 'refused'
      readonly error: 'invalid_authorization_details' | 'invalid_target'
      readonly description: string
    }

type Refused = Extract<DetailsVerdict, { kind: 'refused' }>

const noDetails: DetailsVerdict = { kind: 'allowed', details: [] }

/** Judges the details of a new authorization: the client must be granted each type at an API of the request, and each detail must match
 *  its declared type. */
export function judgeDetails(asked: AskedDetails, client: ApisOf, apis: Apis): DetailsVerdict {
  if (asked.text === undefined) return noDetails
  const read = readDetails(asked.text)
  if (read.kind === 'refused') return read
  const judged: AskedDetail[] = []
  for (const [index, detail] of read.details.entries()) {
    const verdict = judgeOne(detail, [...new Set(asked.resources)], client, apis)
    if (typeof verdict === 'string') return refuse(`authorization_details[${index}] ${verdict}`)
    if ('kind' in verdict) return verdict
    judged.push(verdict)
  }
  return { kind: 'allowed', details: judged }
}

/** @param text the parameter `authorization_details` of a request that names no API
 *  @returns the only API at which the client may request all its types; undefined for none or several */
export function apiOfDetails(text: string, client: ApisOf, apis: Apis): string | undefined {
  const read = readDetails(text)
  if (read.kind === 'refused' || read.details.length === 0) return undefined
  const [found, ...more] = apisOf(client).filter(({ identifier }) => {
    const types = detailTypesAt(identifier, client, apis).map(({ type }) => type)
    return read.details.every(({ type }) => types.includes(type))
  })
  return more.length > 0 ? undefined : found?.identifier
}

/** Narrows the granted details to those of a token request (RFC 9396 section 6). Each granted detail covers at most one: one allowed
 *  payment is not two.
 *  @param granted at the API of the token
 *  @returns all granted details when the request has none */
export function narrowDetails(
  text: string | undefined,
  granted: readonly Detail[],
): { readonly kind: 'allowed'; readonly details: readonly Detail[] } | Refused {
  if (text === undefined) return { kind: 'allowed', details: granted }
  const read = readDetails(text)
  if (read.kind === 'refused') return read
  const index = firstWithoutOne(read.details, granted)
  if (index === -1) return { kind: 'allowed', details: read.details }
  return refuse(
    `authorization_details[${index}] is more than what was granted for this API, or something else: ask for it in a new authorization request, or leave authorization_details out to get all that was granted`,
  )
}

/** @returns the index of a requested detail without a granted one; -1 when each has its own (augmenting paths) */
function firstWithoutOne(asked: readonly Detail[], granted: readonly Detail[]): number {
  const takenBy = new Map<number, number>()
  const findFor = (index: number, tried: Set<number>): boolean =>
    granted.some((one, at) => {
      if (tried.has(at) || !covers(one, asked[index]!)) return false
      tried.add(at)
      const other = takenBy.get(at)
      if (other !== undefined && !findFor(other, tried)) return false
      takenBy.set(at, index)
      return true
    })
  return asked.findIndex((_, index) => !findFor(index, new Set()))
}

/** Whether a granted detail covers a requested one: equal fields, with lists as subsets. A missing field or an empty list is not covered,
 *  since it may mean everything to an API. */
export function covers(granted: Detail, asked: Detail): boolean {
  const names = Object.keys(granted)
  if (names.length !== Object.keys(asked).length) return false
  return names.every((name) => {
    if (!Object.hasOwn(asked, name)) return false
    const [had, wanted] = [granted[name], asked[name]]
    if (!lists.includes(name) || !Array.isArray(had) || !Array.isArray(wanted)) return isDeepStrictEqual(had, wanted)
    if (isDeepStrictEqual(had, wanted)) return true
    return wanted.length > 0 && new Set(wanted).size === wanted.length && wanted.every((value) => had.includes(value))
  })
}

const lists: readonly string[] = detailLists

/** The granted details that a client may still have: without withdrawn or undeclared ones. */
export function standingDetails(details: Details, client: ApisOf, apis: Apis): Details {
  const standing = Object.entries(details).map(([api, ofApi]) => {
    const types = detailTypesAt(api, client, apis)
    const allowed = ofApi.filter((detail) => {
      const declared = types.find(({ type }) => type === detail.type)
      return declared !== undefined && typeFault(detail, declared, api) === undefined
    })
    return [api, allowed] as const
  })
  return Object.fromEntries(standing.filter(([, ofApi]) => ofApi.length > 0))
}

export function byApi(details: readonly AskedDetail[]): Details {
  const groups = Map.groupBy(details, ({ api }) => api)
  return Object.fromEntries([...groups].map(([api, ofApi]) => [api, ofApi.map(({ detail }) => detail)]))
}

function judgeOne(
  detail: Detail,
  resources: readonly string[],
  client: ApisOf,
  apis: Apis,
): AskedDetail | Refused | string {
  const declaring = (identifiers: readonly string[]) =>
    identifiers.flatMap((api) => {
      const declared = detailTypesAt(api, client, apis).find(({ type }) => type === detail.type)
      return declared ? [{ api, declared }] : []
    })
  const found = declaring(resources)
  if (found.length === 0) {
    const others = declaring(client.config.audiences).map(({ api }) => api)
    if (others.length > 0)
      return refuse(
        `the type ${plain(detail.type)} in authorization_details is of another API: name that one in resource (${others.map(plain).join(', ')})`,
        'invalid_target',
      )
    return `has the type ${plain(detail.type)}, which this client may not ask for: compare it with authorizationDetailsTypes of the OIDCClient and the condition AudiencesGranted`
  }
  const judged = found.map((one) => ({ ...one, fault: typeFault(detail, one.declared, one.api) }))
  const [right, ...more] = judged.filter(({ fault }) => fault === undefined)
  if (right === undefined) return judged[0]!.fault!
  if (more.length > 0)
    return `is of several APIs of this request: name the one that it is for in its locations (${judged.map(({ api }) => plain(api)).join(', ')})`
  return { api: right.api, detail, canRemember: right.declared.remember }
}

type Read = { readonly kind: 'read'; readonly details: readonly Detail[] } | Refused

function readDetails(text: string): Read {
  const bytes = Buffer.byteLength(text)
  if (bytes > detailLimits.bytes)
    return refuse(`authorization_details has ${bytes} bytes, and may have ${detailLimits.bytes}: ask for less at once`)
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return refuse('authorization_details is not JSON: it is a list of objects, each with a type')
  }
  if (!Array.isArray(read))
    return refuse('authorization_details is not a list: it is a list of objects, each with a type')
  if (read.length > detailLimits.details)
    return refuse(`authorization_details has ${read.length} entries, and may have ${detailLimits.details}`)
  const details = read.filter(isDetail)
  const odd = read.findIndex((one, index) => one !== details[index])
  if (odd !== -1) return refuse(`authorization_details[${odd}] must be an object with a type, which is a text`)
  const twice = details.findIndex((one, index) =>
    details.slice(0, index).some((other) => isDeepStrictEqual(one, other)),
  )
  if (twice !== -1) return refuse(`authorization_details[${twice}] is there twice: name it once`)
  return { kind: 'read', details }
}

const isDetail = (value: unknown): value is Detail =>
  isJsonRecord(value) && Object.hasOwn(value, 'type') && typeof value['type'] === 'string'

const refuse = (description: string, error: Refused['error'] = 'invalid_authorization_details'): Refused => ({
  kind: 'refused',
  error,
  description,
})
