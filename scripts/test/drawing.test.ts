import { expect } from 'chai'
import { renderDrawing } from '../drawing.ts'

const about = 'title What\nabout It shows it.'

describe('renderDrawing', () => {
  it('gives a picture with a title, a description, and colours for dark pages', () => {
    const svg = renderDrawing(`${about}\nbox a 0,0 : One\npod b 1,0 : Two | more\narrow a -> b : goes`)
    expect(svg).to.match(/^<svg .*role="img" aria-labelledby="t d">/)
    expect(svg).to.include('<title id="t">What</title>').and.to.include('<desc id="d">It shows it.</desc>')
    expect(svg).to.include('prefers-color-scheme:dark').and.to.include('>goes</text>')
  })

  it('escapes what stands in a text', () => {
    expect(renderDrawing(`${about}\nbox a 0,0 : a < b & c`)).to.include('>a &lt; b &amp; c</text>')
  })

  const table = [
    ['a text that does not fit', 'box a 0,0 : a title that is much longer than its box', 'does not fit'],
    ['an arrow to a box that is not there', 'box a 0,0 : One\narrow a -> b', 'an arrow is NAME -> NAME'],
    ['a line of no known form', 'circle a 0,0 : One', 'not a line of a drawing'],
  ] as const
  for (const [sentence, line, message] of table) {
    it(`refuses ${sentence}`, () => {
      expect(() => renderDrawing(`${about}\n${line}`)).to.throw(message)
    })
  }

  it('refuses a picture that says nothing to people who do not see it', () => {
    expect(() => renderDrawing('box a 0,0 : One')).to.throw('a title')
  })
})
