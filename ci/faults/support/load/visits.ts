import { authorizationUrl, pkce } from '@nauthera/harness/browser'
import type { Answer, Browser } from '@nauthera/harness/browser'
import type { Journal } from '../journal.ts'
import type { LoadAsker, LoadTarget } from './asker.ts'
import { LoadVisitor } from './asker.ts'

export const person = 'ada'
export const callback = 'https://app.example.com/callback'

/** The parameters of a request to /authorize for a code and a refresh token. */
export const requestDeviceCode = (clientId: string, challenge: string, more: Record<string, string> = {}) => ({
  client_id: clientId,
  response_type: 'code',
  redirect_uri: callback,
  scope: 'openid email offline_access',
  prompt: 'consent',
  state: 'a-state',
  code_challenge: challenge,
  code_challenge_method: 'S256',
  ...more,
})

/** The sessions of one person in many browsers, each from sign-in to, now and then, revocation. The journal keeps what the server
 *  acknowledged. */
export class Visits {
  readonly sessions = new Map<number, Browser>()
  readonly #loaded: LoadTarget
  readonly #asker: LoadAsker
  readonly #journal: Journal
  #last = 0

  constructor(loaded: LoadTarget, asker: LoadAsker, journal: Journal) {
    this.#loaded = loaded
    this.#asker = asker
    this.#journal = journal
  }

  async visit(): Promise<void> {
    const session = ++this.#last
    const { code, verifier } = await this.#signIn(session)
    try {
      await this.#useTokens(session, code, verifier)
    } catch (error) {
      this.#journal.add({ kind: 'unknown', session })
      throw error
    }
  }

  async #signIn(session: number): Promise<{ code: string; verifier: string }> {
    const { front, planted } = this.#loaded
    const browser = new LoadVisitor(front, this.#asker)
    const { challenge, verifier } = pkce()
    const { clientId } = this.#loaded.credentials('web')
    const back = await browser.authorize(authorizationUrl(front.issuer, requestDeviceCode(clientId, challenge)), person)
    const code = back.searchParams.get('code')
    if (code === null) throw new Error(`no code: ${back.href}`)
    planted.add(code)
    this.sessions.set(session, browser)
    this.#journal.add({ kind: 'signed-in', session })
    return { code, verifier }
  }

  async #useTokens(session: number, code: string, verifier: string): Promise<void> {
    const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
    let held = this.#hold(session, await this.#asker.post('code', 'web', '/token', form))
    this.#journal.add({ kind: 'code-used', session, code, verifier })
    for (let turn = 0; turn < 3; turn++) {
      const refresh = { grant_type: 'refresh_token', refresh_token: held.refresh }
      held = this.#hold(session, await this.#asker.post('refresh', 'web', '/token', refresh))
      for (const token of [held.refresh, held.access, held.access]) {
        const answer = await this.#asker.post('introspection', 'web', '/introspect', { token })
        if (answer.json()['active'] !== true) throw new Error('a token that was just issued is not active')
      }
    }
    if (session % 3 !== 0) return
    await this.#asker.post('revocation', 'web', '/revoke', { token: held.refresh })
    this.#journal.add({ kind: 'revoked', session, token: held.refresh })
  }

  #hold(session: number, answer: Answer): { refresh: string; access: string } {
    const { refresh_token: refresh, access_token: access } = answer.json() as Record<string, string>
    this.#loaded.planted.add(refresh!).add(access!)
    this.#journal.add({ kind: 'holds', session, token: refresh! })
    return { refresh: refresh!, access: access! }
  }
}
