import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import { root } from '@nauthera/local/processes/program'
import { freePort } from '@nauthera/local/processes/ports'
import { npmInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '4.24.15'
const install = () =>
  npmInstall(`next-auth@${version}`, [`next-auth@${version}`, 'next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1'])

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
  name: 'next-auth, with Next.js 16.4.6',
  version,
  reads: 'preset Env',
  needs: '`NEXTAUTH_SECRET`, `NEXTAUTH_URL`, callbacks that keep groups',
  prepare: async () => void (await install()),

  async start(issuer) {
    const folder = await install()
    await mkdir(join(folder, 'pages/api/auth'), { recursive: true })
    await writeFile(join(folder, 'pages/api/auth/[...nextauth].js'), page)
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const secret = await issuer.client('next', {
      type: 'Web',
      redirectURIs: [`${url}/api/auth/callback/nauthera`],
      secret: { presets: ['Env'] },
    })
    let next: RunningProgram | undefined
    const begin = async (env: Readonly<Record<string, string>>) => {
      await next?.stop()
      next = startProgram({
        command: join(folder, 'node_modules/.bin/next'),
        args: ['dev', '--hostname', '127.0.0.1', '--port', String(port)],
        cwd: folder,
        env: {
          ...env,
          PATH: [join(root, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
          NEXT_TELEMETRY_DISABLED: '1',
          NEXTAUTH_URL: url,
          NEXTAUTH_SECRET: 'a secret for this trial alone, of more than fifty characters',
        },
      })
      // the first answer waits until the page is compiled
      await next.answers(`${url}/api/auth/signin`)
    }
    await begin(secret)
    const session = async (visitor: Visitor) => (await visitor.look(`${url}/api/auth/session`)).json()
    const signIn = async (visitor = new Visitor(secret['issuer']!)) => {
      await visitor.submit(await visitor.open(`${url}/api/auth/signin`), '/signin/nauthera')
      const found = await session(visitor)
      expect(found['user']).to.include({ email: 'ada@example.com' })
      return { visitor, found }
    }
    return { issuer, url, begin, session, signIn }
  },

  steps: {
    'signs in': ({ signIn }) => signIn(),
    'name and groups': async ({ signIn }) => {
      const { found } = await signIn()
      expect(found['user']).to.include({ name: 'ada Example' })
      expect(found['groups']).to.deep.equal(['developers', 'platform'])
    },
    refreshes: 'left to code of the application',
    'secret rotated': ({ issuer, begin, signIn }) => issuer.rotateSecret('next', { take: begin, signIn }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      await signIn()
    },
    'signs out': async ({ url, session, signIn }) => {
      const { visitor } = await signIn()
      await visitor.submit(await visitor.open(`${url}/api/auth/signout`), '/signout')
      expect(await session(visitor)).to.deep.equal({})
    },
  },
})
