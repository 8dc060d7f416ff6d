import { expect } from 'chai'
import { startEcho } from './support/echo.ts'
import { buildOAuth2Proxy, oauth2ProxyClient, oauth2ProxyOptions, oauth2ProxyVersion } from './support/oauth2-proxy.ts'
import { tryProgram } from './support/program.ts'

tryProgram({
  page: 'oauth2-proxy',
  name: 'oauth2-proxy (and with it go-oidc 3)',
  version: oauth2ProxyVersion,
  prepare: buildOAuth2Proxy,

  async start({ url, port, ...trial }, command) {
    const application = await startEcho()
    const secret = await trial.client({ redirectURIs: [`${url}/oauth2/callback`], ...oauth2ProxyClient(url) })
    const args = [...oauth2ProxyOptions, `--http-address=127.0.0.1:${port}`, `--upstream=${application}`]
    const take = trial.runs((env) => ({ command, args, env }), `${url}/ping`)
    await take(secret)
    return { secret, take, ...trial.onPages({ signIn: `${url}/oauth2/start?rd=/`, whoIs: url }) }
  },

  steps: {
    'name and groups': ({ person }) =>
      expect(person).to.include({
        'x-forwarded-email': 'ada@example.com',
        'x-forwarded-preferred-username': 'ada',
        'x-forwarded-groups': 'developers,platform',
      }),
    refreshes: async ({ issuer, session, whoIs }) => {
      const before = issuer.refreshed()
      while (issuer.refreshed() === before) expect(await whoIs(session)).to.not.equal(undefined)
    },
    'signs out': async ({ session, secret, url }) => {
      const out = `${secret['end_session_endpoint']}?${String(
        new URLSearchParams({ client_id: secret['client_id']!, post_logout_redirect_uri: `${url}/` }),
      )}`
      const page = await session.open(`${url}/oauth2/sign_out?rd=${encodeURIComponent(out)}`)
      expect(page.url).to.equal(`${url}/`)
      expect(page.status).to.equal(403)
    },
  },
})
