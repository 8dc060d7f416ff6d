import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { blocksOf } from '../test/support/page-blocks.ts'
import { goBuild, goModule } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { Visitor } from './support/visitor.ts'

const version = '1.26.0'
const source = 'ci/programs/gitea'
const module = 'code.gitea.io/gitea'

interface Values {
  readonly gitea: { readonly config: Readonly<Record<string, Readonly<Record<string, unknown>>>> }
}
const blocks = blocksOf('docs/integrations/gitea.md')
const { gitea: values } = parse(blocks.find(({ text }) => text.startsWith('gitea:'))!.text) as Values
const addSource = blocks.find(({ language }) => language === 'sh')!.text

// Its Go module has pages without their scripts and styles, which nobody needs to sign in.

tryProgram({
  page: 'gitea',
  name: 'Gitea',
  version,
  prepare: async () => ({ command: await goBuild(source, module, version), files: await goModule(source, module) }),

  async start({ url, port, folder, ...trial }, { command, files }) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/user/oauth2/nauthera/callback`],
      postLogoutRedirectURIs: [`${url}/`],
      secret: { presets: ['Gitea'] },
    })
    const database = new URL((await freshDatabase()).url)
    const settings: Values['gitea']['config'] = {
      ...values.config,
      server: {
        HTTP_ADDR: '127.0.0.1',
        HTTP_PORT: port,
        ROOT_URL: `${url}/`,
        STATIC_ROOT_PATH: files,
        DISABLE_SSH: true,
      },
      database: {
        DB_TYPE: 'postgres',
        HOST: database.host,
        NAME: database.pathname.slice(1),
        USER: database.username,
        PASSWD: database.password,
      },
      security: { INSTALL_LOCK: true },
      log: { LEVEL: 'Warn' },
    }
    const sections = Object.entries(settings).map(([name, section]) => {
      const lines = Object.entries(section).map(([key, value]) => `${key} = ${String(value)}\n`)
      return `[${name}]\n${lines.join('')}`
    })
    await mkdir(join(folder, 'custom/conf'), { recursive: true })
    await writeFile(join(folder, 'custom/conf/app.ini'), sections.join('\n'))
    await symlink(command, join(folder, 'gitea'))
    const env = {
      PATH: `${folder}:${process.env['PATH']}`,
      HOME: folder,
      GITEA_WORK_DIR: folder,
      GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT: 'true',
    }
    /** A command as a person types it. @returns what it writes */
    const type = async (text: string, more: Readonly<Record<string, string>> = {}) => {
      const shell = startProgram({ command: 'sh', args: ['-ec', text], env: { ...env, ...more } })
      await shell.ended
      return shell.lines.join('\n')
    }
    await type('gitea migrate')
    // who comes first is an administrator
    await type('gitea admin user create --admin --username first --email first@example.com --random-password')
    const here = addSource.replace('https://login.example.com', trial.issuer.replicas.issuer)
    const given = { KEY: secret['key']!, SECRET: secret['secret']! }
    await type(here, given)
    const start = trial.runs(() => ({ command, args: ['web'], env }), `${url}/api/healthz`)
    await start(secret)
    return {
      async take(rotated: typeof secret) {
        await type('gitea admin auth update-oauth --id 1 --secret "$SECRET"', { SECRET: rotated['secret']! })
        await start(rotated)
      },
      /** @returns what the issuer says to the sign-in of a source that has another name than the callback */
      async signInByAnotherName() {
        await type(here.replace('--name nauthera', '--name Nauthera'), given)
        const { headers } = await trial.visitor().look(`${url}/user/oauth2/Nauthera`)
        return (await fetch(String(headers.location))).text()
      },
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/user/oauth2/nauthera`)
        return session
      },
      async whoIs(session: Visitor) {
        const { status, body } = await session.look(`${url}/user/settings`)
        const [, name] = /name="name"[^>]*value="([^"]+)"/.exec(body) ?? []
        if (status !== 200) return undefined
        return { name, isAdministrator: (await session.look(`${url}/-/admin`)).status === 200 }
      },
    }
  },

  steps: {
    'signs in': async ({ signInByAnotherName }) =>
      expect(await signInByAnotherName()).to.include('invalid_redirect_uri'),
    'name and groups': ({ person }) => expect(person).to.deep.equal({ name: 'ada', isAdministrator: true }),
    refreshes: 'its session lives without the issuer',
    'signs out': async ({ session, url }) => expect((await session.open(`${url}/user/logout`)).url).to.equal(`${url}/`),
  },
})
