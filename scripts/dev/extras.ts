// What `npm run dev -- --with ...` adds to the product by settings alone, and what there is to try of each part.
import { demo } from './demo.ts'

export const extras = ['desk', 'registration', 'branding', 'ldap', 'upstream', 'mail'] as const
export type Extra = (typeof extras)[number]

/** @param text of `--with`, such as `desk,ldap` or `all`
 *  @returns undefined when a word of it is none of them */
export function parseExtras(text: string | undefined): ReadonlySet<Extra> | undefined {
  const words = text?.split(',') ?? []
  if (words.includes('all')) return words.length === 1 ? new Set(extras) : undefined
  return words.every(isExtra) ? new Set(words) : undefined
}

const isExtra = (word: string): word is Extra => (extras as readonly string[]).includes(word)

/** Settings of the servers. */
export function settingsOfExtras(wanted: ReadonlySet<Extra>): object {
  return {
    ...(wanted.has('desk') ? { admin: { group: demo.deskGroup } } : {}),
    ...(wanted.has('registration') ? { registration: { enabled: true } } : {}),
    ...(wanted.has('branding') ? { branding: { title: 'Example Corp', accent: '#0b7a5c' } } : {}),
  }
}

/** @param about.command how a later command of this run begins, up to its options
 *  @returns a line for each part */
export function describeExtras(
  wanted: ReadonlySet<Extra>,
  about: { issuer: string; inbox: string; codeCommand: string },
): string[] {
  const issuer = about.issuer.replace(/\/$/, '')
  const says: Readonly<Record<Extra, string>> = {
    desk: `the help desk: ${issuer}/admin as ${demo.careful}; ${about.codeCommand} prints the code`,
    registration: `an account for yourself: ${issuer}/register; the mail arrives at ${about.inbox}`,
    branding: `pages with a title and a colour of their own: ${issuer}/account`,
    ldap: `people of a directory: sign in at ${issuer}/account as one of those under Directory`,
    upstream: `another provider: the button on ${issuer}/account, as the person under Upstream`,
    mail: `a forgotten password: ${issuer}/forgot for ${demo.person}@example.com; the mail arrives at ${about.inbox}`,
  }
  return extras.filter((extra) => wanted.has(extra)).map((extra) => `  ${extra.padEnd(13)} ${says[extra]}`)
}
