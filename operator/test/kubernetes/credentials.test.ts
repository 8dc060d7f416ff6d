import { expect } from 'chai'
import { hasCode } from '@nauthera/runtime/coded-error'
import { loadCredentials } from '../../src/kubernetes/credentials.ts'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'

const kubeconfig = (user: string, cluster = 'server: https://10.0.0.1:6443/') => `
apiVersion: v1
kind: Config
current-context: main
contexts: [{name: main, context: {cluster: one, user: me}}]
clusters: [{name: one, cluster: {${cluster}}}]
users: [{name: me, user: {${user}}}]
`
const load = (text: string) => loadCredentials({ KUBECONFIG: writeKubeconfig(text) }, createManualClock())

describe('loadCredentials', () => {
  it('reads server, CA and token of the current context', async () => {
    const ca = Buffer.from('ca').toString('base64')
    const credentials = load(
      kubeconfig('token: secret', `server: https://10.0.0.1:6443/, certificate-authority-data: ${ca}`),
    )
    expect(credentials.server.href).to.equal('https://10.0.0.1:6443/')
    const { headers, tls } = await credentials.current()
    expect(headers).to.deep.equal({ authorization: 'Bearer secret' })
    expect(String(tls.ca)).to.equal('ca')
    expect(tls).not.to.have.property('rejectUnauthorized')
  })

  it('reads client certificates, and passwords', async () => {
    const pem = Buffer.from('pem').toString('base64')
    const { tls } = await load(kubeconfig(`client-certificate-data: ${pem}, client-key-data: ${pem}`)).current()
    expect([tls.cert, tls.key].map((value) => (value as Buffer).toString())).to.deep.equal(['pem', 'pem'])
    const { headers } = await load(kubeconfig('username: me, password: pass')).current()
    expect(headers['authorization']).to.equal(`Basic ${Buffer.from('me:pass').toString('base64')}`)
  })

  it('runs the program that gives a token', async () => {
    const answer = JSON.stringify({ kind: 'ExecCredential', status: { token: 'fresh' } }).replaceAll('"', '\\"')
    const exec = `exec: {command: ${process.execPath}, args: [-e, "console.log('${answer}')"], apiVersion: client.authentication.k8s.io/v1}`
    const { headers } = await load(kubeconfig(exec)).current()
    expect(headers).to.deep.equal({ authorization: 'Bearer fresh' })
  })

  for (const [what, environment] of [
    ['nothing says where the API is', {}],
    ['the file is not there', { KUBECONFIG: '/does/not/exist' }],
    ['the file is no kubeconfig', { KUBECONFIG: writeKubeconfig('hello: world') }],
    [
      'the context is unknown',
      { KUBECONFIG: writeKubeconfig(kubeconfig('token: x').replace('name: main,', 'name: other,')) },
    ],
  ] as const) {
    it(`says KUBERNETES_CONFIG_INVALID when ${what}`, () => {
      expect(() => loadCredentials(environment, createManualClock()))
        .to.throw()
        .that.satisfies((error: unknown) => hasCode(error, 'KUBERNETES_CONFIG_INVALID'))
    })
  }
})
