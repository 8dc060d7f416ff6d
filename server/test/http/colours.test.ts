import { expect } from 'chai'
import fc from 'fast-check'
import { contrast, fitAccent } from '../../src/http/colours.ts'

describe('fitAccent', () => {
  it('does not change a colour that is readable', () => {
    expect(fitAccent('#3454c4').light).to.equal('#3454c4')
    expect(fitAccent('#9db3ff').dark).to.equal('#9db3ff')
  })

  it('makes every colour readable in both themes, as a link and under text', () => {
    const colour = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)
    fc.assert(
      fc.property(colour, (accent) => {
        const { light, dark, onLight, onDark } = fitAccent(accent)
        expect(contrast(light, '#ffffff')).to.be.at.least(4.5)
        expect(contrast(dark, '#1d222c')).to.be.at.least(4.5)
        expect(contrast(light, onLight)).to.be.at.least(4.5)
        expect(contrast(dark, onDark)).to.be.at.least(4.5)
      }),
    )
  })
})
