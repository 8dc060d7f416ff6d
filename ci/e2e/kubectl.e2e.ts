import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '@nauthera/stand-in/kube-client'
import { password } from '@nauthera/harness/browser'
import { claimsOfJwt, headerOfJwt } from '@nauthera/harness/flows'
import { findChromium } from '@nauthera/local/programs/chromium'
import { expect } from 'chai'
import { parse, stringify } from 'yaml'
import { clusterState, writeAuthentication } from './support/api-server.ts'
import { openClusterBrowser } from './support/browser.ts'
import type { ClusterBrowser } from './support/browser.ts'
import { applyClients } from './support/clients.ts'
import { screenshots } from './support/failure.ts'
import { answersOf, asPerson, isLetIn, newIdToken, startPerson, whoami } from './support/kubectl-person.ts'
import { applyObjects, get, until } from './support/kubernetes.ts'
import { canKill } from './support/pods.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { authority } from './support/release.ts'
import { beginSigningRotation } from './support/signing-rotation.ts'

const kim = 'kim'

describe('kubectl for people, on a real cluster', function () {
  this.timeout(240_000)
  let product: InstalledProduct
  let window: ClusterBrowser

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
          // keys.e2e.ts still shows one that an old key has signed
          tokens: { idTTL: '1h' },
          secret: { presets: ['KubeAPIServer'] },
        },
      }),
    ])
    await applyObjects(rights(product.team))
    window = await openClusterBrowser(product.team, driver)
  })
  after(() => window?.close())

  it('a program without a browser signs a person in by a code that they type elsewhere', async () => {
    await startPerson(product)
    const [asked] = await answersOf(product)
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
    const claims = claimsOfJwt(await newIdToken(product))
    expect(claims).to.deep.include({ email: `${kim}@example.com`, groups: ['developers', 'platform'] })
    expect((await answersOf(product))[1]!['first']).to.equal('authorization_pending')
  })

  it('the API server takes the ID token: whoami shows name and groups, and rights follow from a group', async () => {
    const { data } = await get(`/api/v1/namespaces/${product.team}/secrets/kubernetes-oidc`)
    const configuration = parse(Buffer.from(data['authentication-config.yaml'], 'base64').toString()) as Json
    for (const { issuer } of configuration.jwt) issuer.certificateAuthority = (await authority).cert
    resolveServices()
    await writeAuthentication(stringify(configuration))
    await until('the API server knows the keys of the issuer', async () => isLetIn(await newIdToken(product)), 90_000)
    const token = await newIdToken(product)
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

  it('goes on while new signing keys are published: ci/e2e/keys.e2e.ts looks again when they sign', async () => {
    const { kid, activeAt } = await beginSigningRotation(product)
    // kube-apiserver has just read the keys, and keeps them for as long as it may
    expect(activeAt - Date.now()).to.be.within(5 * 60_000, 6 * 60_000)
    const token = await newIdToken(product)
    expect(headerOfJwt(token)['kid']).to.not.equal(kid)
    expect((await whoami(token)).username).to.equal(`oidc:${kim}@example.com`)
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
