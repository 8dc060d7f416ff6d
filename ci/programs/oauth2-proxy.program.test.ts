import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { startEcho } from './support/echo.ts'
import { goBuild } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '7.15.6'
const module = 'github.com/oauth2-proxy/oauth2-proxy/v7'
const build = () => goBuild('ci/e2e/images/oauth2-proxy', module, version)

tryProgram({
  name: 'oauth2-proxy (and with it go-oidc 3)',
  version,
  reads: 'preset OAuth2Proxy, as its environment',
  needs: 'a cookie secret, whom to let in (`--email-domain`), the address of the application',
  prepare: async () => void (await build()),

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const application = await startEcho()
    const secret = await issuer.client('proxy', {
      type: 'Web',
      redirectURIs: [`${url}/oauth2/callback`],
      postLogoutRedirectURIs: [`${url}/`],
      secret: { presets: ['OAuth2Proxy'] },
    })
    let proxy: RunningProgram | undefined
    const begin = async (env: Readonly<Record<string, string>>) => {
      await proxy?.stop()
      proxy = startProgram({
        command: await build(),
        args: [
          '--email-domain=*',
          '--cookie-secret=0123456789abcdef0123456789abcdef',
          '--cookie-secure=false',
          '--cookie-refresh=1s',
          `--http-address=127.0.0.1:${port}`,
          `--upstream=${application}`,
        ],
        env,
      })
      await proxy.answers(`${url}/ping`)
    }
    await begin(secret)
    const visitor = new Visitor(secret['issuer']!)
    const signIn = async (who = new Visitor(secret['issuer']!)) => {
      const said = (await who.open(`${url}/oauth2/start?rd=/`)).json()
      expect(said).to.have.property('x-forwarded-email', 'ada@example.com')
    }
    return { issuer, url, secret, take: begin, visitor, signIn }
  },

  steps: {
    'signs in': ({ signIn, visitor }) => signIn(visitor),
    'name and groups': async ({ visitor, url }) =>
      expect((await visitor.look(url)).json()).to.have.property('x-forwarded-groups', 'developers,platform'),
    refreshes: async ({ issuer, visitor, url }) => {
      const before = issuer.refreshed()
      while (issuer.refreshed() === before) expect((await visitor.look(url)).status).to.equal(200)
    },
    'secret rotated': async ({ issuer, ...proxy }) => issuer.rotateSecret('proxy', proxy),
    'signing keys rotated': async ({ issuer, visitor, signIn, url }) => {
      await issuer.rotateSigningKeys()
      expect((await visitor.look(url)).status).to.equal(200)
      await signIn()
    },
    'signs out': async ({ visitor, secret, url }) => {
      const out = `${secret['end_session_endpoint']}?${String(
        new URLSearchParams({ client_id: secret['client_id']!, post_logout_redirect_uri: `${url}/` }),
      )}`
      const page = await visitor.open(`${url}/oauth2/sign_out?rd=${encodeURIComponent(out)}`)
      expect(page.url).to.equal(`${url}/`)
      expect(page.status).to.equal(403)
    },
  },
})
