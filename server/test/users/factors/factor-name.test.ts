import { expect } from 'chai'
import { passkeyName } from '../../../src/users/factors/factor-name.ts'

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'

describe(passkeyName.name, () => {
  it('is what its person typed', () => expect(passkeyName(' my key ', chrome)).to.equal('my key'))
  it('is browser and system where nothing was typed', () => {
    expect(passkeyName('', chrome)).to.equal('Chrome, Linux')
    expect(passkeyName(null, 'curl/8')).to.equal('')
  })
})
