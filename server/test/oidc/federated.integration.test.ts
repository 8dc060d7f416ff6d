import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { createSigner, projected } from './platform-tokens.ts'
import type { PlatformSigner } from './platform-tokens.ts'

// Clients without a secret, as programs meet them: a token of their platform in the place of a client assertion.

const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'
const account = (name: string, namespace = 'default') => ({ serviceAccount: { name, namespace } })
/** When the namespace `anew` was made, epoch seconds. */
const madeAnew = Math.floor(Date.now() / 1000) - 60
const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describe('clients without a secret', () => {
  let replicas: ServerReplicas
  let cluster: PlatformSigner
  let elsewhere: PlatformSigner
  let ci: PlatformSigner
  let directory: string

  const tell = (...signers: readonly PlatformSigner[]) =>
    replicas.apps[0]!.clusterIssuer.apply(
      Buffer.from(JSON.stringify({ issuer: clusterIssuer, keys: signers.map(({ jwk }) => ({ jwk })), change: 'abcd' })),
    )

  before(async () => {
    directory = temporaryDirectory('test')
    cluster = await createSigner(clusterIssuer, 'cluster-1')
    elsewhere = await createSigner(clusterIssuer, 'elsewhere-1')
    ci = await createSigner('https://ci.example.com', 'ci-1', 'ES256')
    writeFileSync(join(directory, 'ci.json'), JSON.stringify({ keys: [ci.jwk] }))
    const identityIssuers = [{ issuer: ci.issuer, jwksFile: join(directory, 'ci.json') }]
    replicas = await startReplicas({ settings: { identityIssuers } })
    const machine = { ...configs.machine, audiences: [], tokenEndpointAuthMethod: 'federated_jwt' }
    const anew = entry('app.anew', { ...machine, identities: [account('worker', 'anew')] })
    anew.accountsSince = { anew: timestampFromMs(madeAnew * 1000) }
    await replicas.serve([
      entry('app.worker', { ...machine, identities: [account('worker'), account('worker', 'elsewhere')] }),
      entry('app.twin-1', { ...machine, identities: [account('twin')] }),
      entry('app.twin-2', { ...machine, identities: [account('twin')] }),
      anew,
      entry('app.ci', { ...machine, identities: [{ issuer: ci.issuer, subject: 'repo:example/shop' }] }),
      entry('app.day', { ...machine, identities: [account('day')], platformTokenTtl: 86_400 }),
      entry('app.web', { ...configs.web, tokenEndpointAuthMethod: 'federated_jwt', identities: [account('web')] }),
      entry(
        'app.leaving',
        { ...machine, identities: [account('leaving')] },
        {
          secrets: [{ plain: clientSecret, notAfter: new Date(Date.now() + 60_000) }],
        },
      ),
      entry('app.secret', configs.machine),
    ])
    await addPerson(replicas, 'ada')
    tell(cluster)
  })
  after(() => replicas?.stop())

  const good = (name = 'worker', namespace = 'default') => projected(replicas.issuer, namespace, name)
  const shown = (token: string, more: Record<string, string> = {}) => ({
    client_assertion: token,
    client_assertion_type: jwtBearer,
    ...more,
  })
  const ask = (token: string, more: Record<string, string> = {}) =>
    send(replicas, { path: '/token', form: { grant_type: 'client_credentials', ...shown(token, more) } })
  const lastAudit = async () => {
    const { audit } = replicas.apps[0]!.store
    await audit.flush()
    return replicas.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .findLast(({ event }) => event !== undefined)!
  }

  it('a projected token of its ServiceAccount gets a token, again and again, and the audit log names the identity', async () => {
    const token = await cluster.sign(good())
    for (let turn = 0; turn < 2; turn++) {
      const answer = await ask(token, { client_id: 'app.worker' })
      expect(answer.status, answer.body).to.equal(200)
    }
    expect(await lastAudit()).to.deep.include({ event: 'token.issued', client: 'app.worker' })
    expect(JSON.stringify(await lastAudit())).to.include('ServiceAccount default/worker')
  })

  for (const [sentence, more, claims] of [
    ['without client_id, when one client alone has the ServiceAccount', {}, {}],
    ['with the subject as client_id', { client_id: 'system:serviceaccount:default:worker' }, {}],
    ['with the assertion type of SPIFFE', { client_assertion_type: jwtBearer.replace('jwt-bearer', 'jwt-spiffe') }, {}],
    ['with the audience as text', {}, { audience: 'text' }],
    ['without a jti', {}, { jti: undefined }],
  ] as const) {
    it(`takes a token ${sentence}`, async () => {
      const about = 'audience' in claims ? { aud: replicas.issuer } : claims
      const answer = await ask(await cluster.sign({ ...good(), ...about }), more)
      expect(answer.status, answer.body).to.equal(200)
    })
  }

  it('takes a token of another namespace where the client lists it, with its client_id alone', async () => {
    const token = await cluster.sign(good('worker', 'elsewhere'))
    expect((await ask(token, { client_id: 'app.worker' })).status).to.equal(200)
    expect((await ask(token)).status).to.equal(401)
    expect(await lastAudit()).to.deep.include({ event: 'client.auth_failed', reason: 'no-client' })
  })

  it('takes a token of another issuer of the settings, for exactly its subject', async () => {
    const now = Math.floor(Date.now() / 1000)
    const claims = { aud: replicas.issuer, sub: 'repo:example/shop', iat: now, exp: now + 300 }
    expect((await ask(await ci.sign(claims), { client_id: 'app.ci' })).status).to.equal(200)
    expect(
      (await ask(await ci.sign({ ...claims, sub: 'repo:example/shop2' }), { client_id: 'app.ci' })).status,
    ).to.equal(401)
    expect(await lastAudit()).to.deep.include({ reason: 'wrong-subject' })
  })

  it('T31 asks for a client_id where two clients have the ServiceAccount', async () => {
    const token = await cluster.sign(good('twin'))
    expect((await ask(token)).status).to.equal(401)
    expect(await lastAudit()).to.deep.include({ reason: 'several-clients' })
    expect((await ask(token, { client_id: 'app.twin-2' })).status).to.equal(200)
  })

  const now = () => Math.floor(Date.now() / 1000)
  const refusals: readonly (readonly [string, string, () => Promise<string>])[] = [
    ['of another namespace', 'wrong-subject', () => cluster.sign(good('worker', 'other'))],
    ['of another ServiceAccount', 'wrong-subject', () => cluster.sign(good('worker2'))],
    ['for another audience', 'wrong-audience', () => cluster.sign({ ...good(), aud: ['https://other.example.com'] })],
    ['for another audience too', 'wrong-audience', () => cluster.sign({ ...good(), aud: [replicas.issuer, 'x'] })],
    ['for the token endpoint', 'wrong-audience', () => cluster.sign({ ...good(), aud: `${replicas.issuer}/token` })],
    ['of another cluster with the same issuer', 'unknown-key', () => elsewhere.sign(good())],
    ['of another issuer', 'unknown-issuer', () => ci.sign(good())],
    ['that names no pod', 'unbound', () => cluster.sign({ ...good(), 'kubernetes.io': unbound })],
    ['without the claims of Kubernetes', 'unbound', () => cluster.sign({ ...good(), 'kubernetes.io': undefined })],
    [
      'whose claims of Kubernetes name another namespace',
      'malformed',
      () => cluster.sign({ ...good(), 'kubernetes.io': other }),
    ],
    ['that has expired', 'expired', () => cluster.sign({ ...good(), iat: now() - 700, exp: now() - 100 })],
    ['that never expires', 'malformed', () => cluster.sign({ ...good(), exp: undefined })],
    ['that is not valid yet', 'not-yet-valid', () => cluster.sign({ ...good(), nbf: now() + 300 })],
    ['that lives longer than two hours', 'over-long', () => cluster.sign({ ...good(), exp: now() + 7300 })],
    ['that was edited', 'bad-signature', async () => edited(await cluster.sign(good('worker')))],
    ['that is an access token', 'malformed', () => cluster.sign(good(), 'at+jwt')],
    ['that is a logout token', 'malformed', () => cluster.sign(good(), 'application/logout+jwt')],
    ['that says alg none', 'malformed', async () => unsigned(await cluster.sign(good()))],
  ]
  const unbound = { namespace: 'default', serviceaccount: { name: 'worker', uid: 'u' } }
  const other = { ...unbound, namespace: 'other', pod: { name: 'p', uid: 'u' } }
  const edited = (token: string) => {
    const [header, payload, signature] = token.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    const longer = Buffer.from(JSON.stringify({ ...claims, exp: Number(claims['exp']) + 60 })).toString('base64url')
    return [header, longer, signature].join('.')
  }
  const unsigned = (token: string) => {
    const header = Buffer.from('{"alg":"none"}').toString('base64url')
    return [header, token.split('.')[1], ''].join('.')
  }
  for (const [sentence, reason, make] of refusals) {
    it(`T30 refuses a token ${sentence}, and the audit log says why`, async () => {
      const answer = await ask(await make(), { client_id: 'app.worker' })
      expect(answer.status, answer.body).to.equal(401)
      expect(answer.json()['error']).to.equal('invalid_client')
      expect(answer.body).not.to.include(reason)
      expect(await lastAudit()).to.deep.include({ event: 'client.auth_failed', client: 'app.worker', reason })
    })
  }

  it('T30 refuses a token that is older than the namespace of its ServiceAccount, and takes one that is not', async () => {
    const asked = { client_id: 'app.anew' }
    const aged = (iat: number) => cluster.sign({ ...good('worker', 'anew'), iat, nbf: iat })
    const before = await ask(await aged(madeAnew - 30), asked)
    expect([before.status, before.json()['error']]).to.deep.equal([401, 'invalid_client'])
    expect(await lastAudit()).to.deep.include({ event: 'client.auth_failed', reason: 'before-namespace' })
    expect((await ask(await aged(madeAnew), asked)).status).to.equal(200)
  })

  it('takes a token of a day where the policies of the client allow it', async () => {
    const token = await cluster.sign({ ...good('day'), exp: now() + 86_000 })
    expect((await ask(token, { client_id: 'app.day' })).status).to.equal(200)
  })

  it('T31 refuses two proofs at once, and a secret where there is none', async () => {
    const token = await cluster.sign(good())
    expect((await ask(token, { client_id: 'app.worker', client_secret: clientSecret })).status).to.equal(400)
    const form = { grant_type: 'client_credentials' }
    const withSecret = await send(replicas, { path: '/token', form, headers: basic('app.worker', clientSecret) })
    expect(withSecret.status).to.equal(401)
    const guessed = await send(replicas, {
      path: '/token',
      form: { ...form, client_id: 'app.worker', client_secret: 'a token of its platform' },
    })
    expect(guessed.status).to.equal(401)
  })

  it('T31 a token of a platform opens no client that has a secret', async () => {
    const answer = await ask(await cluster.sign(good()), { client_id: 'app.secret' })
    expect(answer.status).to.equal(400)
  })

  it('what the client had before stays valid until it ends, beside the token', async () => {
    const form = { grant_type: 'client_credentials' }
    const before = await send(replicas, { path: '/token', form, headers: basic('app.leaving', clientSecret) })
    expect(before.status, before.body).to.equal(200)
    expect((await ask(await cluster.sign(good('leaving')))).status).to.equal(200)
  })

  it('T32 a new key of the cluster is taken as soon as it is told, and a dropped one until its end', async () => {
    const next = await createSigner(clusterIssuer, 'cluster-2', 'ES384')
    const [old, young] = [await cluster.sign(good()), await next.sign(good())]
    expect((await ask(young)).status).to.equal(401)
    tell(cluster, next)
    for (const token of [old, young]) expect((await ask(token)).status).to.equal(200)
    const ended = { jwk: cluster.jwk, notAfter: new Date(Date.now() - 1000).toISOString() }
    const keys = [ended, { jwk: next.jwk }]
    replicas.apps[0]!.clusterIssuer.apply(Buffer.from(JSON.stringify({ issuer: clusterIssuer, keys })))
    expect((await ask(old)).status).to.equal(401)
    expect((await ask(young)).status).to.equal(200)
    tell(cluster)
  })

  it('a Web client does with its token all that others do with a secret: push, redeem, refresh, introspect, revoke', async () => {
    const token = await cluster.sign(good('web'))
    const proof = pkce()
    const pushed = await send(replicas, {
      path: '/request',
      form: {
        ...shown(token),
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid offline_access',
        code_challenge: proof.challenge,
        code_challenge_method: 'S256',
      },
    })
    expect(pushed.status, pushed.body).to.equal(201)
    const request = { client_id: 'app.web', request_uri: String(pushed.json()['request_uri']) }
    const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, request), 'ada')
    const code = { grant_type: 'authorization_code', code: back.searchParams.get('code')!, redirect_uri: redirectUri }
    const at = (path: string, form: Record<string, string>) =>
      send(replicas, { path, form: { ...shown(token), ...form } })
    const redeemed = await at('/token', { ...code, code_verifier: proof.verifier })
    expect(redeemed.status, redeemed.body).to.equal(200)
    const refreshed = await at('/token', {
      grant_type: 'refresh_token',
      refresh_token: String(redeemed.json()['refresh_token']),
    })
    expect(refreshed.status, refreshed.body).to.equal(200)
    const access = String(refreshed.json()['access_token'])
    expect((await at('/introspect', { token: access })).json()['active']).to.equal(true)
    expect((await at('/revoke', { token: access })).status).to.equal(200)
    expect((await at('/introspect', { token: access })).json()['active']).to.equal(false)
    const stranger = await send(replicas, {
      path: '/token',
      form: { ...code, ...shown(await elsewhere.sign(good('web'))) },
    })
    expect(stranger.status).to.equal(401)
  })
})
