import { parseJsonRecord } from '@nauthera/runtime/json'
import type { OidcRegistry } from '../clients/oidc-client.ts'

/** With more types the optional list (RFC 9396 section 10) is left out, since it must be complete. */
const mostListed = 100

/** Adds the declared types of authorization details to the discovery document. They change while the Provider stays.
 *  @returns the document with the list; the same bytes until list or document change */
export function createPublishedTypes(registry: OidcRegistry): (metadata: Buffer) => Buffer {
  let last: { readonly metadata: Buffer; readonly types: readonly string[]; readonly whole: Buffer } | undefined
  return (metadata) => {
    const types = registry.current().detailTypes()
    if (types.length === 0 || types.length > mostListed) return metadata
    if (last?.metadata === metadata && isSame(last.types, types)) return last.whole
    const document = parseJsonRecord(metadata.toString())
    const whole = Buffer.from(JSON.stringify({ ...document, authorization_details_types_supported: types }))
    last = { metadata, types, whole }
    return whole
  }
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one === other || (one.length === other.length && one.every((type, index) => type === other[index]))
