import { expect } from 'chai'
import { showForeign, showLines } from '../../../src/http/branding/texts.ts'

describe(showForeign.name, () => {
  it('keeps an address in one piece, and shows words as words', () => {
    expect(showForeign('a@b.test')).to.contain('translate="no"')
    expect(showForeign('Ada Example')).to.equal('<bdi>Ada Example</bdi>')
    expect(showForeign('Ada (a@b.test) and (more)')).to.equal(
      '<bdi>Ada <span translate="no">(a@<wbr>b.<wbr>test)</span> and (more)</bdi>',
    )
  })

  for (const run of ['.', '@', 'a', '(', ' (', ' (.', '. ', '_/'])
    it(`E3 shows ${JSON.stringify(run)} a hundred thousand times at once`, () => {
      const text = `Ada ${run.repeat(100_000)} x`
      expect(showForeign(text).length).to.be.at.least(text.length)
      expect(showForeign(`x (${run.repeat(100_000)} x`).length).to.be.at.least(text.length)
      expect(showLines(text).length).to.be.at.least(text.length)
    })
})
