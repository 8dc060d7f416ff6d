// Every audit event, once: what it tells, how it is counted, and whether its person is proven. docs/audit.md follows from it.

interface AuditEventKind {
  /** For docs/audit.md: when it is written. */
  readonly when: string
  /** Its failures are counted, and have a row for all that are alike: nobody has to sign in, or to prove which client they are, to cause them;
   *  or a page elsewhere makes the browser of a person do so; or they are alike as long as a program asks again. */
  readonly countsFailures?: true
  /** The person whom it names has not proved who they are. */
  readonly isUnproven?: true
}

export const auditEvents = {
  'signin.success': { when: 'a person has signed in; one event for a sign-in, whatever it needed' },
  'account.login_link_used': {
    when: 'a link of `nauthera login-link` was used; `signin.success` follows when the whole sign-in succeeds',
  },
  'signin.failure': {
    when: 'a user name is unknown, a password is wrong, or the answer of another provider is; `reason` says which',
    countsFailures: true,
    isUnproven: true,
  },
  'signin.locked': {
    when: 'a sign-in was tried while too many failures locked the account',
    countsFailures: true,
    isUnproven: true,
  },
  'signin.refused': {
    when: 'a form came from another site or an old page; too much was tried at once; a sign-in at another provider was cancelled or does not count. Or the account is disabled, changed during the sign-in, or has a name of somebody else. `reason` says which',
    countsFailures: true,
    isUnproven: true,
  },
  'factor.enrolled': { when: 'a second factor was set up' },
  'factor.removed': { when: 'a second factor was taken away' },
  'factor.renamed': { when: 'a person gave a second factor another name' },
  'factor.failure': { when: 'a second factor was wrong', isUnproven: true },
  'factor.recovery_used': { when: 'a recovery code was used in place of a second factor' },
  'password.changed': { when: 'a person or an administrator has set a password' },
  'password.change_refused': { when: 'a person could not change the password; `reason` says why' },
  'password.reset_requested': {
    when: 'a link to set a new password was asked for',
    countsFailures: true,
    isUnproven: true,
  },
  'password.reset': { when: 'a link to set a new password was used' },
  'email.verified': { when: 'a person has proved that an e-mail address is theirs' },
  'logout.backchannel_failed': {
    when: 'an application could not be told that a session has ended: it refused the logout token (400), or failed for a day',
  },
  'outbox.given_up': { when: 'a mail could not be sent in time, or its address was refused for good' },
  'account.created': {
    when: 'a person was added, imported, invited or registered, or signed in with a directory or at another provider for the first time',
  },
  'account.changed': { when: 'what is known of a person was changed' },
  'account.disabled': { when: 'an administrator disabled a person' },
  'account.enabled': { when: 'an administrator enabled a person again' },
  'account.unlocked': { when: 'an administrator lifted a lock' },
  'account.registration_requested': {
    when: 'somebody asked for an account of their own',
    countsFailures: true,
    isUnproven: true,
  },
  'account.linked': {
    when: 'an account of another provider was linked to a person; a failure: the person tried it in their account, and `reason` says why it was refused',
    countsFailures: true,
  },
  'account.unlinked': { when: 'the person or an administrator removed the link to an account of another provider' },
  'account.deleted': { when: 'a person was deleted' },
  'consent.granted': {
    when: 'a person allowed an application; `detail` has the scopes, and the types of authorization details, not what they say',
  },
  'consent.denied': { when: 'a person refused an application; `detail` has the same' },
  'consent.revoked': { when: 'a person or an administrator took a consent back' },
  'device.approved': { when: 'a person signed in on a device' },
  'device.denied': { when: 'the sign-in of a device was refused; `reason` says why' },
  'device.blocked': {
    when: 'a code of a device was tried after too many wrong ones from that address',
    countsFailures: true,
  },
  'authorization.refused': {
    when: "an application's request was refused, or its person may not use it",
    countsFailures: true,
  },
  'token.issued': {
    when: 'a token endpoint issued tokens; `detail` of a sign-in says when its code had neither PKCE nor a nonce (`code`), and which scopes were left out (`scopesLeftOut`)',
  },
  'token.refreshed': { when: 'a token endpoint renewed tokens' },
  'token.refused': { when: 'a token endpoint refused a request', countsFailures: true },
  'token.revoked': { when: 'an application revoked a token' },
  'userinfo.refused': {
    when: 'userinfo could not be encrypted for an application; `reason` says why',
    countsFailures: true,
  },
  'code.replay': { when: 'a code was used twice; its tokens are revoked' },
  'refresh.reuse': { when: 'an old refresh token was used again; its family is revoked' },
  'session.ended': { when: 'a person signed out, or an administrator ended a session' },
  'session.revoked_all': { when: 'every session of a person was ended' },
  'client.auth_failed': { when: 'a client did not prove who it is', countsFailures: true },
  'client.previous_secret_used': { when: 'a client used the secret before the present one' },
  'key.created': { when: 'a signing or cookie key was created' },
  'key.activated': { when: 'a signing key signs from now on' },
  'key.removed': { when: 'a key was removed' },
  'key.reencrypted': { when: 'a key was encrypted again by the current key of the ring' },
  'config.client_rejected': { when: 'a server did not accept a client' },
} as const satisfies Record<string, AuditEventKind>

export type AuditName = keyof typeof auditEvents | `admin.${string}`

/** @returns those of which this is true */
export const eventsThat = (is: 'countsFailures' | 'isUnproven'): ReadonlySet<string> =>
  new Set(Object.entries<AuditEventKind>(auditEvents).flatMap(([name, kind]) => (kind[is] ? [name] : [])))

/** Never a secret, code, token, password or cookie in any field. */
export interface AuditEvent {
  readonly event: AuditName
  readonly outcome: 'success' | 'failure'
  readonly reason?: string | undefined
  readonly userId?: string | undefined
  readonly clientUid?: string | undefined
  readonly clientId?: string | undefined
  readonly address?: string | undefined
  /** The browser's own description of itself. */
  readonly agent?: string | undefined
  readonly correlationId?: string | undefined
  readonly detail?: Readonly<Record<string, string | number | boolean>> | undefined
}
