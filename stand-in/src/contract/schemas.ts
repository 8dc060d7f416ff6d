import { expect } from 'chai'
import type { Json } from '../kube-client.ts'
import type { Subject } from './subject.ts'
import { clientOf, expectRefusal } from './subject.ts'

export function schemas(on: Subject): void {
  const { create, mergeInto, clients } = on
  describe('schemas', () => {
    it('fill in defaults', async () => {
      const created = await create(clients, clientOf('defaults'))
      expect(created.spec.serverName).to.equal('default')
    })

    it('refuse unknown fields when asked to be strict, else drop them with a warning', async () => {
      const unknown = clientOf('typo', { redirectUrls: ['https://app.example.com/'] })
      const strict = await on.api.call('POST', clients, { query: { fieldValidation: 'Strict' }, body: unknown })
      expectRefusal(strict, 400, 'BadRequest')
      expect(strict.body.message).to.include('unknown field "spec.redirectUrls"')
      const lenient = await on.api.call('POST', clients, { body: unknown })
      expect(lenient.status).to.equal(201)
      expect(lenient.headers['warning']).to.include('unknown field \\"spec.redirectUrls\\"')
      expect(lenient.body.spec).to.not.have.property('redirectUrls')
    })

    it('name every wrong field in one refusal', async () => {
      const wrong = { ...clientOf('wrong'), spec: { type: 'Website', displayName: 7 } }
      const refused = await on.api.call('POST', clients, { body: wrong })
      expectRefusal(refused, 422, 'Invalid')
      const fields = refused.body.details.causes.map((cause: Json) => cause.field)
      expect(fields).to.include.members(['spec.type', 'spec.displayName'])
      expect(refused.body.message).to.include('Unsupported value: "Website"').and.to.include('"Web"')
    })

    it('refuse to change an immutable field', async () => {
      await create(clients, clientOf('fixed'))
      const refused = await mergeInto(`${clients}/fixed`, { spec: { type: 'M2M', redirectURIs: null } })
      expectRefusal(refused, 422, 'Invalid')
      expect(refused.body.message).to.include('spec.type')
    })

    it('refuse a name that is no DNS name', async () => {
      expectRefusal(await on.api.call('POST', clients, { body: clientOf('Not_A_Name') }), 422, 'Invalid')
    })
  })
}
