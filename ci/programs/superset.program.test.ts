import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '6.1.0'
// its own list pins flask-caching, which newer ones break; its command imports rich, and nothing asks for it
const packages = [`apache-superset==${version}`, 'authlib==1.9.10', 'flask-caching==2.3.1', 'rich==15.0.0']

tryProgram({
  page: 'superset',
  name: 'Apache Superset',
  version,
  prepare: () => pipInstall(`superset@${version}`, packages),

  async start({ url, port, folder, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/oauth-authorized/auth0`],
      secret: { presets: ['Env'] },
    })
    const command = join(bin, 'superset')
    const own = {
      SUPERSET_CONFIG_PATH: join(process.cwd(), 'ci/programs/superset/superset_config.py'),
      SUPERSET_HOME: folder,
      PYTHONDONTWRITEBYTECODE: '1',
      FLASK_APP: 'superset.app:create_app()',
      DATABASE: join(folder, 'superset.db'),
    }
    for (const args of [['db', 'upgrade'], ['init']])
      await startProgram({ command, args, env: { ...secret, ...own }, cwd: folder }).ended
    const args = ['run', '-h', '127.0.0.1', '-p', String(port)]
    const take = trial.runs((env) => ({ command, args, env: { ...env, ...own }, cwd: folder }), `${url}/health`)
    await take(secret)
    return { take, ...trial.onPages({ signIn: `${url}/login/auth0`, whoIs: `${url}/api/v1/me/roles/` }) }
  },

  steps: {
    'signs in': async ({ url, visitor }) => {
      const { headers } = await visitor().look(`${url}/login/auth0`)
      expect(headers.location).to.include('code_challenge_method=S256')
    },
    'name and groups': ({ person }) =>
      expect(person['result'])
        .to.deep.include({ email: 'ada@example.com' })
        .and.to.have.property('roles')
        .that.has.keys('Admin', 'Alpha'),
    refreshes: 'it keeps no refresh token',
    'signs out': ({ url, session }) => session.open(`${url}/logout/`),
  },
})
