import { existsSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startEcho } from './support/echo.ts'
import { Lacking, findProgram } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const modules = '/usr/lib/apache2/modules'
const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'proxy', 'proxy_http', 'auth_openidc']

tryProgram({
  name: 'mod_auth_openidc',
  version: '2.4.12.3',
  reads: 'canonical keys',
  needs: '`OIDCCryptoPassphrase`; `OIDCScope`, for more than `openid`',
  prepare: async () => {
    findProgram('apache2')
    if (!existsSync(`${modules}/mod_auth_openidc.so`))
      throw new Lacking('there is no mod_auth_openidc (apt-get install libapache2-mod-auth-openidc)')
    return Promise.resolve()
  },

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const application = await startEcho()
    const folder = await mkdtemp(join(tmpdir(), 'nauthera-apache-'))
    reapDirectory(folder)
    const secret = await issuer.client('apache', {
      type: 'Web',
      redirectURIs: [`${url}/private/redirect`],
      postLogoutRedirectURIs: [`${url}/public`],
    })
    let apache: RunningProgram | undefined
    const take = async (data: typeof secret) => {
      await apache?.stop()
      const lines = [
        `ServerRoot ${folder}`,
        `Listen 127.0.0.1:${port}`,
        'ServerName 127.0.0.1',
        `PidFile ${folder}/pid`,
        'ErrorLog "|/bin/cat"',
        ...loaded.map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`),
        'User www-data',
        'Group www-data',
        `OIDCProviderMetadataURL ${data['discovery_url']}`,
        `OIDCClientID ${data['client_id']}`,
        `OIDCClientSecret ${data['client_secret']}`,
        `OIDCRedirectURI ${data['redirect_uris']}`,
        `OIDCScope "${data['scopes']}"`,
        'OIDCCryptoPassphrase 0123456789abcdef0123456789abcdef',
        `ProxyPass / ${application}/`,
        '<Location /private>',
        '  AuthType openid-connect',
        '  Require valid-user',
        '</Location>',
        '<Location /private/fresh>',
        '  AuthType openid-connect',
        '  Require valid-user',
        '  OIDCRefreshAccessTokenBeforeExpiry 86400',
        '</Location>',
      ]
      await writeFile(join(folder, 'httpd.conf'), `${lines.join('\n')}\n`)
      apache = startProgram({
        command: findProgram('apache2'),
        args: ['-D', 'FOREGROUND', '-f', join(folder, 'httpd.conf')],
      })
      await apache.answers(`${url}/public`)
    }
    await take(secret)
    const visitor = new Visitor(secret['issuer']!)
    const signIn = async (who = new Visitor(secret['issuer']!)) => {
      const said = (await who.open(`${url}/private`)).json()
      expect(said).to.have.property('oidc_claim_email', 'ada@example.com')
    }
    return { issuer, url, take, visitor, signIn }
  },

  steps: {
    'signs in': ({ signIn, visitor }) => signIn(visitor),
    'name and groups': async ({ visitor, url }) =>
      expect((await visitor.look(`${url}/private`)).json()).to.include({
        oidc_claim_preferred_username: 'ada',
        oidc_claim_groups: 'developers,platform',
      }),
    refreshes: async ({ issuer, visitor, url }) => {
      const before = issuer.refreshed()
      expect((await visitor.look(`${url}/private/fresh`)).status).to.equal(200)
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'secret rotated': async ({ issuer, ...apache }) => issuer.rotateSecret('apache', apache),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      await signIn()
    },
    'signs out': async ({ visitor, signIn, url }) => {
      await signIn(visitor)
      const page = await visitor.open(`${url}/private/redirect?logout=${encodeURIComponent(`${url}/public`)}`)
      expect(page.url).to.equal(`${url}/public`)
      expect((await visitor.look(`${url}/private`)).headers.location).to.include('/authorize')
    },
  },
})
