import { expect } from 'chai'
import { goBuild } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '3.52.0'

tryProgram({
  page: 'zitadel-oidc',
  name: 'zitadel/oidc, its client for Go',
  version,
  prepare: () => goBuild('ci/programs/zitadel-oidc', '.', version),

  async start({ url, port, ...trial }, command) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/auth/callback`],
      postLogoutRedirectURIs: [`${url}/bye`],
    })
    const take = trial.runs((env) => ({ command, env: { ...env, LISTEN: `127.0.0.1:${port}` } }), url)
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/login`)
        return session
      },
      async whoIs(session: Visitor) {
        const page = await session.look(url)
        return page.status === 200 ? page.json() : undefined
      },
    }
  },

  steps: {
    'name and groups': ({ person }) =>
      expect(person).to.deep.include({ name: 'ada Example', groups: ['developers', 'platform'] }),
    refreshes: async ({ issuer, session, url }) => {
      const before = issuer.refreshed()
      expect((await session.look(`${url}/refresh`)).status).to.equal(200)
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'signs out': async ({ url, session }) => expect((await session.open(`${url}/logout`)).url).to.include(`${url}/bye`),
  },
})
