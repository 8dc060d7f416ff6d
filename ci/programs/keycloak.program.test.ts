import { join } from 'node:path'
import { expect } from 'chai'
import { password } from '@nauthera/harness/browser'
import { claimsOfJwt } from '@nauthera/harness/flows'
import type { SecretData } from '../test/support/given-secret.ts'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { Visitor } from './support/visitor.ts'

const version = '26.5.5'

interface Session {
  readonly visitor: Visitor
  /** Tokens of Keycloak. */
  readonly access_token: string
  readonly id_token: string
}

/** A realm with an application, and our issuer as an identity provider "OpenID Connect v1.0". */
const realm = (data: SecretData, home: string) => ({
  realm: 'trial',
  enabled: true,
  accessTokenLifespan: 600,
  roles: { realm: [{ name: 'platform' }] },
  clients: [{ clientId: 'app', publicClient: true, redirectUris: [home] }],
  identityProviders: [
    {
      alias: 'nauthera',
      providerId: 'oidc',
      enabled: true,
      config: {
        clientId: data['client_id'],
        clientSecret: data['client_secret'],
        issuer: data['issuer'],
        authorizationUrl: data['authorization_endpoint'],
        tokenUrl: data['token_endpoint'],
        userInfoUrl: data['userinfo_endpoint'],
        logoutUrl: data['end_session_endpoint'],
        jwksUrl: data['jwks_uri'],
        useJwksUrl: 'true',
        validateSignature: 'true',
        clientAuthMethod: 'client_secret_post',
        defaultScope: data['scopes'],
      },
    },
  ],
  identityProviderMappers: [
    {
      name: 'of the group platform it makes a role',
      identityProviderAlias: 'nauthera',
      identityProviderMapper: 'oidc-role-idp-mapper',
      config: { syncMode: 'FORCE', claim: 'groups', 'claim.value': 'platform', role: 'platform' },
    },
  ],
})

tryProgram({
  page: 'keycloak',
  name: 'Keycloak as a broker',
  version,
  betweenKeyReadsMs: 10_000,
  prepare: () =>
    maven('ci/programs/keycloak', version, 'dependency:unpack-dependencies', '-DoutputDirectory=${buildDirectory}'),

  async start({ url, port, visitor, ...trial }, folder) {
    const [home, pages] = [`${url}/done`, `${url}/realms/trial`]
    const secret = await trial.client({
      type: 'Web',
      redirectURIs: [`${pages}/broker/nauthera/endpoint`],
      postLogoutRedirectURIs: [`${pages}/broker/nauthera/endpoint/logout_response`],
    })
    const server = startProgram({
      command: join(folder, `keycloak-${version}`, 'bin/kc.sh'),
      args: ['start-dev', '--db=dev-mem', '--http-host=127.0.0.1', `--http-port=${port}`],
      env: { KC_BOOTSTRAP_ADMIN_USERNAME: 'root', KC_BOOTSTRAP_ADMIN_PASSWORD: password },
    })
    // it makes a database, and the first time itself
    await server.line(/Listening on:/, 600_000)
    /** What its owner does on its pages. */
    const change = async (method: string, path: string, body: object) => {
      const form = { grant_type: 'password', client_id: 'admin-cli', username: 'root', password }
      const token = await fetch(`${url}/realms/master/protocol/openid-connect/token`, {
        method: 'POST',
        body: new URLSearchParams(form),
      })
      const { access_token: bearer } = (await token.json()) as { access_token: string }
      const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' }
      const answer = await fetch(`${url}/admin/realms${path}`, { method, headers, body: JSON.stringify(body) })
      if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
    }
    await change('POST', '', realm(secret, home))
    // its first page takes longer than a browser waits here
    await server.answers(`${pages}/protocol/openid-connect/auth?client_id=app&response_type=code&redirect_uri=${home}`)
    return {
      take: (data: SecretData) =>
        change('PUT', '/trial/identity-provider/instances/nauthera', realm(data, home).identityProviders[0]!),
      async signIn(): Promise<Session> {
        const person = visitor()
        const form = { client_id: 'app', redirect_uri: home }
        const asked = new URLSearchParams({ ...form, response_type: 'code', scope: 'openid', kc_idp_hint: 'nauthera' })
        const back = await person.open(`${pages}/protocol/openid-connect/auth?${String(asked)}`)
        expect(back.url).to.include(`${home}?`)
        const code = new URL(back.url).searchParams.get('code')!
        const body = new URLSearchParams({ ...form, grant_type: 'authorization_code', code })
        const tokens = await fetch(`${pages}/protocol/openid-connect/token`, { method: 'POST', body })
        return { visitor: person, ...((await tokens.json()) as Omit<Session, 'visitor'>) }
      },
      async whoIs({ access_token: token }: Session) {
        const headers = { authorization: `Bearer ${token}` }
        const answer = await fetch(`${pages}/protocol/openid-connect/userinfo`, { headers })
        return answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined
      },
    }
  },

  steps: {
    'name and groups': ({ person, session }) => {
      expect(person).to.include({ preferred_username: 'ada', email: 'ada@example.com' })
      expect(claimsOfJwt(session.access_token)['realm_access']).to.have.property('roles').that.includes('platform')
    },
    refreshes: 'it keeps no tokens by default',
    'signs out': async ({ url, session }) => {
      const out = new URLSearchParams({ id_token_hint: session.id_token, post_logout_redirect_uri: `${url}/done` })
      const page = await session.visitor.open(`${url}/realms/trial/protocol/openid-connect/logout?${String(out)}`)
      expect(page.url).to.equal(`${url}/done`)
    },
  },
})
