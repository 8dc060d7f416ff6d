import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { startEcho } from './support/echo.ts'
import { Lacking, findProgram } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'

const modules = '/usr/lib/apache2/modules'
const loaded = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'proxy', 'proxy_http', 'auth_openidc']

tryProgram({
  page: 'mod-auth-openidc',
  name: 'mod_auth_openidc',
  version: '2.4.12.3',
  async prepare() {
    if (!existsSync(`${modules}/mod_auth_openidc.so`))
      throw new Lacking('there is no mod_auth_openidc (apt-get install libapache2-mod-auth-openidc)')
    return Promise.resolve(findProgram('apache2'))
  },

  async start({ url, port, folder, ...trial }, command) {
    const application = await startEcho()
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/private/redirect`],
      postLogoutRedirectURIs: [`${url}/public`],
    })
    const take = trial.runs(async (data) => {
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
      return { command, args: ['-D', 'FOREGROUND', '-f', join(folder, 'httpd.conf')] }
    }, `${url}/public`)
    await take(secret)
    return { take, ...trial.onPages({ signIn: `${url}/private`, whoIs: `${url}/private` }) }
  },

  steps: {
    'name and groups': ({ person }) =>
      expect(person).to.include({
        oidc_claim_email: 'ada@example.com',
        oidc_claim_preferred_username: 'ada',
        oidc_claim_groups: 'developers,platform',
      }),
    refreshes: async ({ issuer, session, url }) => {
      const before = issuer.refreshed()
      expect((await session.look(`${url}/private/fresh`)).status).to.equal(200)
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'signs out': async ({ session, url }) => {
      const page = await session.open(`${url}/private/redirect?logout=${encodeURIComponent(`${url}/public`)}`)
      expect(page.url).to.equal(`${url}/public`)
    },
  },
})
