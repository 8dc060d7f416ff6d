import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { npmInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '0.1.2'
const packages = [`passport-openidconnect@${version}`, 'passport@0.7.0', 'express@5.3.0', 'express-session@1.19.0']

tryProgram({
  page: 'passport',
  name: 'Passport, with passport-openidconnect',
  version,
  prepare: () => npmInstall(`passport@${version}`, packages),

  async start({ url, port, ...trial }, cwd) {
    await copyFile('ci/programs/passport/app.mjs', join(cwd, 'app.mjs'))
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/callback`],
      secret: { presets: ['Generic', 'Env'] },
    })
    const take = trial.runs(
      (env) => ({ command: process.execPath, args: ['app.mjs'], cwd, env: { ...env, PORT: String(port) } }),
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
    'signs in': async ({ url, visitor }) => {
      const { headers } = await visitor().look(`${url}/login`)
      expect(headers.location).to.include('nonce=')
    },
    'name and groups': ({ person }) =>
      expect(person).to.deep.include({ name: 'ada Example', groups: ['developers', 'platform'] }),
    refreshes: 'left to code of the application',
    'signs out': ({ url, session }) => session.open(`${url}/logout`),
  },
})
