/** A protocol error that our own code throws. The library answers any error that has these fields, whatever its
 *  class. */
export class ProtocolError extends Error {
  readonly error: string
  readonly error_description: string
  /** Why, for the audit log alone. */
  readonly error_detail: string | undefined
  readonly status: number
  readonly statusCode: number
  /** The library shows the description to the caller. */
  readonly expose = true
  /** At the authorization endpoint the error goes to the client's redirect URI. */
  readonly allow_redirect = true

  /** @param error the OAuth error code, such as `invalid_target` */
  constructor(error: string, options: { description: string; status?: number; detail?: string | undefined }) {
    super(error)
    this.name = 'ProtocolError'
    this.error = error
    this.error_description = options.description
    this.error_detail = options.detail
    this.status = options.status ?? 400
    this.statusCode = this.status
  }
}
