import { annotations } from '@nauthera/proto/names'
import { digestOf } from '@nauthera/proto/digest'
import { expect } from 'chai'
import type { SecretMarks } from '../../src/decide/secret/rotation-terms.ts'
import { readMarks, writeMarks } from '../../src/decide/secret/secret-marks.ts'

const sha256 = digestOf('a secret')
const marks: SecretMarks = {
  secretId: sha256.slice(0, 8),
  rotatedAt: Date.UTC(2026, 0, 1),
  verifiers: [
    { id: sha256.slice(0, 8), sha256 },
    { id: 'ffffffff', sha256: 'f'.repeat(64), notAfter: Date.UTC(2026, 0, 2) },
  ],
  observed: { trigger: 't1', revoke: 'r1' },
  fence: 'ffffffff',
}

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
