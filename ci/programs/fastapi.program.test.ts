import { join } from 'node:path'
import { expect } from 'chai'
import { pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '1.9.10'
const packages = [`authlib==${version}`, 'fastapi==0.165.0', 'uvicorn==0.54.0', 'itsdangerous==2.2.0', 'httpx==0.28.1']

tryProgram({
  page: 'fastapi',
  name: 'Authlib, with FastAPI 0.165.0',
  version,
  prepare: () => pipInstall(`fastapi-authlib@${version}`, packages),

  async start({ url, port, ...trial }, bin) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/callback`],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      secret: { presets: ['Env'] },
    })
    const take = trial.runs(
      (env) => ({
        command: join(bin, 'python'),
        args: ['ci/programs/fastapi/app.py'],
        env: { ...env, LISTEN: `127.0.0.1:${port}` },
      }),
      url,
    )
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/login`)
        return session
      },
      async whoIs(session: Visitor) {
        const found = (await session.look(url)).json()
        return 'email' in found ? found : undefined
      },
    }
  },

  steps: {
    'signs in': async ({ url, visitor }) => {
      const { headers } = await visitor().look(`${url}/login`)
      expect(headers.location).to.include('code_challenge_method=S256')
    },
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
    'signs out': ({ url, session }) => session.open(`${url}/logout`),
  },
})
