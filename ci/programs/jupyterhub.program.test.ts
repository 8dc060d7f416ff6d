import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { freePort } from '@nauthera/local/processes/ports'
import { npmInstall, pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '17.4.0'
const install = () => pipInstall(`oauthenticator@${version}`, ['jupyterhub==6.1.1', `oauthenticator==${version}`])
const proxy = () => npmInstall('configurable-http-proxy@5.2.0', ['configurable-http-proxy@5.2.0'])

interface User {
  readonly groups: readonly string[]
}

tryProgram({
  name: 'JupyterHub 6.1.1, oauthenticator (GenericOAuthenticator)',
  version,
  reads: 'preset JupyterHub, as its environment',
  needs:
    '`authenticator_class`, `scope` and whom to let in (`allowed_groups` with `manage_groups`); for refreshing `enable_auth_state` and its `JUPYTERHUB_CRYPT_KEY`',
  prepare: async () => void (await Promise.all([install(), proxy()])),

  async start(issuer) {
    const [port, hub, api] = [await freePort(), await freePort(), await freePort()]
    const url = `http://127.0.0.1:${port}`
    const secret = await issuer.client('jupyterhub', {
      type: 'Web',
      redirectURIs: [`${url}/hub/oauth_callback`],
      postLogoutRedirectURIs: [`${url}/hub/login`],
      secret: { presets: ['JupyterHub'] },
      tokens: { accessTTL: '1m' },
    })
    const [bin, modules] = [await install(), join(await proxy(), 'node_modules/.bin')]
    const cwd = mkdtempSync(join(tmpdir(), 'jupyterhub-'))
    const trialToken = randomBytes(32).toString('hex')
    const own = {
      PATH: [bin, modules, join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
      JUPYTERHUB_CRYPT_KEY: randomBytes(32).toString('hex'),
      LISTEN: url,
      HUB_PORT: String(hub),
      PROXY_API: `http://127.0.0.1:${api}`,
      TRIAL_TOKEN: trialToken,
    }
    let running: RunningProgram | undefined
    const begin = async (env: Readonly<Record<string, string>>) => {
      await running?.stop()
      const args = ['-f', join(root, 'ci/programs/jupyterhub/jupyterhub_config.py')]
      running = startProgram({ command: join(bin, 'jupyterhub'), args, cwd, env: { ...env, ...own } })
      await running.line(/JupyterHub is now running/)
    }
    await begin(secret)
    const signIn = async (visitor = new Visitor(secret['issuer']!)) => {
      const page = await visitor.open(`${url}/hub/oauth_login?next=%2Fhub%2Fhome`)
      expect(page.url).to.equal(`${url}/hub/home`)
      expect(page.body).to.include('ada')
      return visitor
    }
    const user = async () => {
      const headers = { authorization: `token ${trialToken}` }
      return (await (await fetch(`${url}/hub/api/users/ada`, { headers })).json()) as User
    }
    return { issuer, url, secret, begin, signIn, user }
  },

  steps: {
    'signs in': ({ signIn }) => signIn(),
    'name and groups': async ({ user }) => expect((await user()).groups).to.have.members(['developers', 'platform']),
    refreshes: async ({ issuer, url, signIn }) => {
      const visitor = await signIn()
      const before = issuer.refreshed()
      // it does when the access token has ended, which takes a minute
      while (issuer.refreshed() === before) {
        expect((await visitor.look(`${url}/hub/home`)).status).to.equal(200)
        await setTimeout(1000)
      }
      expect((await visitor.look(`${url}/hub/home`)).status).to.equal(200)
    },
    'secret rotated': ({ issuer, begin, signIn }) => issuer.rotateSecret('jupyterhub', { take: begin, signIn }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      await signIn()
    },
    'signs out': async ({ url, signIn }) => {
      const visitor = await signIn()
      expect((await visitor.open(`${url}/hub/logout`)).url).to.equal(`${url}/hub/login`)
      expect((await visitor.look(`${url}/hub/home`)).status).to.equal(302)
    },
  },
})
