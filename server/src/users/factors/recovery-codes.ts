// Ten codes for a person who has lost the second factor. Each works once; only hashes are stored.
import { randomInt } from 'node:crypto'

const howMany = 10
/** Crockford's base32: no letter looks like a digit. Sixteen of them are 80 bits. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const length = 16
const isCode = new RegExp(`^[${alphabet}]{${length}}$`)

/** @returns codes as people see them, in groups of four: `7KQ2-…` */
export const mintRecoveryCodes = (): string[] =>
  Array.from({ length: howMany }, () =>
    Array.from({ length }, () => alphabet[randomInt(alphabet.length)]!)
      .join('')
      .replace(/.{4}(?=.)/g, '$&-'),
  )

/** @param typed in any spelling: lower case, with spaces or hyphens, O for 0, I or L for 1
 *  @returns the code as it is stored; undefined for what can be none */
export function parseRecoveryCode(typed: string): string | undefined {
  if (typed.length > 100) return undefined
  const code = typed.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
  return isCode.test(code) ? code : undefined
}
