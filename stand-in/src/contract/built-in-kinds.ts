import { expect } from 'chai'
import type { Subject } from './subject.ts'
import { clientOf, expectRefusal } from './subject.ts'

export function builtInKinds(on: Subject): void {
  const { create, mergeInto, clients, namespace } = on
  describe('built-in kinds that the operator uses', () => {
    it('a Namespace has its name as a label, and cannot lose it', async () => {
      const path = `/api/v1/namespaces/${namespace}`
      const label = { 'kubernetes.io/metadata.name': namespace }
      expect((await on.api.call('GET', path)).body.metadata.labels).to.include(label)
      const none = { metadata: { labels: { 'kubernetes.io/metadata.name': null, team: 'a' } } }
      expect((await mergeInto(path, none)).body.metadata.labels).to.deep.equal({ ...label, team: 'a' })
      const query = { labelSelector: `kubernetes.io/metadata.name=${namespace}` }
      expect((await on.api.call('GET', '/api/v1/namespaces', { query })).body.items).to.have.length(1)
    })

    it('a Lease is created once, and replaced only by who read its newest version', async () => {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
      const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'operator' } }
      const spec = { holderIdentity: 'one', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' }
      const created = await create(leases, { ...body, spec })
      expectRefusal(await on.api.call('POST', leases, { body: { ...body, spec } }), 409, 'AlreadyExists')
      const put = (resourceVersion: string, holderIdentity: string) =>
        on.api.call('PUT', `${leases}/operator`, {
          body: { ...body, metadata: { name: 'operator', resourceVersion }, spec: { ...spec, holderIdentity } },
        })
      expect((await put(created.metadata.resourceVersion, 'two')).status).to.equal(200)
      expectRefusal(await put(created.metadata.resourceVersion, 'three'), 409, 'Conflict')
    })

    it('an Event is created, counted up by a patch, and found by the object that it is about', async () => {
      const { metadata } = await create(clients, clientOf('eventful'))
      const events = `/api/v1/namespaces/${namespace}/events`
      const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
      await create(events, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'eventful.1', namespace },
        involvedObject: {
          apiVersion: 'auth.nauthera.io/v1alpha1',
          kind: 'OIDCClient',
          name: 'eventful',
          namespace,
          uid: metadata.uid,
        },
        type: 'Normal',
        reason: 'ClientAccepted',
        message: 'accepted',
        source: { component: 'nauthera-operator' },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
      })
      expect((await mergeInto(`${events}/eventful.1`, { count: 2 })).body.count).to.equal(2)
      const query = { fieldSelector: `involvedObject.name=eventful,involvedObject.uid=${metadata.uid}` }
      expect((await on.api.call('GET', events, { query })).body.items).to.have.length(1)
    })

    it('a pod gets an annotation by a merge patch, and keeps everything else', async () => {
      const pods = `/api/v1/namespaces/${namespace}/pods`
      await create(pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'server-0', labels: { 'app.kubernetes.io/component': 'server' } },
        spec: { containers: [{ name: 'server', image: 'localhost/none:1', imagePullPolicy: 'Never' }] },
      })
      const annotations = { 'auth.nauthera.io/clients-revision': 'c7f2' }
      const patched = await mergeInto(`${pods}/server-0`, { metadata: { annotations } })
      expect(patched.status).to.equal(200)
      expect(patched.body.metadata.annotations).to.include(annotations)
      const query = { labelSelector: 'app.kubernetes.io/component=server' }
      expect((await on.api.call('GET', pods, { query })).body.items).to.have.length(1)
    })
  })
}
