import { expect } from 'chai'
import { authorizationUrl, basic, pkce, send } from '../../../server/test/oidc/browser.ts'
import { callback, namespace } from './chain.ts'
import type { Chain } from './chain.ts'
import { askForCode } from './load.ts'
import type { Load } from './load.ts'

/** How many of a kind are asked about; the newest, since those met the fault. */
const asked = 8

/** Replays what was acknowledged against behaviour (I1, I5): newest refresh tokens work, revoked ones and used codes do not, sessions
 *  live. Then looks for planted secrets (I6). The load must have ended. */
export async function checkInvariants(chain: Chain, load: Load): Promise<void> {
  await replay(chain, load)
  await searchPlanted(chain)
}

async function replay(chain: Chain, { journal, sessions }: Load): Promise<void> {
  const { front } = chain
  const { clientId, clientSecret } = chain.credentials('web')
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
    const { active } = (await ask('/token/introspection', { token })).json()
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
      askForCode(clientId, proof.challenge, { prompt: 'none', scope: 'openid' }),
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

async function searchPlanted({ stack, planted, lines }: Chain): Promise<void> {
  const { api, pods } = stack
  const shown = new Map<string, string>([['log', lines.join('\n')]])
  for (const plural of ['oidcclients', 'events']) {
    shown.set(plural, JSON.stringify(api.store.all(api.resource(plural), namespace)))
  }
  shown.set('pods', JSON.stringify(api.store.all(api.resource('pods'), 'nauthera')))
  for (const { name, managementPorts } of pods) {
    for (const port of Object.values(managementPorts)) {
      shown.set(`metrics of ${name}`, await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())
    }
  }
  for (const [place, text] of shown) {
    for (const secret of planted) {
      const base64 = Buffer.from(secret).toString('base64').replace(/=+$/, '')
      expect(text.includes(secret) || text.includes(base64), `I6 ${place} shows a secret`).to.equal(false)
    }
  }
}
