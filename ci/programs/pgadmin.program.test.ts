import { globSync, mkdtempSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import type { SecretData } from '../test/support/given-secret.ts'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '9.18'
const install = () => pipInstall(`pgadmin4@${version}`, [`pgadmin4==${version}`])

tryProgram({
  name: 'pgAdmin 4',
  version,
  reads: 'preset PgAdmin, as the environment of its image (here as config_local.py)',
  needs: '`OAUTH2_ADDITIONAL_CLAIMS` with groups, where not everybody may come in',
  prepare: async () => void (await install()),

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const secret = await issuer.client('pgadmin', {
      type: 'Web',
      redirectURIs: [`${url}/oauth2/authorize`],
      postLogoutRedirectURIs: [`${url}/`],
      secret: { presets: ['PgAdmin'] },
    })
    const bin = await install()
    const [found = ''] = globSync(join(bin, '../lib/python3*/site-packages/pgadmin4'))
    const data = mkdtempSync(join(tmpdir(), 'pgadmin-'))
    let pgAdmin: RunningProgram | undefined
    const begin = async (env: SecretData) => {
      await pgAdmin?.stop()
      const own = [
        `DATA_DIR = ${JSON.stringify(data)}`,
        'SERVER_MODE = True',
        'DEFAULT_SERVER = "127.0.0.1"',
        `DEFAULT_SERVER_PORT = ${port}`,
        'MASTER_PASSWORD_REQUIRED = False',
        'UPGRADE_CHECK_ENABLED = False',
      ]
      const given = Object.entries(env)
        .filter(([key]) => key.startsWith('PGADMIN_CONFIG_'))
        .map(([key, value]) => `${key.slice('PGADMIN_CONFIG_'.length)} = ${value}`)
      // only those of one group come in
      given.push('OAUTH2_CONFIG[0]["OAUTH2_ADDITIONAL_CLAIMS"] = {"groups": ["platform"]}')
      await writeFile(join(found, 'config_local.py'), [...own, ...given, ''].join('\n'))
      pgAdmin = startProgram({
        command: join(bin, 'python'),
        args: [join(found, 'pgAdmin4.py')],
        env: { PGADMIN_SETUP_EMAIL: 'root@example.com', PGADMIN_SETUP_PASSWORD: 'correct horse battery' },
      })
      await pgAdmin.answers(`${url}/login`)
    }
    await begin(secret)
    const user = async (visitor: Visitor) => (await visitor.open(`${url}/user_management/current_user.js`)).body
    const signIn = async (visitor = new Visitor(secret['issuer']!)) => {
      const { body } = await visitor.open(`${url}/login`)
      const [, token = ''] = /csrfToken&#34;: &#34;([^&]+)|csrfToken": "([^"]+)/.exec(body)?.filter(Boolean) ?? []
      const page = await visitor.open(`${url}/authenticate/login`, {
        form: { oauth2_button: 'nauthera', csrf_token: token },
      })
      expect(page.url).to.equal(`${url}/browser/`)
      expect(await user(visitor)).to.include('ada@example.com')
      return visitor
    }
    return { issuer, url, begin, user, signIn }
  },

  steps: {
    'signs in': ({ signIn }) => signIn(),
    'name and groups': ({ signIn }) => signIn(),
    refreshes: 'it does not',
    'secret rotated': ({ issuer, begin, signIn }) => issuer.rotateSecret('pgadmin', { take: begin, signIn }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      await signIn()
    },
    'signs out': async ({ url, user, signIn }) => {
      const visitor = await signIn()
      expect((await visitor.open(`${url}/oauth2/logout`)).url).to.match(new RegExp(`^${url}/`))
      expect(await user(visitor)).not.to.include('ada@example.com')
    },
  },
})
