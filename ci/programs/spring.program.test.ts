import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'

const version = '4.1.2'

tryProgram({
  page: 'spring',
  name: 'Spring Boot (oauth2Login)',
  version,
  prepare: () => maven('ci/programs/spring', version, 'package'),

  async start({ url, port, folder, ...trial }, built) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/login/oauth2/code/nauthera`],
      postLogoutRedirectURIs: [`${url}/`],
      secret: { presets: ['Spring'] },
    })
    const mounted = join(folder, 'oidc')
    const env = {
      SPRING_CONFIG_IMPORT: `configtree:${mounted}/`,
      SERVER_ADDRESS: '127.0.0.1',
      SERVER_PORT: String(port),
    }
    const take = trial.runs(async (data) => {
      await mkdir(mounted, { recursive: true })
      await Promise.all(Object.entries(data).map(([key, value]) => writeFile(join(mounted, key), value)))
      return { command: 'java', args: ['-Xmx256m', '-jar', join(built, 'trial-1.jar')], env }
    }, url)
    await take(secret)
    return { take, ...trial.onPages({ signIn: `${url}/oauth2/authorization/nauthera`, whoIs: `${url}/me` }) }
  },

  steps: {
    'signs in': async ({ url, visitor }) => {
      const { headers } = await visitor().look(`${url}/oauth2/authorization/nauthera`)
      expect(headers.location).to.include('nonce=')
    },
    // who is not of the group platform has no such page
    'name and groups': ({ person }) =>
      expect(person).to.deep.include({
        name: 'ada Example',
        email: 'ada@example.com',
        groups: ['developers', 'platform'],
      }),
    refreshes: async ({ issuer, session, url }) => {
      const before = issuer.refreshed()
      expect((await session.look(`${url}/refresh`)).status).to.equal(200)
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'signs out': async ({ url, session }) => expect((await session.open(`${url}/logout`)).url).to.equal(`${url}/`),
  },
})
