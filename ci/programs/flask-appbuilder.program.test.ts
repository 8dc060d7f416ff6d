import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '5.3.0'
const install = () =>
  pipInstall(`flask-appbuilder@${version}`, [`flask-appbuilder==${version}`, 'authlib==1.9.10', 'requests==2.34.2'])

tryProgram({
  name: 'Flask-AppBuilder (as Superset and Airflow have it)',
  version,
  reads: 'preset Env',
  needs: '`"name": "auth0"` in `OAUTH_PROVIDERS` (its recipe that fits any issuer), `AUTH_ROLES_MAPPING` from groups',
  prepare: async () => void (await install()),

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const secret = await issuer.client('superset', {
      type: 'Web',
      redirectURIs: [`${url}/oauth-authorized/auth0`],
      secret: { presets: ['Env'] },
    })
    const DATABASE = join(mkdtempSync(join(tmpdir(), 'flask-appbuilder-')), 'db.sqlite3')
    let flask: RunningProgram | undefined
    const begin = async (env: Readonly<Record<string, string>>) => {
      await flask?.stop()
      flask = startProgram({
        command: join(await install(), 'python'),
        args: ['ci/programs/flask-appbuilder/app.py'],
        env: { ...env, DATABASE, LISTEN: `127.0.0.1:${port}` },
      })
      await flask.answers(`${url}/me`)
    }
    await begin(secret)
    const signIn = async (visitor = new Visitor(secret['issuer']!)) =>
      (await visitor.open(`${url}/login/auth0?next=/me`)).json()
    return { issuer, url, secret, begin, signIn }
  },

  steps: {
    'signs in': async ({ signIn }) => expect(await signIn()).to.have.property('email', 'ada@example.com'),
    'name and groups': async ({ url, secret, begin, signIn }) => {
      await begin({ ...secret, WITH_PKCE: 'yes' })
      const { headers } = await new Visitor(secret['issuer']!).look(`${url}/login/auth0`)
      expect(headers.location).to.include('code_challenge_method=S256')
      // of the group platform it makes a role
      expect((await signIn())['roles']).to.include('Admin')
    },
    refreshes: 'it keeps no refresh token',
    'secret rotated': ({ issuer, begin, signIn }) =>
      issuer.rotateSecret('superset', {
        take: begin,
        signIn: async () => expect(await signIn()).to.have.property('email'),
      }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      expect(await signIn()).to.have.property('email')
    },
    'signs out': async ({ url, secret, signIn }) => {
      const visitor = new Visitor(secret['issuer']!)
      await signIn(visitor)
      await visitor.open(`${url}/logout/`)
      expect((await visitor.open(`${url}/me`)).json()).to.deep.equal({})
    },
  },
})
