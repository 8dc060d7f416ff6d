import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { createAdapter } from '../../../src/oidc/library/adapter.ts'
import { currentRequest, runInRequest } from '../../../src/oidc/library/current-request.ts'
import type { RequestContext } from '../../../src/oidc/request-context.ts'

describe('createAdapter', () => {
  const contextOf = () => ({ correlationId: 'c' }) as RequestContext
  const rejected = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    )

  it('passes the current request and the library’s values to the place', async () => {
    const said: unknown[] = []
    const adapter = createAdapter({
      Grant: { upsert: async (...values) => void said.push(...values), find: async (_, id) => ({ id }) },
    })('Grant')
    const context = contextOf()
    await runInRequest(context, async () => {
      await adapter.upsert('id', { kind: 'Grant' }, 60)
      expect(await adapter.find('id')).to.deep.equal({ id: 'id' })
    })
    expect(said).to.deep.equal([context, 'id', { kind: 'Grant' }, 60])
  })

  for (const [sentence, model] of [
    ['a method that a place does not have', 'Grant'],
    ['a model without a place', 'DeviceCode'],
  ] as const) {
    it(`refuses ${sentence}, and names it`, async () => {
      const adapter = createAdapter({ Grant: { find: async () => undefined } })(model)
      const error = await runInRequest(contextOf(), () => rejected(adapter.consume('id')))
      expect(String(error)).to.equal(`TypeError: artefacts/places.ts has no consume for ${model}`)
    })
  }

  it('marks the request when PostgreSQL does not answer, and for no other error', async () => {
    const failing = (error: Error) => createAdapter({ Grant: { destroy: () => Promise.reject(error) } })('Grant')
    for (const [error, unavailable] of [
      [new CodedError('STORE_UNAVAILABLE'), true],
      [new Error('other'), undefined],
    ] as const) {
      const context = contextOf()
      expect(await runInRequest(context, () => rejected(failing(error).destroy('id')))).to.equal(error)
      expect(context.unavailable).to.equal(unavailable)
    }
  })

  it('throws when it is called outside of a request', async () => {
    const adapter = createAdapter({ Grant: { find: async () => ({}) } })('Grant')
    expect(String(await rejected(adapter.find('id')))).to.contain('there is no current request')
    expect(() => currentRequest()).to.throw('there is no current request')
  })
})
