import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { clientSecret } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

const api = 'https://api.example.com'
const clientId = 'app.only'
const inToken = 'openid email read'
const scope = `${inToken} offline_access`
const userinfo = (replicas: ServerReplicas, token: string) =>
  send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })
const signIn = (replicas: ServerReplicas, more: Record<string, string> = {}) =>
  fetchCode(replicas, { parameters: { client_id: clientId, scope, ...more } })

export const contract: Contract = {
  replaces: ['AccessToken.prototype.save', 'AccessToken.find'],
  holds: {
    'meantApi: a client with one API gets a token for it without naming it, which opens userinfo as well': async (
      replicas,
    ) => {
      const first = tokensOf(await redeem(replicas, await signIn(replicas), { clientId }))
      const next = tokensOf(await refresh(replicas, first.refresh, { clientId }))
      const narrow = tokensOf(await refresh(replicas, next.refresh, { clientId, form: { scope: 'openid read' } }))
      for (const [{ access }, words, email] of [
        [first, inToken, 'ada@example.com'],
        [next, inToken, 'ada@example.com'],
        [narrow, 'openid read', undefined],
      ] as const) {
        const { aud, scope: given } = claimsOfJwt(access)
        expect(aud).to.equal(api)
        expect(String(given).split(' ')).to.have.members(words.split(' '))
        const me = await userinfo(replicas, access)
        expect([me.status, me.json()['email']]).to.deep.equal([200, email])
        // the API is told its own scopes alone
        const told = await introspect(replicas, access, { clientId })
        expect(told.json()).to.include({ active: true, aud: api, scope: 'read' })
      }
    },
    'meantApi: another token with an audience opens no userinfo, nor does one that does not stand any more': async (
      replicas,
    ) => {
      const named = tokensOf(await redeem(replicas, await signIn(replicas), { clientId, form: { resource: api } }))
      expect(claimsOfJwt(named.access)['scope']).to.equal('read')
      const form = { grant_type: 'client_credentials' }
      const ofMachine = await send(replicas, { path: '/token', form, headers: basic('app.machine', clientSecret) })
      const ended = tokensOf(await redeem(replicas, await signIn(replicas), { clientId })).access
      const revoked = { path: '/revoke', form: { token: ended }, headers: basic(clientId, clientSecret) }
      expect((await send(replicas, revoked)).status).to.equal(200)
      const changed = `${ended.slice(0, -8)}AAAAAAAA`
      for (const token of [named.access, String(ofMachine.json()['access_token']), ended, changed, 'a.b.c'])
        expect((await userinfo(replicas, token)).status).to.equal(401)
    },
    'meantApi: without a scope of the API the token is for userinfo alone': async (replicas) => {
      const code = await signIn(replicas, { scope: 'openid email' })
      expect(tokensOf(await redeem(replicas, code, { clientId })).access).to.match(/^nr_/)
    },
    'meantApi: a client that wants JWTs gets one for its only API at each sign-in, which opens userinfo as well':
      async (replicas) => {
        const signed = 'app.signed'
        const code = await signIn(replicas, { client_id: signed, scope: 'openid email' })
        const first = tokensOf(await redeem(replicas, code, { clientId: signed }))
        const next = tokensOf(await refresh(replicas, first.refresh, { clientId: signed }))
        for (const { access } of [first, next]) {
          expect(claimsOfJwt(access)).to.include({ aud: api, scope: 'openid email' })
          const me = await userinfo(replicas, access)
          expect([me.status, me.json()['email']]).to.deep.equal([200, 'ada@example.com'])
        }
      },
  },
}
