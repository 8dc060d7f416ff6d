import { expect } from 'chai'
import type { Json } from '../kube-client.ts'
import type { Subject } from './subject.ts'

export function tables(on: Subject): void {
  const { clients } = on
  describe('tables', () => {
    it('have the columns of the kind; those for -o wide are marked', async () => {
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
      const { body } = await on.api.call('GET', clients, { accept, query: { fieldSelector: 'metadata.name=page-0' } })
      expect(body.kind).to.equal('Table')
      const columns = body.columnDefinitions.map((one: Json) => [one.name, one.priority])
      expect(columns).to.deep.equal([
        ['Name', 0],
        ['TYPE', 0],
        ['CLIENT-ID', 0],
        ['SECRET', 0],
        ['LOADED', 0],
        ['SUSPENDED', 0],
        ['NEXT-ROTATION', 0],
        ['READY', 0],
        ['AGE', 0],
        ['REASON', 1],
        ['REFUSED', 1],
        ['POLICY', 1],
        ['ISSUER', 1],
      ])
      const [row] = body.rows
      expect(row.cells.slice(0, 2)).to.deep.equal(['page-0', 'Web'])
      expect(row.cells[8]).to.match(/^\d+[smh]/)
      expect(row.object.metadata.name).to.equal('page-0')
    })
  })

  it('the metadata of a Secret alone, without what it holds', async () => {
    const secrets = '/api/v1/namespaces/default/secrets'
    const written = await on.api.call('POST', secrets, {
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'glanced-at' }, stringData: { password: 'x' } },
    })
    const accept = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
    const { body } = await on.api.call('GET', `${secrets}/glanced-at`, { accept })
    expect(body.kind).to.equal('PartialObjectMetadata')
    expect(body.metadata.uid).to.equal(written.body.metadata.uid)
    expect(body.metadata.resourceVersion).to.equal(written.body.metadata.resourceVersion)
    expect(body).not.to.have.property('data')
    await on.api.call('DELETE', `${secrets}/glanced-at`)
  })
}
