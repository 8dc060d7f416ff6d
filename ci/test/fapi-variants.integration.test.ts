import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'
import { parseAllDocuments } from 'yaml'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import type { Answer } from '@nauthera/harness/browser'
import { createCertificate } from '@nauthera/harness/certificates'
import type { Made } from '@nauthera/harness/certificates'
import { addPerson, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import type { OIDCClient } from '@nauthera/operator/api/oidc-client'
import { checkSpec } from '@nauthera/operator/decide/client/check-spec'
import { renderConfig } from '@nauthera/operator/decide/client/metadata'

// FAPI 2.0 lets a client prove itself by a key or a certificate, and binds its tokens by DPoP or to a certificate: all four, out of the example.

const examples = parseAllDocuments(readFileSync('examples/clients/fapi.yaml', 'utf8')).map((document): OIDCClient => {
  const { metadata, ...object } = document.toJS() as OIDCClient
  return { ...object, metadata: { ...metadata, uid: `uid-${metadata.name}`, generation: 1 } }
})
const redirectUri = 'https://payments.example.com/callback'
const host = 'mtls.example.com'

describe('the variants of FAPI 2.0', () => {
  let replicas: ServerReplicas
  let directory: string
  let ca: Made
  let mine: Made
  let other: Made
  let key: Awaited<ReturnType<typeof generateKeyPair>>
  let holder: typeof key

  before(async () => {
    directory = temporaryDirectory('fapi')
    ca = await createCertificate({ name: 'authority', authority: true, until: 24 })
    const uris = ['spiffe://example.org/ns/demo/sa/payments']
    const ours = await createCertificate({
      issuer: ca,
      name: 'server',
      dnsNames: [host],
      usages: ['1.3.6.1.5.5.7.3.1'],
    })
    ;[mine, other] = await Promise.all([
      createCertificate({ issuer: ca, uris }),
      createCertificate({ issuer: ca, uris }),
    ])
    ;[key, holder] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')])
    const file = (name: string, text: string) => {
      writeFileSync(join(directory, name), text)
      return join(directory, name)
    }
    const files = { certFile: file('tls.crt', ours.pem), keyFile: file('tls.key', ours.keyPem) }
    const listener = { host: '127.0.0.1', port: 0, ...files }
    replicas = await startReplicas({
      settings: { mutualTLS: { caFile: file('ca.crt', ca.pem), url: `https://${host}`, listen: listener } },
    })
    await addPerson(replicas, 'ada')
    const keys = [{ ...(await exportJWK(key.publicKey)), alg: 'ES256', kid: 'mine', use: 'sig' }]
    await replicas.serve(
      examples.map((client) => {
        const config = renderConfig({ ...client, spec: { consent: 'Skip', ...client.spec } })
        const isKeyed = config.jwksUri !== ''
        return entry(idOf(client), isKeyed ? { ...config, jwksUri: '', jwks: { keys } as never } : config)
      }),
    )
  })
  after(() => replicas?.stop())

  const idOf = ({ metadata }: Pick<OIDCClient, 'metadata'>) => `${metadata.namespace}.${metadata.name}`
  const shown = (made: Made | undefined) => (made ? { cert: made.pem, key: made.keyPem } : {})
  const now = () => Math.floor(Date.now() / 1000)

  /** A program that is configured as its object says. */
  function programOf(client: OIDCClient) {
    const { auth, dpop = false } = client.spec
    const clientId = idOf(client)
    const isKeyed = auth!.method === 'private_key_jwt'
    const proof = async (path: string, token?: string) => {
      if (!dpop) return {}
      const ath = token && createHash('sha256').update(token).digest('base64url')
      const method = token === undefined ? 'POST' : 'GET'
      const htu = `https://${host}${path}`
      const claims = { htm: method, htu, jti: randomUUID(), iat: now(), ath }
      const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(holder.publicKey) }
      return { dpop: await new SignJWT(claims).setProtectedHeader(header).sign(holder.privateKey) }
    }
    const assertion = async () => {
      if (!isKeyed) return { client_id: clientId }
      const about = {
        iss: clientId,
        sub: clientId,
        aud: replicas.issuer,
        jti: randomUUID(),
        iat: now(),
        exp: now() + 60,
      }
      const jwt = await new SignJWT(about).setProtectedHeader({ alg: 'ES256', kid: 'mine' }).sign(key.privateKey)
      const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
      return { client_id: clientId, client_assertion: jwt, client_assertion_type: type }
    }
    const ask = (
      asked: { path: string; headers?: Record<string, string>; form?: Record<string, string> },
      made: Made | undefined,
    ) =>
      send(
        { issuer: replicas.issuer, origin: replicas.certificateOrigin },
        { ...asked, headers: { host, ...asked.headers }, connection: { ca: ca.pem, servername: host, ...shown(made) } },
      )
    const post = async (path: string, form: Record<string, string>, made: Made | 'none' = mine): Promise<Answer> =>
      ask(
        { path, headers: await proof(path), form: { ...form, ...(await assertion()) } },
        made === 'none' ? undefined : made,
      )
    return {
      clientId,
      post,
      isBoundToCertificate: !dpop,
      userinfo: async (token: string, made: Made | undefined) => {
        const authorization = `${dpop ? 'DPoP' : 'Bearer'} ${token}`
        return ask({ path: '/userinfo', headers: { authorization, ...(await proof('/userinfo', token)) } }, made)
      },
      async codeForm() {
        const { challenge, verifier } = pkce()
        const asked = { response_type: 'code', redirect_uri: redirectUri, scope: 'openid email', state: 'a-state' }
        const pushed = await post('/request', { ...asked, code_challenge: challenge, code_challenge_method: 'S256' })
        expect(pushed.status, pushed.body).to.equal(201)
        const url = { client_id: clientId, request_uri: String(pushed.json()['request_uri']) }
        const back = await new Browser(replicas).authorize(authorizationUrl(replicas.issuer, url), 'ada')
        const code = back.searchParams.get('code')!
        return { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
      },
    }
  }

  const variants = [
    ['a key, and a token that is bound by DPoP', 'payments'],
    ['a key, and a token that is bound to a certificate', 'payments-bound'],
    ['a certificate, and a token that is bound by DPoP', 'payments-certified'],
    ['a certificate, and a token that is bound to it', 'payments-certificate'],
  ] as const
  const example = (name: string) => examples.find(({ metadata }) => metadata.name === name)!

  it('can all be written', () => {
    for (const client of examples) expect(checkSpec(client), client.metadata.name).to.deep.equal([])
    expect(examples.map(({ metadata }) => metadata.name)).to.include.members(variants.map(([, name]) => name))
  })

  for (const [sentence, name] of variants) {
    it(`${sentence}: pushed request, sign-in, code, userinfo`, async () => {
      const program = programOf(example(name))
      const answer = await program.post('/token', await program.codeForm())
      expect(answer.status, answer.body).to.equal(200)
      const token = String(answer.json()['access_token'])
      const ofPerson = await program.userinfo(token, mine)
      expect([ofPerson.status, ofPerson.json()['email']], ofPerson.body).to.deep.equal([200, 'ada@example.com'])
      expect(answer.json()['token_type']).to.equal(program.isBoundToCertificate ? 'Bearer' : 'DPoP')
      // of use to nobody who has copied it
      const byAnother = await program.userinfo(token, other)
      expect(byAnother.status).to.equal(program.isBoundToCertificate ? 401 : 200)
      if (program.isBoundToCertificate) expect((await program.userinfo(token, undefined)).status).to.equal(401)
    })
  }

  it('a key without a certificate gets no token that would be bound to one', async () => {
    const program = programOf(example('payments-bound'))
    const answer = await program.post('/token', await program.codeForm(), 'none')
    expect([answer.status, answer.json()['error']], answer.body).to.deep.equal([400, 'invalid_grant'])
  })

  it('a machine pushes nothing, and its token names its certificate', async () => {
    const program = programOf(example('payments-machine'))
    const answer = await program.post('/token', { grant_type: 'client_credentials' })
    expect(answer.status, answer.body).to.equal(200)
    const asked = await program.post('/introspect', { token: String(answer.json()['access_token']) })
    expect(asked.json()['cnf']).to.deep.equal({ 'x5t#S256': createHash('sha256').update(mine.der).digest('base64url') })
    const without = await program.post('/token', { grant_type: 'client_credentials' }, 'none')
    expect(without.status).to.equal(400)
  })
})
