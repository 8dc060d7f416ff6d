import { expect } from 'chai'
import { maxVersionBytes } from '../src/limits.ts'
import { sizeFaults } from '../src/version-size.ts'

describe('sizeFaults', () => {
  it('counts bytes, not characters, and says what to do', () => {
    expect(sizeFaults({ config: 'ü'.repeat(maxVersionBytes / 2) })).to.deep.equal([])
    const [fault] = sizeFaults({ config: 'ü'.repeat(maxVersionBytes / 2 + 1) })
    expect(fault).to.include({ field: 'spec', code: 'CLIENT_METADATA_INVALID' })
    expect(fault?.message).to.match(/^must take at most 16 KiB, and takes 17 KiB; shorten its lists/)
  })
})
