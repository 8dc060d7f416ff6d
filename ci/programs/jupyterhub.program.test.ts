import { randomBytes } from 'node:crypto'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { freePort } from '@nauthera/local/processes/ports'
import { npmInstall, pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '17.4.0'
const install = () => pipInstall(`oauthenticator@${version}`, ['jupyterhub==6.1.1', `oauthenticator==${version}`])
const proxy = () => npmInstall('configurable-http-proxy@5.2.0', ['configurable-http-proxy@5.2.0'])

interface User {
  readonly groups: readonly string[]
}

tryProgram({
  page: 'jupyterhub',
  name: 'JupyterHub 6.1.1, oauthenticator (GenericOAuthenticator)',
  version,
  prepare: async () => [await install(), join(await proxy(), 'node_modules/.bin')] as const,

  async start({ url, folder: cwd, ...trial }, [bin, modules]) {
    const [hub, api] = [await freePort(), await freePort()]
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/hub/oauth_callback`],
      postLogoutRedirectURIs: [`${url}/hub/login`],
      secret: { presets: ['JupyterHub'] },
      tokens: { accessTTL: '1m' },
    })
    const trialToken = randomBytes(32).toString('hex')
    const own = {
      PATH: [bin, modules, join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
      JUPYTERHUB_CRYPT_KEY: randomBytes(32).toString('hex'),
      LISTEN: url,
      HUB_PORT: String(hub),
      PROXY_API: `http://127.0.0.1:${api}`,
      TRIAL_TOKEN: trialToken,
    }
    const args = ['-f', join(root, 'ci/programs/jupyterhub/jupyterhub_config.py')]
    const take = trial.runs(
      (env) => ({ command: join(bin, 'jupyterhub'), args, cwd, env: { ...env, ...own } }),
      /JupyterHub is now running/,
    )
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/hub/oauth_login?next=%2Fhub%2Fhome`)
        return session
      },
      async whoIs(session: Visitor) {
        if ((await session.look(`${url}/hub/home`)).status !== 200) return undefined
        const headers = { authorization: `token ${trialToken}` }
        return (await (await fetch(`${url}/hub/api/users/ada`, { headers })).json()) as User
      },
    }
  },

  steps: {
    'name and groups': ({ person }) => expect(person.groups).to.have.members(['developers', 'platform']),
    refreshes: async ({ issuer, session, whoIs }) => {
      const before = issuer.refreshed()
      // it does when the access token has ended, which takes a minute
      while (issuer.refreshed() === before) {
        expect(await whoIs(session)).to.not.equal(undefined)
        await setTimeout(1000)
      }
      expect(await whoIs(session)).to.not.equal(undefined)
    },
    'signs out': async ({ url, session }) =>
      expect((await session.open(`${url}/hub/logout`)).url).to.equal(`${url}/hub/login`),
  },
})
