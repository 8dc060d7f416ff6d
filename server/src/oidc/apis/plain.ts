import { nameOfApi } from '../../clients/api-names.ts'

/** Foreign text for an error_description, whose characters RFC 6749 limits (4.1.2.1). An API is called as the world knows it. */
export const plain = (text: string): string =>
  nameOfApi(text)
    .replace(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?')
    .slice(0, 200)
