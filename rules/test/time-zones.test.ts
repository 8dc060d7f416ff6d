import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { timeZoneNamed } from '../src/time-zones.ts'

/** A name in any case: which of its letters are large. */
const spelledAnyhow = (name: string) =>
  fc
    .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
    .map((large) =>
      Array.from(name, (letter, at) => (large[at] ? letter.toUpperCase() : letter.toLowerCase())).join(''),
    )

describe(timeZoneNamed.name, () => {
  it('has one name for each zone, however it is written', () => {
    const zones = fc.constantFrom(
      ...Intl.supportedValuesOf('timeZone'),
      'UTC',
      'Asia/Kolkata',
      'US/Eastern',
      'Etc/GMT+5',
    )
    const spelled = zones.chain((zone) => spelledAnyhow(zone).map((spelling) => ({ zone, spelling })))
    fc.assert(
      fc.property(spelled, ({ zone, spelling }) => {
        const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions()
        expect(timeZoneNamed(spelling)).to.equal(timeZone)
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  for (const name of ['', 'Mars/Olympus', '+02:00', '-05', 'Europe/Berlin ', 'Asia/\u212aolkata', 'x'.repeat(10_000)])
    it(`does not know ${JSON.stringify(name).slice(0, 20)}`, () => {
      timeZoneNamed('Asia/Kolkata')
      expect(timeZoneNamed(name)).to.equal(undefined)
    })
})
