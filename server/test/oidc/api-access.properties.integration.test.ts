import { expect } from 'chai'
import fc from 'fast-check'
import { oidcScopes } from '@nauthera/rules/scopes'
import { authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import type { Browser } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchCode, introspect, redeem, refresh, request } from '@nauthera/harness/flows'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

// One client whose version and grants change between its requests, on a real server.

const apis: string[] = ['https://a.example.com', 'b']
const ofApis: string[] = ['read', 'write', 'admin']
const some = <T>(of: readonly T[]) => fc.subarray([...of])
/** All of them, half of the time: else nearly every request is refused. */
const most = <T>(of: readonly T[]): fc.Arbitrary<T[]> => fc.oneof(fc.constant<T[]>([...of]), some(of))
const scope = fc.oneof(
  fc.constantFrom([], ['openid'], ['openid', 'read']),
  fc.uniqueArray(fc.constantFrom('openid', 'email', 'offline_access', ...ofApis, 'magic'), { maxLength: 3 }),
)

const state = fc.record({
  audiences: most(apis),
  scopes: most(['email', 'offline_access', ...ofApis]).map((more) => ['openid', ...more]),
  granted: fc
    .record({ identifiers: most(apis), scopes: fc.tuple(most(ofApis), most(ofApis)) })
    .map((about) => Object.fromEntries(about.identifiers.map((identifier, at) => [identifier, about.scopes[at]!]))),
  format: fc.constantFrom('jwt', 'opaque'),
})
type State = typeof state extends fc.Arbitrary<infer Value> ? Value : never

const step = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), state }),
  fc.record({ kind: fc.constant('machine' as const), scope, api: fc.constantFrom(undefined, ...apis) }),
  fc.record({
    kind: fc.constant('person' as const),
    scope,
    named: some(apis),
    api: fc.constantFrom(undefined, ...apis),
  }),
  fc.record({ kind: fc.constant('refresh' as const), scope, api: fc.constantFrom(undefined, ...apis) }),
)

/** A client with one API whose sign-in names it, and whose token requests do not. */
const ofOneApi: State = {
  audiences: ['b'],
  scopes: ['openid', 'email', 'offline_access', 'read'],
  granted: { b: ['read'] },
  format: 'jwt',
}
const signInForB = {
  kind: 'person' as const,
  scope: ['openid', 'offline_access', 'read'],
  named: ['b'],
  api: undefined,
}
const refreshOfIt = { kind: 'refresh' as const, scope: [], api: undefined }

describe('T13 access to APIs while version and grants change', () => {
  let replicas: ServerReplicas
  let browser: Browser
  const serve = ({ audiences, scopes, granted, format }: State) => {
    const config = { ...configs.web, audiences, scopes, accessTokenFormat: format }
    const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials']
    const resourceServer = (identifier: string) => ({ ...configs.api, resourceServer: { identifier, scopes: ofApis } })
    return replicas.serve([
      entry('app.any', { ...config, grantTypes }, { granted }),
      entry('app.web', configs.web),
      ...apis.map((identifier, at) => entry(`app.api${at}`, resourceServer(identifier))),
    ])
  }

  before(async () => {
    replicas = await startReplicas()
    await addPerson(replicas, 'ada')
    await serve({ audiences: [], scopes: ['openid'], granted: {}, format: 'jwt' })
    browser = (await fetchCode(replicas)).browser
  })
  after(() => replicas.stop())

  const resource = (api: string | undefined): Record<string, string> => (api === undefined ? {} : { resource: api })
  const scopeForm = (words: readonly string[]): Record<string, string> =>
    words.length === 0 ? {} : { scope: words.join(' ') }

  async function askAsPerson(words: readonly string[], named: readonly string[], api: string | undefined) {
    const proof = pkce()
    const url = new URL(
      authorizationUrl(replicas.issuer, request(proof, { client_id: 'app.any', ...scopeForm(words) })),
    )
    for (const identifier of named) url.searchParams.append('resource', identifier)
    const { location } = await browser.follow(url.href)
    const value = new URL(location!).searchParams.get('code')
    return value ? redeem(replicas, { value, proof }, { clientId: 'app.any', form: resource(api) }) : undefined
  }
  const askAsMachine = (words: readonly string[], api: string | undefined) =>
    send(replicas, {
      path: '/token',
      form: { grant_type: 'client_credentials', ...scopeForm(words), ...resource(api) },
      headers: basic('app.any', clientSecret),
    })

  /** What an access token says: that of a JWT in itself, and what introspection tells of any.
   *  @param isNamed the token request named the API, or it was of a machine */
  async function checkToken(token: string, { audiences, scopes, granted }: State, isNew: boolean, isNamed = true) {
    const looked = (await introspect(replicas, token, { clientId: 'app.any' })).json()
    for (const said of [looked, ...(isNew && token.includes('.') ? [claimsOfJwt(token)] : [])]) {
      const aud = said['aud'] as string | undefined
      // the token of a client with one API opens userinfo as well unless its request named the API; who introspects it is not told
      const ofPerson =
        said === looked || isNamed || audiences.length !== 1 ? [] : oidcScopes.filter((one) => one !== 'offline_access')
      const given = aud === undefined ? [] : [...(granted[aud] ?? []), ...ofPerson]
      if (aud !== undefined) expect(audiences).to.include(aud)
      if (aud !== undefined) expect(granted).to.have.property(aud)
      for (const word of ((said['scope'] as string | undefined) ?? '').split(' ').filter(Boolean)) {
        expect(scopes).to.include(word)
        expect(aud === undefined ? oidcScopes : given, `${word} at ${aud}`).to.include(word)
      }
    }
  }

  it('no token ever carries a scope or an audience that the version or the operator leaves out', async () => {
    let issued = 0
    await fc.assert(
      fc.asyncProperty(state, fc.array(step, { minLength: 1, maxLength: 8 }), async (first, steps) => {
        let now = first
        const tokens: string[] = []
        let refreshToken: string | undefined
        await serve(now)
        for (const one of steps) {
          if (one.kind === 'change') await serve((now = one.state))
          const answer =
            one.kind === 'machine'
              ? await askAsMachine(one.scope, one.api)
              : one.kind === 'person'
                ? await askAsPerson(one.scope, one.named, one.api)
                : one.kind === 'refresh' && refreshToken !== undefined
                  ? await refresh(replicas, refreshToken, {
                      clientId: 'app.any',
                      form: { ...scopeForm(one.scope), ...resource(one.api) },
                    })
                  : undefined
          if (answer !== undefined) expect(answer.status, answer.body).to.be.oneOf([200, 400])
          const {
            access_token: access,
            refresh_token: next,
            scope: said,
          } = (answer?.json() ?? {}) as Record<string, string>
          refreshToken = next ?? refreshToken
          for (const token of tokens) await checkToken(token, now, false)
          if (access === undefined) continue
          issued++
          tokens.push(access)
          await checkToken(access, now, true, one.kind === 'machine' || ('api' in one && one.api !== undefined))
          for (const word of (said ?? '').split(' ').filter(Boolean)) expect(now.scopes).to.include(word)
          if (access.includes('.')) expect(claimsOfJwt(access)['scope']).to.equal(said || undefined)
        }
      }),
      { numRuns: propertyRuns(60), examples: [[ofOneApi, [signInForB, refreshOfIt]]] },
    )
    // some 40 as a rule: with none the property would say nothing
    expect(issued).to.be.greaterThan(0)
  })
})
