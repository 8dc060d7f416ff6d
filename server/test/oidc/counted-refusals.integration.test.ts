import { createHash, randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { JWK } from 'jose'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { refusalKinds } from '@nauthera/rules/refusals'
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'
import { Browser, authorizationUrl, basic, pkce, send } from '@nauthera/harness/browser'
import { createCertificate } from '@nauthera/harness/certificates'
import { fetchCode, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { bank, json, onePayment, payingClients } from './paying.ts'

/** It must be in nothing that is told. */
const canary = 'canary-of-a-secret-with-more-than-32-characters'
const ended = `${canary}-ended`
const idOf = (secret: string) => createHash('sha256').update(secret).digest('hex').slice(0, 8)
const seconds = () => Math.floor(Date.now() / 1000)

describe('refused requests in the name of a client', () => {
  let site: ServerReplicas
  let sign: (claims: object, head?: object) => Promise<string>
  let publicJwk: JWK
  let directory: string
  before(async () => {
    directory = temporaryDirectory('refusals')
    const caFile = join(directory, 'ca.crt')
    writeFileSync(caFile, (await createCertificate({ name: 'authority', authority: true })).pem)
    site = await startReplicas({ settings: { trustedProxies: ['127.0.0.1'], mutualTLS: { caFile, header: 'nginx' } } })
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    sign = (claims, head = {}) =>
      new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'own', ...head }).sign(privateKey)
    publicJwk = await exportJWK(publicKey)
    const jwk = { ...publicJwk, kid: 'own', alg: 'ES256' } as object as Record<string, string>
    const secrets = [{ plain: ended, notAfter: new Date(Date.now() - 60_000) }, { plain: clientSecret }]
    await site.serve([
      entry('app.web', { ...configs.web, audiences: [] }, { secrets }),
      entry('app.other', configs.web),
      entry('app.spa', configs.spa),
      entry('app.few', { ...configs.web, allowedGroups: ['staff'] }),
      entry('app.machine', configs.machine),
      entry('app.ends', configs.machine),
      entry('app.api', configs.api),
      entry('app.hunted', configs.web),
      entry('app.keyed', { ...configs.machine, tokenEndpointAuthMethod: 'private_key_jwt', jwks: { keys: [jwk] } }),
      entry('app.signing', { ...configs.web, jwks: { keys: [jwk] } }),
      entry('app.worker', { ...configs.machine, tokenEndpointAuthMethod: 'tls_client_auth', tlsClientAuthSanDns: 'a' }),
      entry('app.pushing', { ...configs.web, requirePushedAuthorizationRequests: true }),
      ...payingClients().filter(({ clientId }) => clientId === 'app.plain' || clientId === 'bank.api'),
    ])
    await addPerson(site, 'ada')
  })
  after(() => site?.stop())

  const authorize = (more: Record<string, string>, drop: readonly string[] = []) => {
    const asked = Object.entries(request(pkce(), more)).filter(([name]) => !drop.includes(name))
    return send(site, {
      path: new URL(authorizationUrl(site.issuer, Object.fromEntries(asked))).href.slice(site.issuer.length),
    })
  }
  const token = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    send(site, { path: '/token', form, headers })
  const rawBasic = (id: string, secret: string) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
  })
  const machine = (more: Record<string, string>, secret = clientSecret) =>
    token({ grant_type: 'client_credentials', ...more }, basic('app.machine', secret))
  const assert = async (more: object) =>
    token({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await sign({
        iss: 'app.keyed',
        sub: 'app.keyed',
        aud: site.issuer,
        jti: randomUUID(),
        iat: seconds(),
        exp: seconds() + 60,
        ...more,
      }),
    })

  /** In whose name it counts, as what, whose word it is, and the detail. */
  type Told = readonly [clientId: string, code: RefusalCode, by: RefusedBy, detail: string]
  const rows: readonly [mistake: string, make: () => Promise<unknown>, told: Told][] = [
    [
      'a redirect URI that is not listed, of its own host',
      () => authorize({ redirect_uri: `https://app.example.com/other?person=${canary}` }),
      ['app.web', 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/other'],
    ],
    [
      'a redirect URI of a foreign host',
      () => authorize({ client_id: 'app.other', redirect_uri: 'https://ada@evil.example/x#y' }),
      ['app.other', 'REDIRECT_URI_NOT_LISTED', 'Anyone', 'https://evil[.]example/x'],
    ],
    [
      'no PKCE',
      () => authorize({}, ['code_challenge', 'code_challenge_method']),
      ['app.web', 'PKCE_MISSING', 'Anyone', ''],
    ],
    [
      'a scope that is not listed',
      () => machine({ scope: 'read delete' }),
      ['app.machine', 'SCOPE_NOT_GRANTED', 'Client', 'read delete'],
    ],
    [
      'an API that it may not call',
      () => machine({ resource: 'https://other.example.com' }),
      ['app.machine', 'AUDIENCE_NOT_GRANTED', 'Client', 'https://other[.]example[.]com/'],
    ],
    [
      'a grant that it does not have',
      () => token({ grant_type: 'refresh_token', refresh_token: 'x' }, basic('app.machine', clientSecret)),
      ['app.machine', 'GRANT_NOT_ALLOWED', 'Client', 'refresh_token'],
    ],
    [
      'the right secret in the wrong place',
      () => token({ grant_type: 'client_credentials', client_id: 'app.machine', client_secret: clientSecret }),
      ['app.machine', 'AUTH_METHOD_NOT_REGISTERED', 'Client', 'client_secret_post'],
    ],
    [
      'another way than it has',
      () => token({ grant_type: 'client_credentials', client_id: 'app.keyed', client_secret: canary }),
      ['app.keyed', 'AUTH_METHOD_NOT_REGISTERED', 'Anyone', 'client_secret_post'],
    ],
    ['a wrong secret', () => machine({}, canary), ['app.machine', 'SECRET_WRONG', 'Anyone', '']],
    [
      'the right secret with a line end behind it, in the header',
      () => token({ grant_type: 'client_credentials' }, rawBasic('app.ends', `${clientSecret}\n`)),
      ['app.ends', 'SECRET_WRONG', 'Client', 'your secret with a line end behind it'],
    ],
    [
      'the right secret with a line end behind it, in the body',
      () => token({ grant_type: 'client_credentials', client_id: 'app.ends', client_secret: `${clientSecret}\r\n` }),
      ['app.ends', 'SECRET_WRONG', 'Client', 'your secret with a line end behind it'],
    ],
    [
      'a wrong secret with a line end behind it, in the header',
      () => token({ grant_type: 'client_credentials' }, rawBasic('app.worker', `${canary}\n`)),
      ['app.worker', 'REQUEST_MALFORMED', 'Anyone', 'invalid character found'],
    ],
    [
      'two ways to prove itself at once',
      () => token({ grant_type: 'client_credentials', client_secret: canary }, basic('app.pushing', `${canary}-other`)),
      ['app.pushing', 'REQUEST_MALFORMED', 'Anyone', 'client authentication must only be provided using one mechanism'],
    ],
    [
      'deep JSON, before its client is found',
      () => authorize({ client_id: 'app.pushing', claims: '['.repeat(50) }),
      ['app.pushing', 'REQUEST_MALFORMED', 'Anyone', 'claims has JSON that is nested more than 32 levels deep'],
    ],
    [
      'a secret that has ended',
      () => redeem(site, { value: 'x', proof: pkce() }, { secret: ended }),
      ['app.web', 'SECRET_ENDED', 'Anyone', idOf(ended)],
    ],
    [
      'an assertion of a clock that is wrong',
      () => assert({ iat: seconds() - 4000, exp: seconds() - 3600 }),
      ['app.keyed', 'ASSERTION_REFUSED', 'Anyone', 'jwt expired'],
    ],
    [
      'a code that was used before',
      async () => {
        const code = await fetchCode(site)
        await redeem(site, code)
        await redeem(site, code)
      },
      ['app.web', 'CODE_REFUSED', 'Client', 'the authorization code was already used; start a new sign-in'],
    ],
    [
      'a code with the redirect URI of another request',
      async () => redeem(site, await fetchCode(site), { form: { redirect_uri: 'https://app.example.com/second' } }),
      ['app.web', 'REDIRECT_URI_DIFFERS', 'Client', 'https://app.example.com/second'],
    ],
    [
      'a code without its verifier',
      async () => redeem(site, { ...(await fetchCode(site)), proof: pkce() }),
      ['app.web', 'CODE_VERIFIER_WRONG', 'Client', ''],
    ],
    [
      'the code of another client',
      async () => redeem(site, await fetchCode(site), { clientId: 'app.other' }),
      ['app.other', 'TOKEN_OF_OTHER_CLIENT', 'Client', ''],
    ],
    [
      'a refresh token that does not exist any more',
      async () => {
        const code = await fetchCode(site, { parameters: { scope: 'openid offline_access' } })
        const { refresh: first } = tokensOf(await redeem(site, code))
        await send(site, { path: '/revoke', headers: basic('app.web', clientSecret), form: { token: first } })
        await refresh(site, first)
      },
      ['app.web', 'REFRESH_TOKEN_REFUSED', 'Client', 'grant not found'],
    ],
    [
      'a person in no group that may use it',
      async () =>
        new Browser(site)
          .authorize(authorizationUrl(site.issuer, request(pkce(), { client_id: 'app.few' })), 'ada')
          .catch(() => undefined),
      ['app.few', 'PERSON_NOT_ALLOWED', 'Anyone', ''],
    ],
    [
      'a script of an origin that is not listed',
      () =>
        token(
          { grant_type: 'authorization_code', client_id: 'app.spa', code: 'x', code_verifier: pkce().verifier },
          { origin: 'https://evil.example' },
        ),
      ['app.spa', 'ORIGIN_NOT_LISTED', 'Anyone', 'https://evil[.]example/'],
    ],
    [
      'a sign-out to an address that is not listed',
      () =>
        send(site, { path: '/logout?client_id=app.web&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fgone' }),
      ['app.web', 'LOGOUT_URI_NOT_LISTED', 'Anyone', 'https://app.example.com/gone'],
    ],
    [
      'claims that are no JSON, with words of a person in them',
      () => authorize({ claims: `ada ${canary}` }),
      ['app.web', 'REQUEST_MALFORMED', 'Anyone', 'could not parse the claims parameter JSON'],
    ],
    [
      'an assertion that is no JWT, under the name of a client',
      () =>
        token({
          grant_type: 'client_credentials',
          client_id: 'app.keyed',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: `${Buffer.from(`{"alg":${canary}`).toString('base64url')}.${Buffer.from('{"sub":"app.keyed"}').toString('base64url')}.x`,
        }),
      ['app.keyed', 'ASSERTION_REFUSED', 'Anyone', 'Invalid Token or Protected Header formatting'],
    ],
    [
      'a second factor that nobody can have here',
      () =>
        authorize({
          client_id: 'app.other',
          claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'gold' } } }),
        }),
      ['app.other', 'ACR_NOT_REACHED', 'Anyone', ''],
    ],
    [
      'authorization details of a type that it was not given',
      () => authorize({ client_id: 'app.plain', resource: bank, authorization_details: json(onePayment()) }),
      [
        'app.plain',
        'AUTHORIZATION_DETAILS_REFUSED',
        'Anyone',
        'authorization_details[0] has the type payment, which this client may not ask for: compare it with authorizationDetailsTypes of the OIDCClient and the condition AudiencesGranted',
      ],
    ],
    [
      'no certificate where it proves itself by one',
      () => token({ grant_type: 'client_credentials', client_id: 'app.worker' }),
      ['app.worker', 'CERTIFICATE_REFUSED', 'Anyone', 'no-certificate'],
    ],
    [
      'a proof of its key that was made for another method',
      async () => {
        const proof = { htm: 'GET', htu: `${site.issuer}/token`, iat: seconds(), jti: randomUUID() }
        const dpop = await sign(proof, { typ: 'dpop+jwt', jwk: publicJwk })
        await token({ grant_type: 'client_credentials' }, { ...basic('app.machine', clientSecret), dpop })
      },
      ['app.machine', 'DPOP_PROOF_REFUSED', 'Client', 'DPoP proof htm mismatch'],
    ],
    [
      'a pushed request that is not there',
      () => authorize({ client_id: 'app.other', request_uri: 'urn:ietf:params:oauth:request_uri:gone' }),
      ['app.other', 'PUSHED_REQUEST_REFUSED', 'Anyone', 'request_uri is invalid, expired, or was already used'],
    ],
    [
      'a request that is not pushed where it must be',
      () => authorize({ client_id: 'app.pushing' }),
      ['app.pushing', 'PUSHED_REQUEST_REFUSED', 'Anyone', ''],
    ],
    [
      'a signed request that has expired',
      async () => {
        const own = { iss: 'app.signing', aud: site.issuer, exp: seconds() - 60 }
        const signed = await sign({ ...request(pkce()), ...own, client_id: 'app.signing' })
        await authorize({ client_id: 'app.signing', request: signed })
      },
      ['app.signing', 'REQUEST_OBJECT_REFUSED', 'Anyone', 'jwt expired'],
    ],
  ]
  it('have a mistake here for each code', () => {
    const told = new Set(rows.map(([, , [, code]]) => code))
    expect(Object.keys(refusalKinds).filter((code) => !told.has(code as RefusalCode))).to.deep.equal([])
  })

  for (const [mistake, make, [clientId, code, by, detail]] of rows)
    it(`are told as ${code}: ${mistake}`, async () => {
      const { usage } = site.apps[0]!
      const before = usage.since(0).refusals.find((one) => one.clientId === clientId)?.refusals ?? []
      await make()
      const after = usage.since(0).refusals.find((one) => one.clientId === clientId)?.refusals ?? []
      const changed = after.filter(
        (one) => one.count !== before.find((other) => other.code === one.code && other.by === one.by)?.count,
      )
      expect(changed.map((one) => [one.code, one.by])).to.deep.equal([[code, by]])
      const texts = changed[0]!.details.map(({ text }) => text)
      if (detail !== '') expect(texts).to.include(detail)
    })

  it('hold nothing of what else a request says, wherever it says it', async () => {
    const said = [
      'claims',
      'id_token_hint',
      'request',
      'login_hint',
      'state',
      'nonce',
      'code',
      'refresh_token',
      'code_verifier',
    ]
    const more = [
      'authorization_details',
      'subject_token',
      'client_assertion',
      'dpop_jkt',
      'ui_locales',
      'max_age',
      'prompt',
    ]
    // a parser quotes no more than ten characters
    const mark = 'Zq7x'
    const texts = [
      mark,
      `{"a":${mark}`,
      `{"${mark}":{"${mark}":1}}`,
      `a.${btoa(`{"x":${mark}`)}.b`,
      `${btoa(mark)}.b.c`,
    ]
    const told = () => JSON.stringify(site.apps[0]!.usage.since(0).refusals)
    for (const name of [...said, ...more])
      for (const text of texts) {
        await authorize({ client_id: 'app.hunted', [name]: text })
        expect(told(), `${name} at /authorize`).not.to.include(mark)
        for (const path of ['/par', '/token', '/introspect', '/revoke']) {
          const form =
            path === '/par' ? request(pkce(), { client_id: 'app.hunted' }) : { grant_type: 'authorization_code' }
          const headers = { ...basic('app.hunted', clientSecret), dpop: text }
          await send(site, { path, headers, form: { ...form, [name]: text } })
          expect(told(), `${name} at ${path}`).not.to.include(mark)
        }
      }
  })

  it('hold nothing of a person and no secret', () => {
    const told = JSON.stringify(site.apps[0]!.usage.since(0).refusals)
    for (const hidden of [canary, clientSecret, 'ada']) expect(told).not.to.include(hidden)
  })

  it('are not told of a sign-in that goes on, was given up, or failed for a fault of ours', async () => {
    const { usage } = site.apps[0]!
    const { cursor } = usage.since(0)
    await authorize({ prompt: 'none' })
    await token({ grant_type: 'client_credentials', client_id: 'nobody.there', client_secret: canary })
    expect(usage.since(cursor).refusals).to.deep.equal([])
  })
})
