// Types of audit events.
export type AuditName =
  | `signin.${'success' | 'failure' | 'locked' | 'refused'}`
  | `password.${'changed' | 'change_refused' | 'reset_requested' | 'reset'}`
  | `email.${'verified'}`
  | 'outbox.given_up'
  | `logout.${'backchannel_failed'}`
  | `factor.${'enrolled' | 'renamed' | 'removed' | 'failure' | 'recovery_used'}`
  | `account.${'login_link_used' | 'created' | 'changed' | 'registration_requested' | 'disabled' | 'enabled' | 'unlocked' | 'deleted' | 'linked' | 'unlinked'}`
  | `consent.${'granted' | 'denied' | 'revoked'}`
  | 'authorization.refused'
  | `token.${'issued' | 'refreshed' | 'refused' | 'revoked'}`
  | 'userinfo.refused'
  | 'code.replay'
  | 'refresh.reuse'
  | `session.${'ended' | 'revoked_all'}`
  | `device.${'approved' | 'denied' | 'blocked'}`
  | `client.${'auth_failed' | 'previous_secret_used'}`
  | `key.${'created' | 'activated' | 'removed' | 'reencrypted'}`
  | 'config.client_rejected'
  | `admin.${string}`

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
