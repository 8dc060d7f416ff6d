import { nameOfApi } from '../../clients/api-names.ts'

/** Cleans foreign text for an error_description (RFC 6749 section 4.1.2.1), with the names of APIs in place of URIs. */
export const plain = (text: string): string =>
  nameOfApi(text)
    .replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
    .slice(0, 200)
