import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '5.3.0'
const packages = [`flask-appbuilder==${version}`, 'authlib==1.9.10', 'requests==2.34.2']

tryProgram({
  page: 'flask-appbuilder',
  name: 'Flask-AppBuilder (as Superset and Airflow have it)',
  version,
  prepare: () => pipInstall(`flask-appbuilder@${version}`, packages),

  async start({ url, port, folder, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/oauth-authorized/auth0`],
      secret: { presets: ['Env'] },
    })
    const take = trial.runs(
      (env) => ({
        command: join(bin, 'python'),
        args: ['ci/programs/flask-appbuilder/app.py'],
        env: { ...env, DATABASE: join(folder, 'db.sqlite3'), LISTEN: `127.0.0.1:${port}` },
      }),
      `${url}/me`,
    )
    await take(secret)
    return {
      secret,
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/login/auth0?next=/me`)
        return session
      },
      async whoIs(session: Visitor) {
        const found = (await session.open(`${url}/me`)).json()
        return 'email' in found ? found : undefined
      },
    }
  },

  steps: {
    'signs in': ({ person }) => expect(person).to.have.property('email', 'ada@example.com'),
    'name and groups': async ({ url, secret, take, visitor, signIn, whoIs }) => {
      await take({ ...secret, WITH_PKCE: 'yes' })
      const { headers } = await visitor().look(`${url}/login/auth0`)
      expect(headers.location).to.include('code_challenge_method=S256')
      // of the group platform it makes a role
      expect(await whoIs(await signIn()))
        .to.have.property('roles')
        .that.includes('Admin')
    },
    refreshes: 'it keeps no refresh token',
    'signs out': ({ url, session }) => session.open(`${url}/logout/`),
  },
})
