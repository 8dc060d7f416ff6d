// What a directory says of a password that must be changed there: beside its answer to a bind, in its words, and in the person's entry.
import { Control } from 'ldapts'
import type { BerReader } from 'ldapts'
import { BerFault, elementsIn } from './ber.ts'
import type { BerElement } from './ber.ts'
import type { DirectoryEntry } from './entry.ts'

/** Asks for the policy at a bind (draft-behera-ldap-password-policy). OpenLDAP, 389 Directory Server and others then say beside "yes" that
 *  the password was reset, or that this was one of the last sign-ins with an expired one. Others leave it out. */
export class PasswordPolicyQuestion extends Control {
  /** Of the answer; read only here, and not by the library, whose errors would end the connection of others. */
  #answer: Buffer | undefined

  constructor() {
    super('1.3.6.1.4.1.42.2.27.8.5.1')
  }

  protected override parseControl({ buffer }: BerReader): void {
    this.#answer = buffer
  }

  /** @returns whether the password is right, and must be changed there */
  get mustChange(): boolean {
    const bytes = this.#answer
    if (bytes === undefined) return false
    try {
      const [sequence] = elementsIn(bytes, { start: 0, end: bytes.length })
      if (sequence?.tag !== 0x30) return false
      return elementsIn(bytes, sequence).some((element) => isDemand(bytes, element))
    } catch (error) {
      if (error instanceof BerFault) return false
      throw error
    }
  }
}

/** `error`: the password has expired, or must be changed after a reset. `warning`: how many sign-ins are left with an expired one. */
function isDemand(bytes: Buffer, element: BerElement): boolean {
  if (element.tag === 0x81)
    return element.end - element.start === 1 && [errors.expired, errors.reset].includes(bytes[element.start]!)
  return element.tag === 0xa0 && elementsIn(bytes, element).some(({ tag }) => tag === 0x81)
}

const errors = { expired: 0, reset: 2 }

/** Active Directory says so with its refusal of a right password: 773 must be changed, 532 has expired. */
export const isChangeDemanded = (message: string): boolean =>
  /\bAcceptSecurityContext\b.*\bdata (773|532)\b/i.test(message)

/** Attributes of an entry that say so. A search for all of them would not give the first, which is operational. */
export const policyAttributes = ['pwdReset', 'pwdLastSet', 'userAccountControl']

/** For directories that let the person in all the same. Active Directory sets the time of the last change to 0, which counts unless the
 *  password never expires. */
export function demandsChange(entry: DirectoryEntry): boolean {
  const is = (attribute: string, value: string) => entry.values(attribute).some((each) => each.toLowerCase() === value)
  const neverExpires = (Number(entry.values('userAccountControl')[0] ?? 0) & 0x1_0000) !== 0
  return is('pwdReset', 'true') || (is('pwdLastSet', '0') && !neverExpires)
}
