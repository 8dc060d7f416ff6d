// The settings of one provider at which people can sign in instead of here.
import { z } from '@nauthera/runtime/settings'
import { isLoopback, issuerFaults } from '@nauthera/rules/issuer'
import { duration, emailDomain, file, groupNameSettings, word } from './kinds.ts'

const upstreamPresets = ['generic', 'entra', 'google', 'github', 'gitlab'] as const

/** The issuer of presets that have the same one for everybody. */
export const presetIssuers: Readonly<Record<string, string | undefined>> = {
  google: 'https://accounts.google.com',
  github: 'https://github.com',
  gitlab: 'https://gitlab.com',
}

/** Whether two issuers are addresses of one provider, however they are written and whatever preset goes with them. */
export const isSameProvider = (issuer: string, other: string | undefined): boolean =>
  other !== undefined && providerAddress(issuer) === providerAddress(other)

/** Without the slash at the end (upstreamIssuerFaults allows one), and the dot at the end of the host. */
function providerAddress(issuer: string): string {
  if (!URL.canParse(issuer)) return issuer
  const { protocol, hostname, port, pathname } = new URL(issuer)
  return `${protocol}//${hostname.replace(/\.$/, '')}:${port}${pathname.replace(/\/$/, '')}`
}

/** The issuer of a provider: its own, or that of its preset. */
export const providerIssuer = ({ issuer, preset }: Pick<UpstreamSettings, 'issuer' | 'preset'>): string =>
  issuer ?? presetIssuers[preset] ?? ''

export const isGoogle = (issuer: string): boolean => isSameProvider(issuer, presetIssuers['google'])

const claimName = z.string().min(1).max(100)

const groupSettings = z
  .strictObject({
    claim: claimName.default('groups').describe('The claim that names the groups of a person.'),
    ...groupNameSettings,
  })
  .prefault({})
  .describe('Groups: none is taken over unless the map or a prefix says so.')

const proofSettings = z
  .array(
    z.strictObject({
      from: word.describe('A value of `amr` or `acr` in the ID token of the provider.'),
      amr: z
        .array(word)
        .min(1)
        .max(10)
        .describe('What this server then says as `amr` (RFC 8176), such as pwd, otp, mfa.'),
    }),
  )
  .max(50)
  .default([])
  .describe('Which proofs of the provider are believed. What is not listed is not claimed.')

const providerFields = {
  id: z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/, 'must be lower-case letters, digits and dashes, such as corp-login')
    .describe('Short name. It is in addresses and in the records of people, so it cannot be changed later.'),
  preset: z
    .enum(upstreamPresets)
    .default('generic')
    .describe('What kind of provider it is: sets what is special about it.'),
  name: z.string().min(1).max(60).optional().describe('What people read on the button; without it the id.'),
  logoFile: file
    .optional()
    .describe(
      'Logo on the button: SVG without scripts, or PNG; at most 32 KiB. Without it a drawing of ours for the preset, or a letter.',
    ),
  issuer: z
    .string()
    .optional()
    .describe('The issuer of the provider. Google, GitHub and GitLab have a default; for Entra it has the tenant id.'),
}

/** What this server is there. */
const clientFields = {
  clientId: word.optional().describe('What this server is called there; or give clientIdFile.'),
  clientIdFile: file.optional().describe('File with the client id.'),
  clientSecretFile: file
    .optional()
    .describe(
      'File with the secret that the provider gave; read at each use. Without it this server is a public client.',
    ),
  scopes: z.array(word).max(30).optional().describe('Scopes that are asked for; the default is that of the preset.'),
}

/** Who comes from there. */
const peopleFields = {
  domains: z
    .array(emailDomain)
    .max(100)
    .default([])
    .describe(
      'People who type an e-mail address of these domains are led to this provider. Of Google nobody else is let in.',
    ),
  newPeople: z
    .boolean()
    .optional()
    .describe(
      'Whether somebody who was never here gets an account. When false, people must have one and link it. Default: true, but false for GitHub, gitlab.com, and Google without domains, where everybody can have an account.',
    ),
  emailDomains: z
    .array(z.union([emailDomain, z.literal('*')]))
    .max(100)
    .optional()
    .describe(
      'The provider may say whose an e-mail address of these domains is; others are not taken over. `*` is every domain that no other source has: only for a provider that has verified each address. Default: none; Google may for gmail.com and for the hosted domain of the person.',
    ),
  trustEmail: z
    .boolean()
    .default(false)
    .describe(
      'The provider has verified each address of `emailDomains`, though it does not say so. Only for a provider that you run, or a tenant of your own.',
    ),
}

export const upstreamSettings = z
  .strictObject({
    ...providerFields,
    ...clientFields,
    ...peopleFields,
    maxAge: duration('24h').describe(
      'What the provider said of a person counts for this long. After that the person signs in again, and refresh tokens of people whom it brought end.',
    ),
    usernameClaim: claimName
      .optional()
      .describe('The claim that becomes the user name; the default is that of the preset.'),
    groups: groupSettings,
    proofs: proofSettings,
    acrValues: z
      .array(word)
      .max(20)
      .default([])
      .describe('Values of acr_values of a request that are handed on to this provider; others are left out.'),
  })
  .superRefine((upstream, context) => {
    for (const { path, message } of faultsOf(upstream)) context.addIssue({ code: 'custom', path: [path], message })
  })

export type UpstreamSettings = z.output<typeof upstreamSettings>

function faultsOf(upstream: {
  preset: (typeof upstreamPresets)[number]
  issuer?: string | undefined
  clientId?: string | undefined
  clientIdFile?: string | undefined
  clientSecretFile?: string | undefined
  trustEmail: boolean
  emailDomains?: readonly string[] | undefined
}): { path: string; message: string }[] {
  const { preset, issuer, clientId, clientIdFile } = upstream
  const faults = issuer === undefined ? missingIssuer(preset) : issuerFaultsOf(preset, issuer)
  if ((clientId === undefined) === (clientIdFile === undefined)) {
    faults.push({ path: 'clientId', message: 'is required, here or as clientIdFile; give one of the two' })
  }
  if (preset === 'github' && upstream.clientSecretFile === undefined) {
    faults.push({ path: 'clientSecretFile', message: 'is required: GitHub takes no code without the secret' })
  }
  if (upstream.trustEmail && !upstream.emailDomains?.length) {
    faults.push({
      path: 'trustEmail',
      message: 'trusts no address without emailDomains; list the domains of its people',
    })
  }
  return faults
}

function missingIssuer(preset: string): { path: string; message: string }[] {
  if (presetIssuers[preset] !== undefined) return []
  const example = preset === 'entra' ? ', such as https://login.microsoftonline.com/<tenant id>/v2.0' : ''
  return [{ path: 'issuer', message: `is required for preset ${preset}${example}` }]
}

function issuerFaultsOf(preset: string, issuer: string): { path: string; message: string }[] {
  const faults = upstreamIssuerFaults(issuer)
  const isEntra = preset === 'entra' || /^https:\/\/login\.(partner\.)?microsoftonline\.(com|us|cn)\b/.test(issuer)
  if (isEntra && /\/(common|organizations|consumers)(\/|$)/i.test(issuer)) {
    faults.push('must have the id of your tenant: with common, organizations or consumers every tenant could sign in')
  }
  return faults.map((message) => ({ path: 'issuer', message }))
}

/** An issuer of somebody else may end with a slash, as that of Auth0 does. */
const upstreamIssuerFaults = (issuer: string): string[] => issuerFaults(issuer.replace(/\/$/, ''))

/** Faults between providers. */
export function upstreamsFaults(
  upstreams: readonly UpstreamSettings[],
): { path: (string | number)[]; message: string }[] {
  return upstreams.flatMap((upstream, index) => {
    const { id } = upstream
    const before = upstreams.slice(0, index)
    const address = providerIssuer(upstream)
    return [
      ...(before.some((other) => other.id === id)
        ? [{ path: [index, 'id'], message: `is ${id} twice; choose another` }]
        : []),
      ...(id === 'postgres'
        ? [{ path: [index, 'id'], message: 'is the name of the database as a source; choose another' }]
        : []),
      ...(before.some((other) => isSameProvider(address, providerIssuer(other)))
        ? [
            {
              path: [index, 'issuer'],
              message: 'is there twice: one person there could be two here; keep one of the two',
            },
          ]
        : []),
    ]
  })
}

/** Whether http is allowed: only to this machine. */
export const isPlainHttp = (issuer: string): boolean =>
  issuer.startsWith('http:') && isLoopback(new URL(issuer).hostname)
