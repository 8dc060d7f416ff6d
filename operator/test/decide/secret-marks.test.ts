import { annotations } from '@nauthera/proto/names'
import { expect } from 'chai'
import { readMarks, writeMarks } from '../../src/decide/secret/secret-marks.ts'
import { marks } from './rendered-secrets.ts'

describe('readMarks', () => {
  it('reads its own annotations back', () => {
    expect(readMarks(writeMarks(marks))).to.deep.equal(marks)
  })

  it('K7 takes damaged annotations for absent ones', () => {
    for (const text of ['', '{', '[1]', '[{"sha256":5}]', '{"a":1}', 'null', '[{"sha256":"zz"}]']) {
      const read = readMarks({
        [annotations.verifiers]: text,
        [annotations.observed]: text,
        [annotations.rotatedAt]: text,
      })
      expect(read.verifiers, text).to.deep.equal([])
      expect(read.rotatedAt, text).to.equal(undefined)
    }
  })
})
