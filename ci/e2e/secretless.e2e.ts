import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { issuersSecretName } from '@nauthera/proto/names'
import type { Json } from '@nauthera/stand-in/kube-client'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import { clusterState, restartApiServer } from './support/api-server.ts'
import { whenClientReady } from './support/clients.ts'
import { applyObjects, get, kubectl, root, until, whenObject } from './support/kubernetes.ts'
import { agentLines, canKill, isReady, restrictedContainer, restrictedPod } from './support/pods.ts'
import { useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { refusedTokens } from './support/refused-tokens.ts'
import { authority, e2eImage } from './support/release.ts'
import { record } from './support/report.ts'
import { showToken } from './support/show-token.ts'

/** What curl does in the example, again and again, and a line with what came of it. There is no curl in the images of the run. */
const caller = `
const { readFileSync } = require('node:fs')
const count = { good: 0, bad: [] }
const ask = async () => {
  const client_assertion = readFileSync('/var/run/secrets/nauthera/token', 'utf8')
  const client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_assertion_type, client_assertion })
  const answer = await fetch(process.env.ISSUER + '/token', { method: 'POST', body })
  const { access_token, error } = await answer.json()
  if (access_token) count.good++
  else count.bad.push(error)
}
const turn = () => ask().catch((error) => count.bad.push(String(error.cause ?? error))).finally(() => {
  console.log(JSON.stringify(count))
  setTimeout(turn, 200)
})
turn()`

interface Count {
  readonly good: number
  readonly bad: readonly string[]
}

describe('a client without a secret, on a real kubelet', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  let template: Json
  before(async () => {
    product = await useProduct()
    const data = { 'ca.crt': (await authority).cert }
    await applyObjects([
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'issuer-ca', namespace: product.team }, data },
    ])
  })

  /** The objects of the example, for this issuer and this namespace. */
  const example = () => {
    const { issuer } = product.release
    const text = readFileSync(join(root, 'examples/clients/secretless.yaml'), 'utf8')
    return parseAllDocuments(text.replaceAll('https://login.example.com', issuer)).map((document) => {
      const object = document.toJS() as Json
      return { ...object, metadata: { ...object.metadata, namespace: product.team } } as Json
    })
  }
  /** The pod of the example, with another image than curl's. */
  const runCaller = async (name: string): Promise<void> => {
    const [container] = template.containers
    const env = [...container.env, { name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' }]
    const ca = { name: 'ca', configMap: { name: 'issuer-ca' } }
    const mounts = [...container.volumeMounts, { name: 'ca', mountPath: '/ca' }]
    const spec = {
      ...restrictedPod,
      ...template,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          ...restrictedContainer,
          name: 'caller',
          image: e2eImage('driver:1'),
          env,
          args: ['-e', caller],
          volumeMounts: mounts,
        },
      ],
      volumes: [...template.volumes, ca],
    }
    await applyObjects([{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: product.team }, spec }])
    await whenObject(`/api/v1/namespaces/${product.team}/pods`, name, isReady, 60_000)
  }
  const countOf = async (name: string): Promise<Count> => {
    const last = (await kubectl('-n', product.team, 'logs', name, '--tail=1')).trim()
    return last === '' ? { good: 0, bad: [] } : (JSON.parse(last) as Count)
  }
  const untilGood = (name: string, more: number, from = 0) =>
    until(`${more} tokens of ${name}`, async () => (await countOf(name)).good >= from + more, 30_000)

  it('T32 its pod gets a token with what the kubelet mounted, and there is no secret anywhere', async () => {
    const [account, client, job] = example()
    await applyObjects([account, client])
    await whenClientReady(product.team, 'report-writer')
    template = job.spec.template.spec
    await runCaller('caller')
    await untilGood('caller', 3)
    expect((await countOf('caller')).bad).to.deep.equal([])
    const { data } = await get(`/api/v1/namespaces/${product.team}/secrets/report-writer-oidc`)
    expect(Object.keys(data)).to.include('token_endpoint').and.not.include('client_secret')
    const pod = await get(`/api/v1/namespaces/${product.team}/pods/caller`)
    expect(JSON.stringify(pod.spec)).not.to.match(/"secret(Name|KeyRef|Ref)?":/)
  })

  it('T30 a token that the API server made for something else is refused', async () => {
    const { release, team } = product
    const client = `${team}.report-writer`
    const stranger = { apiVersion: 'v1', kind: 'ServiceAccount' }
    await applyObjects([{ ...stranger, metadata: { name: 'report-writer', namespace: release.namespace } }])
    const make = async (audience: string, { namespace = team, pod = '' } = {}) => {
      const bound = pod === '' ? [] : ['--bound-object-kind', 'Pod', '--bound-object-name', pod]
      return kubectl('-n', namespace, 'create', 'token', 'report-writer', '--audience', audience, ...bound)
    }
    const answerTo = async (token: string): Promise<unknown> => {
      const target = ['-n', team, 'exec', 'caller', '--', '/usr/local/bin/node', '-e', showToken]
      return JSON.parse(await kubectl(...target, client, token.trim()))
    }
    expect(await answerTo(await make(release.issuer, { pod: 'caller' }))).to.deep.equal([200, null])
    const refused = {
      unbound: await make(release.issuer),
      'wrong-audience': await make('https://other.example.com', { pod: 'caller' }),
      'wrong-subject': await make(release.issuer, { namespace: release.namespace }),
    }
    await kubectl('-n', release.namespace, 'delete', 'serviceaccount', 'report-writer')
    for (const [reason, token] of Object.entries(refused))
      expect(await answerTo(token), reason).to.deep.equal([401, 'invalid_client'])
    // their rows come within a minute: audit.e2e.ts looks at them
    for (const reason of Object.keys(refused)) refusedTokens.push(reason)
  })

  it('T32 an exchange of the key of the cluster under load fails no request', async function () {
    if (!canKill) this.skip()
    const [key, open] = [join(clusterState, 'pki/sa-2.key'), join(clusterState, 'pki/sa-2.pub')]
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(key, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(open, pair.publicKey.export({ type: 'spki', format: 'pem' }))
    const before = await countOf('caller')

    await restartApiServer({ 'service-account-key-file': open })
    const since = new Date()
    await until('both keys are told', async () => (await toldKeys()) === 2, 90_000)
    await until(
      'every server has both',
      async () => {
        const pods = await product.release.pods('server')
        const lines = await agentLines(pods, since)
        return lines.filter((line) => line.includes('platform keys live')).length >= pods.length
      },
      90_000,
    )
    await restartApiServer({ 'service-account-signing-key-file': key })
    await runCaller('young')
    await untilGood('young', 5)

    const [old, young] = [await countOf('caller'), await countOf('young')]
    record({
      name: 'secretless.failed-requests',
      value: old.bad.length + young.bad.length,
      unit: 'requests',
      target: 0,
    })
    record({ name: 'secretless.requests', value: old.good + young.good, unit: 'requests', target: null })
    expect([...old.bad, ...young.bad]).to.deep.equal([])
    expect(old.good).to.be.greaterThan(before.good)
    expect(await kidOf('young')).not.to.equal(await kidOf('caller'))
  })

  const toldKeys = async (): Promise<number> => {
    const { release } = product
    const secret = await get(`/api/v1/namespaces/${release.namespace}/secrets/${issuersSecretName(release.name)}`)
    return (JSON.parse(Buffer.from(secret.data['issuers.json'], 'base64').toString()) as { keys: object[] }).keys.length
  }
  const kidOf = async (pod: string): Promise<unknown> => {
    const print = `console.log(require('node:fs').readFileSync('/var/run/secrets/nauthera/token', 'utf8').split('.')[0])`
    const header = await kubectl('-n', product.team, 'exec', pod, '--', '/usr/local/bin/node', '-e', print)
    return (JSON.parse(Buffer.from(header.trim(), 'base64url').toString()) as { kid: unknown }).kid
  }
})
