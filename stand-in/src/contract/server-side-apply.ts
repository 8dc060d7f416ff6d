import { expect } from 'chai'
import type { Subject } from './subject.ts'
import { apply, clientOf, expectRefusal } from './subject.ts'

export function serverSideApply(on: Subject): void {
  const { create, applyTo, mergeInto, clients } = on
  describe('server-side apply', () => {
    it('creates, then changes nothing when it is repeated', async () => {
      const first = await applyTo(`${clients}/applied`, 'one', clientOf('applied'))
      expect(first.status).to.equal(201)
      const second = await applyTo(`${clients}/applied`, 'one', clientOf('applied'))
      expect(second.status).to.equal(200)
      expect(second.body.metadata.resourceVersion).to.equal(first.body.metadata.resourceVersion)
      expect(second.body.metadata.generation).to.equal(1)
    })

    it('refuses to take a field of another manager and names that one, unless it is forced', async () => {
      const path = `${clients}/contested`
      await applyTo(path, 'one', clientOf('contested', { displayName: 'One' }))
      const refused = await applyTo(path, 'two', clientOf('contested', { displayName: 'Two' }))
      expectRefusal(refused, 409, 'Conflict')
      expect(refused.body.message).to.include('.spec.displayName').and.to.include('"one"')
      expect(refused.body.details.causes[0]).to.include({ reason: 'FieldManagerConflict', field: '.spec.displayName' })
      const forced = await applyTo(path, 'two', clientOf('contested', { displayName: 'Two' }), { force: true })
      expect(forced.body.spec.displayName).to.equal('Two')
      expect((await applyTo(path, 'one', clientOf('contested', { displayName: 'One' }))).status).to.equal(409)
    })

    it('removes what its manager no longer names and no other owns; a member of a set belongs to who added it', async () => {
      const path = `${clients}/shared`
      await applyTo(path, 'one', clientOf('shared', { description: 'from one', scopes: ['openid', 'profile'] }))
      const both = await applyTo(path, 'two', {
        ...clientOf('shared'),
        spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'], scopes: ['openid', 'email'] },
      })
      expect(both.body.spec.scopes).to.have.members(['openid', 'profile', 'email'])
      const less = await applyTo(path, 'one', clientOf('shared'))
      expect(less.body.spec).to.not.have.property('description')
      expect(less.body.spec.scopes).to.have.members(['openid', 'email'])
    })

    it('keeps the order that its manager gives a list with keys', async () => {
      const path = `${clients}/ordered`
      await create(clients, clientOf('ordered'))
      const refusals = (...codes: string[]) => ({
        ...clientOf('ordered'),
        spec: undefined,
        status: {
          refusals: codes.map((code) => ({ code, by: 'Anyone', count: 1, lastSeen: '2026-01-01T00:00:00Z', hint: '' })),
        },
      })
      const codesAfter = async (...codes: string[]) => {
        const written = await applyTo(`${path}/status`, 'nauthera-operator-status', refusals(...codes), { force: true })
        expect(written.status, JSON.stringify(written.body)).to.equal(200)
        return written.body.status.refusals.map(({ code }: { code: string }) => code)
      }
      expect(await codesAfter('A', 'B')).to.deep.equal(['A', 'B'])
      expect(await codesAfter('C', 'B', 'A')).to.deep.equal(['C', 'B', 'A'])
    })

    it('needs a manager, and refuses a field that the schema does not know', async () => {
      const nameless = await on.api.call('PATCH', `${clients}/x`, { body: clientOf('x'), contentType: apply })
      expect(nameless.status).to.be.oneOf([400, 422])
      const unknown = await applyTo(`${clients}/x`, 'one', clientOf('x', { redirectUrls: [] }))
      expect(unknown.status).to.be.at.least(400)
      expect(unknown.body.message).to.include('redirectUrls')
    })

    it('is refused with another uid or an old version', async () => {
      const { metadata } = await create(clients, clientOf('renewed'))
      const other = clientOf('renewed', {}, { uid: '00000000-0000-0000-0000-000000000000' })
      expectRefusal(await applyTo(`${clients}/renewed`, 'one', other), 422, 'Invalid')
      await mergeInto(`${clients}/renewed`, { spec: { displayName: 'Renewed' } })
      const stale = clientOf('renewed', {}, { resourceVersion: metadata.resourceVersion })
      expectRefusal(await applyTo(`${clients}/renewed`, 'one', stale), 409, 'Conflict')
    })
  })
}
