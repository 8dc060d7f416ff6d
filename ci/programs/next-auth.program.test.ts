import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { npmInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import type { Visitor } from './support/visitor.ts'

const version = '4.24.15'
const packages = [`next-auth@${version}`, 'next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1']

/** A provider of one's own, as its documentation has it; the callbacks show what arrived. */
const page = `
import NextAuth from 'next-auth'
const { OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_DISCOVERY_URL, OIDC_SCOPES } = process.env
export default NextAuth({
  providers: [
    {
      id: 'nauthera',
      name: 'Nauthera',
      type: 'oauth',
      wellKnown: OIDC_DISCOVERY_URL,
      authorization: { params: { scope: OIDC_SCOPES } },
      clientId: OIDC_CLIENT_ID,
      clientSecret: OIDC_CLIENT_SECRET,
      idToken: true,
      checks: ['pkce', 'state'],
      profile: ({ sub, name, email }) => ({ id: sub, name, email }),
    },
  ],
  callbacks: {
    jwt: ({ token, profile }) => (profile ? { ...token, groups: profile.groups } : token),
    session: ({ session, token }) => ({ ...session, groups: token.groups }),
  },
})
`

tryProgram({
  page: 'next-auth',
  name: 'next-auth, with Next.js 16.4.6',
  version,
  prepare: () => npmInstall(`next-auth@${version}`, packages),

  async start({ url, port, ...trial }, cwd) {
    await mkdir(join(cwd, 'pages/api/auth'), { recursive: true })
    await writeFile(join(cwd, 'pages/api/auth/[...nextauth].js'), page)
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/api/auth/callback/nauthera`],
      secret: { presets: ['Env'] },
    })
    const own = {
      PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
      NEXT_TELEMETRY_DISABLED: '1',
      NEXTAUTH_URL: url,
      NEXTAUTH_SECRET: 'a secret for this trial alone, of more than fifty characters',
    }
    const [command, args] = [join(cwd, 'node_modules/.bin/next'), ['dev', '-H', '127.0.0.1', '-p', String(port)]]
    // the first answer waits until the page is compiled
    const take = trial.runs((env) => ({ command, args, cwd, env: { ...env, ...own } }), `${url}/api/auth/signin`)
    await take(secret)
    return {
      take,
      async signIn() {
        const session = trial.visitor()
        await session.submit(await session.open(`${url}/api/auth/signin`), '/signin/nauthera')
        return session
      },
      async whoIs(session: Visitor) {
        const found = (await session.look(`${url}/api/auth/session`)).json()
        return 'user' in found ? found : undefined
      },
    }
  },

  steps: {
    'name and groups': ({ person }) => {
      expect(person['user']).to.include({ name: 'ada Example', email: 'ada@example.com' })
      expect(person['groups']).to.deep.equal(['developers', 'platform'])
    },
    refreshes: 'left to code of the application',
    'signs out': async ({ url, session }) => session.submit(await session.open(`${url}/api/auth/signout`), '/signout'),
  },
})
