// Authorization details (RFC 9396): what an API may declare of them, and how much a request may say. An API declares which fields
// there are, and no more: every field that a server lets through is one that it can show to a person in words.
import type { AuthorizationDetailsType, ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'

/** Fields that every type may have, each a list (RFC 9396 section 2.2). */
export const detailLists = ['actions', 'datatypes', 'privileges', 'locations'] as const
export type DetailList = (typeof detailLists)[number]

/** Names that are no own fields of a type. */
export const commonDetailFields: readonly string[] = ['type', ...detailLists, 'identifier']

/** What a field of a type may be. Texts is a list. */
export const detailKinds = ['Text', 'Number', 'Boolean', 'Texts'] as const
export type DetailKind = (typeof detailKinds)[number]

const segment = '[A-Za-z][A-Za-z0-9_]{0,63}'
/** A field, or one of an object in it: `amount.currency`. */
export const detailFieldPattern = `^${segment}([.]${segment}){0,2}$`
/** Names of fields that are taken: the common ones, and what programs find in each object of their language. */
export const unusableDetailField = `^(${commonDetailFields.join('|')})([.]|$)|(^|[.])constructor([.]|$)`

/** A type, and the values of its lists: as a scope (RFC 6749 section 3.3), so that one can be told from the next at sight. */
export const detailWordPattern = '^[!#-\\[\\]-~]+$'

/** Of one request. */
export const detailLimits = {
  details: 10,
  /** Of the parameter, UTF-8. */
  bytes: 4096,
  /** Characters of a text. */
  text: 256,
  /** Values of a list. */
  values: 20,
} as const

/** Of what an API declares. */
export const declarationLimits = {
  types: 10,
  values: 20,
  fields: 20,
  word: 64,
  text: 128,
  languages: 5,
  words: 40,
} as const

/** @returns the names that `required` may list: what a detail of the type can have at all */
export function fieldsOfType(type: AuthorizationDetailsType): readonly string[] {
  return [
    ...detailLists.filter((name) => name === 'locations' || type[name].length > 0),
    ...(type.identifier ? ['identifier'] : []),
    ...type.fields.map(({ name }) => name),
  ]
}

/** @returns what is wrong with what an API declares */
export function authorizationDetailsFaults({ resourceServer }: ClientConfig): readonly ClientFault[] {
  const types = resourceServer?.authorizationDetails ?? []
  const names = types.map(({ type }) => type)
  const fault = (message: string) => invalid('resourceServer.authorizationDetails', message)
  return [
    ...(new Set(names).size < names.length ? [fault('must have each type once')] : []),
    ...types.flatMap((type) => typeFaults(type).map((message) => fault(`${JSON.stringify(type.type)} ${message}`))),
  ]
}

function typeFaults(type: AuthorizationDetailsType): readonly string[] {
  const isWord = (text: string): boolean => new RegExp(detailWordPattern).test(text)
  const own = type.fields.map(({ name }) => name)
  const known = fieldsOfType(type)
  return (
    [
      [isWord(type.type) && type.title !== '', 'must be a word without space, " or \\, and have a title'],
      [
        detailLists.every((name) => type[name].every(isWord)),
        'must have words without space, " or \\ in actions, datatypes, privileges and locations',
      ],
      [
        new Set(own).size === own.length && own.every((name) => isOwnField(name) && !isWithin(name, own)),
        'must have fields such as amount or amount.currency, none of which is a common one or has others below it',
      ],
      [
        type.fields.every(({ kind }) => detailKinds.some((known) => known === kind)),
        `must have fields of these kinds: ${detailKinds.join(', ')}`,
      ],
      [type.required.every((name) => known.includes(name)), 'must have in required only what it declares'],
    ] as const
  )
    .filter(([holds]) => !holds)
    .map(([, message]) => message)
}

const isOwnField = (name: string): boolean =>
  new RegExp(detailFieldPattern).test(name) && !new RegExp(unusableDetailField).test(name)

/** Whether another field is an object around it. */
const isWithin = (name: string, all: readonly string[]): boolean => all.some((other) => name.startsWith(`${other}.`))
