// The one rule for e-mail addresses: what is one, and how it is stored. Two addresses that lead mails to one mailbox are one here.
import { hasHiddenCharacters } from '@nauthera/runtime/hidden-characters'
import { asciiDomain, canonicalName, longestName } from './canonical-name.ts'

const address = /^([^\s<>()[\]\\,;:"@]+)@([^\s<>()[\]\\,;:"@]+)$/u

/** @returns the address as it is stored and mailed to, with its domain in ASCII; undefined for what is no address: one, without a name,
 *  a comment or a second address. So is one whose part before the @ is compared as another one, by more than case: `zoª` as `zoa`. A mailer
 *  sends to what is written, which is somebody else's mailbox then. */
export function emailAddressOf(text: string): string | undefined {
  const [, local = '', written = ''] = address.exec(text) ?? []
  const domain = asciiDomain(written)
  if (domain === undefined || hasHiddenCharacters(text)) return undefined
  if (local.toWellFormed().normalize('NFKC') !== local) return undefined
  const stored = `${local}@${domain}`
  return Math.max(stored.length, canonicalName(stored).length) <= longestName ? stored : undefined
}

export const isEmailAddress = (text: string): boolean => emailAddressOf(text) !== undefined

/** @returns the domain in ASCII; undefined for what is no address */
export const domainOf = (text: string): string | undefined => emailAddressOf(text)?.split('@')[1]
