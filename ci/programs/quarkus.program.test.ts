import { join } from 'node:path'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { RunningProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

const version = '3.34.2'
const build = () => maven('ci/programs/quarkus', version, 'package')

tryProgram({
  name: 'Quarkus (quarkus-oidc, web-app)',
  version,
  reads: 'preset Quarkus, as its environment',
  needs:
    '`quarkus.oidc.logout.path` for signing out; for refreshing `quarkus.oidc.token.refresh-expired` and a `quarkus.oidc.authentication.session-age-extension`',
  prepare: async () => void (await build()),

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const secret = await issuer.client('quarkus', {
      type: 'Web',
      redirectURIs: [`${url}/me`],
      postLogoutRedirectURIs: [`${url}/bye`],
      secret: { presets: ['Quarkus'] },
    })
    let quarkus: RunningProgram | undefined
    const begin = async (env: Readonly<Record<string, string>>) => {
      await quarkus?.stop()
      quarkus = startProgram({
        command: 'java',
        args: ['-Xmx256m', '-jar', join(await build(), 'quarkus-app/quarkus-run.jar')],
        env: {
          ...env,
          QUARKUS_HTTP_HOST: '127.0.0.1',
          QUARKUS_HTTP_PORT: String(port),
          QUARKUS_OIDC_LOGOUT_PATH: '/logout',
          QUARKUS_OIDC_LOGOUT_POST_LOGOUT_PATH: '/bye',
          QUARKUS_OIDC_TOKEN_REFRESH_EXPIRED: 'true',
          QUARKUS_OIDC_AUTHENTICATION_SESSION_AGE_EXTENSION: '1H',
          // an ID token lives for ten minutes: with this each request finds that it ends soon
          QUARKUS_OIDC_TOKEN_REFRESH_TOKEN_TIME_SKEW: '11M',
        },
      })
      await quarkus.answers(`${url}/bye`)
    }
    await begin(secret)
    const signIn = async (visitor = new Visitor(secret['issuer']!)) => {
      const found = (await visitor.open(`${url}/me`)).json()
      expect(found).to.include({ name: 'ada', email: 'ada@example.com' })
      return { visitor, found }
    }
    return { issuer, url, secret, begin, signIn }
  },

  steps: {
    'signs in': async ({ url, secret, signIn }) => {
      const { headers } = await new Visitor(secret['issuer']!).look(`${url}/me`)
      expect(headers.location).to.include('code_challenge_method=S256')
      await signIn()
    },
    'name and groups': async ({ signIn }) =>
      expect((await signIn()).found['roles']).to.have.members(['developers', 'platform']),
    refreshes: async ({ issuer, url, signIn }) => {
      const { visitor } = await signIn()
      const before = issuer.refreshed()
      await visitor.open(`${url}/me`)
      expect(issuer.refreshed()).to.be.greaterThan(before)
    },
    'secret rotated': ({ issuer, begin, signIn }) => issuer.rotateSecret('quarkus', { take: begin, signIn }),
    'signing keys rotated': async ({ issuer, signIn }) => {
      await issuer.rotateSigningKeys()
      await signIn()
    },
    'signs out': async ({ url, signIn }) => {
      const { visitor } = await signIn()
      expect((await visitor.open(`${url}/logout`)).url).to.include(`${url}/bye`)
      expect((await visitor.look(`${url}/me`)).status).to.equal(302)
    },
  },
})
