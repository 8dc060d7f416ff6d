// The ways in which a person signs in.

/** Which ways there are, besides a password and a directory. */
export interface Ways {
  /** Ids of the providers in the settings: a link at another one leads nobody in. */
  readonly upstreams: readonly string[]
  /** Whether people can sign in with a passkey. */
  readonly passkeys: boolean
}

/** SQL: whether a person has a way to sign in.
 *  @param user their id
 *  @param which conditions for the passkeys and linked sign-ins that count: for `factors o` and `upstream_links o` */
export const hasWay = (user: string, which: { readonly passkeys: string; readonly links: string }): string =>
  `(EXISTS (SELECT FROM user_sources s WHERE s.user_id = ${user})
     OR EXISTS (SELECT FROM credentials c WHERE c.user_id = ${user})
     OR EXISTS (SELECT FROM factors o WHERE o.user_id = ${user} AND o.kind = 'passkey' AND ${which.passkeys})
     OR EXISTS (SELECT FROM upstream_links o WHERE o.user_id = ${user} AND ${which.links}))`
