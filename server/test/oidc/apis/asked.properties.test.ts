import { create } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { oidcScopes } from '@nauthera/rules/scopes'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { Apis, ApisOf } from '../../../src/oidc/apis/apis.ts'
import {
  judgeAuthorization,
  judgeExchange,
  judgeMachine,
  judgeRedemption,
  judgeRefresh,
  meantApi,
  standingScope,
  targetOfSignIn,
} from '../../../src/oidc/apis/asked.ts'
import type { Verdict } from '../../../src/oidc/apis/asked.ts'

// Four sides say what a client may have at an API. Three of them come as one list from the operator, the fourth is the client's own
// version. No verdict may let through what any of them leaves out.

const apis = ['urn:api:a', 'urn:api:b', 'urn:api:c']
const ofApis = ['read', 'write', 'admin']
const some = <T>(of: readonly T[]) => fc.subarray([...of])
const most = <T>(of: readonly T[]): fc.Arbitrary<T[]> => fc.oneof(fc.constant<T[]>([...of]), some(of))
const version = fc.record({ audiences: some(apis), scopes: some(['openid', 'email', 'offline_access', ...ofApis]) })
/** What the operator sends, and what a broken one could send: an API that the client does not list, an OIDC scope among those of an API. */
const granted = some(apis).chain((identifiers) =>
  fc
    .tuple(...identifiers.map(() => some([...ofApis, 'email'])))
    .map((lists) => identifiers.map((identifier, at) => ({ identifier, scopes: lists[at]! }))),
)
const client = fc.record({ version, granted }).map((about): ApisOf => ({
  namespace: 'apps',
  name: 'dex',
  config: create(ClientConfigSchema, about.version),
  granted: about.granted,
}))
const word = fc.constantFrom('openid', 'email', 'offline_access', 'phone', ...ofApis, 'magic')
const asked = fc.record({
  scope: fc.option(
    fc.uniqueArray(word, { minLength: 1, maxLength: 5 }).map((all) => all.join(' ')),
    { nil: undefined },
  ),
  resources: some(apis),
})
/** Every API has every scope. */
const registry: Apis = {
  findApi: () => ({ config: create(ClientConfigSchema, { resourceServer: { scopes: ofApis } }) }) as never,
  isSuspendedApi: () => false,
}

/** The rule, written once more and in other words. */
const mayHave = ({ config, granted: given }: ApisOf, scope: string, identifier: string | undefined): boolean =>
  config.scopes.includes(scope) &&
  (identifier === undefined
    ? oidcScopes.includes(scope)
    : !oidcScopes.includes(scope) &&
      config.audiences.includes(identifier) &&
      given!.some((api) => api.identifier === identifier && api.scopes.includes(scope)))
const mayAsk = ({ config, granted: given }: ApisOf, identifier: string): boolean =>
  config.audiences.includes(identifier) && given!.some((api) => api.identifier === identifier)
const words = (scope: string | undefined): string[] => scope?.split(' ') ?? []
const scopeOf = (verdict: Verdict): string[] => (verdict.kind === 'allowed' ? words(verdict.scope) : [])

describe('T13 what a request may ask for, whatever the client, the grants and the request are', () => {
  it('no verdict lets a scope through that the version or the operator leaves out', () => {
    fc.assert(
      fc.property(client, asked, (who, request) => {
        const one = { ...request, resources: request.resources.slice(0, 1) }
        for (const [verdict, resources] of [
          [judgeAuthorization(request, who, registry), request.resources],
          [judgeMachine(one, who), one.resources],
        ] as const) {
          for (const scope of scopeOf(verdict))
            expect(
              [undefined, ...resources].some((api) => mayHave(who, scope, api)),
              scope,
            ).to.equal(true)
          if (verdict.kind === 'allowed')
            for (const identifier of resources) expect(mayAsk(who, identifier)).to.equal(true)
        }
      }),
    )
  })

  it('a machine gets everything that is granted when it asks for nothing, and what it asked for or a refusal otherwise', () => {
    fc.assert(
      fc.property(client, asked, fc.constantFrom(undefined, ...apis), (who, { scope }, identifier) => {
        const resources = identifier === undefined ? [] : [identifier]
        const verdict = judgeMachine({ scope, resources }, who)
        if (identifier !== undefined && !mayAsk(who, identifier)) {
          expect(verdict).to.include({ kind: 'refused', error: 'invalid_target' })
          return
        }
        const allowed = [...oidcScopes, ...ofApis].filter((one) => mayHave(who, one, identifier))
        const wanted = words(scope)
        if (scope === undefined)
          expect(scopeOf(verdict)).to.have.members(allowed.filter((one) => !oidcScopes.includes(one)))
        else if (wanted.every((one) => mayHave(who, one, identifier) || mayHave(who, one, undefined)))
          expect(scopeOf(verdict)).to.deep.equal(wanted)
        else expect(verdict).to.include({ kind: 'refused', error: 'invalid_scope' })
      }),
    )
  })

  it('a sign-in that names no API means the only one of its client: with a scope of it, or where the client wants JWTs', () => {
    const lone = fc
      .record({
        audiences: fc.oneof(
          some(apis),
          fc.constantFrom(...apis).map((one) => [one]),
        ),
        accessTokenFormat: fc.constantFrom('', 'jwt', 'opaque'),
        scopes: most(['openid', 'email', ...ofApis]),
      })
      .chain((about) =>
        granted.map((may): ApisOf => ({
          namespace: 'apps',
          name: 'dex',
          config: create(ClientConfigSchema, about),
          granted: may,
        })),
      )
    fc.assert(
      fc.property(lone, some(['openid', 'email', ...ofApis]), ({ config, ...who }, asks) => {
        const all = config.audiences
        const given = who.granted!.find(({ identifier }) => identifier === all[0])
        const hasScope = asks.some(
          (one) => given?.scopes.includes(one) && config.scopes.includes(one) && one !== 'email',
        )
        const isMeant = all.length === 1 && given !== undefined && (config.accessTokenFormat === 'jwt' || hasScope)
        expect(meantApi(asks.join(' '), { ...who, config })).to.equal(isMeant ? all[0] : undefined)
      }),
    )
  })

  it('a token request that names no API gets a token for one that has all the scopes, for userinfo with openid, or is told to name one', () => {
    const about = fc.record({
      scope: fc.option(
        some(['openid', 'email', ...ofApis]).filter((all) => all.length > 0),
        { nil: undefined },
      ),
      had: some(['openid', 'email', ...ofApis]).filter((all) => all.length > 0),
      apis: some(apis),
      withDetails: some(apis),
    })
    fc.assert(
      fc.property(client, about, (who, { scope, had, apis: of, withDetails }) => {
        const target = targetOfSignIn({ scope: scope?.join(' '), had: had.join(' '), apis: of, withDetails }, who)
        const scopes = scope ?? had
        const atApis = scopes.filter((one) => ofApis.includes(one))
        if (target.kind === 'userinfo') expect(of.length === 0 || scopes.includes('openid')).to.equal(true)
        if (target.kind === 'refused') {
          expect(target.error).to.equal('invalid_target')
          expect(of).to.have.length.greaterThan(1)
        }
        if (target.kind !== 'api') return
        expect(of).to.include(target.identifier)
        const others = of.filter((api) => api !== target.identifier)
        if (others.length === 0) return
        // of several it is the only one that is meant: by all the scopes, or by the details
        const isMeant = (api: string) =>
          atApis.length > 0 ? atApis.every((one) => mayHave(who, one, api)) : withDetails.includes(api)
        expect(isMeant(target.identifier)).to.equal(true)
        expect(others.some(isMeant)).to.equal(false)
      }),
      { numRuns: propertyRuns(1000) },
    )
  })

  it('at the authorization endpoint only what nobody knows is left out, and what is about the person and not listed; never openid, nor what an API knows', () => {
    fc.assert(
      fc.property(client, asked, (who, request) => {
        const verdict = judgeAuthorization(request, who, registry)
        if (verdict.kind === 'refused') {
          // the owner of the object is told which object it is, and which scope
          if (verdict.error === 'invalid_scope') expect(verdict.description).to.contain('apps/dex')
          return
        }
        const missing = words(request.scope).filter((scope) => !scopeOf(verdict).includes(scope))
        expect(scopeOf(verdict), 'nobody signs in for nothing').to.have.length.greaterThan(0)
        if (request.scope === undefined) expect(scopeOf(verdict)).to.not.include('offline_access')
        for (const scope of missing) {
          expect(who.config.scopes).to.not.include(scope)
          expect(scope).to.not.equal('openid')
          if (request.resources.length > 0) expect(ofApis).to.not.include(scope)
        }
      }),
    )
  })

  it('at the authorization endpoint a scope that nobody knows refuses nobody, with an API and without one', () => {
    const config = create(ClientConfigSchema, { scopes: ['openid'] })
    for (const given of [[], [{ identifier: 'urn:api:a', scopes: ['read'] }]]) {
      const who = { namespace: 'apps', name: 'dex', config, granted: given }
      expect(scopeOf(judgeAuthorization({ scope: 'openid magic', resources: [] }, who, registry))).to.deep.equal([
        'openid',
      ])
    }
  })

  it('a refresh loses only what is about the person and its token lacks, never openid, and never everything', () => {
    fc.assert(
      fc.property(
        client,
        fc.uniqueArray(word, { minLength: 1, maxLength: 5 }),
        some(['openid', 'email', 'read']),
        (who, all, had) => {
          const verdict = judgeRefresh(all.join(' '), had.join(' '), who)
          const lacks = all.filter((scope) => !had.includes(scope as 'read'))
          const canGo = (scope: string) => scope !== 'openid' && oidcScopes.includes(scope)
          const isWhole = lacks.every(canGo) && lacks.length < all.length
          expect(verdict.kind).to.equal(isWhole ? 'allowed' : 'refused')
          if (isWhole) expect(scopeOf(verdict)).to.deep.equal(all.filter((scope) => !lacks.includes(scope)))
        },
      ),
    )
  })

  it('each refused scope is named with the object and its field, whatever the grant is', () => {
    fc.assert(
      fc.property(client, asked, fc.uniqueArray(word, { minLength: 1, maxLength: 5 }), (who, request, had) => {
        const text = had.join(' ')
        for (const verdict of [
          judgeAuthorization(request, who, registry),
          judgeMachine(request, who),
          judgeRedemption(request, apis, who),
          judgeRefresh(request.scope ?? 'openid', text, who),
          judgeExchange(request, text, who),
        ]) {
          if (verdict.kind === 'allowed' || verdict.error !== 'invalid_scope') continue
          if (request.scope === undefined && verdict.description.includes('names no scope')) {
            expect(verdict.description).to.contain('spec.scopes of apps/dex')
            continue
          }
          for (const part of verdict.description.split('; ')) {
            const [, scopes = '', field] =
              /^(.+?) (?:is|are) (?:not )?in (spec\.scopes of apps\/dex)\b/.exec(part) ?? []
            expect(field, verdict.description).to.equal('spec.scopes of apps/dex')
            for (const scope of scopes.split(', ')) expect(words(request.scope ?? 'openid')).to.include(scope)
          }
        }
      }),
    )
  })

  it('a token that is looked at stands for no more than its client may have now, and never for more than it was given', () => {
    fc.assert(
      fc.property(client, fc.constantFrom(undefined, ...apis), fc.uniqueArray(word), (who, aud, had) => {
        const standing = standingScope({ aud, scope: had.join(' ') }, who)
        if (aud !== undefined && !mayAsk(who, aud)) expect(standing).to.equal(undefined)
        for (const scope of words(standing?.scope)) {
          expect(had).to.include(scope)
          const at = aud === undefined ? [undefined, ...apis] : [aud]
          expect(at.some((api) => mayHave(who, scope, api))).to.equal(true)
        }
      }),
    )
  })

  it('a code or refresh token is not used for what was withdrawn, nor for an API that it is not for, nor for two at once', () => {
    fc.assert(
      fc.property(client, asked, most(apis), (who, request, authorized) => {
        const verdict = judgeRedemption(request, authorized, who)
        const isWhole =
          new Set(request.resources).size <= 1 &&
          request.resources.every((identifier) => authorized.includes(identifier)) &&
          request.resources.every((identifier) => mayAsk(who, identifier)) &&
          words(request.scope).every(
            (scope) =>
              // about the person, left out of the sign-in
              (oidcScopes.includes(scope) && scope !== 'openid') ||
              [undefined, ...apis].some((api) => mayHave(who, scope, api)),
          )
        expect(verdict.kind).to.equal(isWhole ? 'allowed' : 'refused')
      }),
    )
  })

  it('a refusal is a text that an OAuth error may carry, whatever was asked', () => {
    fc.assert(
      fc.property(
        client,
        fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }),
        fc.string(),
        (who, resources, scope) => {
          const asking = { scope, resources }
          for (const verdict of [
            judgeAuthorization(asking, who, registry),
            judgeMachine(asking, who),
            judgeRedemption(asking, [], who),
          ]) {
            if (verdict.kind === 'refused')
              expect(verdict.description).to.match(/^[\x20\x21\x23-\x5b\x5d-\x7e]{1,3000}$/)
          }
        },
      ),
      { numRuns: propertyRuns(50) },
    )
  })
})

describe('T50 what an exchange may ask for, whatever the client, the grants, the request and the token are', () => {
  it('no scope comes that the version or the operator leaves out, and none that the token lacks at the API itself or when nothing is asked', () => {
    const own = fc.constantFrom(...apis)
    fc.assert(
      fc.property(client, asked, own, fc.option(word, { nil: undefined }), (who, request, identifier, had) => {
        const config = create(ClientConfigSchema, {
          audiences: who.config.audiences,
          scopes: who.config.scopes,
          resourceServer: { identifier, scopes: ofApis },
        })
        const verdict = judgeExchange(request, had, { ...who, config })
        if (verdict.kind === 'refused') return
        // an API may ask for itself
        config.audiences.push(identifier)
        const listed = { ...who, config }
        expect(mayAsk(listed, verdict.api)).to.equal(true)
        for (const scope of words(verdict.scope)) {
          expect(mayHave(listed, scope, verdict.api), scope).to.equal(true)
          expect(words(request.scope ?? had), scope).to.include(scope)
          if (verdict.api === identifier) expect(words(had), scope).to.include(scope)
        }
      }),
      { numRuns: propertyRuns(500) },
    )
  })
})
