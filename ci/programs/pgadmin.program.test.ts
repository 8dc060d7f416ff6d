import { globSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '9.18'

tryProgram({
  page: 'pgadmin',
  name: 'pgAdmin 4',
  version,
  prepare: () => pipInstall(`pgadmin4@${version}`, [`pgadmin4==${version}`]),

  async start({ url, port, folder, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/oauth2/authorize`],
      postLogoutRedirectURIs: [`${url}/`],
      secret: { presets: ['PgAdmin'] },
    })
    const [found = ''] = globSync(join(bin, '../lib/python3*/site-packages/pgadmin4'))
    const take = trial.runs(async (env) => {
      const own = [
        `DATA_DIR = ${JSON.stringify(folder)}`,
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
      return {
        command: join(bin, 'python'),
        args: [join(found, 'pgAdmin4.py')],
        env: { PGADMIN_SETUP_EMAIL: 'root@example.com', PGADMIN_SETUP_PASSWORD: 'correct horse battery' },
      }
    }, `${url}/login`)
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        const { body } = await session.open(`${url}/login`)
        const [, token = ''] = /csrfToken&#34;: &#34;([^&]+)|csrfToken": "([^"]+)/.exec(body)?.filter(Boolean) ?? []
        const form = { oauth2_button: 'nauthera', csrf_token: token }
        expect((await session.open(`${url}/authenticate/login`, { form })).url).to.equal(`${url}/browser/`)
        return session
      },
      async whoIs(session: Visitor) {
        const { body } = await session.open(`${url}/user_management/current_user.js`)
        return body.includes('ada@example.com') ? body : undefined
      },
    }
  },

  steps: {
    // only those of the group come in
    'name and groups': ({ person }) => expect(person).to.include('ada'),
    refreshes: 'it does not',
    'signs out': async ({ url, session }) =>
      expect((await session.open(`${url}/oauth2/logout`)).url).to.match(new RegExp(`^${url}/`)),
  },
})
