import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { AuthorizationDetailsTypeSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { typeFault, valuesOf } from '../../../src/oidc/apis/detail-type.ts'

const declared = create(AuthorizationDetailsTypeSchema, {
  type: 'payment',
  actions: ['initiate'],
  identifier: true,
  fields: ['Text', 'Number', 'Boolean', 'Texts'].map((kind) => ({ name: kind.toLowerCase(), kind })),
  required: ['text'],
})
const isFine = (fields: object) =>
  typeFault({ type: 'payment', text: 'x', ...fields }, declared, 'urn:bank') === undefined

describe('typeFault', () => {
  const some = (count: number, one: string) => Array.from({ length: count }, () => one)
  const cases: readonly [name: string, right: readonly unknown[], wrong: readonly unknown[]][] = [
    ['text', ['x', 'x'.repeat(256)], ['', 'x'.repeat(257), 7, 'a\u202eb', '\ud800', ['x']]],
    [
      'number',
      [0, -1.5, Number.MAX_SAFE_INTEGER],
      [Number.MAX_SAFE_INTEGER + 1, -Number.MAX_SAFE_INTEGER - 1, '1', null],
    ],
    ['boolean', [true, false], ['true', 0]],
    ['texts', [['x'], some(20, 'x')], [[], some(21, 'x'), 'x', ['x', ''], ['x', 7]]],
    [
      'actions',
      [['initiate'], some(20, 'initiate')],
      [[], some(21, 'initiate'), 'initiate', ['initiate', 'view'], [7]],
    ],
    ['locations', [['urn:bank']], [['urn:other']]],
    ['identifier', ['x'], ['', 7]],
    ['other', [], ['x']],
  ]
  for (const [name, right, wrong] of cases) {
    it(`takes ${name} as the API declares it`, () => {
      for (const value of right) expect(isFine({ [name]: value }), JSON.stringify(value)).to.equal(true)
    })
    it(`refuses any other ${name}`, () => {
      for (const value of wrong) expect(isFine({ [name]: value }), JSON.stringify(value)).to.equal(false)
    })
  }

  it('names what is missing', () =>
    expect(typeFault({ type: 'payment' }, declared, 'urn:bank')).to.equal('lacks what payment must have: text'))
})

describe('valuesOf', () => {
  it('names each value by its path, three levels deep and no deeper', () => {
    expect(valuesOf({ type: 'payment', a: { b: { c: 1 } }, d: null })).to.deep.equal([
      { name: 'a.b.c', value: 1 },
      { name: 'd', value: null },
    ])
    expect(valuesOf({ type: 'payment', a: { b: { c: { d: 1 } } } })).to.equal(undefined)
  })

  it('has none for an empty object, and for a name that looks like a path', () => {
    expect(valuesOf({ type: 'payment', a: {} })).to.equal(undefined)
    expect(valuesOf({ type: 'payment', 'a.b': 1 })).to.equal(undefined)
  })
})
