// Settings and a preset -> the description of a provider.
import { isGoogle, isSameProvider, presetIssuers, providerIssuer } from '../../settings/upstream.ts'
import type { UpstreamSettings } from '../../settings/upstream.ts'
import { vouchingOf } from '../../users/sources/vouching.ts'
import type { Vouching, VouchingSettings } from '../../users/sources/vouching.ts'

/** One provider with everything that follows from its preset. */
export interface UpstreamDescription {
  readonly id: string
  /** What people read. */
  readonly name: string
  readonly preset: UpstreamSettings['preset']
  /** `github` is OAuth 2 without OpenID: the person is read from its API. */
  readonly protocol: 'openid' | 'github'
  readonly issuer: string
  readonly scopes: readonly string[]
  readonly domains: readonly string[]
  /** Further parameters of the authorization request. */
  readonly parameters: Readonly<Record<string, string>>
  /** The claim `hd` must be one of these; empty when anybody may come in. */
  readonly hostedDomains: readonly string[]
  readonly newPeople: boolean
  /** The domains whose addresses it may vouch for. */
  readonly vouching: Vouching
  readonly trustEmail: boolean
  /** Milliseconds. */
  readonly maxAgeMs: number
  /** In this order, until one has a value. */
  readonly usernameClaims: readonly string[]
  /** Whether userinfo says more than the ID token. */
  readonly readsUserinfo: boolean
  readonly groups: UpstreamSettings['groups']
  readonly proofs: UpstreamSettings['proofs']
  readonly acrValues: readonly string[]
}

interface Preset {
  readonly protocol?: UpstreamDescription['protocol']
  readonly scopes: readonly string[]
  readonly usernameClaims: readonly string[]
  readonly readsUserinfo: boolean
}

const usual: Preset = {
  scopes: ['openid', 'profile', 'email'],
  usernameClaims: ['preferred_username', 'nickname', 'email'],
  readsUserinfo: true,
}

const presets: Readonly<Record<UpstreamSettings['preset'], Preset>> = {
  generic: usual,
  // its userinfo says nothing that the ID token lacks
  entra: { ...usual, usernameClaims: ['preferred_username', 'upn', 'email'], readsUserinfo: false },
  google: { ...usual, usernameClaims: ['email'], readsUserinfo: false },
  gitlab: { ...usual, usernameClaims: ['preferred_username', 'nickname'] },
  github: { protocol: 'github', scopes: ['read:user', 'user:email'], usernameClaims: ['login'], readsUserinfo: false },
}

/** @param all the settings of every source and provider */
export function describeUpstream(settings: UpstreamSettings, all: VouchingSettings): UpstreamDescription {
  const { id, preset, domains, usernameClaim } = settings
  const from = presets[preset]
  const issuer = providerIssuer(settings)
  // also by the preset alone: a limit that somebody wrote down holds
  const hostedDomains = preset === 'google' || isGoogle(issuer) ? domains : []
  return {
    id,
    name: settings.name ?? id,
    preset,
    protocol: from.protocol ?? 'openid',
    issuer,
    scopes: settings.scopes ?? from.scopes,
    domains,
    parameters: hostedDomains.length === 1 ? { hd: hostedDomains[0]! } : {},
    hostedDomains,
    newPeople: settings.newPeople ?? (hostedDomains.length > 0 || !isForEverybody(issuer)),
    vouching: vouchingOf(id, all),
    trustEmail: settings.trustEmail,
    maxAgeMs: settings.maxAge,
    usernameClaims: usernameClaim === undefined ? from.usernameClaims : [usernameClaim],
    readsUserinfo: from.readsUserinfo,
    groups: settings.groups,
    proofs: settings.proofs,
    acrValues: settings.acrValues,
  }
}

/** Whether anybody can sign up there. If so, an account there does not by itself bring one here. */
const isForEverybody = (issuer: string): boolean =>
  [...Object.values(presetIssuers), entraForEverybody].some((known) => isSameProvider(issuer, known))

/** The tenant of everybody's own accounts at Microsoft. */
const entraForEverybody = 'https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0'
