import { expect } from 'chai'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { clientSecret } from '@nauthera/harness/server'
import type { Contract } from './contract.ts'

export const contract: Contract = {
  replaces: [
    'PushedAuthorizationRequest.prototype.consume',
    'PushedAuthorizationRequest.prototype.save',
    'PushedAuthorizationRequest.prototype.getValueAndPayload',
    'PushedAuthorizationRequest.find',
  ],
  holds: {
    'consumePushedRequests: a pushed request works for one authorization': async (replicas) => {
      const pushed = await send(replicas, {
        path: '/request',
        form: request(pkce()),
        headers: basic('app.web', clientSecret),
      })
      expect(pushed.status).to.equal(201)
      const url = authorizationUrl(replicas.issuer, {
        client_id: 'app.web',
        request_uri: String(pushed.json()['request_uri']),
      })
      const browser = new Browser(replicas)
      expect((await browser.authorize(url, 'ada')).searchParams.get('code')).to.match(/^nr_/)
      const again = await browser.follow(url)
      expect(again.location ?? again.body).to.contain('invalid_request_uri')
    },
  },
}
