/** An error of the protocol that is thrown outside of its library, which answers by these fields whatever class it is. */
export class ProtocolError extends Error {
  readonly error: string
  readonly error_description: string
  readonly status: number
  readonly statusCode: number
  /** The caller is told. */
  readonly expose = true
  /** At an authorization the client is told, at its redirect URI. */
  readonly allow_redirect = true

  /** @param error as it goes over the wire, such as `invalid_target` */
  constructor(error: string, options: { description: string; status?: number }) {
    super(error)
    this.name = 'ProtocolError'
    this.error = error
    this.error_description = options.description
    this.status = options.status ?? 400
    this.statusCode = this.status
  }
}
