import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { expect } from 'chai'
import { Browser, authorizationUrl, pkce, send } from '@nauthera/harness/browser'
import { claimsOfJwt, headerOfJwt, introspect } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { textOf } from '../login/second-factor-flows.ts'
import { startDocumentHost } from './document-host.ts'
import type { DocumentHost } from './document-host.ts'

// Clients that nobody registered: their id is the address of a document about them (draft-ietf-oauth-client-id-metadata-document).

const tools = 'https://tools.example.com/mcp'

describe('clients by metadata document', () => {
  let replicas: ServerReplicas
  let host: DocumentHost
  let other: DocumentHost

  const api = (documents: { hosts: string[]; scopes: string[] }[]) =>
    entry(
      'team.tools',
      {
        ...configs.api,
        clientName: 'Tools',
        resourceServer: { identifier: tools, scopes: ['tools:use', 'tools:admin'] },
      },
      { documents },
    )
  const closed = entry('team.closed', {
    ...configs.api,
    resourceServer: { identifier: 'https://closed.example.com', scopes: ['x'] },
  })
  const open = () => [api([{ hosts: [host.host], scopes: ['tools:use'] }]), closed, entry('app.web', configs.web)]

  before(async () => {
    host = await startDocumentHost()
    other = await startDocumentHost()
    replicas = await startReplicas({
      count: 2,
      settings: { clientMetadataDocuments: { hosts: [host.host] }, signing: { algorithms: signingAlgorithms } },
    })
    await replicas.serve(open())
    await addPerson(replicas, 'ada')
  })
  after(async () => {
    await replicas?.stop()
    await Promise.all([host?.stop(), other?.stop()])
  })

  let names = 0
  /** Puts a document at a new address. @returns its client_id */
  function publish(about: object = {}, at: DocumentHost = host): string {
    const path = `/client-${++names}.json`
    const clientId = `${at.origin}${path}`
    at.at(path, {
      client_id: clientId,
      client_name: 'Research agent',
      redirect_uris: [`${at.origin}/callback`],
      ...about,
    })
    return clientId
  }
  const ask = (clientId: string, more: Record<string, string> = {}) => {
    const proof = pkce()
    const parameters = {
      client_id: clientId,
      response_type: 'code',
      redirect_uri: `${host.origin}/callback`,
      scope: 'tools:use',
      resource: tools,
      state: 'a-state',
      code_challenge: proof.challenge,
      code_challenge_method: 'S256',
      ...more,
    }
    for (const [name, value] of Object.entries(parameters))
      if (value === '') delete (parameters as Record<string, string>)[name]
    return { proof, url: authorizationUrl(replicas.issuer, parameters), redirectUri: parameters.redirect_uri }
  }
  const refusalOf = async (url: string) => {
    const page = await new Browser(replicas).follow(url)
    return { status: page.status, location: page.location, text: textOf(page.body) }
  }
  const signIn = async (
    clientId: string,
    more: Record<string, string> = {},
    form: Record<string, string> = {},
    browser = new Browser(replicas),
  ) => {
    const { proof, url, redirectUri } = ask(clientId, more)
    const back = await browser.authorize(url, 'ada')
    const code = back.searchParams.get('code')
    const answer = await send(replicas, {
      path: '/token',
      replica: 1,
      form: {
        grant_type: 'authorization_code',
        client_id: clientId,
        code: code ?? '',
        redirect_uri: redirectUri,
        code_verifier: proof.verifier,
        ...(form['resource'] === '' ? {} : { resource: tools }),
      },
    })
    return { back, answer }
  }

  it('discovery says that they are taken', async () => {
    const metadata = (await send(replicas, { path: '/.well-known/oauth-authorization-server' })).json()
    expect(metadata['client_id_metadata_document_supported']).to.equal(true)
  })

  it('a person signs in, sees the host, and the client gets a token for the API, on any replica', async () => {
    const clientId = publish()
    const browser = new Browser(replicas)
    const { url } = ask(clientId)
    const page = await browser.follow(url)
    expect(textOf(page.body)).to.contain(`Research agent (${host.host})`)
    const { back, answer } = await signIn(clientId)
    expect(`${back.origin}${back.pathname}`).to.equal(`${host.origin}/callback`)
    expect(back.searchParams.get('iss')).to.equal(replicas.issuer)
    const { access_token: token } = answer.json() as { access_token: string }
    expect(claimsOfJwt(token)).to.include({ client_id: clientId, aud: tools, scope: 'tools:use' })
    const about = (await introspect(replicas, token, { clientId: 'team.tools' })).json()
    expect(about).to.include({ active: true, client_id: clientId, scope: 'tools:use' })
  })

  it('userinfo and ID tokens are signed as the document says, and it can want pushed requests and bound tokens', async () => {
    const signed = publish({ userinfo_signed_response_alg: 'ES256', id_token_signed_response_alg: 'EdDSA' })
    const { answer } = await signIn(signed, { scope: 'openid', resource: '' }, { resource: '' })
    const { id_token: id, access_token: access } = answer.json() as Record<string, string>
    expect(headerOfJwt(id!)['alg']).to.equal('EdDSA')
    const me = await send(replicas, { path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
    expect(me.headers['content-type']).to.match(/^application\/jwt/)
    expect([headerOfJwt(me.body)['alg'], claimsOfJwt(me.body)['aud']]).to.deep.equal(['ES256', signed])

    const pushing = publish({ require_pushed_authorization_requests: true })
    const { location } = await new Browser(replicas).follow(ask(pushing).url)
    expect(new URL(location!).searchParams.get('error')).to.equal('invalid_request')
    const bound = publish({ dpop_bound_access_tokens: true })
    expect((await signIn(bound)).answer.json()['error']).to.equal('invalid_grant')
  })

  it('T51 the person is asked each time, with the host, and cannot let it be remembered', async () => {
    const clientId = publish()
    for (let turn = 0; turn < 2; turn++) {
      const page = await consentOf(clientId)
      expect(textOf(page.body)).to.contain(`It describes itself at ${host.host}`)
      expect(page.body).not.to.contain('consent-remember')
      expect((await signIn(clientId)).answer.status).to.equal(200)
    }
    const silent = await consentOf(clientId, { prompt: 'none' })
    expect(new URL(silent.location!).searchParams.get('error')).to.equal('consent_required')
  })

  /** The consent page, in a browser that is signed in. */
  async function consentOf(clientId: string, more: Record<string, string> = {}) {
    const browser = new Browser(replicas)
    await browser.authorize(
      authorizationUrl(replicas.issuer, {
        client_id: 'app.web',
        response_type: 'code',
        redirect_uri: 'https://app.example.com/callback',
        scope: 'openid',
        code_challenge: pkce().challenge,
        code_challenge_method: 'S256',
      }),
      'ada',
    )
    return browser.follow(ask(clientId, more).url)
  }

  it('RFC 8252 7.3 a program on the device may use any port of loopback; the page says where the answer goes', async () => {
    const clientId = publish({ redirect_uris: ['http://localhost/back', 'https://evil.example.com/callback'] })
    const page = await consentOf(clientId, { redirect_uri: 'http://localhost:33418/back' })
    expect(textOf(page.body)).to.contain('The answer goes to a program on this device')
    const { back, answer } = await signIn(clientId, {
      redirect_uri: 'http://localhost:33418/back',
      scope: 'tools:use offline_access',
    })
    expect(back.port).to.equal('33418')
    const { refresh_token: token } = answer.json() as { refresh_token: string }
    const next = await send(replicas, {
      path: '/token',
      form: { grant_type: 'refresh_token', refresh_token: token, client_id: clientId, resource: tools },
    })
    expect(next.json()).to.include({ scope: 'tools:use' })
  })

  it('T51 without offline_access a program on the device refreshes until the person signs out, and the page says so', async () => {
    const clientId = publish({ redirect_uris: ['http://localhost/back'] })
    const redirectUri = 'http://localhost:33418/back'
    expect((await consentOf(clientId, { redirect_uri: redirectUri })).body).to.contain('consent-in-session')
    const forgetful = { redirect_uri: redirectUri, scope: 'tools:use offline_access' }
    expect((await consentOf(clientId, forgetful)).body).not.to.contain('consent-in-session')

    const browser = new Browser(replicas)
    const [first, second] = [
      await signIn(clientId, { redirect_uri: redirectUri }, {}, browser),
      await signIn(clientId, { redirect_uri: redirectUri }, {}, browser),
    ].map(({ answer }) => (answer.json() as { refresh_token: string }).refresh_token)
    const renew = async (token: string) => {
      const form = { grant_type: 'refresh_token', refresh_token: token, client_id: clientId, resource: tools }
      return (await send(replicas, { path: '/token', form })).json() as { refresh_token: string; error?: string }
    }
    const next = await renew(first!)
    expect(next).to.include({ scope: 'tools:use' })
    const last = await renew(next.refresh_token)
    expect((await renew(first!)).error, 'a token that was used twice').to.equal('invalid_grant')
    expect((await renew(last.refresh_token)).error, 'the family of that token').to.equal('invalid_grant')

    const page = await browser.follow(`${replicas.issuer}/logout`)
    await browser.submit(page, '/logout/confirm', { logout: 'yes' })
    expect((await renew(second!)).error, 'after the sign-out').to.equal('invalid_grant')
  })

  describe('T51 3 a client_id that is refused before anything is fetched', () => {
    const cases: readonly [sentence: string, clientId: () => string, text: RegExp][] = [
      ['of a host that the settings do not list', () => publish({}, other), /are not taken by this server/],
      ['over http', () => `http://${host.host}/client.json`, /client is invalid|invalid_client/],
      ['without a path', () => `${host.origin}/`, /must have a path/],
      ['with a fragment', () => `${host.origin}/client.json#x`, /written as browsers do/],
      ['with a query', () => `${host.origin}/client.json?id=1`, /written as browsers do/],
      ['with a password alone', () => `https://:pw@${host.host}/client.json`, /written as browsers do/],
      ['with a user name', () => `https://a@${host.host}/client.json`, /written as browsers do/],
      ['with .. in its path', () => `${host.origin}/a/../client.json`, /written as browsers do/],
      ['with encoded dots', () => `${host.origin}/a/%2e%2e/client.json`, /written as browsers do/],
      ['with a backslash', () => `${host.origin}/a\\client.json`, /written as browsers do/],
      ['that is very long', () => `${host.origin}/${'a'.repeat(300)}`, /at most 256 characters/],
      [
        'with capitals in the host',
        () => `https://LOCALHOST:${host.host.split(':')[1]}/client.json`,
        /written as browsers do/,
      ],
    ]
    for (const [sentence, clientId, text] of cases) {
      it(sentence, async () => {
        const before = [host.asked.length, other.asked.length]
        const refusal = await refusalOf(ask(clientId()).url)
        expect([refusal.status, refusal.location]).to.deep.equal([400, undefined])
        expect(refusal.text).to.match(text)
        expect([host.asked.length, other.asked.length]).to.deep.equal(before)
      })
    }
  })

  describe('T51 4 a document that is refused, with a reason', () => {
    const cases: readonly [sentence: string, about: object, text: RegExp][] = [
      [
        'whose client_id is another address',
        { client_id: 'https://claude.example.com/client.json' },
        /not the address that it came from/,
      ],
      ['with a secret', { client_secret: 'x' }, /client_secret, which everybody could read/],
      ['with client_secret_basic', { token_endpoint_auth_method: 'client_secret_basic' }, /not none/],
      ['with private_key_jwt', { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } }, /not none/],
      [
        'that returns to another origin',
        { redirect_uris: ['https://evil.example.com/callback'] },
        /no redirect_uris at its own origin/,
      ],
      [
        'that returns to a scheme of its own',
        { redirect_uris: ['cursor://callback'] },
        /no redirect_uris at its own origin/,
      ],
      [
        'that returns to http elsewhere',
        { redirect_uris: ['http://agents.example.com/callback'] },
        /no redirect_uris at its own origin/,
      ],
      ['without redirect_uris', { redirect_uris: undefined }, /no redirect_uris at its own origin/],
      ['for another grant alone', { grant_types: ['client_credentials'] }, /lack authorization_code/],
      [
        'that wants encrypted userinfo',
        { userinfo_encrypted_response_alg: 'ECDH-ES' },
        /userinfo_encrypted_response_alg is not served/,
      ],
      ['larger than 5 KiB', { client_name: 'x'.repeat(6000) }, /larger than 5120 bytes/],
    ]
    for (const [sentence, about, text] of cases) {
      it(sentence, async () => {
        const clientId = publish(about)
        const refusal = await refusalOf(ask(clientId).url)
        expect([refusal.status, refusal.location]).to.deep.equal([400, undefined])
        expect(refusal.text).to.match(text)
      })
    }

    it('that leads elsewhere is not followed, one that is no JSON or missing is refused, and what failed is asked again only after a minute', async () => {
      host.at('/redirect.json', (_request, response) =>
        response.writeHead(302, { location: `${host.origin}/client-1.json` }).end(),
      )
      host.at('/text.json', (_request, response) => response.end('<html>'))
      for (const [path, text] of [
        ['/redirect.json', /status 302/],
        ['/text.json', /no JSON object/],
        ['/nothing.json', /status 404/],
      ] as const) {
        for (let turn = 0; turn < 3; turn++)
          expect((await refusalOf(ask(`${host.origin}${path}`).url)).text).to.match(text)
        expect(host.asked.filter((one) => one === path)).to.have.length(1)
      }
    })
  })

  describe('T51 a request of such a client', () => {
    const cases: readonly [sentence: string, more: Record<string, string>, error: string][] = [
      ['without PKCE', { code_challenge: '', code_challenge_method: '' }, 'invalid_request'],
      ['for an API that does not let it in', { resource: 'https://closed.example.com' }, 'invalid_target'],
      ['for a scope that the API does not give it', { scope: 'tools:admin' }, 'invalid_scope'],
      ['for what is about the person alone', { scope: 'email' }, 'invalid_scope'],
    ]
    for (const [sentence, more, error] of cases) {
      it(`${sentence} is refused`, async () => {
        const page = await new Browser(replicas).follow(ask(publish(), more).url)
        expect(new URL(page.location!).searchParams.get('error')).to.equal(error)
      })
    }

    it('without a scope is for what the API gives such clients: programs of MCP may send none', async () => {
      const { answer } = await signIn(publish(), { scope: '' })
      expect([answer.status, answer.json()['scope']], answer.body).to.deep.equal([200, 'tools:use'])
    })

    it('with a redirect URI that its document does not have ends on a page of ours', async () => {
      const refusal = await refusalOf(ask(publish(), { redirect_uri: `${host.origin}/elsewhere` }).url)
      expect([refusal.status, refusal.location]).to.deep.equal([400, undefined])
    })

    it('for client credentials, a device or an exchange is refused', async () => {
      const clientId = publish()
      for (const grant of [
        'client_credentials',
        'urn:ietf:params:oauth:grant-type:token-exchange',
        'urn:ietf:params:oauth:grant-type:device_code',
      ]) {
        const answer = await send(replicas, { path: '/token', form: { grant_type: grant, client_id: clientId } })
        expect(answer.status, grant).to.equal(400)
      }
    })
  })

  it('T51 what the API takes back is in no new token, and an issued one is inactive at once', async () => {
    const clientId = publish()
    const { answer } = await signIn(clientId)
    const { access_token: token } = answer.json() as { access_token: string }
    await replicas.serve([api([]), closed, entry('app.web', configs.web)])
    expect((await introspect(replicas, token, { clientId: 'team.tools' })).json()).to.deep.equal({ active: false })
    expect((await refusalOf(ask(clientId).url)).text).to.contain('no API lets clients of')
    await replicas.serve(open())
    expect((await introspect(replicas, token, { clientId: 'team.tools' })).json()).to.include({ active: true })
  })

  it('T51 a name cannot pretend to be another host, and shows no hidden characters', async () => {
    const clientId = publish({ client_name: 'Bank (bank.example.com)\u202e\u0000' })
    const page = await consentOf(clientId)
    expect(textOf(page.body)).to.contain(`Bank bank.example.com (${host.host})`)
  })
})
