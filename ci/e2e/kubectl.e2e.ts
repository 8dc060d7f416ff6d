import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@nauthera/stand-in/kube-client'
import { password } from '@nauthera/harness/browser'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { findChromium } from '@nauthera/local/programs/chromium'
import { expect } from 'chai'
import { parse, stringify } from 'yaml'
import { clusterState, restartApiServer } from './support/api-server.ts'
import { openClusterBrowser } from './support/browser.ts'
import type { ClusterBrowser } from './support/browser.ts'
import { applyClients } from './support/clients.ts'
import { screenshots } from './support/failure.ts'
import { applyObjects, get, kubectl, tryKubectl, until, whenObject } from './support/kubernetes.ts'
import { canKill, isReady, restrictedContainer, restrictedPod } from './support/pods.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { Product } from './support/product.ts'
import { authority, e2eImage } from './support/release.ts'

/** What curl does in examples/clients/device.yaml, and then a new ID token every second. There is no curl in the images of the run. */
const device = `
const { ISSUER, CLIENT } = process.env
const post = async (path, form) => {
  const answer = await fetch(ISSUER + path, { method: 'POST', body: new URLSearchParams({ client_id: CLIENT, ...form }) })
  return answer.json()
}
const say = (value) => console.log(JSON.stringify(value))
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000))
const run = async () => {
  const asked = await post('/device/auth', { scope: 'openid email groups offline_access' })
  say(asked)
  const grant_type = 'urn:ietf:params:oauth:grant-type:device_code'
  let tokens = await post('/token', { grant_type, device_code: asked.device_code })
  const first = tokens.error
  for (let wait = asked.interval ?? 5; tokens.error; tokens = await post('/token', { grant_type, device_code: asked.device_code })) {
    if (tokens.error === 'slow_down') wait += 5
    else if (tokens.error !== 'authorization_pending') return say(tokens)
    await pause(wait)
  }
  for (;;) {
    say({ first, ...tokens })
    await pause(1)
    tokens = await post('/token', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  }
}
run().catch((error) => say({ error: String(error.cause ?? error) }))`

const kim = 'kim'

describe('kubectl for people, on a real cluster', function () {
  this.timeout(240_000)
  let product: Product
  let window: ClusterBrowser
  let kubeconfig: Json

  before(async function () {
    if (findChromium() === undefined || !canKill) {
      process.stderr.write('no Chromium in the PATH, or a cluster of somebody else: kubectl for people is not tested\n')
      this.skip()
    }
    product = await useProduct()
    const driver = await useDriver()
    await Promise.all([
      product.release.addPerson(kim, { groups: ['developers', 'platform'] }),
      applyClients(product.team, {
        kubernetes: {
          type: 'Native',
          displayName: 'Kubernetes',
          redirectURIs: ['http://localhost', 'http://localhost/'],
          scopes: ['openid', 'email', 'groups', 'offline_access'],
          secret: { presets: ['KubeAPIServer'] },
        },
      }),
    ])
    await applyObjects(rights(product.team))
    window = await openClusterBrowser(product.team, driver)
    kubeconfig = JSON.parse(await kubectl('config', 'view', '--raw', '--flatten', '-o', 'json')) as Json
  })
  after(() => window?.close())

  const lines = async (): Promise<Json[]> =>
    (await kubectl('-n', product.team, 'logs', 'device'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Json)
  /** The newest ID token of the pod. */
  async function idToken(): Promise<string> {
    let found: string | undefined
    await until('an ID token of the pod', async () => {
      const last = (await lines()).findLast(({ id_token: token }) => typeof token === 'string')
      found = last?.['id_token'] as string | undefined
      return found !== undefined
    })
    return found!
  }
  /** kubectl with nothing but an ID token. */
  async function asPerson(token: string, ...args: string[]) {
    const file = join(clusterState, 'person.kubeconfig')
    const users = kubeconfig.users.map(({ name }: Json) => ({ name, user: { token } }))
    writeFileSync(file, JSON.stringify({ ...kubeconfig, users }), { mode: 0o600 })
    return tryKubectl('--kubeconfig', file, ...args)
  }
  const whoami = async (token: string): Promise<Json> => {
    const { stdout, stderr, code } = await asPerson(token, 'auth', 'whoami', '-o', 'json')
    if (code !== 0) throw new Error(stderr)
    return JSON.parse(stdout).status.userInfo as Json
  }
  const isLetIn = async (token: string) => (await asPerson(token, 'auth', 'whoami')).code === 0
  it('a program without a browser signs a person in by a code that they type elsewhere', async () => {
    await applyObjects([devicePod(product)])
    await whenObject(`/api/v1/namespaces/${product.team}/pods`, 'device', isReady, 30_000)
    await until('the code of the pod', async () => (await lines()).length > 0)
    const [asked] = await lines()
    expect(asked!['user_code']).to.match(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/)
    const { page } = await window.newPage()
    await page.goto(String(asked!['verification_uri']))
    await page.locator('#user-code').fill(String(asked!['user_code']))
    await page.locator('#device-code').click()
    await page.screenshot({ path: join(screenshots, 'device.png') })
    await page.locator('#device-allow').click()
    await page.locator('#username').fill(kim)
    await page.locator('#password').fill(password)
    await page.locator('#sign-in').click()
    await page.locator('#consent-allow').click()
    const claims = claimsOfJwt(await idToken())
    expect(claims).to.deep.include({ email: `${kim}@example.com`, groups: ['developers', 'platform'] })
    expect((await lines())[1]!['first']).to.equal('authorization_pending')
  })

  it('the API server takes the ID token: whoami shows name and groups, and rights follow from a group', async () => {
    const { data } = await get(`/api/v1/namespaces/${product.team}/secrets/kubernetes-oidc`)
    const configuration = parse(Buffer.from(data['authentication-config.yaml'], 'base64').toString()) as Json
    for (const { issuer } of configuration.jwt) issuer.certificateAuthority = (await authority).cert
    const file = join(clusterState, 'conf/authentication.yaml')
    writeFileSync(file, stringify(configuration))
    resolveServices()
    await restartApiServer({ 'authentication-config': file })
    await until('the API server knows the keys of the issuer', async () => isLetIn(await idToken()), 60_000)
    const token = await idToken()
    const { username, groups } = await whoami(token)
    expect(username).to.equal(`oidc:${kim}@example.com`)
    expect(groups).to.include.members(['oidc:developers', 'oidc:platform', 'system:authenticated'])
    expect((await asPerson(token, '-n', product.team, 'get', 'configmaps')).code).to.equal(0)
    expect((await asPerson(token, '-n', product.team, 'get', 'secrets')).stderr).to.include('Forbidden')
    const [head, body, signature] = token.split('.')
    const claims = { ...claimsOfJwt(token), groups: ['system:masters'] }
    const forged = [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
    expect(body).to.not.equal(forged.split('.')[1])
    expect(await isLetIn(forged)).to.equal(false)
  })

  /** The node asks the cluster's DNS, but with whole names only. */
  const resolveServices = () => {
    const file = join(clusterState, 'conf/resolv.conf')
    if (!readFileSync(file, 'utf8').includes('search')) appendFileSync(file, 'search cluster.local\noptions ndots:5\n')
  }
})

/** Who is in the group `platform` may read ConfigMaps here. */
const rights = (namespace: string): object[] => {
  const metadata = { name: 'platform', namespace }
  const [apiGroup, apiVersion] = ['rbac.authorization.k8s.io', 'rbac.authorization.k8s.io/v1']
  return [
    {
      apiVersion,
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] }],
    },
    {
      apiVersion,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup, kind: 'Role', name: 'platform' },
      subjects: [{ apiGroup, kind: 'Group', name: 'oidc:platform' }],
    },
  ]
}

const devicePod = ({ team, release }: Product): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'device', namespace: team },
  spec: {
    ...restrictedPod,
    terminationGracePeriodSeconds: 0,
    restartPolicy: 'Never',
    containers: [
      {
        ...restrictedContainer,
        name: 'device',
        image: e2eImage('driver:1'),
        args: ['-e', device],
        env: [
          { name: 'NODE_EXTRA_CA_CERTS', value: '/ca/ca.crt' },
          { name: 'ISSUER', value: release.issuer },
          { name: 'CLIENT', value: `${team}.kubernetes` },
        ],
        volumeMounts: [{ name: 'ca', mountPath: '/ca' }],
      },
    ],
    volumes: [{ name: 'ca', configMap: { name: 'ca' } }],
  },
})
