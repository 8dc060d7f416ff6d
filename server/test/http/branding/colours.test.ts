import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { contrast, fitAccent } from '../../../src/http/branding/colours.ts'

const style = readFileSync(new URL('../../../assets/style.css', import.meta.url), 'utf8')

/** What links, buttons, tags, alerts and rings of the focus stand on, by the style sheet itself: in light, and in dark. */
const grounds = (() => {
  const found = [...style.matchAll(/--(?:ground|card|wash): (#[0-9a-f]{6});/g)].map(([, colour]) => colour!)
  return { light: found.slice(0, 3), dark: found.slice(3, 6) }
})()

/** As `filter: brightness()` of a button under the pointer makes it. */
const dimmed = (colour: string): string => {
  const share = Number(/:hover \{\s*filter: brightness\((0\.\d+)\)/.exec(style)![1])
  const parts = [1, 3, 5].map((at) => Math.round(Number.parseInt(colour.slice(at, at + 2), 16) * share))
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

describe('fitAccent', () => {
  it('does not change a colour that is readable', () => {
    expect(fitAccent('#3454c4').light).to.equal('#3454c4')
    expect(fitAccent('#9db3ff').dark).to.equal('#9db3ff')
  })

  it('makes every colour readable in both themes, as a link, as the ring of the focus and under text', () => {
    const colour = fc.integer({ min: 0, max: 0xffffff }).map((value) => `#${value.toString(16).padStart(6, '0')}`)
    fc.assert(
      fc.property(colour, (accent) => {
        const { light, dark, onLight, onDark } = fitAccent(accent)
        for (const ground of grounds.light) expect(contrast(light, ground), ground).to.be.at.least(4.5)
        for (const ground of grounds.dark) expect(contrast(dark, ground), ground).to.be.at.least(4.5)
        expect(contrast(light, onLight)).to.be.at.least(4.5)
        expect(contrast(dark, onDark)).to.be.at.least(4.5)
        // under the pointer
        expect(contrast(dimmed(light), dimmed(onLight))).to.be.at.least(4.5)
        expect(contrast(dimmed(dark), dimmed(onDark))).to.be.at.least(4.5)
      }),
      { numRuns: propertyRuns(300) },
    )
  })
})
