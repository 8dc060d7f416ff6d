// Checks one of the authorization details (RFC 9396) against its declared type. So a page can show all of it to a person.
import type { AuthorizationDetailsType } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { detailKinds, detailLimits, detailLists } from '@nauthera/rules/authorization-details'
import type { DetailKind, DetailList } from '@nauthera/rules/authorization-details'
import { hasHiddenInName } from '@nauthera/runtime/hidden-characters'
import { isOneOf } from '@nauthera/runtime/json'
import { nameOfApi } from '../../clients/api-names.ts'
import { plain } from './plain.ts'

export interface Detail {
  readonly type: string
  readonly [field: string]: unknown
}

/** A value of a detail with its path: `amount.currency`. */
export interface DetailValue {
  readonly name: string
  readonly value: unknown
}

/** @returns all values of a detail except `type`, in order; undefined for an invalid name or depth */
export function valuesOf(detail: Detail): readonly DetailValue[] | undefined {
  const values: DetailValue[] = []
  const walk = (value: object, above: string, depth: number): boolean =>
    Object.entries(value).every(([key, child]: [string, unknown]) => {
      if (!isName(key) || depth > deepest) return false
      const name = above === '' ? key : `${above}.${key}`
      if (typeof child === 'object' && child !== null && !Array.isArray(child))
        return Object.keys(child).length > 0 && walk(child, name, depth + 1)
      values.push({ name, value: child })
      return true
    })
  return walk(detail, '', 1) ? values.filter(({ name }) => name !== 'type') : undefined
}

/** A dot in a name would look like a nested field. */
const isName = (key: string): boolean => /^[A-Za-z][A-Za-z0-9_]*$/.test(key)
const deepest = 3

/** @param api of the detail
 *  @returns the fault, as the end of a sentence */
export function typeFault(detail: Detail, declared: AuthorizationDetailsType, api: string): string | undefined {
  const values = valuesOf(detail)
  if (values === undefined)
    return `has a field that ${plain(declared.type)} cannot have: names are letters, digits and _, at most ${deepest} levels deep`
  for (const { name, value } of values) {
    const fault = fieldFault(name, value, declared, api)
    if (fault !== undefined) return `has ${plain(name)}, ${fault}`
  }
  const lacking = declared.required.filter((name) => !values.some((one) => one.name === name))
  return lacking.length > 0
    ? `lacks what ${plain(declared.type)} must have: ${lacking.map(plain).join(', ')}`
    : undefined
}

function fieldFault(name: string, value: unknown, declared: AuthorizationDetailsType, api: string): string | undefined {
  if (isList(name))
    return listFault(value, name === 'locations' ? [nameOfApi(api), ...declared.locations] : declared[name])
  if (name === 'identifier' && declared.identifier) return isText(value) ? undefined : textFault
  const field = declared.fields.find((one) => one.name === name)
  if (field === undefined) {
    const own = declared.fields.map((one) => plain(one.name))
    return `which ${plain(declared.type)} does not declare; fields of its own are: ${own.join(', ') || 'none'}`
  }
  return isOneOf(detailKinds, field.kind) ? kindFaults[field.kind](value) : 'of a kind that this server does not know'
}

const isList = (name: string): name is DetailList => isOneOf(detailLists, name)

function listFault(value: unknown, allowed: readonly string[]): string | undefined {
  if (!Array.isArray(value) || value.length === 0 || value.length > detailLimits.values)
    return `which must be a list of 1 to ${detailLimits.values} texts`
  const odd: unknown = value.find((one: unknown) => typeof one !== 'string' || !allowed.includes(one))
  if (odd === undefined) return undefined
  return `which may hold only: ${allowed.map(plain).join(', ') || 'nothing, because the API declares none'}`
}

const isText = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= detailLimits.text &&
  value.isWellFormed() &&
  !hasHiddenInName(value)

const textFault = `which must be a text of 1 to ${detailLimits.text} characters, on one line, without characters that show nothing`

const kindFaults: Readonly<Record<DetailKind, (value: unknown) => string | undefined>> = {
  Text: (value) => (isText(value) ? undefined : textFault),
  // a number that JavaScript rounds would differ from the one on the page
  Number: (value) =>
    typeof value === 'number' && Math.abs(value) <= Number.MAX_SAFE_INTEGER
      ? undefined
      : `which must be a number of at most ${Number.MAX_SAFE_INTEGER}; write a longer one as a text`,
  Boolean: (value) => (typeof value === 'boolean' ? undefined : 'which must be true or false'),
  Texts: (value) =>
    Array.isArray(value) && value.length > 0 && value.length <= detailLimits.values && value.every(isText)
      ? undefined
      : `which must be a list of 1 to ${detailLimits.values} texts of 1 to ${detailLimits.text} characters each`,
}
