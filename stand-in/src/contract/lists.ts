import { expect } from 'chai'
import type { Json } from '../kube-client.ts'
import type { Subject } from './subject.ts'
import { clientOf, expectRefusal } from './subject.ts'

export function lists(on: Subject): void {
  const { create, clients } = on
  describe('lists', () => {
    before(async () => {
      for (let index = 0; index < 7; index++) {
        await create(
          clients,
          clientOf(`page-${index}`, {}, { labels: { set: 'pages', even: String(index % 2 === 0) } }),
        )
      }
    })

    it('come in pages that together show one moment, whatever is written meanwhile', async () => {
      const query = { labelSelector: 'set=pages', limit: 3 }
      const first = await on.api.call('GET', clients, { query })
      expect(first.body.items).to.have.length(3)
      await create(clients, clientOf('page-9', {}, { labels: { set: 'pages' } }))
      const second = await on.api.call('GET', clients, { query: { ...query, continue: first.body.metadata.continue } })
      const third = await on.api.call('GET', clients, { query: { ...query, continue: second.body.metadata.continue } })
      const names = [first, second, third].flatMap(({ body }) => body.items.map((item: Json) => item.metadata.name))
      expect(names).to.deep.equal(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6'])
      expect(third.body.metadata.continue ?? '').to.equal('')
      expect(third.body.metadata.resourceVersion).to.equal(first.body.metadata.resourceVersion)
    })

    it('say which version they show, and are empty where nothing is found', async () => {
      const { status, body } = await on.api.call('GET', clients, { query: { labelSelector: 'set=nothing' } })
      expect(status).to.equal(200)
      expect(body).to.include({ kind: 'OIDCClientList', apiVersion: 'auth.nauthera.io/v1alpha1' })
      expect(body.items).to.deep.equal([])
      expect(body.metadata.resourceVersion).to.match(/^\d+$/)
    })

    it('are filtered by labels and by name', async () => {
      const named = async (query: Record<string, string>) =>
        (await on.api.call('GET', clients, { query })).body.items.map((item: Json) => item.metadata.name)
      expect(await named({ labelSelector: 'set=pages,even!=true,even' })).to.deep.equal(['page-1', 'page-3', 'page-5'])
      expect(await named({ labelSelector: 'even in (true),set' })).to.deep.equal([
        'page-0',
        'page-2',
        'page-4',
        'page-6',
      ])
      expect(await named({ fieldSelector: 'metadata.name=page-2' })).to.deep.equal(['page-2'])
    })

    it('refuse a continue token that no list gave', async () => {
      expectRefusal(await on.api.call('GET', clients, { query: { limit: 2, continue: 'nonsense' } }), 400, 'BadRequest')
    })
  })
}
