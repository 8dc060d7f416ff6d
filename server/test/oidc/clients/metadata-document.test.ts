import { expect } from 'chai'
import { clientOfDocument, coversHost, freshFor, readDocument } from '../../../src/oidc/clients/metadata-document.ts'

describe(freshFor.name, () => {
  const now = new Date('2026-01-01T00:00:00Z')
  const cases: readonly [headers: Record<string, string>, seconds: number][] = [
    [{}, 300],
    [{ 'cache-control': 'max-age=10' }, 300],
    [{ 'cache-control': 'public, max-age=3600' }, 3600],
    [{ 'cache-control': 'max-age=3600', age: '3000' }, 600],
    [{ 'cache-control': 'max-age=99999999' }, 86_400],
    [{ 'cache-control': 'no-store, max-age=3600' }, 300],
    [{ expires: 'Thu, 01 Jan 2026 01:00:00 GMT' }, 3600],
    [{ expires: 'Thu, 01 Jan 2026 01:00:00 GMT', 'cache-control': 'max-age=900' }, 900],
    [{ expires: 'never', 'cache-control': 'max-age=many' }, 300],
  ]
  for (const [headers, seconds] of cases)
    it(`4.3 ${JSON.stringify(headers)} counts for ${seconds} s`, () =>
      expect(freshFor(new Headers(headers), now)).to.equal(seconds))
})

describe(coversHost.name, () => {
  it('T51 covers a host, or all below a domain, and nothing that only looks like it', () => {
    const covered = ['a.example.com', 'x.agents.example.com'].map((host) =>
      coversHost(['a.example.com', '.agents.example.com'], host),
    )
    const not = ['b.a.example.com', 'agents.example.com', 'evilagents.example.com', 'a.example.com:8443'].map((host) =>
      coversHost(['a.example.com', '.agents.example.com'], host),
    )
    expect([covered, not]).to.deep.equal([
      [true, true],
      [false, false, false, false],
    ])
  })
})

describe(readDocument.name, () => {
  const id = 'https://agents.example.com/client.json'
  const read = (about: object) => readDocument(JSON.stringify({ client_id: id, ...about }), id, ['ES256', 'RS256'])

  it('keeps the redirects at its own origin and at loopback, and its own page', () => {
    const found = read({
      client_name: 'Agent',
      client_uri: 'https://agents.example.com/',
      redirect_uris: ['https://agents.example.com/cb', 'http://127.0.0.1/cb', 'https://evil.example.com/cb', 7],
    })
    expect(found).to.deep.include({
      document: {
        clientId: id,
        name: 'Agent (agents.example.com)',
        clientUri: 'https://agents.example.com/',
        redirectUris: ['https://agents.example.com/cb', 'http://127.0.0.1/cb'],
        refreshes: true,
        wishes: none,
      },
    })
  })

  it('takes twenty redirects and no more', () => {
    const withRedirects = (count: number) =>
      read({ redirect_uris: Array.from({ length: count }, (_, number) => `https://agents.example.com/${number}`) })
    expect(withRedirects(20).kind).to.equal('read')
    expect(withRedirects(21)).to.deep.equal({ kind: 'refused', why: 'it has more than 20 redirect_uris' })
  })

  const none = {
    idTokenSignedResponseAlg: '',
    userinfoSignedResponseAlg: '',
    dpopBoundAccessTokens: false,
    requirePushedAuthorizationRequests: false,
    requireAuthTime: false,
  }
  const redirect_uris = ['https://agents.example.com/cb']
  const wished: readonly [about: object, wishes: object][] = [
    [{ userinfo_signed_response_alg: 'ES256' }, { userinfoSignedResponseAlg: 'ES256' }],
    [{ id_token_signed_response_alg: 'RS256' }, { idTokenSignedResponseAlg: 'RS256' }],
    [{ dpop_bound_access_tokens: true }, { dpopBoundAccessTokens: true }],
    [{ require_pushed_authorization_requests: true }, { requirePushedAuthorizationRequests: true }],
    [
      { require_auth_time: true, default_max_age: 0 },
      { requireAuthTime: true, defaultMaxAge: 0 },
    ],
    [{ subject_type: 'public', tls_client_certificate_bound_access_tokens: false }, {}],
  ]
  for (const [about, wishes] of wished)
    it(`keeps ${Object.keys(about).join(' and ')}`, () =>
      expect(read({ redirect_uris, ...about })).to.have.deep.nested.property('document.wishes', { ...none, ...wishes }))

  for (const [grant_types, refreshes] of [
    [undefined, true],
    [['authorization_code', 'refresh_token'], true],
    [['authorization_code'], false],
  ] as const)
    it(`with grant_types ${JSON.stringify(grant_types)} the client gets ${refreshes ? 'a' : 'no'} refresh token`, () => {
      const found = read({ redirect_uris, grant_types })
      if (found.kind !== 'read') throw new Error(found.why)
      const { config } = clientOfDocument(found.document, [])
      expect([config.grantTypes.includes('refresh_token'), config.scopes.includes('offline_access')]).to.deep.equal([
        refreshes,
        refreshes,
      ])
    })

  const refused: readonly [about: object, why: string][] = [
    [
      { userinfo_encrypted_response_alg: 'ECDH-ES' },
      'its userinfo_encrypted_response_alg is not served to such clients',
    ],
    [
      { id_token_encrypted_response_alg: 'RSA-OAEP' },
      'its id_token_encrypted_response_alg is not served to such clients',
    ],
    [{ subject_type: 'pairwise' }, 'its subject_type is not served to such clients'],
    [{ require_signed_request_object: true }, 'its require_signed_request_object is not served to such clients'],
    [
      { tls_client_certificate_bound_access_tokens: 'true' },
      'its tls_client_certificate_bound_access_tokens is not served to such clients',
    ],
    [
      { userinfo_signed_response_alg: 'HS256' },
      "its userinfo_signed_response_alg is not among this server's algorithms (ES256, RS256)",
    ],
    [
      { id_token_signed_response_alg: ['ES256'] },
      "its id_token_signed_response_alg is not among this server's algorithms (ES256, RS256)",
    ],
    [{ dpop_bound_access_tokens: 'yes' }, 'its dpop_bound_access_tokens is neither true nor false'],
    [{ default_max_age: -1 }, 'its default_max_age is no number of seconds from 0 to 31536000'],
    [{ default_max_age: '60' }, 'its default_max_age is no number of seconds from 0 to 31536000'],
  ]
  for (const [about, why] of refused)
    it(`refuses ${JSON.stringify(about)}`, () =>
      expect(read({ redirect_uris, ...about })).to.deep.equal({ kind: 'refused', why }))

  it('T51 has no page that only looks like one of its origin', () => {
    for (const client_uri of [
      'blob:https://agents.example.com/x',
      'https://bank.example.com@agents.example.com/',
      'javascript:alert(1)',
      'http://agents.example.com/',
    ])
      expect(read({ client_uri, redirect_uris })).to.have.nested.include({ 'document.clientUri': undefined })
    const client_uri = 'https://agents.example.com/about'
    expect(read({ client_uri, redirect_uris })).to.have.nested.include({ 'document.clientUri': client_uri })
  })

  it('has the host for a name that is missing or shows nothing, and no page of another origin', () => {
    const redirect_uris = ['https://agents.example.com/cb']
    for (const client_name of [undefined, 7, ' \u200b\u202e '])
      expect(read({ client_name, client_uri: 'https://bank.example.com/', redirect_uris })).to.have.nested.include({
        'document.name': 'agents.example.com',
        'document.clientUri': undefined,
      })
  })
})
