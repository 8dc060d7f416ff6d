// Somebody at another provider, and how far the provider is believed about them.

/** Somebody at another provider. Issuer and subject together name one person there for ever (OpenID Connect Core 2). */
export interface UpstreamIdentity {
  /** `id` of the provider in the settings. */
  readonly upstream: string
  readonly issuer: string
  readonly subject: string
}

/** SQL, for `upstream_links l`: the provider brought the person with this identity. */
export const isOrigin = `EXISTS (SELECT FROM user_sources s
     WHERE s.user_id = l.user_id AND s.source = l.upstream AND s.source_key = l.issuer || ' ' || l.subject)`
/** SQL, for `upstream_links l`: the provider may vouch for a second factor, since it brought the account, or a sign-in that proved one linked it. */
export const isStrong = `(l.is_strong OR ${isOrigin})`
