import { randomUUID } from 'node:crypto'
import type { Request, Response } from 'express'
import type { Ended } from './logout-token.ts'
import type { SamplePerson } from './pages.ts'

const cookieName = 'sample_session'
const maxSessions = 1_000

/** One browser, in memory only. */
export class BrowserSession {
  pending?: { state: string; nonce: string; verifier: string }
  signedIn?: SamplePerson
  notice?: string

  /** The notice is shown once. */
  takeNotice(): { signedIn: SamplePerson | undefined; notice: string | undefined } {
    const { signedIn, notice } = this
    delete this.notice
    return { signedIn, notice }
  }
}

export class Sessions {
  readonly #sessions = new Map<string, BrowserSession>()

  /** Ends the sessions that a logout token is about: that of `sid`, or all of the person. */
  end({ sid, sub }: Ended): void {
    for (const session of this.#sessions.values()) {
      const { claims } = session.signedIn ?? {}
      if (claims === undefined || (sid === undefined ? claims.sub !== sub : claims.sid !== sid)) continue
      delete session.signedIn
      session.notice = 'You were signed out elsewhere.'
    }
  }

  /** @returns the session of the browser that asks; a new one for a new browser */
  of(request: Request, response: Response): BrowserSession {
    const cookie = /(?:^|; )sample_session=([0-9a-f-]{36})/.exec(request.get('cookie') ?? '')?.[1]
    const known = cookie === undefined ? undefined : this.#sessions.get(cookie)
    if (known) return known
    const id = randomUUID()
    const session = new BrowserSession()
    this.#sessions.set(id, session)
    if (this.#sessions.size > maxSessions) this.#sessions.delete(this.#sessions.keys().next().value!)
    response.cookie(cookieName, id, { httpOnly: true, sameSite: 'lax', secure: request.secure })
    return session
  }
}
