// A client as another product has it, in words that all of them share. Each file beside this one reads one product.
import { isJsonRecord } from '@nauthera/runtime/json'

export interface ForeignClient {
  readonly id: string
  readonly name?: string
  readonly description?: string
  readonly isSuspended?: boolean
  readonly isPublic: boolean
  /** As RFC 7591 has it. */
  readonly method?: string
  /** The plain client secret; undefined where there is none or nobody can read it, which `leftOut` says. */
  readonly secret?: string
  readonly redirectURIs: readonly string[]
  readonly postLogoutRedirectURIs?: readonly string[]
  readonly corsOrigins?: readonly string[]
  /** `grant_types` as RFC 7591 has them. */
  readonly grantTypes: readonly string[]
  readonly scopes?: readonly string[]
  readonly audiences?: readonly string[]
  /** More of `spec`, in our words. */
  readonly spec: Readonly<Record<string, unknown>>
  readonly leftOut: readonly LeftOut[]
  /** What restrains who may use the client, or how, and cannot be carried over: the client is suspended. */
  readonly restraints: readonly LeftOut[]
}

/** What cannot be carried over. */
export interface LeftOut {
  /** In the words of the other product. */
  readonly field: string
  readonly why: string
}

export interface ForeignClients {
  readonly clients: readonly ForeignClient[]
  /** Clients that are not carried over at all. */
  readonly skipped: readonly { readonly id: string; readonly why: string }[]
}

export type JsonFields = Readonly<Record<string, unknown>>

/** What becomes of a field of another product. */
export type FieldFate =
  /** A path in our spec. */
  | { readonly kind: 'to'; readonly path: string }
  /** Without it the client can do less, or the same in another way. */
  | { readonly kind: 'left'; readonly why: string }
  /** Without it somebody could use the client who could not before, or with less proof. */
  | { readonly kind: 'restraint'; readonly why: string }

/** The fields of one product. */
export interface FieldTable {
  /** They are read in a way of their own, or have no meaning outside of the other product. */
  readonly own: readonly string[]
  /** A function where the value decides. */
  readonly fates: Readonly<Record<string, FieldFate | ((value: unknown) => FieldFate)>>
  /** What becomes of a field without a row. */
  readonly others: (name: string) => FieldFate
}

export const to = (path: string): FieldFate => ({ kind: 'to', path })
export const left = (why: string): FieldFate => ({ kind: 'left', why })
export const restraint = (why: string): FieldFate => ({ kind: 'restraint', why })
/** For `others`. */
export const unknownIsRestraint = (): FieldFate =>
  restraint('this command does not know it, so it may restrain who can use the client')

/** Reads the fields of one client by the table of its product, so that none is dropped without a word. */
export class FieldReader {
  readonly #fields: JsonFields
  readonly #table: FieldTable

  constructor(fields: JsonFields, table: FieldTable) {
    this.#fields = fields
    this.#table = table
  }

  #take(name: string): unknown {
    return this.#fields[name] ?? undefined
  }

  text(name: string): string | undefined {
    const value = this.#take(name)
    return typeof value === 'string' && value !== '' ? value : typeof value === 'number' ? String(value) : undefined
  }

  /** Keycloak writes flags among its attributes as text. */
  flag(name: string): boolean | undefined {
    const value = this.#take(name)
    return typeof value === 'boolean' ? value : value === 'true' ? true : value === 'false' ? false : undefined
  }

  texts(name: string): readonly string[] | undefined {
    const value = this.#take(name)
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : undefined
  }

  record(name: string): JsonFields {
    const value = this.#take(name)
    return isJsonRecord(value) ? value : {}
  }

  records(name: string): readonly JsonFields[] {
    const value = this.#take(name)
    return Array.isArray(value) ? value.filter(isJsonRecord) : []
  }

  /** @param prefix of the fields
   *  @returns what does not come along, of all that says something */
  report(prefix = ''): Pick<ForeignClient, 'leftOut' | 'restraints'> {
    const said = Object.entries(this.#fields).filter(([, value]) => saysSomething(value))
    const rows = said.map(([name, value]) => ({ field: `${prefix}${name}`, fate: this.#fateOf(name, value) }))
    const of = (kind: 'left' | 'restraint'): LeftOut[] =>
      rows.flatMap(({ field, fate }) => (fate?.kind === kind ? [{ field, why: fate.why }] : []))
    return { leftOut: of('left'), restraints: of('restraint') }
  }

  #fateOf(name: string, value: unknown): FieldFate | undefined {
    const { own, fates, others } = this.#table
    if (own.includes(name)) return undefined
    const fate = Object.hasOwn(fates, name) ? fates[name] : undefined
    return typeof fate === 'function' ? fate(value) : (fate ?? others(name))
  }
}

const saysSomething = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== '' &&
  value !== false &&
  value !== 'false' &&
  !(Array.isArray(value) && value.length === 0) &&
  !(isJsonRecord(value) && !Object.values(value).some(saysSomething))

/** @returns the plain secret, or why nobody knows it */
export function readSecretValue(value: string | undefined): { readonly secret?: string; readonly why?: string } {
  if (value === undefined) return {}
  if (/^\*+$/.test(value)) return { why: 'the export hides it; the operator makes a new one' }
  if (/^\$\{?[A-Za-z_]\w*\}?$/.test(value)) return { why: 'it is a variable; the operator makes a new one' }
  if (value.startsWith('$plaintext$')) return { secret: value.slice('$plaintext$'.length) }
  const [, digest] = /^\$([\w-]+)\$/.exec(value) ?? []
  if (digest !== undefined)
    return {
      why: `there is only a salted digest of it (${digest}), and secret.verifiers needs its SHA-256; the operator makes a new one`,
    }
  return { secret: value }
}
