import { listenSettings, logSettings, z } from '@nauthera/runtime/settings'
import { podPaths } from '@nauthera/proto/names'
import { defaultAlgorithms, signingAlgorithms } from '@nauthera/rules/algorithms'
import { isLoopback, issuerFaults } from '@nauthera/rules/issuer'
import { isNeverAllowed, parseRanges } from './address-ranges.ts'
import { cachesHold } from './jwks-age.ts'
import { mutualTlsFaults, mutualTlsSettings } from './mutual-tls-settings.ts'
import { groupNameSettings, prefixFaults, upstreamSettings, upstreamsFaults } from './upstream-settings.ts'

// The settings of the server: one schema, from which docs/settings.md and the chart's values derive.

const duration = (fallback: string) =>
  z
    .string()
    .regex(/^\d{1,6}(ms|s|m|h|d)$/, 'must be a duration such as 10s, 5m, 24h or 30d')
    .default(fallback)
    .transform(parseDuration)

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `10s` -> milliseconds. */
function parseDuration(text: string): number {
  return Number.parseInt(text, 10) * unitMs[text.replace(/\d/g, '')]!
}

const file = z.string().min(1)
const listOf = (item: z.ZodType<string, string>) => z.array(item).max(100).default([])
const hostName = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:\d{1,5})?$/,
    'must be a host in lower case, such as nauthera.auth.svc or nauthera.auth.svc:8080',
  )
const addressRange = z.string().superRefine((text, context) => {
  for (const message of proxyFaults(text)) context.addIssue({ code: 'custom', message })
})

function proxyFaults(text: string): string[] {
  if (parseRanges([text]) === undefined) return ['must be an address or a range, such as 10.0.0.0/8']
  if (/\/0+$/.test(text)) return ['would believe everybody; list your proxies, or set allowUntrustedProxy in its place']
  return []
}
const webUrl = z
  .string()
  .max(2048)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an https URL')

const issuer = z
  .string()
  .superRefine((text, context) => {
    for (const message of issuerFaults(text)) context.addIssue({ code: 'custom', message })
  })
  .describe('The issuer: an https URL without query, fragment and slash at the end (http on a loopback host only).')

const databaseSettings = z
  .strictObject({
    dsnFile: file.optional().describe('File with a postgres:// URL; instead of host, port, name, user and password.'),
    host: z.string().min(1).optional().describe('Host of PostgreSQL.'),
    port: z.int().min(1).max(65535).default(5432).describe('Port of PostgreSQL.'),
    name: z.string().min(1).default('nauthera').describe('Name of the database.'),
    usernameFile: file.optional().describe('File with the user name.'),
    passwordFile: file.optional().describe('File with the password.'),
    sslMode: z
      .enum(['verify-full', 'require', 'disable'])
      .default('verify-full')
      .describe('verify-full checks the certificate and its name; disable is for a loopback or mesh connection only.'),
    caFile: file.optional().describe('Certificates that sign the certificate of PostgreSQL (PEM).'),
    poolMax: z.int().min(2).max(200).default(10).describe('Connections of one replica at most.'),
  })
  .superRefine((database, context) => {
    if (database.dsnFile !== undefined && database.host !== undefined) {
      context.addIssue({ code: 'custom', path: ['host'], message: 'cannot stand beside dsnFile; give one of the two' })
    }
    if (database.dsnFile === undefined && database.host === undefined) {
      context.addIssue({ code: 'custom', path: ['host'], message: 'is required; or give dsnFile' })
    }
  })
  .prefault({})

const cacheSettings = z
  .strictObject({
    urlFile: file
      .optional()
      .describe(
        'File with the redis:// or rediss:// URL of the cache. Introspection and userinfo use its entries for at most 10 s. Without urlFile, host and sentinels nothing is cached.',
      ),
    host: z.string().min(1).optional().describe('Host of Valkey or Redis; instead of urlFile.'),
    port: z.int().min(1).max(65535).default(6379).describe('Port of Valkey or Redis.'),
    sentinels: listOf(hostName).describe(
      'Sentinels as host:port; they say which Valkey is the primary. Instead of urlFile and host.',
    ),
    sentinelName: z.string().min(1).max(100).default('nauthera').describe('Name of the primary at the Sentinels.'),
    passwordFile: file.optional().describe('File with the password of Valkey and Sentinel.'),
    caFile: file
      .optional()
      .describe('Certificates (PEM) that sign those of Valkey and Sentinel; with it connections are TLS.'),
    timeout: duration('100ms').describe('A request waits for the cache no longer than this, and goes on without it.'),
  })
  .superRefine((cache, context) => {
    const given = [cache.urlFile, cache.host, cache.sentinels[0]].filter((value) => value !== undefined)
    if (given.length > 1) {
      context.addIssue({
        code: 'custom',
        message: 'has more than one of urlFile, host and sentinels; give one of them',
      })
    }
  })
  .prefault({})

/** What the server itself requests: at URLs that clients register, and at the providers in `upstreams`. */
const outboundPurposes = ['backchannel', 'jwks', 'logo', 'document', 'upstream'] as const
export type OutboundPurpose = (typeof outboundPurposes)[number]

const outboundTarget = z
  .string()
  .max(253)
  .superRefine((to, context) => {
    const isRange = parseRanges([to]) !== undefined
    if (!isRange && !/^\.?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z][a-z0-9-]*$/.test(to)) {
      const message = 'must be an address, a range such as 10.96.0.0/12, a host, or a domain such as .svc.cluster.local'
      context.addIssue({ code: 'custom', message })
    }
    if (isRange && isNeverAllowed(to)) {
      const message = 'is a loopback, link-local or metadata address: the server never sends a request there'
      context.addIssue({ code: 'custom', message })
    }
  })

const outboundSettings = z
  .strictObject({
    allow: z
      .array(
        z.strictObject({
          to: outboundTarget.describe('An address, a range, a host, or a domain with a dot in front.'),
          for: z.array(z.enum(outboundPurposes)).min(1).describe('For which requests.'),
        }),
      )
      .max(50)
      .default([])
      .describe(
        'Private and special addresses that the server may send requests to: `to` (address, range, host, or a domain with a dot in front) and `for` (backchannel, jwks, logo, document, upstream). Public addresses need no entry; loopback, link-local and metadata addresses are never allowed.',
      ),
  })
  .prefault({})
export type OutboundSettings = z.output<typeof outboundSettings>

/** As `iss` has it in tokens: an issuer may be an address that nobody can ask, as in many clusters. */
const identityIssuer = z
  .string()
  .max(2048)
  .superRefine((text, context) => {
    for (const message of issuerFaults(text.replace(/\/$/, ''))) context.addIssue({ code: 'custom', message })
  })

const identityIssuers = z
  .array(
    z
      .strictObject({
        issuer: identityIssuer.describe('What `iss` is in its tokens, exactly.'),
        jwksURI: webUrl.optional().describe('Where its keys are. Default: where its discovery document says.'),
        jwksFile: file.optional().describe('A file with its keys, in place of an address; read again as it changes.'),
        thisCluster: z
          .boolean()
          .default(false)
          .describe(
            'These are the ServiceAccounts of this cluster: for an operator that may not read their keys at the API server.',
          ),
      })
      .refine(({ jwksURI, jwksFile }) => jwksURI === undefined || jwksFile === undefined, {
        path: ['jwksFile'],
        message: 'is set together with jwksURI; set one of the two',
      }),
  )
  .max(50)
  .default([])
  .superRefine((issuers, context) => {
    issuers.forEach(({ issuer, thisCluster }, n) => {
      const before = issuers.slice(0, n)
      if (before.some((other) => other.issuer === issuer && other.thisCluster === thisCluster))
        context.addIssue({ code: 'custom', path: [n, 'issuer'], message: `is ${issuer} twice; remove one` })
      if (thisCluster && before.some((other) => other.thisCluster))
        context.addIssue({
          code: 'custom',
          path: [n, 'thisCluster'],
          message: 'is set for two issuers; set it for one',
        })
    })
  })
  .describe(
    'Issuers whose tokens may prove a client that has no secret (spec.auth.identities): `issuer`, and `jwksURI` or `jwksFile`. A private address of one must be in outbound.allow for jwks. That of this cluster needs no entry: the operator reads its keys.',
  )
export type IdentityIssuer = z.output<typeof identityIssuers>[number]

const clientMetadataDocuments = z
  .strictObject({
    hosts: z
      .array(
        z
          .string()
          .max(260)
          .regex(
            /^\.?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:\d{1,5})?$/,
            'must be a host in lower case such as app.example.com, or .apps.example.com for all below it, with a port where it is not 443',
          ),
      )
      .max(100)
      .default([])
      .describe(
        'Hosts whose documents may describe clients that nobody registers (Client ID Metadata Document): `client_id` is then an https address there, such as that of an MCP client. app.example.com, or .apps.example.com for all below it. Default: none. An API lets them in with `clientMetadataHosts` in its `resourceServer.access`. A private address must be in outbound.allow for document.',
      ),
  })
  .prefault({})

/** Milliseconds. */
const shortestRetention = 86_400_000

const auditSettings = z
  .strictObject({
    retention: duration('90d')
      .refine((milliseconds) => milliseconds >= shortestRetention, 'must be a day or more')
      .describe('Rows of the audit log are removed at this age. The lines in the log of the process are not.'),
    machineTokens: z
      .enum(['counted', 'each'])
      .default('counted')
      .describe(
        'Tokens that machines get for themselves (client_credentials): `each` writes a row for every token, `counted` one row for each minute and client. A line is written for every token.',
      ),
  })
  .prefault({})

/** One line without control characters: it becomes a header. */
const mailbox = z
  .string()
  .max(320)
  .regex(
    /^([^<>"@,;:\\\p{Cc}]+ <[^<>@\s,;:"\p{Cc}]+@[^<>@\s,;:"\p{Cc}]+>|[^<>@\s,;:"\p{Cc}]+@[^<>@\s,;:"\p{Cc}]+)$/u,
    'must be an address such as sign-in@example.com, or Example <sign-in@example.com>',
  )

const mailSettings = z
  .strictObject({
    host: z.string().min(1).max(253).describe('Host of the SMTP server.'),
    port: z.int().min(1).max(65535).default(587).describe('Port of the SMTP server.'),
    from: mailbox.describe('The sender of every mail: an address, or a name with an address in angle brackets.'),
    tls: z
      .enum(['starttls', 'implicit', 'off'])
      .default('starttls')
      .describe(
        'starttls: the connection must become TLS before anything is sent; implicit: TLS from the first byte (port 465); off: for a loopback host only.',
      ),
    usernameFile: file.optional().describe('File with the user name for SMTP; without it nobody signs in there.'),
    passwordFile: file.optional().describe('File with the password for SMTP.'),
    caFile: file.optional().describe('Certificates (PEM) that sign the certificate of the SMTP server.'),
  })
  .superRefine((mail, context) => {
    if (mail.tls === 'off' && !isLoopback(mail.host)) {
      const message = 'is off, which is for a loopback host only; use starttls or implicit'
      context.addIssue({ code: 'custom', path: ['tls'], message })
    }
    if ((mail.usernameFile === undefined) !== (mail.passwordFile === undefined)) {
      const path = mail.usernameFile === undefined ? 'usernameFile' : 'passwordFile'
      context.addIssue({ code: 'custom', path: [path], message: 'is missing; give both usernameFile and passwordFile' })
    }
  })
  .optional()
  .describe('How mail is sent. Without it no mail is sent, and what needs mail is not offered.')
export type MailSettings = NonNullable<z.output<typeof mailSettings>>

const secondFactorSettings = z
  .strictObject({
    policy: z
      .enum(['off', 'optional', 'required'])
      .default('optional')
      .describe(
        '`optional`: whoever has a second factor is asked for it, and an application can want one. `required`: everybody sets one up at the next sign-in. `off`: nobody is asked, and an application that wants one gets an error.',
      ),
    requiredGroups: listOf(z.string().min(1).max(200)).describe(
      'Members of these groups must have a second factor, also where it is optional.',
    ),
  })
  .superRefine(({ policy, requiredGroups }, context) => {
    if (policy === 'off' && requiredGroups.length > 0) {
      const message = 'cannot be required while policy is off; set policy to optional'
      context.addIssue({ code: 'custom', path: ['requiredGroups'], message })
    }
  })
  .prefault({})

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

/** Only the shape: the source itself reads them at the start. */
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
      .describe('Below which groups lie; a search needs it, and memberOf counts only those.'),
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
    userBase: distinguishedName.describe('Below which people lie.'),
    userFilter: ldapFilter
      .default('(|(objectClass=person)(objectClass=inetOrgPerson)(objectClass=user))')
      .describe('Which entries below userBase are people who may sign in.'),
    disabledFilter: ldapFilter
      .optional()
      .describe('Which of them are disabled; for Active Directory (userAccountControl:1.2.840.113556.1.4.803:=2).'),
    login: z
      .array(attributeName)
      .min(1)
      .max(5)
      .default(['uid', 'mail'])
      .describe('What a person may type as user name: the value of any of these attributes.'),
    attributes: ldapAttributes,
    emailVerified: z
      .boolean()
      .default(true)
      .describe('Whether the addresses of the directory count as verified; false where people can change their own.'),
    groups: ldapGroups,
    maxAge: duration('5m')
      .refine((milliseconds) => milliseconds >= 1000 && milliseconds <= 86_400_000, 'must be from 1s to 24h')
      .describe(
        'The greatest age of what is known of a person: who is removed there, or leaves a group, is so here after this time. During an outage sessions go on until then.',
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

const sourcesSettings = z
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

const registrationSettings = z
  .strictObject({
    enabled: z.boolean().default(false).describe('Whether people can make an account for themselves. Needs mail.'),
    allowedDomains: listOf(
      z
        .string()
        .regex(
          /^([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]{2,}$/,
          'must be a domain in lower case, such as example.com',
        ),
    ).describe('Only addresses of these domains can register. Empty: every address can.'),
  })
  .prefault({})
export type RegistrationSettings = z.output<typeof registrationSettings>

export const settingsSchema = z
  .strictObject({
    issuer,
    development: z
      .boolean()
      .default(false)
      .describe('Shows on error pages what only developers should see. Never for real people.'),
    listen: listenSettings(8080),
    tls: z
      .strictObject({
        certFile: file.describe('Certificate (PEM) for HTTPS on the public port; read again when the file changes.'),
        keyFile: file.describe('Private key (PEM) of that certificate; read again when the file changes.'),
      })
      .optional()
      .describe('HTTPS on the public port; the files are read again when they change.'),
    mutualTLS: mutualTlsSettings,
    management: listenSettings(9090),
    log: logSettings,
    extraHosts: listOf(hostName).describe(
      'Other values of the Host header that are accepted, for callers inside the cluster.',
    ),
    trustedProxies: listOf(addressRange).describe('Addresses whose forwarding headers are believed. Default: none.'),
    allowUntrustedProxy: z
      .boolean()
      .default(false)
      .describe(
        'Says that addresses of callers are unknown, since a proxy stands in front that cannot be listed in trustedProxies. Then no sign-in is limited by its address: only by its account, and by a ceiling for each replica.',
      ),
    config: z
      .strictObject({
        socket: file.default(podPaths.configSocket).describe('Unix socket that the config-agent of the pod dials.'),
        tlsDirectory: file
          .default(podPaths.configTls)
          .describe('Certificates for that socket, made by the config-agent.'),
        expectedWait: duration('10s').describe(
          'A server that starts waits for the operator to say which clients there are. After this time a complete set is enough.',
        ),
      })
      .prefault({}),
    keysDirectory: file
      .default('/etc/nauthera/keys')
      .describe(
        'The key-encryption keys: files <id> of 32 bytes each, and `current`, which names the one that encrypts.',
      ),
    database: databaseSettings,
    cache: cacheSettings,
    sources: sourcesSettings,
    outbound: outboundSettings,
    identityIssuers,
    clientMetadataDocuments,
    upstreams: z
      .array(upstreamSettings(duration))
      .max(20)
      .default([])
      .superRefine((upstreams, context) => {
        for (const { path, message } of upstreamsFaults(upstreams)) context.addIssue({ code: 'custom', path, message })
      })
      .describe('Other OpenID providers, and GitHub, at which people can sign in instead of here.'),
    audit: auditSettings,
    mail: mailSettings,
    registration: registrationSettings,
    refreshGrace: duration('10s').describe(
      'For this long the previous refresh token may be sent again and gets the same answer: for answers that were lost, and for two tabs at once.',
    ),
    signing: z
      .strictObject({
        algorithms: z
          .array(z.enum(signingAlgorithms))
          .min(1)
          .default([...signingAlgorithms])
          .describe('There is a signing key for each of these algorithms, and a client may choose among them.'),
        idToken: z
          .enum(signingAlgorithms)
          .default(defaultAlgorithms.idToken)
          .describe('What ID tokens are signed with where the client does not say; one of algorithms.'),
        accessToken: z
          .enum(signingAlgorithms)
          .default(defaultAlgorithms.accessToken)
          .describe(
            'What access tokens and signed authorization responses are signed with where the client does not say; one of algorithms.',
          ),
        userinfo: z
          .enum(signingAlgorithms)
          .optional()
          .describe(
            'What answers of userinfo are signed with where the client does not say; one of algorithms. Default: they are JSON without a signature.',
          ),
        jwksFile: file
          .optional()
          .describe(
            'A file with private keys (a JWK set), in place of signing keys that are made here (docs/keys.md). It has a key for each of algorithms, the first of each signs, and the file is read again as it changes.',
          ),
        publishBefore: duration('15m').describe(
          'A new key is published this long before it signs; at least 6m, since others may keep /jwks for 5 minutes.',
        ),
        rotateEvery: duration('30d').describe('Age at which a key is replaced by a new one.'),
      })
      .prefault({})
      .superRefine((signing, context) => {
        if (new Set(signing.algorithms).size < signing.algorithms.length) {
          context.addIssue({ code: 'custom', path: ['algorithms'], message: 'names an algorithm twice' })
        }
        for (const purpose of ['idToken', 'accessToken', 'userinfo'] as const) {
          const algorithm = signing[purpose]
          if (algorithm === undefined || signing.algorithms.includes(algorithm)) continue
          const message = `is ${algorithm}, which is not in signing.algorithms; add it there, or choose one of ${signing.algorithms.join(', ')}`
          context.addIssue({ code: 'custom', path: [purpose], message })
        }
        if (signing.publishBefore < cachesHold) {
          const message = `must be at least ${cachesHold / 60_000}m: others may keep /jwks for 5 minutes, and would refuse what a key signs that they do not know`
          context.addIssue({ code: 'custom', path: ['publishBefore'], message })
        }
        if (signing.publishBefore >= signing.rotateEvery) {
          context.addIssue({ code: 'custom', path: ['publishBefore'], message: 'must be shorter than rotateEvery' })
        }
      }),
    secondFactor: secondFactorSettings,
    branding: z
      .strictObject({
        title: z.string().min(1).max(80).default('Nauthera').describe('Name on every page.'),
        logoFile: file.optional().describe('Logo on every page: SVG or PNG of at most 32 KiB.'),
        accent: z
          .string()
          .regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #2457c5')
          .optional()
          .describe('Colour of buttons and links; its contrast is checked.'),
        footerLinks: z
          .array(z.strictObject({ label: z.string().min(1).max(60), url: webUrl }))
          .max(6)
          .default([])
          .describe('Links at the foot of every page.'),
        helpUrl: webUrl
          .optional()
          .describe('A page for people who cannot sign in; the pages of the sign-in link to it.'),
        cssFile: file.optional().describe('Rules that come after those of the style sheet: at most 16 KiB.'),
        layoutFile: file
          .optional()
          .describe('A template that takes the place of what surrounds every page (docs/branding.md): at most 32 KiB.'),
      })
      .prefault({}),
    admin: z
      .strictObject({
        group: z
          .string()
          .min(1)
          .max(200)
          .describe('Members of this group may use the help desk at /admin, with a second factor.'),
        groupFrom: z
          .array(z.string().min(1).max(40))
          .min(1)
          .max(20)
          .default(['postgres'])
          .describe(
            'Where that group may come from: `postgres` for groups that were given here, or the id of a source or of an upstream provider. Whoever runs one that is listed can make people members of the help desk.',
          ),
      })
      .optional()
      .describe('The help desk. Without it there is none.'),
    replica: z
      .string()
      .min(1)
      .max(253)
      .default('server')
      .describe('Name of this replica (of the pod) in logs and audit.'),
  })
  .superRefine((settings, context) => {
    if (settings.development && URL.canParse(settings.issuer) && !isLoopback(new URL(settings.issuer).hostname)) {
      context.addIssue({ code: 'custom', path: ['development'], message: 'is for issuers on a loopback host only' })
    }
    if (settings.registration.enabled && settings.mail === undefined) {
      const message = 'needs mail, which proves whose address it is; give the settings `mail`'
      context.addIssue({ code: 'custom', path: ['registration', 'enabled'], message })
    }
    if (settings.allowUntrustedProxy && settings.trustedProxies.length > 0) {
      const message = 'says that addresses are unknown, and trustedProxies says who tells them; set one of the two'
      context.addIssue({ code: 'custom', path: ['allowUntrustedProxy'], message })
    }
    // a record says by this word whose people it is of: with one word for two, the people of one could act as those of the other
    settings.upstreams.forEach(({ id }, n) => {
      if (!settings.sources.some((source) => source.id === id)) return
      context.addIssue({
        code: 'custom',
        path: ['upstreams', n, 'id'],
        message: 'is the id of a source; choose another',
      })
    })
    if (settings.admin !== undefined && settings.secondFactor.policy === 'off') {
      const message = 'needs second factors: its members sign in with one; set secondFactor.policy to optional'
      context.addIssue({ code: 'custom', path: ['admin'], message })
    }
    settings.identityIssuers.forEach(({ issuer }, n) => {
      if (issuer !== settings.issuer) return
      const message = 'is this server itself: its tokens prove people and clients, never a program; remove it'
      context.addIssue({ code: 'custom', path: ['identityIssuers', n, 'issuer'], message })
    })
    for (const fault of [...originFaults(settings), ...mutualTlsFaults(settings)])
      context.addIssue({ code: 'custom', ...fault })
  })

interface Origins {
  readonly sources: readonly ({ id: string } & ({ type: 'postgres' } | Pick<LdapSourceSettings, 'type' | 'groups'>))[]
  readonly upstreams: readonly { id: string; groups: { prefix?: string | undefined } }[]
  readonly admin?: { groupFrom: readonly string[] } | undefined
}

/** What is wrong with directories and providers beside one another. */
function originFaults({ sources, upstreams, admin }: Origins): { path: (string | number)[]; message: string }[] {
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

export type ServerSettings = z.output<typeof settingsSchema>
export type BrandingSettings = ServerSettings['branding']
