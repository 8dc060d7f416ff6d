// The answer to a request that this process makes to the library by itself: it has no socket that would take the bytes.
import { ServerResponse } from 'node:http'
import type { IncomingMessage } from 'node:http'

export class InnerResponse extends ServerResponse {
  readonly #onEnd: (body: unknown) => void

  /** @param onEnd called with the body when the library has answered */
  constructor(request: IncomingMessage, onEnd: (body: unknown) => void) {
    super(request)
    this.#onEnd = onEnd
  }

  override end(body?: unknown): this {
    this.#onEnd(body)
    return this
  }
}
