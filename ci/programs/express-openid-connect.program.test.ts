import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { npmInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '3.4.0'
const packages = [`express-openid-connect@${version}`, 'express@5.3.0']

tryProgram({
  page: 'express-openid-connect',
  name: 'express-openid-connect',
  version,
  prepare: () => npmInstall(`express-openid-connect@${version}`, packages),

  async start({ url, port, ...trial }, cwd) {
    await copyFile('ci/programs/express-openid-connect/app.mjs', join(cwd, 'app.mjs'))
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/callback`],
      postLogoutRedirectURIs: [url],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      secret: { presets: ['ExpressOpenIDConnect'] },
    })
    const take = trial.runs(
      (env) => ({
        command: process.execPath,
        args: ['app.mjs'],
        cwd,
        env: { ...env, PORT: String(port), SECRET: 'a secret of this trial alone' },
      }),
      url,
    )
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/login`)
        return session
      },
      async whoIs(session: Visitor) {
        const found = (await session.look(url)).json()
        return 'name' in found ? found : undefined
      },
    }
  },

  steps: {
    'name and groups': ({ person }) =>
      expect(person).to.deep.include({ name: 'ada Example', groups: ['developers', 'platform'] }),
    refreshes: async ({ issuer, session, url }) => {
      const before = issuer.refreshed()
      expect((await session.look(`${url}/refresh`)).status).to.equal(200)
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'signs out': async ({ url, session }) =>
      expect((await session.open(`${url}/logout`)).url.replace(/\/$/, '')).to.equal(url),
  },
})
