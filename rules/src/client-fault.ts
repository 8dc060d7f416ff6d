/** What is wrong with a client, for the person who wrote its OIDCClient. */
export interface ClientFault {
  /** Path in the OIDCClient, such as `spec.auth.jwks`. */
  readonly field: string
  readonly code: 'CLIENT_METADATA_INVALID'
  /** Begins with must, or says what cannot be: `must be https, …`. */
  readonly message: string
}

/** @param field below spec */
export const invalid = (field: string, message: string): ClientFault => ({
  field: `spec.${field}`,
  code: 'CLIENT_METADATA_INVALID',
  message,
})
