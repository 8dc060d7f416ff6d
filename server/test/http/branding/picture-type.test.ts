import { expect } from 'chai'
import { pictureTypeOf } from '../../../src/http/branding/picture-type.ts'

const bytes = (text: string) => Buffer.from(text, 'latin1')
const cases: [string, Buffer, string | undefined][] = [
  ['a PNG', bytes('\u0089PNG\r\n\u001a\n....'), 'image/png'],
  ['a JPEG', bytes('\u00ff\u00d8\u00ff\u00e0....'), 'image/jpeg'],
  ['a GIF', bytes('GIF89a....'), 'image/gif'],
  ['a WebP', bytes('RIFF....WEBPVP8 '), 'image/webp'],
  ['an SVG', bytes('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/svg+xml'],
  ['an SVG after a declaration and comments', bytes('\n<?xml version="1.0"?>\n<!-- a -->\n<svg >'), 'image/svg+xml'],
  ['an SVG after a comment with a dash', bytes('<!-- a - b -- c --><svg>'), 'image/svg+xml'],
  ['a comment without an end', bytes('<!-- <svg>'), undefined],
  ['a page', bytes('<!doctype html><svg></svg>'), undefined],
  ['a page that says it is an SVG later', bytes('<html><body><svg></svg>'), undefined],
  ['a script', bytes('alert("<svg>")'), undefined],
  ['nothing', Buffer.alloc(0), undefined],
]

describe(pictureTypeOf.name, () => {
  for (const [name, picture, type] of cases) {
    it(`takes ${name} for ${type ?? 'no picture'}`, () => {
      expect(pictureTypeOf(picture)).to.equal(type)
    })
  }

  const traps: [string, string][] = [
    ['comments', '<!---->'],
    ['beginnings of comments', '<!--'],
    ['ends of comments', '-->'],
    ['spaces', ' '],
    ['declarations', '<?xml>'],
  ]
  for (const [name, part] of traps) {
    it(`takes no time for a file of nothing but ${name}`, () => {
      const began = process.cpuUsage()
      expect(pictureTypeOf(bytes(part.repeat(4096 / part.length)))).to.equal(undefined)
      expect(process.cpuUsage(began).user / 1000).to.be.below(200)
    })
  }
})
