import { expect } from 'chai'
import { authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { requestDeviceCode, callback } from './load/visits.ts'
import type { Load } from './load.ts'
import type { LoadTarget } from './load/asker.ts'

/** How many of a kind are asked about; the newest, since those met the fault. */
const asked = 8

/** Replays what was acknowledged against behaviour (I1, I5): newest refresh tokens work, revoked ones and used codes do not, sessions
 *  live. The load must have ended.
 *  @throws AssertionError naming the invariant */
export async function replay(
  loaded: LoadTarget,
  { journal, sessions }: Pick<Load, 'journal' | 'sessions'>,
): Promise<void> {
  const { front } = loaded
  const { clientId, clientSecret } = loaded.credentials('web')
  const ask = (path: string, form: Record<string, string>) =>
    send(front, { path, headers: basic(clientId, clientSecret), form })
  const held = new Map<number, string>()
  const revoked = new Map<number, string>()
  const codes = new Map<number, { code: string; verifier: string }>()
  const signedIn: number[] = []
  const unknown = new Set<number>()
  for (const entry of journal.read()) {
    if (entry.kind === 'signed-in') signedIn.push(entry.session)
    if (entry.kind === 'code-used') codes.set(entry.session, entry)
    if (entry.kind === 'holds') held.set(entry.session, entry.token)
    if (entry.kind === 'revoked') revoked.set(entry.session, entry.token)
    if (entry.kind === 'unknown') unknown.add(entry.session)
  }
  expect(signedIn, 'the load signed nobody in').to.not.be.empty

  for (const [session, token] of [...revoked].slice(-asked)) {
    const { active } = (await ask('/introspect', { token })).json()
    expect(active, `I1 the revoked token of session ${session} is active`).to.equal(false)
    const answer = await ask('/token', { grant_type: 'refresh_token', refresh_token: token })
    expect(answer.status, `I1 the revoked token of session ${session} refreshes`).to.equal(400)
  }
  const live = [...held].filter(([session]) => !revoked.has(session) && !unknown.has(session)).slice(-asked)
  for (const [session, token] of live) {
    const answer = await ask('/token', { grant_type: 'refresh_token', refresh_token: token })
    expect(answer.status, `I1 the newest token of session ${session} is refused: ${answer.body}`).to.equal(200)
  }
  for (const session of signedIn.slice(-asked)) {
    const proof = pkce()
    // a consent is asked for in the load; here the session alone is in question
    const request = authorizationUrl(
      front.issuer,
      requestDeviceCode(clientId, proof.challenge, { prompt: 'none', scope: 'openid' }),
    )
    const { location, status } = await sessions.get(session)!.follow(request)
    const error = new URL(location ?? 'http://none').searchParams.get('error')
    expect(error, `I1 session ${session} is lost (${status})`).to.be.oneOf([
      null,
      'consent_required',
      'interaction_required',
    ])
  }
  for (const [session, { code, verifier }] of [...codes].slice(-asked)) {
    const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
    const answer = await ask('/token', form)
    expect(answer.status, `I5 the used code of session ${session} works again`).to.equal(400)
  }
}
