import { expect } from 'chai'
import type { Subject } from './subject.ts'
import { clientOf, expectRefusal, secretOf } from './subject.ts'

export function watches(on: Subject): void {
  const { create, mergeInto, clients, secrets } = on
  describe('watches', () => {
    it('continue after a list: each change once, in order, none missing', async () => {
      const list = await on.api.call('GET', secrets)
      const watch = await on.api.watch(secrets, {
        resourceVersion: list.body.metadata.resourceVersion,
        timeoutSeconds: 60,
      })
      await create(secrets, secretOf('watched', { a: '1' }, { labels: { watched: 'yes' } }))
      await mergeInto(`${secrets}/watched`, { data: { a: Buffer.from('2').toString('base64') } })
      await on.api.call('DELETE', `${secrets}/watched`)
      const events = [await watch.next(), await watch.next(), await watch.next()]
      watch.close()
      expect(events.map((event) => event?.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED'])
      const versions = events.map((event) => Number(event?.object.metadata.resourceVersion))
      expect(versions).to.deep.equal([...versions].sort((a, b) => a - b))
      expect(new Set(events.map((event) => event?.object.metadata.uid)).size).to.equal(1)
    })

    it('begin with the objects that exist when no version is given', async () => {
      await create(secrets, secretOf('there', {}, { labels: { begin: 'yes' } }))
      const watch = await on.api.watch(secrets, { labelSelector: 'begin=yes', timeoutSeconds: 60 })
      const first = await watch.next()
      watch.close()
      expect(first?.type).to.equal('ADDED')
      expect(first?.object.metadata.name).to.equal('there')
    })

    it('show an object that no longer matches as deleted, and one that matches now as added', async () => {
      await create(secrets, secretOf('moving', {}, { labels: { side: 'left' } }))
      const { resourceVersion } = (await on.api.call('GET', secrets)).body.metadata
      const watch = await on.api.watch(secrets, { labelSelector: 'side=left', resourceVersion, timeoutSeconds: 60 })
      await mergeInto(`${secrets}/moving`, { metadata: { labels: { side: 'right' } } })
      await mergeInto(`${secrets}/moving`, { metadata: { labels: { side: 'left' } } })
      const types = [(await watch.next())?.type, (await watch.next())?.type]
      watch.close()
      expect(types).to.deep.equal(['DELETED', 'ADDED'])
    })

    it('send bookmarks when only other objects change, and end without an error when their time is up', async function () {
      this.timeout(30_000)
      const { resourceVersion } = (await on.api.call('GET', clients)).body.metadata
      const labelSelector = 'set=nothing'
      const query = { resourceVersion, labelSelector, allowWatchBookmarks: true, timeoutSeconds: 5 }
      const watch = await on.api.watch(clients, query)
      const { metadata } = await create(clients, clientOf('unseen'))
      const events = []
      for (let event = await watch.next(); event; event = await watch.next()) events.push(event)
      expect(new Set(events.map(({ type }) => type))).to.deep.equal(new Set(['BOOKMARK']))
      expect(events[0]?.object).to.include({ kind: 'OIDCClient', apiVersion: 'auth.nauthera.io/v1alpha1' })
      expect(Number(events.at(-1)?.object.metadata.resourceVersion)).to.be.at.least(Number(metadata.resourceVersion))
    })

    it('begin with the objects that exist and mark the end of these, when sendInitialEvents asks for it', async () => {
      await create(secrets, secretOf('listed', {}, { labels: { listed: 'yes' } }))
      const query = { labelSelector: 'listed=yes', sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      const watch = await on.api.watch(secrets, { ...query, allowWatchBookmarks: true, timeoutSeconds: 60 })
      const events = [await watch.next(), await watch.next()]
      const later = await create(secrets, secretOf('listed-later', {}, { labels: { listed: 'yes' } }))
      const next = await watch.next()
      watch.close()
      expect(events.map((event) => event?.type)).to.deep.equal(['ADDED', 'BOOKMARK'])
      expect(events[0]?.object.metadata.name).to.equal('listed')
      expect(events[1]?.object).to.include({ kind: 'Secret', apiVersion: 'v1' })
      expect(events[1]?.object.metadata.annotations).to.deep.equal({ 'k8s.io/initial-events-end': 'true' })
      expect(next?.object.metadata.uid).to.equal(later.metadata.uid)
    })

    it('refuse sendInitialEvents without resourceVersionMatch', async () => {
      expectRefusal(
        await on.api.call('GET', secrets, { query: { watch: true, sendInitialEvents: true } }),
        422,
        'Invalid',
      )
      const query = { watch: true, resourceVersionMatch: 'NotOlderThan' }
      expectRefusal(await on.api.call('GET', secrets, { query }), 422, 'Invalid')
      expectRefusal(await on.api.call('GET', secrets, { query: { sendInitialEvents: true } }), 422, 'Invalid')
    })

    it('end with 410 when they begin from a version that is too old', async () => {
      const watch = await on.api.watch(clients, { resourceVersion: 1, timeoutSeconds: 60 })
      const event = await watch.next()
      watch.close()
      expect(event?.type).to.equal('ERROR')
      expect(event?.object).to.include({ kind: 'Status', code: 410 })
      expect(event?.object.reason).to.be.oneOf(['Expired', 'Gone'])
    })
  })
}
