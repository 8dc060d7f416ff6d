import { parseJsonRecord } from '@nauthera/runtime/json'
import type { OidcRegistry } from '../clients/oidc-client.ts'

/** With more, the list is left out: it is optional (RFC 9396 section 10), and one that is not whole would be wrong. */
const mostListed = 100

/** Discovery lists the types of authorization details that APIs declare. APIs come and go, and the Provider that writes the rest of the
 *  document stays: so the list is put in here.
 *  @returns the document with the list; the same bytes until another list or document comes */
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
