import { existsSync } from 'node:fs'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { findDovecot, startDovecot } from './support/dovecot.ts'
import { Lacking, findProgram } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const [pages, defaults] = ['/usr/share/roundcube', '/etc/roundcube/defaults.inc.php']

tryProgram({
  page: 'roundcube',
  name: 'Roundcube, with Dovecot behind it',
  version: '1.6.5',
  async prepare() {
    findDovecot()
    if (!existsSync(`${pages}/index.php`))
      throw new Lacking('there is no Roundcube (apt-get install roundcube-core roundcube-sqlite3 php-cli)')
    return Promise.resolve(findProgram('php', 'php-cli'))
  },

  async start({ url, port, folder, ...trial }, command) {
    const imap = await freePort()
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/index.php/login/oauth`],
      tokens: { accessTTL: '1m' },
      secret: { presets: ['Roundcube'] },
    })
    await startDovecot({ folder, port: imap, userinfo: secret['userinfo_endpoint']! })
    await copyFile(defaults, join(folder, 'defaults.inc.php'))
    const take = trial.runs(async (data) => {
      const config = {
        db_dsnw: `sqlite:///${folder}/db.sqlite3?mode=0600`,
        log_dir: folder,
        log_driver: 'stdout',
        temp_dir: folder,
        imap_host: `127.0.0.1:${imap}`,
      }
      const lines = Object.entries(config).map(([key, value]) => `$config['${key}'] = '${value}';\n`)
      await writeFile(join(folder, 'config.inc.php'), `${data['oauth.inc.php']!}${lines.join('')}`)
      return {
        command,
        args: ['-S', `127.0.0.1:${port}`, '-t', pages],
        env: { ROUNDCUBE_CONFIG_DIR: folder },
      }
    }, url)
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/?_task=login&_action=oauth`)
        return session
      },
      async whoIs(session: Visitor) {
        const { body } = await session.open(`${url}/?_task=mail`)
        return body.includes('ada@example.com') ? body : undefined
      },
    }
  },

  steps: {
    'name and groups': 'it shows the mail address and takes no groups',
    refreshes: async ({ issuer, session, whoIs }) => {
      const before = issuer.refreshed()
      // it does when the access token has ended, which takes a minute
      while (issuer.refreshed() === before) {
        expect(await whoIs(session)).to.not.equal(undefined)
        await setTimeout(1000)
      }
      expect(await whoIs(session)).to.not.equal(undefined)
    },
    'signs out': async ({ url, session, person }) => {
      const [, token = ''] = /"request_token":"([^"]+)"/.exec(person) ?? []
      await session.open(`${url}/?_task=logout&_token=${token}`)
    },
  },
})
