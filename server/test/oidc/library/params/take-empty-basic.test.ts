import { expect } from 'chai'
import { acceptEmptyBasic } from '../../../../src/oidc/library/params/take-empty-basic.ts'

const isPublicById: Readonly<Record<string, boolean>> = { spa: true, 'a b': true, shop: false }
const clients = {
  registeredById: (id: string) =>
    isPublicById[id] === undefined
      ? undefined
      : { config: { tokenEndpointAuthMethod: isPublicById[id] ? 'none' : 'client_secret_basic' } },
}
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('acceptEmptyBasic', () => {
  const take = (authorization: string | undefined, params: Record<string, unknown> = {}, route = 'token') => {
    const context = { oidc: { route }, headers: { authorization } }
    acceptEmptyBasic(context as never, params, { clients } as never)
    return { context, params, authorization: context.headers.authorization }
  }

  it('takes the name of a public client, written as in a form', () => {
    for (const [text, id] of [
      ['spa:', 'spa'],
      ['a+b:', 'a b'],
      ['a%20b:', 'a b'],
    ] as const)
      expect(take(basic(text)), text).to.deep.include({ params: { client_id: id }, authorization: undefined })
    expect(take(basic('spa:'), { client_id: 'spa' })).to.deep.include({ params: { client_id: 'spa' } })
    expect(take(`bAsIc ${basic('spa:').slice(6)}`).params).to.deep.equal({ client_id: 'spa' })
  })

  it('takes the client whose metadata document has this address', () => {
    const id = 'https://agents.example.com/client.json'
    expect(take(basic(`${encodeURIComponent(id)}:`)).params).to.deep.equal({ client_id: id })
  })

  it('makes a wrong password of it for any other client, and for two names', () => {
    for (const [id, named] of [
      ['shop', undefined],
      ['nobody', undefined],
      ['spa', 'other'],
    ] as const)
      expect(take(basic(`${id}:`), named === undefined ? {} : { client_id: named }), id).to.deep.include({
        params: { client_id: undefined },
        authorization: basic(`${id}:none`),
      })
  })

  it('leaves alone what is something else', () => {
    for (const [sentence, authorization, params, route] of [
      ['a password', basic('spa:secret'), {}, 'token'],
      ['no proof', undefined, {}, 'token'],
      ['another scheme', 'Bearer abc', {}, 'token'],
      ['a name that cannot be read', basic('%:'), {}, 'token'],
      ['two proofs, one a secret', basic('spa:'), { client_secret: 'x' }, 'token'],
      ['two proofs, one an assertion', basic('spa:'), { client_assertion: 'x' }, 'token'],
      ['a route where nobody authenticates', basic('spa:'), {}, 'userinfo'],
    ] as const)
      expect(take(authorization, { ...params }, route), sentence).to.deep.include({ params, authorization })
  })

  it('writes the name again when the parameters of the request are put together again', () => {
    const { context } = take(basic('spa:'))
    const params: Record<string, unknown> = {}
    acceptEmptyBasic(context as never, params, { clients } as never)
    expect(params).to.deep.equal({ client_id: 'spa' })
  })
})
