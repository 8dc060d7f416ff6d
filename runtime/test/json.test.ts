import { expect } from 'chai'
import { hasShape, parseJsonRecord } from '../src/json.ts'

describe(parseJsonRecord.name, () => {
  it('reads an object, and nothing else', () => {
    expect(parseJsonRecord('{"a":1}')).to.deep.equal({ a: 1 })
    for (const text of ['', '{', 'null', '[]', '1', '"a"']) expect(parseJsonRecord(text), text).to.equal(undefined)
  })
})

describe(hasShape.name, () => {
  const shape = {
    required: { id: 'string', at: 'number' },
    optional: { tags: 'strings', more: 'record', from: { optional: { address: 'string' } } },
  } as const
  const good = { id: 'a', at: 1 }
  for (const [what, value, expected] of [
    ['what is required', good, true],
    ['what is optional, and more', { ...good, tags: ['x'], more: {}, other: null }, true],
    ['nothing of it', {}, false],
    ['a member of another type', { ...good, at: '1' }, false],
    ['a list with something else in it', { ...good, tags: ['x', 1] }, false],
    ['a list for an object', { ...good, more: [] }, false],
    ['null for what is optional', { ...good, tags: null }, false],
    ['a shape in it', { ...good, from: { address: 'a' } }, true],
    ['another shape in it', { ...good, from: { address: 1 } }, false],
    ['no object where a shape is due', { ...good, from: 'a' }, false],
    ['no object', null, false],
  ] as const)
    it(`says ${expected} to ${what}`, () => expect(hasShape(value, shape)).to.equal(expected))
})
