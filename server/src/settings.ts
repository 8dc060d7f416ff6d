// The settings of the server: one schema, from which docs/settings.md and the chart's values derive.
import { listenSettings, logSettings, tracingSettings, z } from '@nauthera/runtime/settings'
import { podPaths } from '@nauthera/proto/names'
import { defaultAlgorithms, signingAlgorithms, usualAlgorithms } from '@nauthera/rules/algorithms'
import { isLoopback, issuerFaults } from '@nauthera/rules/issuer'
import { cachesHold } from './jwks-age.ts'
import { adminSettings } from './settings/admin.ts'
import { cacheSettings, databaseSettings } from './settings/connections.ts'
import { duration, file, listOf, hostName, addressRange, webUrl } from './settings/kinds.ts'
import { mailSettings, registrationSettings } from './settings/mail.ts'
import { mutualTlsFaults, mutualTlsSettings } from './settings/mutual-tls.ts'
import { clientMetadataDocuments, identityIssuers, outboundSettings } from './settings/outbound.ts'
import { originFaults, sourcesSettings } from './settings/sources.ts'
import { upstreamSettings, upstreamsFaults } from './settings/upstream.ts'

const issuer = z
  .string()
  .superRefine((text, context) => {
    for (const message of issuerFaults(text)) context.addIssue({ code: 'custom', message })
  })
  .describe('The issuer: an https URL without query, fragment and slash at the end (http on a loopback host only).')

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

const secondFactorSettings = z
  .strictObject({
    policy: z
      .enum(['off', 'optional', 'required'])
      .default('optional')
      .describe(
        '`optional`: people who have a second factor are asked for it, and an application can want one. `required`: everybody sets one up at the next sign-in. `off`: nobody is asked, and an application that wants one gets an error.',
      ),
    requiredGroups: listOf(z.string().min(1).max(200)).describe(
      'Members of these groups must have a second factor, also where it is optional.',
    ),
    enrolment: z
      .enum(['password', 'link'])
      .default('password')
      .describe(
        'What a person needs to set up the first second factor. `password`: only the sign-in. `link`: a sign-in with the link of an invitation or of `nauthera login-link`, so that a password alone sets up and links nothing.',
      ),
  })
  .superRefine(({ policy, requiredGroups }, context) => {
    if (policy === 'off' && requiredGroups.length > 0) {
      const message = 'cannot be required while policy is off; set policy to optional'
      context.addIssue({ code: 'custom', path: ['requiredGroups'], message })
    }
  })
  .prefault({})

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
    drainTimeout: duration('20s').describe(
      'A server that is told to stop answers until its clients have closed their connections, at most for so long. Running requests then have another 10 s.',
    ),
    management: listenSettings(9090),
    log: logSettings,
    tracing: tracingSettings,
    extraHosts: listOf(hostName).describe(
      'Other values of the Host header that are accepted, for callers inside the cluster.',
    ),
    trustedProxies: listOf(addressRange).describe('Addresses whose forwarding headers are believed. Default: none.'),
    allowUntrustedProxy: z
      .boolean()
      .default(false)
      .describe(
        'Says that addresses of callers are unknown, because a proxy stands in front that cannot be listed in trustedProxies. Then no sign-in and no page is limited by its address: sign-ins only by their account, and by a ceiling for each replica.',
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
      .array(upstreamSettings)
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
      'For this long the previous refresh token may be sent again and gets the same answer: for answers that were lost, and for two tabs at once. With 0s a token that is sent again after a lost answer counts as a second use, and ends the sign-in.',
    ),
    lane: z
      .enum(['on', 'off'])
      .default('on')
      .describe(
        "The short way for what machines ask most: `client_credentials`, introspection, userinfo, refresh and codes. `off`: the library answers them too, the same and slower. In values of the chart it is written in quotes: 'off'.",
      ),
    signing: z
      .strictObject({
        algorithms: z
          .array(z.enum(signingAlgorithms))
          .min(1)
          .default([...usualAlgorithms])
          .describe(
            'There is a signing key for each of these algorithms, and a client may choose among them. Some programs refuse a JWKS with a key that they do not know, such as PS256 or EdDSA.',
          ),
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
        publishBefore: duration('6h').describe(
          'A new key is published this long before it signs. At least 6m, because others may keep /jwks for 5 minutes; some keep it longer, such as Kafka for an hour.',
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
        logoFile: file.optional().describe('Logo on every page: SVG without scripts, or PNG; at most 32 KiB.'),
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
        textsDirectory: file
          .optional()
          .describe(
            'A directory with texts of your own, such as `fr.json`: they take the place of ours, or add a language (docs/branding.md).',
          ),
      })
      .prefault({}),
    admin: adminSettings,
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
    // records name their source by this id: if two sources shared it, people of one could act as people of the other
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

export type ServerSettings = z.output<typeof settingsSchema>
export type BrandingSettings = ServerSettings['branding']
