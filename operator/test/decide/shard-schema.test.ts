import { expect } from 'chai'
import { isOtherForm, schemaFor, schemaOf } from '../../src/decide/shard-schema.ts'

const before = { schemas: { min: 1, max: 1 } }
const now = { schemas: { min: 1, max: 2 } }
const later = { schemas: { min: 1, max: 3 } }
const silent = { schemas: undefined }

describe('schemaFor', () => {
  const rows: readonly [sentence: string, replicas: Parameters<typeof schemaFor>[0], schema: number | undefined][] = [
    ['leaves shards as they are while nobody is there', [], undefined],
    ['leaves them as they are while nobody has spoken', [silent, silent], undefined],
    ['writes the old form for replicas of the version before', [before, before], 1],
    ['writes the old form while one of them is left', [now, before, now], 1],
    ['goes back to the old form as soon as one joins, whoever has yet to speak', [silent, now, before], 1],
    ['writes the new form when everybody reads it', [now, now], 2],
    ['writes the form that it knows for replicas of a later version', [now, later], 2],
    ['waits for a replica that has yet to say what it reads', [now, silent], undefined],
  ]
  for (const [sentence, replicas, schema] of rows) {
    it(sentence, () => expect(schemaFor(replicas)).to.equal(schema))
  }
})

describe('schemaOf', () => {
  const rows: readonly [sentence: string, wanted: number | undefined, stored: number | undefined, schema: number][] = [
    ['is what the replicas want', 2, 1, 2],
    ['is that of the stored shard while they want none', undefined, 2, 2],
    ['is the one that every version reads for a first shard, while they want none', undefined, undefined, 1],
  ]
  for (const [sentence, wanted, stored, schema] of rows) {
    it(sentence, () => expect(schemaOf(wanted, stored)).to.equal(schema))
  }
})

describe('isOtherForm', () => {
  it('lets an empty shard stay in the earlier form, which everybody reads', () => {
    expect(isOtherForm({ clients: 0, stored: 1, wanted: 2 })).to.equal(false)
    expect(isOtherForm({ clients: 0, stored: 2, wanted: 1 })).to.equal(true)
    expect(isOtherForm({ clients: 1, stored: 1, wanted: 2 })).to.equal(true)
    expect(isOtherForm({ clients: 1, stored: 2, wanted: 2 })).to.equal(false)
  })
})
