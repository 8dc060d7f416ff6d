import { expect } from 'chai'
import type { KubeAnswer, Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { admin, asUser, get } from './support/kubernetes.ts'
import { useDriver, useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'

// What RBAC alone would allow the operator's account to do, and the admission policies of the chart must refuse (K16, K2).

const merge = 'application/merge-patch+json'

describe("the fences around the operator's account", function () {
  this.timeout(180_000)
  let product: InstalledProduct
  let operator: KubeClient
  let pods: string
  let pod: Json
  before(async () => {
    product = await useProduct()
    await useDriver()
    const { namespace } = product.release
    operator = asUser(`system:serviceaccount:${namespace}:nauthera-operator`)
    pods = `/api/v1/namespaces/${namespace}/pods`
    ;[pod] = await product.release.pods('server')
  })

  /** Refused by admission, not for want of a right. */
  const expectFenced = (answer: KubeAnswer, words: string) => {
    expect(answer.status, JSON.stringify(answer.body)).to.be.oneOf([403, 422])
    expect(answer.body.message).to.include('ValidatingAdmissionPolicy').and.to.include(words)
  }
  const patchPod = (body: object) =>
    operator.call('PATCH', `${pods}/${pod.metadata.name}`, { body, contentType: merge })

  it('let it nudge a pod', async () => {
    const answer = await patchPod({ metadata: { annotations: { 'auth.nauthera.io/clients-revision': 'e2e.1' } } })
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200)
  })

  for (const [what, body] of [
    ['a label', { metadata: { labels: { 'app.kubernetes.io/instance': 'other' } } }],
    ['another annotation', { metadata: { annotations: { other: 'x' } } }],
    ['a finalizer', { metadata: { finalizers: ['example.com/stay'] } }],
    ['an owner', { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'x' }] } }],
  ] as const) {
    it(`K16 refuse ${what} on a pod`, async () => {
      expectFenced(await patchPod(body), 'changes nothing on a pod but the annotation')
    })
  }

  it('K16 refuse another image on a pod', async () => {
    const containers = pod.spec.containers.map(({ name }: Json) => ({ name, image: 'localhost/other:1' }))
    const answer = await operator.call('PATCH', `${pods}/${pod.metadata.name}`, {
      body: { spec: { containers } },
      contentType: 'application/strategic-merge-patch+json',
    })
    expectFenced(answer, 'changes nothing on a pod but the annotation')
  })

  it('refuse a Secret without the label of a client, and one that would be filled with a token', async () => {
    const secrets = `/api/v1/namespaces/${product.team}/secrets`
    const create = (metadata: object, type = 'Opaque') =>
      operator.call('POST', secrets, { body: { apiVersion: 'v1', kind: 'Secret', type, metadata } })
    expectFenced(await create({ name: 'unlabelled' }), 'auth.nauthera.io/client')
    const labels = { 'auth.nauthera.io/client': 'x' }
    const token = await create(
      { name: 'token', labels, annotations: { 'kubernetes.io/service-account.name': 'default' } },
      'kubernetes.io/service-account-token',
    )
    expectFenced(token, 'type Opaque')
  })

  it('K2 refuse to change, label or delete a Secret of somebody else', async () => {
    const secrets = `/api/v1/namespaces/${product.team}/secrets`
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'theirs' }, stringData: { key: 'value' } }
    expect((await admin().call('POST', secrets, { body })).status).to.equal(201)
    const change = (patch: object) => operator.call('PATCH', `${secrets}/theirs`, { body: patch, contentType: merge })
    expectFenced(await change({ stringData: { key: 'other' } }), 'auth.nauthera.io/client')
    expectFenced(await change({ metadata: { labels: { 'auth.nauthera.io/client': 'x' } } }), 'auth.nauthera.io/client')
    expectFenced(await operator.call('DELETE', `${secrets}/theirs`), 'auth.nauthera.io/client')
    expect(Buffer.from((await get(`${secrets}/theirs`)).data.key, 'base64').toString()).to.equal('value')
  })

  it('K2 refuse to write, label or delete the ring of keys, and to make a Secret under its name', async () => {
    const secrets = `/api/v1/namespaces/${product.release.namespace}/secrets`
    const change = (patch: object) =>
      operator.call('PATCH', `${secrets}/nauthera-keys`, { body: patch, contentType: merge })
    const words = 'never touches the Secrets that its release is installed with'
    expectFenced(await change({ stringData: { current: 'other' } }), words)
    expectFenced(await change({ metadata: { labels: { 'auth.nauthera.io/client': 'x' } } }), words)
    expectFenced(await operator.call('DELETE', `${secrets}/nauthera-keys`), words)
    const metadata = { name: 'database', labels: { 'auth.nauthera.io/client': 'x' } }
    const body = { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata }
    expectFenced(await operator.call('POST', secrets, { body }), words)
  })
})
