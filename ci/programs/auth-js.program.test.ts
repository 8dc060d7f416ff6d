import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { npmInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '5.0.0-beta.32'
const packages = [`next-auth@${version}`, 'next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1']

/** The route of its documentation, with what the page has: id, secret and issuer are in the environment, by the names of the provider. */
const route = `
import NextAuth from 'next-auth'
const { handlers } = NextAuth({
  providers: [
    {
      id: 'nauthera',
      name: 'Nauthera',
      type: 'oidc',
      authorization: { params: { scope: 'openid profile email groups' } },
    },
  ],
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, groups: profile.groups } : token),
    session: ({ session, token }) => ({ ...session, groups: token.groups }),
  },
})
export const { GET, POST } = handlers
`

tryProgram({
  page: 'auth-js',
  name: 'Auth.js (next-auth 5), with Next.js 16.4.6',
  version,
  prepare: () => npmInstall(`auth-js@${version}`, packages),

  async start({ port, ...trial }, cwd) {
    // Next.js makes this name of 127.0.0.1
    const url = `http://localhost:${port}`
    const folder = join(cwd, 'app/api/auth/[...nextauth]')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'route.js'), route)
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/api/auth/callback/nauthera`],
      secret: { presets: ['AuthJS'] },
    })
    const own = {
      PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
      NEXT_TELEMETRY_DISABLED: '1',
      AUTH_TRUST_HOST: 'true',
      AUTH_SECRET: 'a secret for this trial alone, of more than fifty characters',
    }
    const [command, args] = [join(cwd, 'node_modules/.bin/next'), ['dev', '-H', '127.0.0.1', '-p', String(port)]]
    // the first answer waits until the route is compiled
    const take = trial.runs((env) => ({ command, args, cwd, env: { ...env, ...own } }), `${url}/api/auth/signin`)
    await take(secret)
    return {
      url,
      take,
      async signIn() {
        const session = trial.visitor()
        await session.submit(await session.open(`${url}/api/auth/signin`), '/signin/nauthera')
        return session
      },
      async whoIs(session: Visitor) {
        const found = JSON.parse((await session.look(`${url}/api/auth/session`)).body) as { user?: unknown } | null
        return found?.user === undefined ? undefined : found
      },
    }
  },

  steps: {
    'name and groups': ({ person }) => {
      expect(person.user).to.include({ name: 'ada Example', email: 'ada@example.com' })
      expect(person).to.have.deep.property('groups', ['developers', 'platform'])
    },
    refreshes: 'left to code of the application',
    'signs out': async ({ url, session }) => session.submit(await session.open(`${url}/api/auth/signout`), '/signout'),
  },
})
