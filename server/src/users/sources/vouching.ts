// Decides which e-mail addresses a source may vouch for. Pure.
import type { SourceSettings } from '../../settings/sources.ts'
import { isGoogle, providerIssuer } from '../../settings/upstream.ts'
import type { UpstreamSettings } from '../../settings/upstream.ts'
import { domainOf } from '../../store/people/email-address.ts'

/** What one source may vouch for. */
export interface Vouching {
  /** Domains that the settings give to this source. */
  readonly own: readonly string[]
  /** Domains that they give to other sources. */
  readonly ofOthers: readonly string[]
  /** Of the domains in neither: `google`: its own, and the hosted domain of the person. */
  readonly rest: 'all' | 'none' | 'google'
}

/** The settings of all who may vouch. */
export interface VouchingSettings {
  readonly sources: readonly SourceSettings[]
  readonly upstreams: readonly UpstreamSettings[]
}

/** @param id of a source, or of a provider */
export function vouchingOf(id: string, { sources, upstreams }: VouchingSettings): Vouching {
  const each = [
    ...sources.map((source) => ofDirectory(source)),
    ...upstreams.map(({ id: provider, emailDomains, domains, ...upstream }) => ({
      id: provider,
      listed: emailDomains?.filter((domain) => domain !== '*') ?? [],
      // an address of that domain leads to that provider, so no other one may vouch for it
      led: domains,
      rest: restOf(emailDomains, isGoogle(providerIssuer(upstream))),
    })),
  ]
  const one = each.find((source) => source.id === id)
  const others = each.filter((source) => source !== one)
  return {
    own: one?.listed ?? [],
    ofOthers: others.flatMap(({ listed, led }) => [...listed, ...led]),
    rest: one?.rest ?? 'none',
  }
}

function ofDirectory(source: SourceSettings) {
  const domains = source.type === 'ldap' ? source.emailDomains : undefined
  const listed = domains ?? []
  return { id: source.id, listed, led: [], rest: domains === undefined ? 'all' : 'none' } as const
}

function restOf(domains: readonly string[] | undefined, ofGoogles: boolean): Vouching['rest'] {
  if (domains === undefined) return ofGoogles ? 'google' : 'none'
  return domains.includes('*') ? 'all' : 'none'
}

/** Google's own domains. Of others Google runs only the mail of the organisations in the claim `hd`. */
const ofGoogle = ['gmail.com', 'googlemail.com']

/** @param hosted the domain for which the person is hosted by Google */
export function vouchesFor({ own, ofOthers, rest }: Vouching, email: string, hosted?: string): boolean {
  const domain = domainOf(email)
  if (domain === undefined) return false
  if (own.includes(domain)) return true
  if (ofOthers.includes(domain)) return false
  return rest === 'google' ? ofGoogle.includes(domain) || domain === hosted?.toLowerCase() : rest === 'all'
}

/** Whether what it vouched for at a sign-in still counts, by the settings of today. */
export const stillVouchesFor = (vouching: Vouching, email: string): boolean =>
  vouchesFor(vouching.rest === 'google' ? { ...vouching, rest: 'all' } : vouching, email)
