// The sources of people: this database, directories, providers.
import { z } from '@nauthera/runtime/settings'
import { duration, emailDomain, file, groupNameSettings } from './kinds.ts'

const sourceId = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,39}$/, 'must be a word in lower case, such as staff')
  .refine((id) => id !== 'postgres', 'is the name of our own people; take another')
  .describe('One word, such as `staff`. It is in the records of the people, so it cannot be renamed.')

const ldapUrl = z
  .string()
  .max(300)
  .refine(
    (text) => URL.canParse(text) && /^ldaps?:\/\/[^/?#@]+\/?$/.test(text),
    'must be ldaps://HOST or ldaps://HOST:PORT',
  )

/** Checks the shape only: the source reads the files at the start. */
const ldapFilter = z
  .string()
  .max(2000)
  .regex(/^\(.+\)$/, 'must be an LDAP filter in parentheses, such as (objectClass=person)')
const attributeName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9.;-]{0,99}$/, 'must be the name of an attribute, such as uid')
const distinguishedName = z.string().regex(/=/, 'must be a distinguished name, such as ou=people,dc=example,dc=com')

const ldapAttributes = z
  .strictObject({
    key: attributeName
      .default('entryUUID')
      .describe(
        'What never changes and is never given to somebody else: entryUUID, or objectGUID of Active Directory.',
      ),
    username: attributeName.default('uid').describe('The user name.'),
    email: attributeName.default('mail').describe('The e-mail address; the first value counts.'),
    name: attributeName.default('cn').describe('The full name.'),
    locale: attributeName.default('preferredLanguage').describe('The language, such as de.'),
    claims: z
      .record(z.string(), attributeName)
      .default({ given_name: 'givenName', family_name: 'sn' })
      .describe('Further claims by their standard name, and the attribute of each.'),
  })
  .prefault({})

const ldapGroups = z
  .strictObject({
    from: z
      .enum(['search', 'memberOf', 'none'])
      .default('search')
      .describe('search: among the groups below base; memberOf: from that attribute of the person; none.'),
    base: distinguishedName
      .optional()
      .describe('The entry below which groups are; a search needs it, and memberOf counts only those.'),
    filter: ldapFilter
      .default(
        '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=group)(objectClass=posixGroup))',
      )
      .describe('Which entries below base are groups.'),
    member: attributeName.default('member').describe('The attribute of a group that lists its members.'),
    memberIs: z.enum(['dn', 'username']).default('dn').describe('What that attribute lists; username for memberUid.'),
    name: attributeName.default('cn').describe('The attribute of a group that is its name.'),
    nested: z
      .boolean()
      .default(false)
      .describe(
        'Groups of groups too: Active Directory finds them itself, elsewhere they are walked, ten levels at most.',
      ),
    ...groupNameSettings,
  })
  .prefault({})

const ldapSource = z
  .strictObject({
    id: sourceId,
    type: z.literal('ldap'),
    urls: z
      .array(ldapUrl)
      .min(1)
      .max(10)
      .describe('Its servers in the order in which they are asked: ldaps://HOST:PORT, or ldap:// with startTLS.'),
    startTLS: z.boolean().default(false).describe('For ldap:// URLs: TLS begins before anything is sent.'),
    caFile: file
      .optional()
      .describe('Certificates (PEM) that sign those of the servers. Default: those that Node trusts.'),
    usernameFile: file.optional().describe('File with the name (DN) of the account that searches.'),
    passwordFile: file.optional().describe('File with its password; both are read again for each new connection.'),
    userBase: distinguishedName.describe('The entry below which people are.'),
    userFilter: ldapFilter
      .default('(|(objectClass=person)(objectClass=inetOrgPerson)(objectClass=user))')
      .describe('Which entries below userBase are people who may sign in.'),
    disabledFilter: ldapFilter
      .optional()
      .describe('Which of them are disabled; for Active Directory `(userAccountControl:1.2.840.113556.1.4.803:=2)`.'),
    login: z
      .array(attributeName)
      .min(1)
      .max(5)
      .default(['uid', 'mail'])
      .describe('What a person may type as user name: the value of any of these attributes.'),
    attributes: ldapAttributes,
    emailDomains: z
      .array(emailDomain)
      .max(100)
      .optional()
      .describe(
        'The directory says whose an e-mail address of these domains is; others are not taken over. Default: every domain that no other source has. An empty list where people can change their own address.',
      ),
    groups: ldapGroups,
    maxAge: duration('5m')
      .refine((milliseconds) => milliseconds >= 1000 && milliseconds <= 86_400_000, 'must be from 1s to 24h')
      .describe(
        'How old what is known of a person may be. Somebody who is removed there, or leaves a group, is so here too after this time at the latest. When the directory is away, sessions go on until then.',
      ),
  })
  .superRefine((source, context) => {
    const fault = (path: (string | number)[], message: string) => context.addIssue({ code: 'custom', path, message })
    source.urls.forEach((url, n) => {
      if (url.startsWith('ldap://') && !source.startTLS)
        fault(['urls', n], 'is not encrypted; take ldaps://, or set startTLS')
      if (url.startsWith('ldaps://') && source.startTLS)
        fault(['urls', n], 'is TLS from the start; remove startTLS, or take ldap://')
    })
    if ((source.usernameFile === undefined) !== (source.passwordFile === undefined))
      fault([source.usernameFile === undefined ? 'usernameFile' : 'passwordFile'], 'is required beside the other one')
    if (source.groups.from === 'search' && source.groups.base === undefined)
      fault(['groups', 'base'], 'is required for a search; or set groups.from to memberOf or none')
  })
export type LdapSourceSettings = z.output<typeof ldapSource>

export const sourcesSettings = z
  .array(
    z.discriminatedUnion('type', [
      z.strictObject({ id: z.literal('postgres'), type: z.literal('postgres') }),
      ldapSource,
    ]),
  )
  .min(1)
  .max(10)
  .default([{ id: 'postgres', type: 'postgres' }])
  .superRefine((sources, context) => {
    sources.forEach(({ id }, n) => {
      if (sources.findIndex((other) => other.id === id) < n)
        context.addIssue({ code: 'custom', path: [n, 'id'], message: `is ${id}, as another source; give each its own` })
    })
  })
  .describe(
    'Where people come from, in the order in which a login that nobody has used yet is looked for. `{id: postgres, type: postgres}` are the people of this database; the keys below are those of `type: ldap`. docs/people.md has examples.',
  )

export type SourceSettings = z.output<typeof sourcesSettings>[number]

interface Origins {
  readonly sources: readonly ({ id: string } & ({ type: 'postgres' } | Pick<LdapSourceSettings, 'type' | 'groups'>))[]
  readonly upstreams: readonly { id: string; groups: { prefix?: string | undefined } }[]
  readonly admin?: { groupFrom: readonly string[] } | undefined
}

/** What is wrong with directories and providers beside one another. */
export function originFaults({ sources, upstreams, admin }: Origins): { path: (string | number)[]; message: string }[] {
  const prefixed = [
    ...sources.map((source, n) => ({
      path: ['sources', n],
      id: source.id,
      prefix: source.type === 'ldap' ? source.groups.prefix : undefined,
    })),
    ...upstreams.map(({ id, groups }, n) => ({ path: ['upstreams', n], id, prefix: groups.prefix })),
  ]
  const known = ['postgres', ...[...sources, ...upstreams].map(({ id }) => id)]
  const message = `is no source of people; there are ${[...new Set(known)].join(', ')}`
  return [
    ...prefixFaults(prefixed),
    ...(admin?.groupFrom ?? []).flatMap((id, n) =>
      known.includes(id) ? [] : [{ path: ['admin', 'groupFrom', n], message }],
    ),
  ]
}

/** Finds sources where the prefix of one begins with that of the other: who runs one could name groups of the other.
 *  @param sources directories and providers, each with where its settings are */
function prefixFaults(
  sources: readonly { path: (string | number)[]; id: string; prefix: string | undefined }[],
): { path: (string | number)[]; message: string }[] {
  return sources.flatMap(({ path, prefix }, index) => {
    if (prefix === undefined) return []
    const other = sources
      .slice(0, index)
      .find((before) => before.prefix?.startsWith(prefix) || (before.prefix && prefix.startsWith(before.prefix)))
    const message = `begins like that of ${other?.id}, whose groups could then be made here too; choose another`
    return other === undefined ? [] : [{ path: [...path, 'groups', 'prefix'], message }]
  })
}
