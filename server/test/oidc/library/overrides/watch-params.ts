import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { fetchCode, redeem, request } from '@nauthera/harness/flows'
import { clientSecret } from '@nauthera/harness/server'
import { watchParams } from '../../../../src/oidc/library/overrides/watch-params.ts'
import { stockInternals } from './stock.ts'
import type { Contract } from './contract.ts'

const scope = 'openid offline_access'

export const contract: Contract = {
  replaces: [],
  holds: {
    'watchParams: the library has no accessor of its own for the parameters': async () => {
      const { OIDCContext } = stockInternals()
      expect('params' in OIDCContext.prototype).to.equal(false)
      const taken = { OIDCContext: { prototype: { params: undefined } } } as never
      expect(() => watchParams(taken, {} as never)).to.throw('accessor for params')
    },
    'watchParams: the library assigns the parameters to the accessor, and reads what is there': async () => {
      const stock = stockInternals()
      watchParams(stock, {} as never)
      const context = Object.create(stock.OIDCContext.prototype) as Record<string, unknown>
      context['ctx'] = { oidc: context }
      const params = { scope: 'x' }
      context['params'] = params
      expect(context['params']).to.equal(params)
      expect(Object.keys(context)).to.deep.equal(['ctx'])
    },
    'refuseDeepJson: the library answers 400 to what a watcher refuses, before it reads any parameter': async (
      replicas,
    ) => {
      const claims = '['.repeat(40) + ']'.repeat(40)
      const pushed = await send(replicas, {
        path: '/request',
        form: request(pkce(), { claims }),
        headers: basic('app.web', clientSecret),
      })
      expect([pushed.status, pushed.json()['error']]).to.deep.equal([400, 'invalid_request'])
      expect(pushed.json()['error_description']).to.contain('nested')
    },
    'keepOfflineAccess: the library takes offline_access out without prompt=consent, and it stays': async (
      replicas,
    ) => {
      const code = await fetchCode(replicas, { parameters: { scope } })
      expect((await redeem(replicas, code)).json()['scope']).to.equal(scope)
    },
    'keepOfflineAccess: the prompt of the request stays as it was': async (replicas) => {
      const url = authorizationUrl(replicas.issuer, request(pkce(), { scope, prompt: 'none' }))
      const back = await new Browser(replicas).follow(url)
      expect(new URL(back.location!).searchParams.get('error')).to.equal('login_required')
    },
    'keepKnownPrompts: the library refuses a word that it does not know, and there is none, also in a pushed request':
      async (replicas) => {
        const push = async (prompt: string) => {
          const form = request(pkce(), { prompt })
          return (await send(replicas, { path: '/request', form, headers: basic('app.web', clientSecret) })).status
        }
        expect([await push('Welcome back!'), await push('create')]).to.deep.equal([201, 400])
      },
    'nameTokens: the library takes a name in place of a JWT, and asks for it at each kind of token': async (
      replicas,
    ) => {
      const headers = basic('app.machine', clientSecret)
      const form = { grant_type: 'client_credentials' }
      const token = String((await send(replicas, { path: '/token', form, headers })).json()['access_token'])
      const looked = await send(replicas, { path: '/introspect', form: { token }, headers })
      expect([looked.status, looked.json()['active']]).to.deep.equal([200, true])
      const revoked = await send(replicas, { path: '/revoke', form: { token }, headers })
      expect(revoked.status).to.equal(200)
    },
  },
}
