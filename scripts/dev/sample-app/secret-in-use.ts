import { tokenRevocation } from 'openid-client'
import type { MountedClient } from './mounted-client.ts'

/** The secret that the application uses now, and how the server answers it. */
export interface UsedSecret {
  /** First 8 hex of its digest; undefined for a public client. */
  readonly id: string | undefined
  /** That of the secret before, once it changed. */
  readonly before: string | undefined
  /** RFC 3339, when it changed. */
  readonly since: string | undefined
  readonly requests: number
  readonly failures: number
  readonly lastFailure: string | undefined
}

const everyMs = 250

/** Shows the secret to the server again and again while somebody watches, and counts the answers. */
export class SecretInUse {
  state: UsedSecret = {
    id: undefined,
    before: undefined,
    since: undefined,
    requests: 0,
    failures: 0,
    lastFailure: undefined,
  }
  readonly #client: MountedClient
  readonly #watchers = new Set<(state: UsedSecret) => void>()
  #timer: NodeJS.Timeout | undefined

  constructor(client: MountedClient) {
    this.#client = client
  }

  /** Revokes an invalid token: the server answers 200 to every client with the right secret (RFC 7009 section 2.2). */
  async ask(): Promise<void> {
    const id = await this.#client.secretId()
    let failure: string | undefined
    try {
      const configuration = await this.#client.configuration()
      if (!configuration) return
      await tokenRevocation(configuration, 'none')
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
    const { state } = this
    const changed = state.id !== undefined && id !== state.id
    this.state = {
      id,
      before: changed ? state.id : state.before,
      since: changed ? new Date().toISOString() : state.since,
      requests: state.requests + 1,
      failures: state.failures + (failure === undefined ? 0 : 1),
      lastFailure: failure ?? state.lastFailure,
    }
    for (const tell of this.#watchers) tell(this.state)
  }

  /** @returns ends it */
  watch(tell: (state: UsedSecret) => void): () => void {
    this.#watchers.add(tell)
    tell(this.state)
    this.#timer ??= setTimeout(() => void this.#next(), everyMs)
    return () => void this.#watchers.delete(tell)
  }

  stop(): void {
    this.#watchers.clear()
    clearTimeout(this.#timer)
  }

  async #next(): Promise<void> {
    if (this.#watchers.size > 0) await this.ask()
    this.#timer = this.#watchers.size > 0 ? setTimeout(() => void this.#next(), everyMs) : undefined
  }
}
