import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { StoredVerifier } from '../../src/decide/secret/rotation-terms.ts'
import { buildMirror, isAsWanted, restrainMirror } from '../../src/spoke/build-mirror.ts'
import type { WantedMirror } from '../../src/spoke/build-mirror.ts'
import { clientKeyOf, endedIdsIn, verifiersIn } from '../../src/spoke/mirror.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { client } from '../decide/clients.ts'

const now = Date.parse('2026-06-01T12:00:00Z')
const hour = 3_600_000
const unknown = () => undefined
const verifier = (name: string, notAfter?: number): StoredVerifier => ({
  id: digestOf(name).slice(0, 8),
  sha256: digestOf(name),
  ...(notAfter === undefined ? {} : { notAfter }),
})
const build = (
  verifiers: readonly StoredVerifier[],
  spec: Partial<OIDCClientSpec> = {},
  stored?: Mirror,
  redirectUris: readonly string[] = [],
) =>
  buildMirror(client({ type: 'M2M', ...spec }), {
    redirectUris,
    verifiers,
    namespaceLabels: undefined,
    namespaceBornAt: unknown,
    now,
    stored,
  })
const storedOf = ({ spec }: WantedMirror, status?: Mirror['status']): Mirror => ({
  metadata: {
    name: 'demo.app',
    namespace: 'nauthera-cluster-edge',
    uid: 'm',
    generation: 1,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec,
  ...(status ? { status } : {}),
})
const idsIn = (mirror: Mirror, at = now) => verifiersIn(mirror, at).map(({ id }) => id)

describe('a mirror', () => {
  it('has nothing of the secret but verifiers, and nothing of the rotation', () => {
    const { spec } = build([verifier('a')], {
      secret: { name: 'other', presets: ['Grafana'], data: { password: '{{ .clientSecret }}' } },
      rotation: { interval: '24h' },
      serverName: 'mine',
    })
    expect(spec.secret).to.deep.equal({ verifiers: [{ sha256: digestOf('a') }] })
    expect(spec).not.to.have.any.keys('rotation', 'serverName')
    expect(spec.origin).to.include({ namespace: 'demo', name: 'app' })
  })

  it('tells the labels of its client where no tool of the hub takes them for its own, and no annotation', () => {
    const labels = { 'app.kubernetes.io/instance': 'shop', team: 'a' }
    const annotations = { 'argocd.argoproj.io/tracking-id': 'shop:auth.nauthera.io/OIDCClient:demo/app' }
    const wanted = buildMirror(client({ type: 'M2M' }, { labels, annotations }), {
      verifiers: [],
      namespaceLabels: undefined,
      namespaceBornAt: unknown,
      now,
      stored: undefined,
    })
    expect(wanted.spec.origin?.labels).to.deep.equal(labels)
    expect(Object.keys(wanted)).to.deep.equal(['spec'])
    expect(JSON.stringify(wanted)).not.to.contain('argocd')
  })

  it('K26 gives scripts no way in at a host that follows a route: CORS has the origins that the client lists', () => {
    const corsOf = (spec: Partial<OIDCClientSpec>, redirectUris = ['https://followed.example.com/']) =>
      build([], { type: 'SPA', ...spec }, undefined, redirectUris).spec.corsOrigins
    expect(corsOf({ redirectURIs: ['https://own.example.com/'] })).to.deep.equal(['https://own.example.com'])
    expect(corsOf({ redirectURIs: [] })).to.deep.equal([])
    expect(corsOf({ corsOrigins: ['https://a.example.com'] })).to.deep.equal(['https://a.example.com'])
    expect(corsOf({ redirectURIs: ['https://own.example.com/'] }, []), 'the hub finds them').to.equal(undefined)
  })

  it('leaves out what the hub fills in by itself, since an older one may not know the field', () => {
    const wanted = build([], { par: false, consent: 'Remember', profile: 'FAPI2' })
    expect(wanted.spec).to.include({ type: 'M2M', profile: 'FAPI2' }).and.not.to.have.any.keys('par', 'consent')
    const filledIn = { ...storedOf(wanted).spec, par: false, consent: 'Remember' as const }
    expect(isAsWanted({ ...storedOf(wanted), spec: filledIn }, wanted, now)).to.equal(true)
    expect(isAsWanted({ ...storedOf(wanted), spec: { ...filledIn, par: true } }, wanted, now)).to.equal(false)
  })

  it('has no secret for a client that needs none', () => {
    expect(build([verifier('a')], { type: 'SPA' }).spec).not.to.have.property('secret')
  })

  it('gives neither the unpublished nor the published secret an end, until they have changed places', () => {
    const [next, present] = [verifier('next'), verifier('present')]
    const announced = storedOf(build([next, present]))
    expect(announced.spec.secret!.verifiers).to.deep.equal([{ sha256: next.sha256 }, { sha256: present.sha256 }])
    // however long the hub hears nothing
    expect(verifiersIn(announced, now + 10_000 * hour)).to.deep.equal([next, present])
    const published = build([next, { ...present, notAfter: now + hour }], {}, announced).spec.secret!.verifiers!
    expect(published).to.deep.equal([
      { sha256: next.sha256 },
      { sha256: present.sha256, notAfter: new Date(now + hour).toISOString() },
    ])
  })

  it('names a secret that ends early until the hub says that it has ended', () => {
    const [next, leaked] = [verifier('next'), verifier('leaked')]
    const both = storedOf(build([next, leaked]))
    const cut = build([next], {}, both)
    expect(cut.spec.restraint).to.deep.equal({ endedVerifiers: [leaked.id] })
    expect(isAsWanted(both, cut, now), 'the hub may still take it').to.equal(false)
    expect(endedIdsIn(storedOf(cut), now)).to.deep.equal([leaked.id])
    expect(build([next], {}, storedOf(cut)).spec).to.deep.equal(cut.spec)
    const told = storedOf(cut, { endedVerifiers: [leaked.id] })
    expect(build([next], {}, told).spec).not.to.have.property('restraint')
  })

  it('carries what stops or narrows the client today beside its last good version, whatever that asks for besides', () => {
    const about = {
      verifiers: [verifier('a')],
      namespaceLabels: undefined,
      namespaceBornAt: unknown,
      now,
      stored: undefined,
    }
    const good = build([verifier('a')], { scopes: ['read'] })
    const access = { allowedGroups: ['staff'], requiredAcr: ['urn:nauthera:mfa'] }
    const refused = client({ type: 'M2M', scopes: ['refused'], suspended: true, access })
    const { restraint, ...version } = restrainMirror(good, refused, about).spec
    expect(version).to.deep.equal(good.spec)
    expect(restraint).to.deep.equal({ suspended: true, allowedGroups: ['staff'], leastAcr: 'urn:nauthera:mfa' })
    const lifted = restrainMirror({ spec: { ...version, restraint: restraint! } }, client({ type: 'M2M' }), about)
    expect(lifted.spec).to.deep.equal(good.spec)
  })

  it('has no secret that ended, whatever its list says', () => {
    const mirror = storedOf(build([verifier('a')]), { endedVerifiers: [verifier('a').id] })
    expect(idsIn(mirror)).to.deep.equal([])
  })

  it('is as wanted with defaults of the hub and labels of others, and not after an edit', () => {
    const wanted = build([verifier('a')])
    const mirror = storedOf(wanted)
    const filled = {
      metadata: { ...mirror.metadata, labels: { team: 'hub' } },
      spec: { ...mirror.spec, serverName: 'x' },
    }
    expect(isAsWanted(filled, wanted, now)).to.equal(true)
    expect(isAsWanted({ ...filled, spec: { ...filled.spec, scopes: ['stolen'] } }, wanted, now)).to.equal(false)
  })

  it('is as wanted while a secret that has ended is still listed, and not when one is that has not', () => {
    const stored = storedOf(build([verifier('new'), verifier('old', now + hour)]))
    const wanted = build([verifier('new')])
    expect(isAsWanted(stored, wanted, now + hour)).to.equal(true)
    expect(isAsWanted(stored, wanted, now)).to.equal(false)
  })

  it('is of the client that its name says too', () => {
    const mirror = storedOf(build([]))
    expect(clientKeyOf(mirror)).to.equal('demo/app')
    expect(clientKeyOf({ ...mirror, metadata: { ...mirror.metadata, name: 'other.app' } })).to.equal(undefined)
  })
})
