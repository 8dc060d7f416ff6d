import { expect } from 'chai'
import type { Json } from '../kube-client.ts'
import type { Subject } from './subject.ts'
import { clientOf, expectRefusal } from './subject.ts'

export function status(on: Subject): void {
  const { create, applyTo, mergeInto, clients } = on
  describe('status', () => {
    const condition = (status: string, reason: string) => ({
      type: 'Ready',
      status,
      reason,
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    })
    const statusOf = (name: string, status: object) => ({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { name },
      status,
    })

    it('is written below /status only, by its own manager, and never touches spec or generation', async () => {
      const path = `${clients}/reported`
      const created = await create(clients, { ...clientOf('reported'), status: { observedGeneration: 99 } })
      expect(created).to.not.have.property('status')
      const status = statusOf('reported', { observedGeneration: 1, conditions: [condition('False', 'Waiting')] })
      const written = await applyTo(`${path}/status`, 'nauthera-operator-status', status, { force: true })
      expect(written.status, JSON.stringify(written.body)).to.equal(200)
      expect(written.body.metadata.generation).to.equal(1)
      expect(written.body.spec).to.deep.equal(created.spec)
      expect(written.body.status.conditions[0]).to.include({ type: 'Ready', status: 'False' })
      const entry = written.body.metadata.managedFields.find((one: Json) => one.manager === 'nauthera-operator-status')
      expect(entry).to.include({ operation: 'Apply', subresource: 'status' })

      const again = await applyTo(`${path}/status`, 'nauthera-operator-status', status, { force: true })
      expect(again.body.metadata.resourceVersion).to.equal(written.body.metadata.resourceVersion)

      const changed = await mergeInto(path, { spec: { displayName: 'Reported' }, status: { observedGeneration: 7 } })
      expect(changed.body.metadata.generation).to.equal(2)
      expect(changed.body.status.observedGeneration).to.equal(1)
    })

    it('is answered with the metadata alone where that is asked for', async () => {
      const { metadata } = await create(clients, clientOf('glanced-at'))
      const written = await on.api.call('PATCH', `${clients}/glanced-at/status`, {
        accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
        query: { fieldManager: 'nauthera-operator-status', force: true },
        body: statusOf('glanced-at', { observedGeneration: 1 }),
        contentType: 'application/apply-patch+yaml',
      })
      expect(written.body, JSON.stringify(written.body)).to.include({ kind: 'PartialObjectMetadata' })
      expect(written.body).not.to.have.any.keys('spec', 'status')
      expect(written.body.metadata.uid).to.equal(metadata.uid)
      expect(written.body.metadata.resourceVersion).not.to.equal(metadata.resourceVersion)
    })

    it('is NotFound for an object that is gone, and a Conflict when the version that the write names is old', async () => {
      const missing = await applyTo(`${clients}/gone/status`, 'nauthera-operator-status', statusOf('gone', {}), {
        force: true,
      })
      expectRefusal(missing, 404, 'NotFound')
      const { metadata } = await create(clients, clientOf('second'))
      await mergeInto(`${clients}/second`, { spec: { displayName: 'Second' } })
      const write = (condition: object) => {
        const body = { ...statusOf('second', { observedGeneration: 1 }), metadata: { name: 'second', ...condition } }
        return applyTo(`${clients}/second/status`, 'nauthera-operator-status', body, { force: true })
      }
      expectRefusal(await write({ resourceVersion: metadata.resourceVersion }), 409, 'Conflict')
      // a trap of custom resources: below /status the API server does not look at the uid
      expect((await write({ uid: '00000000-0000-0000-0000-000000000000' })).status).to.equal(200)
    })

    it('is Invalid with a condition that the schema refuses', async () => {
      await create(clients, clientOf('strict-status'))
      const status = statusOf('strict-status', { conditions: [{ type: 'Ready' }] })
      const refused = await applyTo(`${clients}/strict-status/status`, 'nauthera-operator-status', status, {
        force: true,
      })
      expectRefusal(refused, 422, 'Invalid')
    })
  })
}
