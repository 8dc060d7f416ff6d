import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { objectsOf } from '../../charts/test/support/render.ts'
import type { KubeAnswer, Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { connectRealApi } from './real-api.ts'
import { until } from './support/kubernetes.ts'

// The admission policies of the chart at a real API server, which compiles them, counts what they cost, and keeps the old object. What
// `kubectl apply` refuses must never be what stops or narrows a client.

const merge = 'application/merge-patch+json'
const applied = 'application/apply-patch+yaml'
const admissionregistration = '/apis/admissionregistration.k8s.io/v1'
const ours = '/apis/auth.nauthera.io/v1alpha1'

describe('the admission policies of OIDCPolicies at a real API server', function () {
  this.timeout(120_000)
  const id = randomBytes(3).toString('hex')
  const team = `policies-${id}`
  const ofCluster = `nauthera-cluster-p${id}`
  const clientsOf = (namespace: string): string => `${ours}/namespaces/${namespace}/oidcclients`
  const limits = `${ours}/oidcpolicies/limits-${id}`
  const brought: string[] = []
  let admin: KubeClient
  let removeBrought: () => Promise<void>

  const client = (name: string, spec: object, namespace = team): object => ({
    apiVersion: 'auth.nauthera.io/v1alpha1',
    kind: 'OIDCClient',
    metadata: { name, namespace },
    spec: { serverName: id, type: 'Web', redirectURIs: ['https://app.example.com/callback'], ...spec },
  })
  const create = (object: object, query = {}): Promise<KubeAnswer> =>
    admin.call('POST', clientsOf((object as Json).metadata.namespace), { body: object, query })
  const patch = (path: string, spec: object, query = {}): Promise<KubeAnswer> =>
    admin.call('PATCH', path, { body: { spec }, contentType: merge, query })
  const put = async (path: string, body: object): Promise<void> => {
    const answer = await admin.call('PATCH', path, {
      body,
      contentType: applied,
      query: { fieldManager: 'e2e', force: true },
    })
    expect(answer.status, JSON.stringify(answer.body)).to.be.lessThan(300)
    if (!brought.includes(path)) brought.push(path)
  }
  const putPolicy = (path: string, spec: object): Promise<void> =>
    put(path, {
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCPolicy',
      metadata: { name: path.split('/').at(-1) },
      spec,
    })
  const expectRefused = ({ status, body }: KubeAnswer, field: string): void => {
    expect(status, JSON.stringify(body)).to.equal(422)
    expect(body.message).to.include('ValidatingAdmissionPolicy').and.to.include(`limits-${id}: ${field}: `)
  }
  const expectTaken = ({ status, body }: KubeAnswer): void =>
    void expect(status, body.message ?? '').to.be.oneOf([200, 201])

  before(async () => {
    const api = await connectRealApi()
    admin = api.admin
    removeBrought = api.removeBrought
    for (const name of [team, ofCluster]) {
      const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
      expect((await admin.call('POST', '/api/v1/namespaces', { body })).status).to.equal(201)
    }
    const values = { operator: { serverName: id, admission: { enabled: true } } }
    const rendered = await objectsOf({ namespace: team, release: `p${id}`, values })
    const plural: Readonly<Record<string, string>> = {
      ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
      ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
    }
    for (const object of rendered) {
      const kind = plural[object.kind]
      if (kind !== undefined && /\.policy(-warning)?$/.test(object.metadata.name))
        await put(`${admissionregistration}/${kind}/${object.metadata.name}`, object)
    }
    expect(brought).to.have.length(4)
  })
  after(async () => {
    for (const path of brought.toReversed()) await admin.call('DELETE', path)
    for (const name of [team, ofCluster]) await admin.call('DELETE', `/api/v1/namespaces/${name}`)
    await removeBrought()
  })

  /** A policy holds at the API server some time after it was written. */
  const holds = (probe: object): Promise<void> =>
    until('the policy to hold', async () => (await create(probe, { dryRun: 'All' })).status === 422, 60_000)

  describe('K14 within the grace of a policy that a client breaks', () => {
    /** It breaks every rule of the policy below. */
    const spec = {
      redirectURIs: ['https://one.example.com/cb', 'https://two.example.com/cb'],
      postLogoutRedirectURIs: ['https://one.example.com/', 'https://two.example.com/'],
      grantTypes: ['authorization_code', 'refresh_token', 'client_credentials'],
      scopes: ['openid', 'profile', 'email'],
      audiences: ['https://one.example.com', 'https://two.example.com'],
      consent: 'Skip',
      clientId: `other-${id}`,
      secret: { verifiers: [{ sha256: 'a'.repeat(64) }] },
      pkce: 'Optional',
      tokens: { accessTTL: '10h', idTTL: '10h', refreshTTL: '100h' },
      rotation: { overlap: '48h' },
      resourceServer: { identifier: 'https://api.example.com' },
    }
    const path = `${clientsOf(team)}/app`
    const mirror = `${clientsOf(ofCluster)}/shop.app`
    const policy = {
      allow: {
        types: ['SPA'],
        grantTypes: ['device_code'],
        authMethods: ['private_key_jwt'],
        scopes: ['offline_access'],
        audiences: [],
        resourceIdentifiers: [],
        consent: ['Explicit'],
        redirectHosts: ['.example.net'],
        customClientId: false,
        existingSecret: false,
        verifiers: false,
        optionalPKCE: false,
        resourceServer: false,
      },
      require: { par: true, dpop: true, pkce: true },
      limits: { tokens: { access: '5m', id: '5m', refresh: '1h' } },
      rotation: { maxOverlap: '1h' },
    }

    before(async () => {
      expectTaken(await create(client('app', spec)))
      const { clientId: _, ...others } = spec
      const origin = { namespace: 'shop', name: 'app', uid: 'u1' }
      expectTaken(await create(client('shop.app', { ...others, origin }, ofCluster)))
      await putPolicy(limits, policy)
      await holds(client('probe', spec))
    })

    const sha = (digit: string): object => ({ sha256: digit.repeat(64) })
    const ended = { ...sha('a'), notAfter: '2027-01-31T00:00:00Z' }
    /** In this order, each on top of the ones before. */
    const passing: readonly [sentence: string, change: object][] = [
      ['is suspended', { suspended: true }],
      ['revokes its earlier secrets', { rotation: { revokePrevious: 'leak-1' } }],
      ['gets a new secret, and the leaked one ends', { secret: { verifiers: [sha('b'), ended] } }],
      ['has allowed groups', { access: { allowedGroups: ['staff'] } }],
      ['needs a second factor', { access: { requiredAcr: ['urn:nauthera:mfa'] } }],
      ['loses a redirect URI', { redirectURIs: ['https://two.example.com/cb'] }],
      ['loses one after logout', { postLogoutRedirectURIs: ['https://two.example.com/'] }],
      ['has another path on a host that it has', { redirectURIs: ['https://two.example.com/other'] }],
      ['loses a scope', { scopes: ['openid'] }],
      ['loses a grant', { grantTypes: ['authorization_code', 'client_credentials'] }],
      ['loses an audience', { audiences: ['https://two.example.com'] }],
      ['has shorter tokens', { tokens: { accessTTL: '9h', idTTL: '9h', refreshTTL: '99h' } }],
      ['has a shorter overlap', { rotation: { overlap: '24h' } }],
      ['asks for consent', { consent: 'Remember' }],
      ['shows its secret in one way alone', { auth: { method: 'client_secret_basic' } }],
      ['must push its requests', { par: true }],
      ['has tokens that are bound', { dpop: true }],
      ['needs PKCE', { pkce: 'Required' }],
      ['is no API any more', { resourceServer: null }],
      ['has another name, which no policy judges', { displayName: 'Another' }],
    ]
    for (const [sentence, change] of passing) {
      it(`lets through a client that ${sentence}`, async () => expectTaken(await patch(path, change)))
      it(`lets through a mirror that ${sentence}`, async () => expectTaken(await patch(mirror, change)))
    }

    for (const [sentence, restraint] of [
      ['suspends it', { suspended: true }],
      ['lets some groups in', { suspended: null, allowedGroups: ['staff'] }],
      ['asks for a second factor', { leastAcr: 'urn:nauthera:mfa' }],
      ['ends a leaked secret', { endedVerifiers: ['aaaaaaaa'] }],
      ['suspends it again, beside all of that', { suspended: true }],
    ] as const)
      it(`lets through a mirror whose cluster ${sentence} beside the version that it has`, async () =>
        expectTaken(await patch(mirror, { restraint })))

    it('refuses the field of a mirror for a client that is none', async () => {
      const { status, body } = await patch(path, { restraint: { suspended: true } })
      expect(status).to.equal(422)
      expect(body.message).to.include('spec.restraint').and.to.include('must be absent outside of a mirror')
    })

    for (const [sentence, field, change] of [
      ['another host', 'spec.redirectURIs', { redirectURIs: ['https://three.example.com/cb'] }],
      ['another scope', 'spec.scopes', { scopes: ['openid', 'phone'] }],
      ['another audience', 'spec.audiences', { audiences: ['https://three.example.com'] }],
      ['a longer token', 'spec.tokens.accessTTL', { tokens: { accessTTL: '11h' } }],
      ['a longer overlap', 'spec.rotation.overlap', { rotation: { overlap: '25h' } }],
      ['no DPoP again', 'spec.dpop', { dpop: false }],
      ['no consent again', 'spec.consent', { consent: 'Skip' }],
      ['an API again', 'spec.resourceServer', { resourceServer: { identifier: 'https://api.example.com' } }],
    ] as const)
      it(`refuses ${sentence}, of a client and of a mirror`, async () => {
        expectRefused(await patch(path, change), field)
        expectRefused(await patch(mirror, change), field)
      })
  })

  describe('the largest policy and the largest client', () => {
    /** Texts of full length that differ at their end alone: to compare them costs the most. */
    const texts = (count: number, length: number, begin: string, end = ''): string[] =>
      Array.from({ length: count }, (_, index) => {
        const number = String(index).padStart(3, '0')
        return `${begin}${'x'.repeat(length - begin.length - number.length - end.length)}${number}${end}`
      })
    const host = (name: string, index: number): string => `${name}${index}.${'x'.repeat(60)}.${'y'.repeat(60)}.com`
    const uris = (name: string): string[] => Array.from({ length: 50 }, (_, index) => `https://${host(name, index)}/`)
    const identities = (name: string) =>
      texts(10, 2048, `https://${name}.com/`).map((issuer) => ({ issuer, subject: 'build' }))
    const spec = {
      grantTypes: ['authorization_code'],
      redirectURIs: uris('a'),
      postLogoutRedirectURIs: uris('a'),
      scopes: texts(50, 128, 'a'),
      audiences: texts(20, 512, 'https://a.com/'),
      authorizationDetailsTypes: texts(20, 128, 'a'),
      auth: { method: 'federated_jwt', identities: identities('a') },
      resourceServer: { identifier: texts(1, 512, 'https://a.com/')[0] },
    }
    const path = `${clientsOf(team)}/large`
    before(async () => {
      const { status } = await admin.call('DELETE', limits)
      expect(status).to.equal(200)
      // it holds for some time after it was deleted, too
      const isGone = async () => (await create(client('large', spec), { dryRun: 'All' })).status === 201
      await until('the policy to be gone', isGone, 60_000)
      expectTaken(await create(client('large', spec)))
      await putPolicy(limits, {
        allow: {
          scopes: texts(100, 128, 'c', '*'),
          audiences: texts(100, 512, 'https://c.com/', '*'),
          authorizationDetailsTypes: texts(100, 128, 'c', '*'),
          resourceIdentifiers: texts(100, 512, 'https://c.com/', '*'),
          identityIssuers: texts(100, 2048, 'https://c.com/', '*'),
          redirectHosts: Array.from({ length: 100 }, (_, index) => `.${host('c', index)}`),
        },
      })
      await holds(client('probe', spec))
    })

    it('lets through what changes nothing that the policy judges', async () =>
      expectTaken(await patch(path, { suspended: true })))

    for (const [field, change] of [
      ['spec.redirectURIs', { redirectURIs: uris('b') }],
      ['spec.postLogoutRedirectURIs', { postLogoutRedirectURIs: uris('b') }],
      ['spec.scopes', { scopes: texts(50, 128, 'b') }],
      ['spec.audiences', { audiences: texts(20, 512, 'https://b.com/') }],
      ['spec.authorizationDetailsTypes', { authorizationDetailsTypes: texts(20, 128, 'b') }],
      ['spec.auth.identities', { auth: { identities: identities('b') } }],
      ['spec.resourceServer.identifier', { resourceServer: { identifier: texts(1, 512, 'https://b.com/')[0] } }],
    ] as const)
      it(`are compared within what the API server lets a rule cost: ${field}`, async () =>
        expectRefused(await patch(path, change, { dryRun: 'All' }), field))
  })
})
