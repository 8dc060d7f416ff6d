import { join } from 'node:path'
import { expect } from 'chai'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'

const version = '3.34.2'

tryProgram({
  page: 'quarkus',
  name: 'Quarkus (quarkus-oidc, web-app)',
  version,
  prepare: () => maven('ci/programs/quarkus', version, 'package'),

  async start({ url, port, ...trial }, built) {
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${url}/me`],
      postLogoutRedirectURIs: [`${url}/bye`],
      secret: { presets: ['Quarkus'] },
    })
    const own = {
      QUARKUS_HTTP_HOST: '127.0.0.1',
      QUARKUS_HTTP_PORT: String(port),
      QUARKUS_OIDC_LOGOUT_PATH: '/logout',
      QUARKUS_OIDC_LOGOUT_POST_LOGOUT_PATH: '/bye',
      QUARKUS_OIDC_TOKEN_REFRESH_EXPIRED: 'true',
      QUARKUS_OIDC_AUTHENTICATION_SESSION_AGE_EXTENSION: '1H',
      // an ID token lives for ten minutes: with this each request finds that it ends soon
      QUARKUS_OIDC_TOKEN_REFRESH_TOKEN_TIME_SKEW: '11M',
    }
    const args = ['-Xmx256m', '-jar', join(built, 'quarkus-app/quarkus-run.jar')]
    const take = trial.runs((env) => ({ command: 'java', args, env: { ...env, ...own } }), `${url}/bye`)
    await take(secret)
    return { take, ...trial.onPages({ signIn: `${url}/me`, whoIs: `${url}/me` }) }
  },

  steps: {
    'signs in': async ({ url, visitor, person }) => {
      const { headers } = await visitor().look(`${url}/me`)
      expect(headers.location).to.include('code_challenge_method=S256')
      expect(person).to.include({ name: 'ada', email: 'ada@example.com' })
    },
    'name and groups': ({ person }) => expect(person['roles']).to.have.members(['developers', 'platform']),
    refreshes: async ({ issuer, session, whoIs }) => {
      const before = issuer.refreshed()
      await whoIs(session)
      expect(issuer.refreshed()).to.be.greaterThan(before)
    },
    'signs out': async ({ url, session }) => expect((await session.open(`${url}/logout`)).url).to.include(`${url}/bye`),
  },
})
