import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '7.0.0'
const packages = [`social-auth-core==${version}`, 'social-auth-app-django==8.0.0', 'django==5.2.19']

tryProgram({
  page: 'django-social-auth',
  name: 'Python Social Auth, with Django',
  version,
  prepare: () => pipInstall(`social-auth@${version}`, packages),

  async start({ url, port, folder, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/complete/oidc/`],
      secret: { presets: ['Env'] },
    })
    const take = trial.runs(
      (env) => ({
        command: join(bin, 'python'),
        args: ['ci/programs/django-social-auth/site_of_trial.py'],
        env: { ...env, DATABASE: join(folder, 'db.sqlite3'), LISTEN: `127.0.0.1:${port}` },
      }),
      url,
    )
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.submit(await session.open(`${url}/button`), '/login/oidc/')
        return session
      },
      async whoIs(session: Visitor) {
        const found = (await session.look(url)).json()
        return 'email' in found ? found : undefined
      },
    }
  },

  steps: {
    'signs in': async ({ person, url, visitor }) => {
      expect(person).to.include({ email: 'ada@example.com', login: 'ada' })
      const browser = visitor().at(url)
      const { location } = await browser.submit(await browser.follow(`${url}/button`), '/login/oidc/')
      expect(location).to.include('code_challenge_method=S256')
    },
    'name and groups': ({ person }) => expect(person).to.have.property('staff', true),
    refreshes: async ({ issuer, session, url }) => {
      const before = issuer.refreshed()
      expect((await session.look(`${url}/refresh`)).status).to.equal(200)
      expect(issuer.refreshed()).to.equal(before + 1)
    },
    'signs out': ({ url, session }) => session.open(`${url}/leave`),
  },
})
