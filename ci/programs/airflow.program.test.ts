import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '3.3.2'
const packages = [`apache-airflow==${version}`, 'apache-airflow-providers-fab==3.10.2', 'authlib==1.9.10']

// Its API server, which has the pages, with the auth manager FAB.

tryProgram({
  page: 'airflow',
  name: 'Apache Airflow, with the FAB provider 3.10.2',
  version,
  prepare: () => pipInstall(`airflow@${version}`, packages),

  async start({ url, port, folder, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/auth/oauth-authorized/auth0`],
      secret: { presets: ['Env'] },
    })
    const command = join(bin, 'airflow')
    const key = 'a key for this trial alone, of more than sixty-four characters, since it signs'
    const own = {
      AIRFLOW_HOME: folder,
      AIRFLOW__CORE__AUTH_MANAGER: 'airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager',
      AIRFLOW__CORE__LOAD_EXAMPLES: 'False',
      AIRFLOW__FAB__CONFIG_FILE: join(process.cwd(), 'ci/programs/airflow/webserver_config.py'),
      AIRFLOW__API__SECRET_KEY: key,
      AIRFLOW__API_AUTH__JWT_SECRET: key,
    }
    await startProgram({ command, args: ['db', 'migrate'], env: { ...secret, ...own }, cwd: folder }).ended
    const args = ['api-server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1']
    const ready = `${url}/api/v2/monitor/health`
    const take = trial.runs((env) => ({ command, args, env: { ...env, ...own }, cwd: folder }), ready)
    await take(secret)
    return { take, ...trial.onPages({ signIn: `${url}/auth/login/auth0`, whoIs: `${url}/ui/auth/me` }) }
  },

  steps: {
    'signs in': async ({ url, visitor }) => {
      const { headers } = await visitor().look(`${url}/auth/login/auth0`)
      expect(headers.location).to.include('code_challenge_method=S256')
    },
    // of the group platform it makes an administrator, who alone may list roles
    'name and groups': async ({ person, session, url }) => {
      expect(person).to.have.property('username')
      expect((await session.look(`${url}/auth/fab/v1/roles`)).status).to.equal(200)
    },
    refreshes: 'it keeps no refresh token',
    'signs out': ({ url, session }) => session.open(`${url}/api/v2/auth/logout`),
  },
})
