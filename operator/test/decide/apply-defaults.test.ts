import { expect } from 'chai'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { applyDefaults, longestSpacing } from '../../src/decide/client/apply-defaults.ts'
import { client, binding } from './clients.ts'

describe('applyDefaults', () => {
  const window = { schedule: '0 3 * * 6', duration: '2h', timeZone: 'Europe/Berlin' }
  const defaults: OIDCPolicySpec = {
    defaults: {
      rotation: { interval: '720h', overlap: '48h' },
      tokens: { accessTTL: '10m', format: 'jwt' },
      secret: { presets: ['Env'] },
    },
  }
  const spec = (change: Partial<OIDCClientSpec>, ...policies: OIDCPolicySpec[]) =>
    applyDefaults(client(change), binding(...policies)).client.spec

  it('fills in what the client leaves open', () => {
    expect(spec({}, defaults)).to.deep.include({
      rotation: { interval: '720h', overlap: '48h' },
      tokens: { accessTTL: '10m', format: 'jwt' },
      secret: { presets: ['Env'] },
    })
  })
  it('fills in a window and every length of time as well', () => {
    const more = { rotation: { interval: '720h', window }, tokens: { idTTL: '5m', refreshTTL: '24h' } }
    expect(spec({}, { defaults: more })).to.deep.include(more)
  })
  it('changes nothing that the client says', () => {
    const own = {
      rotation: { interval: '100h', overlap: '1h' },
      tokens: { accessTTL: '1h', format: 'opaque' as const },
      secret: { presets: ['Grafana' as const] },
    }
    expect(spec(own, defaults)).to.deep.include(own)
  })
  it('takes the first policy that has a default', () => {
    expect(spec({}, { defaults: { tokens: { accessTTL: '1m' } } }, defaults).tokens).to.deep.equal({
      accessTTL: '1m',
      format: 'jwt',
    })
  })
  const limits = (access: string, more: OIDCPolicySpec = {}): OIDCPolicySpec => ({
    ...more,
    limits: { tokens: { access, id: '2m', refresh: '1h' } },
  })
  it('holds a client that says nothing to the limits of its policies', () => {
    expect(spec({}, limits('1m')).tokens).to.deep.equal({ accessTTL: '1m', idTTL: '2m', refreshTTL: '1h' })
    expect(spec({}, limits('4m'), limits('3m')).tokens?.accessTTL, 'the shortest').to.equal('3m')
    expect(spec({}, limits('1m'), defaults).tokens?.accessTTL, 'not even the default of a policy').to.equal('1m')
  })
  it('never lengthens what would hold by a limit', () => {
    expect(spec({}, limits('24h')).tokens?.accessTTL).to.equal(undefined)
    expect(spec({}, limits('24h'), defaults).tokens?.accessTTL).to.equal('10m')
  })
  it('leaves to the check what the client itself says, and to the status what a policy only warns of', () => {
    expect(spec({ tokens: { accessTTL: '2h' } }, limits('1m')).tokens?.accessTTL).to.equal('2h')
    expect(spec({}, limits('1m', { enforcement: 'Warn' })).tokens).to.equal(undefined)
  })
  it('gives no rotation to a client whose secret the operator does not mint', () => {
    expect(spec({ auth: { method: 'none' } }, defaults).rotation).to.equal(undefined)
    expect(spec({ secret: { existingSecretRef: { name: 'a', key: 'b' } } }, defaults).rotation).to.equal(undefined)
  })
  it('gives the one way of showing a secret that every policy lists', () => {
    const method = (change: Partial<OIDCClientSpec>, ...policies: OIDCPolicySpec[]) =>
      spec(change, ...policies).auth?.method
    const post: OIDCPolicySpec = { allow: { authMethods: ['client_secret_post', 'none'] } }
    const either: OIDCPolicySpec = { allow: { authMethods: ['client_secret'] } }
    expect(method({}, post)).to.equal('client_secret_post')
    expect(method({ auth: { method: 'client_secret' } }, either, post)).to.equal('client_secret_post')
    expect(method({}, either), 'both are listed').to.equal(undefined)
    expect(method({}, { ...post, enforcement: 'Audit' }), 'what refuses nothing narrows nothing').to.equal(undefined)
    expect(method({ auth: { method: 'client_secret_basic' } }, post), 'what is said stays').to.equal(
      'client_secret_basic',
    )
    expect(method({ type: 'SPA' }, post)).to.equal(undefined)
  })
  it('gives PKCE where a policy requires it, and the client leaves it open', () => {
    const required: OIDCPolicySpec = { require: { pkce: true } }
    expect(spec({}, required).pkce).to.equal('Required')
    expect(spec({ pkce: 'Auto' }, required).pkce).to.equal('Auto')
    expect(spec({}, { ...required, enforcement: 'Warn' }).pkce).to.equal(undefined)
    expect(spec({ type: 'M2M', redirectURIs: [] }, required).pkce).to.equal(undefined)
  })
  it('gives the claims of ID tokens, but never to FAPI2, which fixes them', () => {
    const minimal: OIDCPolicySpec = { defaults: { tokens: { idClaims: 'Minimal' } } }
    expect(spec({}, minimal).tokens).to.deep.equal({ idClaims: 'Minimal' })
    const scopes: OIDCPolicySpec = { defaults: { tokens: { idClaims: 'Scopes' } } }
    expect(spec({ profile: 'FAPI2' }, scopes).tokens).to.equal(undefined)
  })
  it('gives no overlap that is longer than the interval', () => {
    expect(spec({ rotation: { interval: '2h' } }, defaults).rotation).to.deep.equal({ interval: '2h' })
  })
  it('gives no overlap that is longer than every policy allows', () => {
    const given: OIDCPolicySpec = { defaults: { rotation: { interval: '720h', overlap: '48h' } } }
    expect(spec({}, given, { rotation: { maxOverlap: '24h' } }).rotation).to.include({ overlap: '24h' })
    expect(spec({}, given, { rotation: { maxOverlap: '72h' } }).rotation).to.include({ overlap: '48h' })
  })
  it('takes the spacing of each policy that has one, and the shortest overlap of all', () => {
    const effective = applyDefaults(
      client(),
      binding(
        { rotation: { minSpacing: '10s', maxOverlap: '24h' } },
        { rotation: { minSpacing: '1m' } },
        { rotation: { minSpacing: '0s' } },
      ),
    )
    expect(effective.spacings.map(({ ms }) => ms)).to.deep.equal([10_000, 60_000])
    expect(longestSpacing(effective.spacings)).to.equal(60_000)
    expect(effective.maxOverlapMs).to.equal(24 * 3_600_000)
  })
})
