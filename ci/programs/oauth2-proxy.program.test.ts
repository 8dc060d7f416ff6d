import { expect } from 'chai'
import { startEcho } from './support/echo.ts'
import { buildOAuth2Proxy, oauth2ProxyVersion } from './support/oauth2-proxy.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

tryProgram({
  page: 'oauth2-proxy',
  name: 'oauth2-proxy (and with it go-oidc 3)',
  version: oauth2ProxyVersion,
  prepare: buildOAuth2Proxy,

  async start({ url, port, ...trial }, command) {
    const application = await startEcho()
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/oauth2/callback`],
      postLogoutRedirectURIs: [`${url}/`],
      secret: { presets: ['OAuth2Proxy'] },
    })
    const args = [
      '--email-domain=*',
      '--cookie-secret=0123456789abcdef0123456789abcdef',
      '--cookie-secure=false',
      '--cookie-refresh=1s',
      `--http-address=127.0.0.1:${port}`,
      `--upstream=${application}`,
    ]
    const take = trial.runs((env) => ({ command, args, env }), `${url}/ping`)
    await take(secret)
    return {
      secret,
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/oauth2/start?rd=/`)
        return session
      },
      async whoIs(session: Visitor) {
        const page = await session.look(url)
        return page.status === 200 ? page.json() : undefined
      },
    }
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
