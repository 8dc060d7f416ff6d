import { expect } from 'chai'
import { createPublishedTypes } from '../../../src/oidc/apis/published-types.ts'

describe('createPublishedTypes', () => {
  let types: readonly string[] = []
  const withTypes = createPublishedTypes({ current: () => ({ detailTypes: () => types }) } as never)
  const metadata = Buffer.from('{"issuer":"https://login.example.com"}')
  const listed = () =>
    (JSON.parse(withTypes(metadata).toString()) as Record<string, unknown>)['authorization_details_types_supported']

  it('gives the document as it is while no API declares a type', () => {
    expect(withTypes(metadata)).to.equal(metadata)
  })

  it('puts the list in, and gives the same bytes until another list or document comes', () => {
    types = ['a', 'b']
    const first = withTypes(metadata)
    expect(JSON.parse(first.toString())).to.deep.equal({
      issuer: 'https://login.example.com',
      authorization_details_types_supported: ['a', 'b'],
    })
    types = ['a', 'b']
    expect(withTypes(metadata)).to.equal(first)
    types = ['a']
    expect(listed()).to.deep.equal(['a'])
    expect(withTypes(Buffer.from('{}')).toString()).to.equal('{"authorization_details_types_supported":["a"]}')
  })

  it('leaves the list out when it grows too long: nobody fills the document of all', () => {
    types = Array.from({ length: 100 }, (_, at) => `t${at}`)
    expect(listed()).to.have.length(100)
    types = [...types, 'more']
    expect(withTypes(metadata)).to.equal(metadata)
  })
})
