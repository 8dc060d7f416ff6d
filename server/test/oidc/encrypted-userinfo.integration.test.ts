import { expect } from 'chai'
import { CompactEncrypt, decodeProtectedHeader, exportJWK, generateKeyPair } from 'jose'
import * as client from 'openid-client'
import { contentEncryptions, keyEncryptions } from '@nauthera/rules/algorithms'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import { fetchTokens, request } from '@nauthera/harness/flows'
import { addPerson, clientSecret, configs, entry, redirectUri, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startDocumentHost } from './document-host.ts'
import type { DocumentHost } from './document-host.ts'

// Userinfo that only the client can read (OpenID Connect Core 5.3.2 and 10.2), whatever else passes on the answer.

async function makeKey(alg: string, crv: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, alg.startsWith('RSA') ? {} : { crv })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: crv, use: 'enc' } }
}

const signing = await exportJWK((await generateKeyPair('ES256')).publicKey)
const clients = await Promise.all(
  (
    [
      ['RSA-OAEP-256', 'RSA', 'A128CBC-HS256'],
      ['RSA-OAEP-256', 'RSA', 'A256GCM'],
      ['ECDH-ES', 'P-256', 'A128CBC-HS256'],
      ['ECDH-ES', 'X25519', 'A256GCM'],
      ['ECDH-ES+A256KW', 'P-256', 'A256GCM'],
      ['ECDH-ES+A256KW', 'X25519', 'A128CBC-HS256'],
    ] as const
  ).map(async ([alg, kind, enc], at) => ({
    clientId: `app.sealed-${at}`,
    alg,
    kind,
    enc,
    key: await makeKey(alg, kind),
  })),
)

describe('userinfo that is encrypted', () => {
  let replicas: ServerReplicas
  let host: DocumentHost
  before(async () => {
    host = await startDocumentHost()
    replicas = await startReplicas()
    const far = { ...configs.web, userinfoEncryptedResponseAlg: 'ECDH-ES', userinfoEncryptedResponseEnc: 'A256GCM' }
    await replicas.serve([
      ...clients.map(({ clientId, alg, enc, key }) =>
        entry(clientId, {
          ...configs.web,
          jwks: { keys: [{ ...signing, kid: 'signs', use: 'sig' }, key.jwk] },
          userinfoEncryptedResponseAlg: alg,
          userinfoEncryptedResponseEnc: enc,
        }),
      ),
      entry('app.far', { ...far, jwksUri: `${host.origin}/far` }),
      entry('app.unfit', { ...far, jwksUri: `${host.origin}/unfit` }),
      entry('app.away', { ...far, jwksUri: `${host.origin}/away` }),
    ])
    await addPerson(replicas, 'ada')
  })
  after(async () => {
    await replicas?.stop()
    await host?.stop()
  })

  const ask = async (clientId: string) => {
    const { access } = await fetchTokens(replicas, { parameters: { client_id: clientId }, clientId })
    return send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
  }

  /** Signs in and reads userinfo as a program does that has nothing but the library. */
  async function readAs(clientId: string, key: { privateKey: client.CryptoKey; jwk: { kid: string } }, enc: string) {
    const config = await client.discovery(
      new URL(replicas.issuer),
      clientId,
      { client_secret: clientSecret, userinfo_signed_response_alg: 'RS256' },
      client.ClientSecretBasic(clientSecret),
      { execute: [client.allowInsecureRequests] },
    )
    client.enableDecryptingResponses(config, [enc], { key: key.privateKey, kid: key.jwk.kid })
    const verifier = client.randomPKCECodeVerifier()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    const back = await new Browser(replicas).authorize(url.href, 'ada')
    const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier })
    return client.fetchUserInfo(config, tokens.access_token, tokens.claims()!.sub)
  }

  for (const { clientId, alg, kind, enc, key } of clients) {
    it(`openid-client reads it, encrypted with ${alg} to a key of ${kind}, and ${enc}`, async () => {
      expect(await readAs(clientId, key, enc)).to.include({ email: 'ada@example.com' })
      // the library would read a plain one too
      expect(decodeProtectedHeader((await ask(clientId)).body)).to.deep.include({ alg, enc, kid: kind })
    })
  }

  it('it is encrypted to the key for it among those at jwksURI, whatever stands before it', async () => {
    const { jwk } = await makeKey('ECDH-ES', 'P-256')
    const ed = await exportJWK((await generateKeyPair('Ed25519')).publicKey)
    host.at('/far', { keys: [ed, signing, { ...jwk, kid: 'other', alg: 'ECDH-ES+A256KW' }, { ...jwk, kid: 'it' }] })
    const answer = await ask('app.far')
    expect(answer.status, answer.body).to.equal(200)
    expect(decodeProtectedHeader(answer.body)).to.deep.include({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'it' })
  })

  for (const [sentence, clientId, reason] of [
    ['no key to encrypt to is among them', 'app.unfit', /^userinfo cannot be encrypted: .* ECDH-ES: use enc, and EC/],
    ['its keys cannot be fetched', 'app.away', /failed to be refreshed/],
  ] as const) {
    it(`a client gets an error and no claims when ${sentence}, and the audit log says why`, async () => {
      host.at('/unfit', { keys: [signing] })
      const answer = await ask(clientId)
      expect([answer.status, answer.json()['error']]).to.deep.equal([400, 'invalid_client_metadata'])
      expect(answer.json()['error_description']).to.match(reason)
      expect(Object.keys(answer.json())).to.have.members(['error', 'error_description'])
      const { audit } = replicas.apps[0]!.store
      await audit.flush()
      const [row] = (await audit.search({ clientId, limit: 99 })).filter(({ event }) => event === 'userinfo.refused')
      expect(row).to.include({ outcome: 'failure' })
      expect(row!.reason).to.match(reason)
    })
  }

  it('the metadata lists the algorithms for it, and none for what is not encrypted here', async () => {
    const metadata = (await send(replicas, { path: '/.well-known/openid-configuration' })).json()
    const listed = Object.entries(metadata).filter(([name]) => /encryption|encrypted/.test(name))
    expect(Object.fromEntries(listed)).to.deep.equal({
      userinfo_encryption_alg_values_supported: [...keyEncryptions],
      userinfo_encryption_enc_values_supported: [...contentEncryptions],
    })
  })

  it('T7 a request object that is encrypted is refused, from a client with encrypted userinfo too', async () => {
    const jwe = await new CompactEncrypt(Buffer.from('e30'))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM' })
      .encrypt((await generateKeyPair('ECDH-ES')).publicKey)
    const url = authorizationUrl(replicas.issuer, request(pkce(), { client_id: 'app.far', request: jwe }))
    const { location } = await new Browser(replicas).follow(url)
    expect(new URL(location!).searchParams.get('error')).to.equal('invalid_request_object')
  })
})
