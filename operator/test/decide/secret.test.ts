import { annotations, labels } from '@nauthera/proto/names'
import { expect } from 'chai'
import { renderSecret } from '../../src/decide/secret/secret.ts'
import { client } from './clients.ts'
import { canonical, dataOf, marks, plain, render, rendered } from './rendered-secrets.ts'

describe('renderSecret', () => {
  it('has every canonical key', () => {
    expect(dataOf(rendered())).to.deep.equal(canonical)
  })

  it('leaves only client_secret out for a client without one, so that charts need no branch', () => {
    const { client_secret: _absent, ...rest } = canonical
    expect(dataOf(rendered({}, { plain: undefined }))).to.deep.equal(rest)
  })

  it('is named after the client, or as the client says', () => {
    expect(rendered().name).to.equal('app-oidc')
    expect(rendered({ name: 'mine' }).name).to.equal('mine')
  })

  it('renames keys', () => {
    const data = dataOf(rendered({ keys: { client_id: 'CLIENT_ID', client_secret: 'CLIENT_SECRET' } }))
    expect(data).to.include({ CLIENT_ID: 'demo.app', CLIENT_SECRET: plain.reveal() })
    expect(data).to.not.have.any.keys('client_id', 'client_secret')
  })

  it('K2 marks what it writes as its own, whatever labels and annotations the client wants', () => {
    const {
      labels: has,
      annotations: marked,
      ownerReferences,
    } = rendered({ labels: { team: 'a', [labels.client]: 'other' }, annotations: { a: 'b' } })
    expect(has).to.include({ team: 'a', [labels.client]: 'app', [labels.managedBy]: 'nauthera-operator' })
    expect(marked).to.include({ a: 'b', [annotations.secretId]: marks.secretId })
    expect(ownerReferences).to.deep.equal([
      {
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        name: 'app',
        uid: 'uid-of-demo-app',
        controller: true,
        blockOwnerDeletion: false,
      },
    ])
  })

  it('has no owner with Retain, so that it outlives the client', () => {
    const secret = rendered({ deletionPolicy: 'Retain' })
    expect(secret.ownerReferences).to.deep.equal([])
    expect(secret.annotations[annotations.clientUid]).to.equal('uid-of-demo-app')
  })

  it('K4 prints no secret, however it is printed', () => {
    const secret = rendered({ presets: ['Env'], data: { file: '{{ .clientSecret | b64 }}' } })
    for (const text of [JSON.stringify(secret), String(secret.data['client_secret'])]) {
      expect(text).to.not.include(plain.reveal())
      expect(text).to.not.include(Buffer.from(plain.reveal()).toString('base64'))
    }
  })

  it('K15 names each template that does not render, and renders nothing then', () => {
    const result = render({ data: { a: '{{ .password }}', b: '{{ .clientId', c: 'fine {{ .clientId }}' } })
    expect(result.kind === 'invalid' && result.faults.map(({ path }) => path)).to.deep.equal([
      'spec.secret.data.a',
      'spec.secret.data.b',
    ])
  })

  it('a template of the name of a canonical key wins', () => {
    expect(dataOf(rendered({ data: { scopes: 'openid' } }))).to.include({ scopes: 'openid' })
  })

  for (const [what, secret, path] of [
    [
      'a template in the place of',
      { data: { client_secret: 'x{{ .clientSecret }}' } },
      'spec.secret.data.client_secret',
    ],
    [
      'a template in the place of the renamed',
      { keys: { client_secret: 'password' }, data: { password: '{{ .clientId }}' } },
      'spec.secret.data.password',
    ],
    ['another key renamed to that of', { keys: { issuer: 'client_secret' } }, 'spec.secret.keys'],
  ] as const) {
    it(`refuses ${what} the client secret: what is read back must be what was written`, () => {
      const result = render(secret)
      expect(result.kind === 'invalid' && result.faults.map((fault) => fault.path)).to.deep.equal([path])
    })
  }

  it('takes a template that gives the client secret as it is', () => {
    const own = { keys: { issuer: 'url' }, data: { client_secret: '{{ .clientSecret }}' } }
    expect(dataOf(rendered(own))).to.include({ client_secret: plain.reveal() })
  })

  it('has room for 512 KiB of keys and values, and not for one more', () => {
    const filled = (bytes: number) => ({
      data: Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`k${at}`, 'x'.repeat(at === 8 ? bytes : 60_000)])),
    })
    const sizeOf = (data: Record<string, string>) =>
      Object.entries(data).reduce((sum, [key, value]) => sum + key.length + Buffer.byteLength(value), 0)
    const room = 512 * 1024 - sizeOf(dataOf(rendered(filled(0))))
    expect(render(filled(room)).kind).to.equal('rendered')
    expect(render(filled(room + 1))).to.deep.include({ kind: 'invalid' })
  })

  it('serves an issuer with a path', () => {
    const result = renderSecret({
      client: client(),
      clientId: 'a',
      issuer: 'https://example.com/login',
      plain: undefined,
      marks: undefined,
    })
    expect(result.kind === 'rendered' && dataOf(result.secret)['token_endpoint']).to.equal(
      'https://example.com/login/token',
    )
  })
})
