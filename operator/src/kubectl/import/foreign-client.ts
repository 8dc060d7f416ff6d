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

/** Reads the fields of one client, and knows which were read, so that none is dropped without a word. */
export class FieldReader {
  readonly #fields: JsonFields
  readonly #read = new Set<string>()
  readonly leftOut: LeftOut[] = []

  constructor(fields: JsonFields) {
    this.#fields = fields
  }

  #take(name: string): unknown {
    this.#read.add(name)
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

  /** Says why a field is left out, where it says something. */
  leave(name: string, why: string): void {
    const value = this.#take(name)
    if (saysSomething(value)) this.leftOut.push({ field: name, why })
  }

  /** Has no meaning outside of the other product. */
  ignore(...names: readonly string[]): void {
    for (const name of names) this.#read.add(name)
  }

  /** @param prefix of the fields, for the report
   *  @returns what nobody has read */
  rest(prefix = ''): readonly LeftOut[] {
    return Object.entries(this.#fields)
      .filter(([name, value]) => !this.#read.has(name) && saysSomething(value))
      .map(([name]) => ({ field: `${prefix}${name}`, why: 'this command does not know it; look whether you need it' }))
  }
}

const saysSomething = (value: unknown): boolean =>
  value !== undefined &&
  value !== null &&
  value !== '' &&
  value !== false &&
  value !== 'false' &&
  !(Array.isArray(value) && value.length === 0) &&
  !(isJsonRecord(value) && Object.keys(value).length === 0)

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
