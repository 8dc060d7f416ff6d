import fc from 'fast-check'
import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { languagesOnPage } from '../../../src/account/frame/frame.ts'
import { composeMail } from '../../../src/mail/compose.ts'
import type { Page } from '../../../src/reply.ts'
import { timeZoneNamed } from '@nauthera/rules/time-zones'
import { sampleMails } from '../../mail/sample-mails.ts'
import { testPages, testTexts } from '../harness.ts'
import { samplePages } from '../sample-pages.ts'

/** What V8 does not count as memory: each of these objects holds 3 to 30 kB of ICU, and each text that a segmenter splits 6 kB. */
const kinds = [
  'Collator',
  'DateTimeFormat',
  'DisplayNames',
  'ListFormat',
  'NumberFormat',
  'PluralRules',
  'RelativeTimeFormat',
  'Segmenter',
] as const

/** @returns which of them `work` made */
function madeBy(work: () => void): string[] {
  const made: string[] = []
  const own = kinds.map((kind) => [kind, Object.getOwnPropertyDescriptor(Intl, kind)!] as const)
  const { segment } = Intl.Segmenter.prototype
  for (const [kind, { value }] of own) {
    const counted = new Proxy(value, {
      construct: (target, args) => {
        made.push(kind)
        return Reflect.construct(target, args)
      },
    })
    Object.defineProperty(Intl, kind, { value: counted, configurable: true, writable: true })
  }
  Intl.Segmenter.prototype.segment = function (text) {
    made.push('segments')
    return segment.call(this, text)
  }
  try {
    work()
  } finally {
    for (const [kind, descriptor] of own) Object.defineProperty(Intl, kind, descriptor)
    Intl.Segmenter.prototype.segment = segment
  }
  return made
}

const { pages } = testPages()

/** The page as a person with this name sees it, in a browser of this zone. */
function seenBy(page: Page, { name, timeZone }: { readonly name: string; readonly timeZone: string }): Page {
  if (!('area' in page.model)) return page
  const { area } = page.model
  // a spread loses which page it is
  return Object.assign(structuredClone(page), {
    model: { ...page.model, area: { ...area, timeZone, person: { ...area.person, name } } },
  })
}

const readers = fc.record({
  name: fc.constantFrom('Ada Lovelace', 'Ünal', 'सीता', '한글', '👩‍👩‍👧 Lee'),
  language: fc.constantFrom(...testTexts.languages),
  timeZone: fc.constantFrom(...Intl.supportedValuesOf('timeZone'), 'uS/eAsTeRn'),
})

describe('native memory that a request makes', () => {
  for (const [name, page] of Object.entries(samplePages))
    it(`is none of Intl the second time that a person sees ${name}`, () => {
      fc.assert(
        fc.property(readers, (reader) => {
          const request = { headers: { 'accept-language': reader.language } } as unknown as IncomingMessage
          const show = () => pages.render(seenBy(page, reader), request, 'interaction:u1')
          show()
          expect(madeBy(show)).to.deep.equal([])
        }),
        { numRuns: propertyRuns(10) },
      )
    })

  for (const mail of sampleMails)
    it(`is none of Intl for the second mail ${mail.template}`, () => {
      for (const language of testTexts.languages) {
        const write = () =>
          void composeMail(mail, testTexts.choose([language]), { title: 'N', issuer: 'https://a.example' })
        write()
        expect(madeBy(write)).to.deep.equal([])
      }
    })

  it('is none of Intl for names of languages and of zones that were shown before', () => {
    const look = () =>
      void [languagesOnPage(['en', 'de']), timeZoneNamed('Asia/Kolkata'), timeZoneNamed('asia/kolkata')]
    look()
    expect(madeBy(look)).to.deep.equal([])
  })
})
