import { expect } from 'chai'
import { Secret } from '@nauthera/runtime/secret'
import { parseHubKubeconfig, readTokenFacts } from '../../src/spoke/hub-kubeconfig.ts'

const kubeconfig = (cluster: object = {}, user: object = { token: 'canary' }) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'hub', cluster: { server: 'https://hub.example.com:6443', ...cluster } }],
  users: [{ name: 'spoke', user }],
  contexts: [{ name: 'hub', context: { cluster: 'hub', user: 'spoke' } }],
  'current-context': 'hub',
})
const parse = (value: object) => parseHubKubeconfig(JSON.stringify(value))
const faultsOf = (value: object): string => {
  const parsed = parse(value)
  return parsed.kind === 'invalid' ? JSON.stringify(parsed.faults) : ''
}

describe('parseHubKubeconfig', () => {
  it('takes an address, a CA and a token', () => {
    const parsed = parse(kubeconfig({ 'certificate-authority-data': Buffer.from('ca').toString('base64') }))
    if (parsed.kind === 'invalid') throw new Error(JSON.stringify(parsed.faults))
    const { server, ca, token } = parsed.kubeconfig
    expect([server.host, ca?.toString(), token.reveal()]).to.deep.equal(['hub.example.com:6443', 'ca', 'canary'])
  })

  const refused: readonly [what: string, kubeconfig: object][] = [
    ['a program', kubeconfig({}, { exec: { command: 'sh' } })],
    ['a program beside a token', kubeconfig({}, { token: 'canary', exec: { command: 'sh' } })],
    ['a file with a token', kubeconfig({}, { tokenFile: '/var/run/secrets/token' })],
    ['a client certificate', kubeconfig({}, { token: 'canary', 'client-certificate': '/etc/cert' })],
    ['a file with the CA', kubeconfig({ 'certificate-authority': '/etc/ca' })],
    ['an API server that nobody verifies', kubeconfig({ 'insecure-skip-tls-verify': true })],
    ['a proxy', kubeconfig({ 'proxy-url': 'http://proxy' })],
    ['plain http', kubeconfig({ server: 'http://hub.example.com' })],
    ['a context that is not there', { ...kubeconfig(), 'current-context': 'other' }],
    ['no users', { ...kubeconfig(), users: [] }],
  ]
  for (const [what, value] of refused)
    it(`refuses ${what}, and quotes no value`, () => {
      expect(faultsOf(value)).not.to.equal('')
      expect(faultsOf(value)).not.to.contain('canary')
    })

  it('refuses text that is no YAML', () => {
    expect(parseHubKubeconfig('{').kind).to.equal('invalid')
  })

  it('keeps everything but the token when that is renewed', () => {
    const parsed = parse(kubeconfig())
    if (parsed.kind === 'invalid') throw new Error('invalid')
    const again = parseHubKubeconfig(parsed.kubeconfig.withToken(new Secret('next')))
    if (again.kind === 'invalid') throw new Error('invalid')
    expect(again.kubeconfig.token.reveal()).to.equal('next')
    expect(again.kubeconfig.server.href).to.equal(parsed.kubeconfig.server.href)
  })
})

describe('readTokenFacts', () => {
  const token = (claims: object) =>
    new Secret(`e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.signature`)

  it('reads whose token it is and how long it lives', () => {
    const sub = 'system:serviceaccount:nauthera-cluster-edge:nauthera-spoke'
    expect(readTokenFacts(token({ iat: 100, exp: 700, sub }))).to.deep.equal({
      issuedAt: 100_000,
      expiresAt: 700_000,
      namespace: 'nauthera-cluster-edge',
      serviceAccount: 'nauthera-spoke',
    })
  })

  it('knows of no renewal for a token without an end, of a person, or of no form', () => {
    expect(readTokenFacts(token({ sub: 'system:serviceaccount:a:b' }))).to.equal(undefined)
    expect(readTokenFacts(token({ iat: 1, exp: 2, sub: 'jane' }))).to.equal(undefined)
    expect(readTokenFacts(new Secret('opaque'))).to.equal(undefined)
  })
})
