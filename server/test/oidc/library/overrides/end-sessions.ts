import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { fetchTokens, introspect, refresh, request } from '@nauthera/harness/flows'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: ['Session.prototype.destroy'],
  holds: {
    'endSessions: a logout ends the session and its tokens, but not those with offline_access': async (replicas) => {
      const browser = new Browser(replicas)
      const bound = await fetchTokens(replicas, { browser })
      const offline = await fetchTokens(replicas, {
        browser,
        parameters: { scope: 'openid offline_access', prompt: 'consent' },
      })
      const thief = browser.copy()
      const page = await browser.follow(
        `${replicas.issuer}/logout?${new URLSearchParams({ id_token_hint: bound.id, post_logout_redirect_uri: 'https://app.example.com/bye', state: 'x' }).toString()}`,
      )
      const left = await browser.submit(page, '/logout/confirm', { logout: 'yes' })
      expect(left.location).to.equal('https://app.example.com/bye?state=x')
      expect((await refresh(replicas, bound.refresh)).json()['error']).to.equal('invalid_grant')
      expect((await introspect(replicas, bound.access)).json()).to.deep.equal({ active: false })
      expect((await refresh(replicas, offline.refresh)).status).to.equal(200)
      for (const one of [browser, thief]) {
        const again = await one.follow(authorizationUrl(replicas.issuer, request(pkce())))
        expect(again.body).to.contain('id="password"')
      }
    },
  },
}
