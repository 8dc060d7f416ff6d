import { createHash, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { SignJWT, calculateJwkThumbprint, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import type { CryptoKey, JWK, JWTPayload } from 'jose'
import * as oauth from 'oauth4webapi'
import { basic, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, fetchTokens, introspect } from '@nauthera/harness/flows'
import { clientSecret, configs, entry, redirectUri } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { api, openRequest, outcomeOf, startWalked } from './walked.ts'
import type { WalkRow } from './walked.ts'

// What is signed, section by section: assertions of clients, requests, proofs of a key, and answers. Each wrong form of one has its own file:
// request-objects, dpop, fapi, fapi-signed.

let replicas: ServerReplicas
let own: CryptoKey
let stranger: CryptoKey
let holder: { privateKey: CryptoKey; jwk: JWK }

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const seconds = () => Math.floor(Date.now() / 1000)
const sign = (claims: JWTPayload, { key = own, head = {} }: { key?: CryptoKey; head?: object } = {}) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: 'own', ...head }).sign(key)
const assertion = (more: object = {}, by?: Parameters<typeof sign>[1]) => {
  const about = { iss: 'app.signed', sub: 'app.signed', aud: replicas.issuer, jti: randomUUID() }
  return sign({ ...about, iat: seconds(), exp: seconds() + 60, ...more } as JWTPayload, by)
}
const shown = (jwt: string, more: Record<string, string> = {}) => ({
  client_assertion: jwt,
  client_assertion_type: jwtBearer,
  ...more,
})
type Asked = Parameters<typeof send>[1]
const said = async (asked: Asked): Promise<string> => {
  const { status, body } = await send(replicas, asked)
  return status === 200 || status === 201 ? String(status) : `${status} ${String(JSON.parse(body)['error'])}`
}
const token = (form: Record<string, string>, headers: Record<string, string> = {}) =>
  said({ path: '/token', headers, form: { grant_type: 'client_credentials', ...form } })
const requestObject = (more: object = {}, by?: Parameters<typeof sign>[1]) =>
  sign(
    {
      iss: 'app.asking',
      aud: replicas.issuer,
      client_id: 'app.asking',
      response_type: 'code',
      redirect_uri: redirectUri,
      scope: 'openid',
      state: 'signed',
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
      exp: seconds() + 60,
      ...more,
    } as JWTPayload,
    { ...by, head: { typ: 'oauth-authz-req+jwt', ...by?.head } },
  )
/** A request whose parameters are those of `request` alone, but for these. */
const bare = {
  client_id: 'app.asking',
  redirect_uri: undefined,
  scope: undefined,
  response_type: undefined,
  state: undefined,
  code_challenge: undefined,
  code_challenge_method: undefined,
}
const proof = (more: object = {}, head: object = {}) =>
  new SignJWT({ htm: 'POST', htu: `${replicas.issuer}/token`, iat: seconds(), jti: randomUUID(), ...more })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: holder.jwk, ...head })
    .sign(holder.privateKey)
const machine = basic('app.machine', clientSecret)

const standards: Readonly<Record<string, readonly WalkRow[]>> = {
  'RFC 7521 Assertions': [
    [
      '4.2',
      'an assertion needs its type, and a type needs an assertion',
      async () => {
        const jwt = await assertion()
        expect(await token({ client_assertion: jwt })).to.equal('400 invalid_request')
        expect(await token({ client_assertion_type: jwtBearer, client_id: 'app.signed' })).to.equal(
          '401 invalid_client',
        )
        expect(await token(shown(jwt))).to.equal('200')
      },
    ],
    [
      '4.2',
      'client_id may be left out, and must be that of the assertion where it is there',
      async () => {
        expect(await token(shown(await assertion(), { client_id: 'app.signed' }))).to.equal('200')
        expect(await token(shown(await assertion(), { client_id: 'app.asking' }))).to.equal('400 invalid_request')
      },
    ],
    [
      '4.2.1',
      'what is wrong with an assertion is invalid_client, and a second way of proof beside it a bad request',
      async () => {
        expect(await token(shown(await assertion({}, { key: stranger })))).to.equal('401 invalid_client')
        const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
        const made = (claims: unknown) => `${encoded({ alg: 'ES256' })}.${encoded(claims)}.AAAA`
        const odd = [
          'x',
          'a.b',
          'a.b.c',
          '..',
          'é.é.é',
          'null',
          made('text'),
          made(null),
          made([]),
          made({}),
          `${made({})}!`,
          made({}).replace('.', '.!'),
        ]
        for (const jwt of [...odd, ...[{}, ['app.signed'], 1, true, null].map((sub) => made({ sub }))])
          expect(await token(shown(jwt)), jwt).to.equal('401 invalid_client')
        const saml = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
        expect(await token({ ...shown(await assertion()), client_assertion_type: saml })).to.equal('401 invalid_client')
        expect(await token(shown(await assertion(), { client_secret: clientSecret }))).to.equal('400 invalid_request')
        expect(await token(shown(await assertion()), machine)).to.equal('400 invalid_request')
      },
    ],
    [
      '4.1',
      'an assertion is no grant: it proves a client and no person',
      async () => {
        const form = { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion: await assertion() }
        expect(await token(form, machine)).to.equal('400 unsupported_grant_type')
      },
    ],
    [
      '5.2',
      'an assertion of a client is taken at each endpoint where clients prove themselves',
      async () => {
        const paths: readonly [string, Record<string, string>][] = [
          ['/introspect', { token: 'none' }],
          ['/revoke', { token: 'none' }],
        ]
        for (const [path, form] of paths) {
          expect(await said({ path, form: { ...form, ...shown(await assertion()) } }), path).to.equal('200')
          const wrong = shown(await assertion({}, { key: stranger }))
          expect(await said({ path, form: { ...form, ...wrong } }), path).to.equal('401 invalid_client')
        }
      },
    ],
  ],
  'RFC 7523 JWTs that prove a client': [
    [
      '2.2',
      'the only type is jwt-bearer',
      async () => {
        const type = 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer'
        expect(await token({ ...shown(await assertion()), client_assertion_type: type })).to.equal('401 invalid_client')
      },
    ],
    [
      '3',
      'iss and sub are the client, both',
      async () => {
        for (const more of [{ iss: 'app.asking' }, { iss: undefined }, { sub: undefined }])
          expect(await token(shown(await assertion(more))), JSON.stringify(more)).to.equal('401 invalid_client')
      },
    ],
    [
      '3',
      'aud is this server: its issuer, its token endpoint, or both, and no other server beside it',
      async () => {
        for (const aud of [replicas.issuer, `${replicas.issuer}/token`, [replicas.issuer, `${replicas.issuer}/token`]])
          expect(await token(shown(await assertion({ aud }))), JSON.stringify(aud)).to.equal('200')
        for (const aud of [
          'https://other.test',
          [replicas.issuer, 'https://other.test'],
          [],
          undefined,
          `${replicas.issuer}/`,
        ])
          expect(await token(shown(await assertion({ aud }))), JSON.stringify(aud)).to.equal('401 invalid_client')
      },
    ],
    [
      '3',
      'exp is needed and ahead, though not by more than 30 days; nbf and iat are not ahead',
      async () => {
        const now = seconds()
        for (const more of [
          { exp: undefined },
          { exp: now - 60 },
          { exp: now + 31 * 86_400 },
          { nbf: now + 120 },
          { iat: now + 120 },
        ])
          expect(await token(shown(await assertion(more))), JSON.stringify(more)).to.equal('401 invalid_client')
        expect(await token(shown(await assertion({ iat: undefined })))).to.equal('200')
      },
    ],
    [
      '3',
      'jti is needed, and used once',
      async () => {
        expect(await token(shown(await assertion({ jti: undefined })))).to.equal('401 invalid_client')
        const jwt = await assertion()
        expect(await token(shown(jwt))).to.equal('200')
        expect(await token(shown(jwt))).to.equal('401 invalid_client')
      },
    ],
    [
      '3',
      'a signature is needed, by a key of the client',
      async () => {
        const [, body] = (await assertion()).split('.')
        const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body!}.`
        expect(await token(shown(unsigned))).to.equal('401 invalid_client')
        expect(await token(shown('no.jwt')), 'what is no JWT proves nothing').to.equal('401 invalid_client')
      },
    ],
    [
      '3.2',
      'a failure is 401 with invalid_client, and says nothing of why',
      async () => {
        const form = { grant_type: 'client_credentials', ...shown(await assertion({ exp: seconds() - 60 })) }
        const answer = await send(replicas, { path: '/token', form })
        expect([answer.status, answer.json()]).to.deep.equal([
          401,
          { error: 'invalid_client', error_description: 'client authentication failed' },
        ])
      },
    ],
  ],
  'RFC 9101 Signed requests': [
    [
      '4',
      'the parameters of a request may all be in a signed one',
      async () =>
        expect(outcomeOf(await openRequest(replicas, { ...bare, request: await requestObject() }))).to.equal('sign-in'),
    ],
    [
      '5',
      'client_id stands beside it, and is the same',
      async () => {
        const request = await requestObject()
        expect(outcomeOf(await openRequest(replicas, { ...bare, client_id: undefined, request }))).to.equal('400')
        const other = await requestObject({ client_id: 'app.signed' })
        expect(outcomeOf(await openRequest(replicas, { ...bare, request: other }))).to.equal('400')
      },
    ],
    [
      '5',
      'request and request_uri exclude each other',
      async () => {
        const both = { ...bare, request: await requestObject(), request_uri: 'urn:ietf:params:oauth:request_uri:x' }
        expect(outcomeOf(await openRequest(replicas, both))).to.equal('400')
      },
    ],
    [
      '5.2.2',
      'a request_uri of a client leads nowhere',
      async () => {
        const page = await openRequest(replicas, { ...bare, request_uri: 'https://app.example.com/request' })
        expect(outcomeOf(page)).to.equal('400')
        expect(page.body).to.contain('request_uri_not_supported')
      },
    ],
    [
      '6.2',
      'a signature of somebody else, or none, is refused',
      async () => {
        const foreign = await openRequest(replicas, { ...bare, request: await requestObject({}, { key: stranger }) })
        expect(foreign.body).to.contain('invalid_request_object')
        const [, body] = (await requestObject()).split('.')
        const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body!}.`
        expect(outcomeOf(await openRequest(replicas, { ...bare, request: unsigned }))).to.equal('400')
      },
    ],
    [
      '6.3',
      'what stands beside the signed request is not read',
      async () => {
        const { location } = await openRequest(replicas, {
          ...bare,
          scope: 'email',
          state: 'beside',
          request: await requestObject({ prompt: 'none' }),
        })
        expect(new URL(location!).searchParams.get('state')).to.equal('signed')
        expect(new URL(location!).searchParams.get('error')).to.equal('login_required')
      },
    ],
    [
      '10.5',
      'a client that signs its requests may be held to that: `signedRequestObject`',
      async () => {
        const strict = { ...bare, client_id: 'app.strict' }
        const request = await requestObject({ iss: 'app.strict', client_id: 'app.strict' })
        expect(outcomeOf(await openRequest(replicas, { ...strict, request }))).to.equal('sign-in')
        expect(outcomeOf(await openRequest(replicas, { client_id: 'app.strict' }))).to.equal('invalid_request')
      },
    ],
    [
      '10.8',
      'a request object is no proof of its client, and an assertion no request',
      async () => {
        const asProof = await requestObject({
          iss: 'app.signed',
          sub: 'app.signed',
          client_id: 'app.signed',
          jti: randomUUID(),
        })
        expect(await token(shown(asProof))).to.equal('401 invalid_client')
        const crossed = await openRequest(replicas, { ...bare, client_id: 'app.signed', request: await assertion() })
        expect(outcomeOf(crossed)).to.equal('400')
      },
    ],
  ],
  'RFC 9449 Proof of possession (DPoP)': [
    [
      '4.3',
      'a proof is for one method and one address, of now, and is used once',
      async () => {
        const jwt = await proof()
        expect(await token({}, { ...machine, dpop: jwt })).to.equal('200')
        expect(await token({}, { ...machine, dpop: jwt })).to.equal('400 invalid_dpop_proof')
        for (const more of [{ htm: 'GET' }, { htu: `${replicas.issuer}/userinfo` }, { jti: undefined }])
          expect(await token({}, { ...machine, dpop: await proof(more) }), JSON.stringify(more)).to.equal(
            '400 invalid_dpop_proof',
          )
        expect(await token({}, { ...machine, dpop: await proof({ iat: seconds() - 3600 }) })).to.equal(
          '400 use_dpop_nonce',
        )
      },
    ],
    [
      '5',
      'a token of a request with a proof says DPoP and names the key; one without stays Bearer',
      async () => {
        const form = { grant_type: 'client_credentials' }
        const bound = (
          await send(replicas, { path: '/token', form, headers: { ...machine, dpop: await proof() } })
        ).json()
        expect(bound['token_type']).to.equal('DPoP')
        expect(claimsOfJwt(String(bound['access_token']))['cnf']).to.deep.equal({
          jkt: await calculateJwkThumbprint(holder.jwk),
        })
        expect((await send(replicas, { path: '/token', form, headers: machine })).json()['token_type']).to.equal(
          'Bearer',
        )
      },
    ],
    [
      '6.2',
      'introspection tells the key of a token',
      async () => {
        const form = { grant_type: 'client_credentials' }
        const bound = (
          await send(replicas, { path: '/token', form, headers: { ...machine, dpop: await proof() } })
        ).json()
        const about = (await introspect(replicas, String(bound['access_token']), { clientId: 'app.api' })).json()
        expect(about).to.deep.include({
          active: true,
          token_type: 'DPoP',
          cnf: { jkt: await calculateJwkThumbprint(holder.jwk) },
        })
      },
    ],
    [
      '7.1',
      'userinfo takes a token of somebody else’s key from nobody, and an unbound one as Bearer alone',
      async () => {
        const { access } = await fetchTokens(replicas)
        const ath = createHash('sha256').update(access).digest('base64url')
        const dpop = await proof({ htm: 'GET', htu: `${replicas.issuer}/userinfo`, ath })
        expect(await said({ path: '/userinfo', headers: { authorization: `DPoP ${access}`, dpop } })).to.equal(
          '401 invalid_token',
        )
        expect(await said({ path: '/userinfo', headers: { authorization: `Bearer ${access}` } })).to.equal('200')
      },
    ],
    [
      '8',
      'a proof of another time is refused with a nonce, and taken with that; nobody is given one unasked',
      async () => {
        const ask = async (more: object) =>
          send(replicas, {
            path: '/token',
            form: { grant_type: 'client_credentials' },
            headers: { ...machine, dpop: await proof(more) },
          })
        const late = { iat: seconds() - 3600 }
        for (const more of [late, { nonce: 'x' }, { ...late, nonce: 'x' }]) {
          const { status, headers, json } = await ask(more)
          expect([status, json()['error']]).to.deep.equal([400, 'use_dpop_nonce'])
          expect((await ask({ ...more, nonce: headers['dpop-nonce'] })).status).to.equal(200)
        }
        expect((await ask({})).headers['dpop-nonce']).to.equal(undefined)
      },
    ],
  ],
  'RFC 9701 Signed introspection': [
    [
      '4',
      'an answer is signed for who asks for that type, and plain for others',
      async () => {
        const ask = (accept: string) =>
          send(replicas, {
            path: '/introspect',
            form: { token: 'none' },
            headers: { ...basic('app.api', clientSecret), accept },
          })
        const signed = await ask('application/token-introspection+jwt')
        expect(signed.headers['content-type']).to.match(/^application\/token-introspection\+jwt/)
        expect((await ask('application/json')).json()).to.deep.equal({ active: false })
      },
    ],
    [
      '5',
      'oauth4webapi checks the answer: its issuer, who it is for, its type and its signature',
      async () => {
        const form = { grant_type: 'client_credentials' }
        const jwt = String((await send(replicas, { path: '/token', form, headers: machine })).json()['access_token'])
        const server = await oauth
          .discoveryRequest(new URL(replicas.issuer), { [oauth.allowInsecureRequests]: true })
          .then((answer) => oauth.processDiscoveryResponse(new URL(replicas.issuer), answer))
        const insecure = { [oauth.allowInsecureRequests]: true }
        const asked = await oauth.introspectionRequest(
          server,
          { client_id: 'app.api' },
          oauth.ClientSecretBasic(clientSecret),
          jwt,
          { ...insecure, requestJwtResponse: true },
        )
        const { alg, typ } = decodeProtectedHeader(await asked.clone().text())
        expect(typ).to.equal('token-introspection+jwt')
        const client: oauth.Client = { client_id: 'app.api', introspection_signed_response_alg: alg! }
        const about = await oauth.processIntrospectionResponse(server, client, asked)
        await oauth.validateApplicationLevelSignature(server, asked, insecure)
        expect(about).to.include({ active: true, client_id: 'app.machine', aud: api })
      },
    ],
    [
      '5',
      'a token that is of no concern to who asks is only inactive, in a signed answer too',
      async () => {
        const { access } = await fetchTokens(replicas)
        const answer = await send(replicas, {
          path: '/introspect',
          form: { token: access },
          headers: { ...basic('app.api', clientSecret), accept: 'application/token-introspection+jwt' },
        })
        expect(claimsOfJwt(answer.body)).to.deep.include({
          iss: replicas.issuer,
          aud: 'app.api',
          token_introspection: { active: false },
        })
      },
    ],
    [
      '7',
      'the metadata lists the algorithms of such answers',
      async () => {
        const metadata = (await send(replicas, { path: '/.well-known/oauth-authorization-server' })).json()
        expect(metadata['introspection_signing_alg_values_supported']).to.include('ES256').and.not.include('none')
      },
    ],
    [
      '8.1',
      'the type of such an answer keeps it apart from an access token: it opens nothing',
      async () => {
        const answer = await send(replicas, {
          path: '/introspect',
          form: { token: 'none' },
          headers: { ...basic('app.api', clientSecret), accept: 'application/token-introspection+jwt' },
        })
        expect((await introspect(replicas, answer.body, { clientId: 'app.api' })).json()).to.deep.equal({
          active: false,
        })
        expect(await said({ path: '/userinfo', headers: { authorization: `Bearer ${answer.body}` } })).to.equal(
          '401 invalid_token',
        )
      },
    ],
  ],
}

describe('what is signed, section by section', () => {
  before(async () => {
    const [mine, others, possessed] = await Promise.all([
      generateKeyPair('ES256'),
      generateKeyPair('ES256'),
      generateKeyPair('ES256'),
    ])
    own = mine.privateKey
    stranger = others.privateKey
    holder = { privateKey: possessed.privateKey, jwk: await exportJWK(possessed.publicKey) }
    const jwks = { keys: [{ ...(await exportJWK(mine.publicKey)), kid: 'own', alg: 'ES256', use: 'sig' }] } as never
    const signing = { tokenEndpointAuthMethod: 'private_key_jwt', jwks }
    const granted = { granted: { [api]: ['read'] } }
    replicas = await startWalked([
      entry('app.signed', { ...configs.machine, ...signing, scopes: ['read'] }, granted),
      entry('app.asking', { ...configs.web, ...signing }),
      entry('app.strict', { ...configs.web, ...signing, requireSignedRequestObject: true }),
    ])
  })
  after(() => replicas?.stop())
  for (const [standard, rows] of Object.entries(standards))
    describe(`${standard}, section`, () => {
      for (const [section, sentence, show] of rows) it(`${section} ${sentence}`, show)
    })
})
