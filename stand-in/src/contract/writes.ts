import { WireType } from '@bufbuild/protobuf/wire'
import { expect } from 'chai'
import type { Subject } from './subject.ts'
import { clientOf, expectRefusal, protobufOf, secretOf } from './subject.ts'

export function writes(on: Subject): void {
  const { create, mergeInto, clients, secrets } = on
  describe('writes', () => {
    it('create an object once: the second time is AlreadyExists', async () => {
      const created = await create(secrets, secretOf('once', { a: '1' }))
      expect(created.metadata.uid).to.match(/^[0-9a-f-]{36}$/)
      expect(created.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      expect(created.type).to.equal('Opaque')
      expectRefusal(await on.api.call('POST', secrets, { body: secretOf('once') }), 409, 'AlreadyExists')
    })

    // Not of our kinds: nobody sends those so, and an API server of 1.37 drops the connection.
    it('accept a Secret in the protobuf that kubectl sends', async () => {
      const contentType = 'application/vnd.kubernetes.protobuf'
      const body = protobufOf('Secret', (writer) => {
        writer.tag(1, WireType.LengthDelimited).fork()
        writer.tag(1, WireType.LengthDelimited).string('from-protobuf')
        writer.tag(11, WireType.LengthDelimited).fork()
        writer.tag(1, WireType.LengthDelimited).string('made')
        writer.tag(2, WireType.LengthDelimited).string('by-hand')
        writer.join().join()
        writer.tag(2, WireType.LengthDelimited).fork()
        writer.tag(1, WireType.LengthDelimited).string('token')
        writer.tag(2, WireType.LengthDelimited).bytes(Buffer.from('value'))
        writer.join()
        writer.tag(3, WireType.LengthDelimited).string('Opaque')
      })
      const created = await on.api.call('POST', secrets, { body, contentType })
      expect(created.status, JSON.stringify(created.body)).to.equal(201)
      const { body: secret } = await on.api.call('GET', `${secrets}/from-protobuf`)
      expect(secret.metadata.labels).to.deep.equal({ made: 'by-hand' })
      expect(secret).to.deep.include({ type: 'Opaque', data: { token: Buffer.from('value').toString('base64') } })
    })

    it('are NotFound for an object, or a namespace, that does not exist', async () => {
      expectRefusal(await on.api.call('GET', `${secrets}/nothing`), 404, 'NotFound')
      expectRefusal(await mergeInto(`${secrets}/nothing`, { data: {} }), 404, 'NotFound')
      expectRefusal(await on.api.call('DELETE', `${secrets}/nothing`), 404, 'NotFound')
      const elsewhere = await on.api.call('POST', '/api/v1/namespaces/no-such/secrets', { body: secretOf('a') })
      expectRefusal(elsewhere, 404, 'NotFound')
    })

    it('merge a patch, drop fields that it sets to null, and keep the version when nothing changes', async () => {
      const created = await create(secrets, secretOf('merged', { a: '1', b: '2' }))
      const path = `${secrets}/merged`
      const patched = await mergeInto(path, { data: { a: null, c: 'Mw==' }, metadata: { annotations: { note: 'x' } } })
      expect(patched.body.data).to.deep.equal({ b: 'Mg==', c: 'Mw==' })
      expect(patched.body.metadata.annotations).to.deep.equal({ note: 'x' })
      expect(patched.body.metadata.resourceVersion).to.not.equal(created.metadata.resourceVersion)
      const same = await mergeInto(path, { data: { c: 'Mw==' } })
      expect(same.body.metadata.resourceVersion).to.equal(patched.body.metadata.resourceVersion)
    })

    it('with an old resourceVersion are a Conflict and change nothing', async () => {
      const { metadata } = await create(secrets, secretOf('guarded', { a: '1' }))
      const path = `${secrets}/guarded`
      const guarded = (value: string) =>
        mergeInto(path, { metadata: { resourceVersion: metadata.resourceVersion }, data: { a: value } })
      expect((await guarded('Mg==')).status).to.equal(200)
      expectRefusal(await guarded('Mw=='), 409, 'Conflict')
      expect((await on.api.call('GET', path)).body.data).to.deep.equal({ a: 'Mg==' })
    })

    it('delete an object only when it has the uid and the version that are asked for', async () => {
      const { metadata } = await create(secrets, secretOf('doomed'))
      const remove = (preconditions: object) => on.api.call('DELETE', `${secrets}/doomed`, { body: { preconditions } })
      expectRefusal(await remove({ uid: '00000000-0000-0000-0000-000000000000' }), 409, 'Conflict')
      expectRefusal(await remove({ uid: metadata.uid, resourceVersion: '1' }), 409, 'Conflict')
      expect((await remove({ uid: metadata.uid, resourceVersion: metadata.resourceVersion })).status).to.equal(200)
      expectRefusal(await on.api.call('GET', `${secrets}/doomed`), 404, 'NotFound')
    })

    it('of a Secret turn stringData into data and refuse what is not base64', async () => {
      const created = await create(secrets, { ...secretOf('strings'), stringData: { a: 'plain' } })
      expect(created).to.not.have.property('stringData')
      expect(created.data).to.deep.equal({ a: Buffer.from('plain').toString('base64') })
      const damaged = await on.api.call('POST', secrets, {
        body: { ...secretOf('damaged'), data: { a: 'not base64!' } },
      })
      expect(damaged.status).to.be.oneOf([400, 422])
    })

    it('of another kind than the path says are refused, and the answer names both kinds', async () => {
      const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'other' }, data: {} }
      const asSecret = await on.api.call('POST', secrets, { body: map })
      expectRefusal(asSecret, 400, 'BadRequest')
      expect(asSecret.body.message).to.include('ConfigMap in version "v1" cannot be handled as a Secret')
      const list = { apiVersion: 'v1', kind: 'List', items: [secretOf('listed')] }
      const listed = await on.api.call('POST', secrets, { body: list })
      expectRefusal(listed, 400, 'BadRequest')
      expect(listed.body.message).to.include('List in version "v1" cannot be handled as a Secret')
      const policy = { ...clientOf('other'), kind: 'OIDCPolicy' }
      const asClient = await on.api.call('POST', clients, { body: policy })
      expectRefusal(asClient, 422, 'Invalid')
      expect(asClient.body.message).to.include('kind: Invalid value: "OIDCPolicy": must be OIDCClient')
    })

    it('without a kind are taken for a built-in kind, and refused for one of ours', async () => {
      const { kind: _, ...nameless } = secretOf('nameless')
      expect((await on.api.call('POST', secrets, { body: nameless })).status).to.equal(201)
      const { kind: __, ...client } = clientOf('nameless')
      const refused = await on.api.call('POST', clients, { body: client })
      expectRefusal(refused, 400, 'BadRequest')
      expect(refused.body.message).to.include("Object 'Kind' is missing")
    })

    it('remove with an object what only it owned', async function () {
      this.timeout(60_000)
      const owner = await create(clients, clientOf('owner'))
      const { apiVersion, kind, metadata } = owner
      const reference = { apiVersion, kind, name: 'owner', uid: metadata.uid, controller: true }
      await create(secrets, secretOf('owned', {}, { labels: { owned: 'yes' }, ownerReferences: [reference] }))
      const watch = await on.api.watch(secrets, { labelSelector: 'owned=yes', timeoutSeconds: 60 })
      expect((await watch.next())?.type).to.equal('ADDED')
      await on.api.call('DELETE', `${clients}/owner`)
      expect((await watch.next(45_000))?.type).to.equal('DELETED')
      watch.close()
    })
  })
}
