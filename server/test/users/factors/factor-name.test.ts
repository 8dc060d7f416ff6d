import { expect } from 'chai'
import { factorName } from '../../../src/users/factors/factor-name.ts'

describe(factorName.name, () => {
  it('is what the person typed, on one line and at most 60 characters long', () => {
    expect(factorName('  Work phone\n')).to.equal('Work phone')
    expect(factorName('x'.repeat(200))).to.have.length(60)
  })

  it('is empty when nothing was typed', () => {
    expect(factorName(null)).to.equal('')
    expect(factorName('   ')).to.equal('')
  })
})
