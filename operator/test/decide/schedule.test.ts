import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { checkSchedule, checkWindow, nextOpening, windowAt } from '../../src/decide/client/schedule.ts'
import { client } from './clients.ts'

const at = (text: string): number => Date.parse(text)
const text = (time: number | undefined): string | undefined =>
  time === undefined ? undefined : new Date(time).toISOString().slice(0, 16)

function next(cron: string, from: string, timeZone = 'UTC'): string | undefined {
  expect(checkSchedule(cron)).to.equal(undefined)
  return text(nextOpening(cron, timeZone, at(from)))
}

describe('nextOpening', () => {
  const table: readonly [cron: string, from: string, opens: string, timeZone?: string][] = [
    ['0 3 * * *', '2026-01-01T00:00:00Z', '2026-01-01T03:00'],
    ['0 3 * * *', '2026-01-01T03:00:00Z', '2026-01-01T03:00'],
    ['0 3 * * *', '2026-01-01T03:00:01Z', '2026-01-02T03:00'],
    ['*/15 * * * *', '2026-01-01T00:16:00Z', '2026-01-01T00:30'],
    ['5-10/5 1,2 * * *', '2026-01-01T01:06:00Z', '2026-01-01T01:10'],
    ['0 3 * * 6', '2026-01-01T00:00:00Z', '2026-01-03T03:00'],
    ['0 3 * * SAT', '2026-01-01T00:00:00Z', '2026-01-03T03:00'],
    ['0 3 * * 7', '2026-01-01T00:00:00Z', '2026-01-04T03:00'],
    ['0 3 1 JAN *', '2026-01-02T00:00:00Z', '2027-01-01T03:00'],
    ['0 0 29 2 *', '2026-01-01T00:00:00Z', '2028-02-29T00:00'],
    // both restricted: one of the two is enough, as in cron
    ['0 0 13 * 5', '2026-01-01T00:00:00Z', '2026-01-02T00:00'],
    ['0 3 * * *', '2026-01-01T00:00:00Z', '2026-01-01T02:00', 'Europe/Berlin'],
    ['0 3 * * *', '2026-07-01T00:00:00Z', '2026-07-01T01:00', 'Europe/Berlin'],
    // in the night of 29 March there is no 02:30: 03:00 comes after 01:59
    ['30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-29T01:00', 'Europe/Berlin'],
    ['30 2 * * *', '2026-03-29T01:00:00Z', '2026-03-29T01:00', 'Europe/Berlin'],
    ['30 2 * * *', '2026-03-29T01:00:01Z', '2026-03-30T00:30', 'Europe/Berlin'],
    ['30 2 29 MAR *', '2026-03-01T00:00:00Z', '2026-03-29T01:00', 'Europe/Berlin'],
    // on 6 September the day begins at 01:00
    ['0 0 * * *', '2026-09-05T12:00:00Z', '2026-09-06T04:00', 'America/Santiago'],
    ['0 0 * * SUN', '2026-09-05T12:00:00Z', '2026-09-06T04:00', 'America/Santiago'],
    ['0 0 * * *', '2026-09-06T04:01:00Z', '2026-09-07T03:00', 'America/Santiago'],
    // half an hour is skipped there
    ['15 2 * * *', '2026-10-03T12:00:00Z', '2026-10-03T15:30', 'Australia/Lord_Howe'],
    ['*/15 * * * *', '2026-03-29T00:46:00Z', '2026-03-29T01:00', 'Europe/Berlin'],
    ['*/15 * * * *', '2026-03-29T01:01:00Z', '2026-03-29T01:15', 'Europe/Berlin'],
    // in the night of 25 October 02:30 comes twice; the first one counts
    ['30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-25T00:30', 'Europe/Berlin'],
    ['0 9 * * *', '2026-01-01T00:00:00Z', '2026-01-01T03:15', 'Asia/Kathmandu'],
    // no time of a list of hours is lost in the night of a change; with a step it is left out
    ['30 2,14 * * *', '2026-03-28T14:00:00Z', '2026-03-29T01:00', 'Europe/Berlin'],
    ['*/30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-30T00:00', 'Europe/Berlin'],
    // with a step, the hour that comes twice counts twice
    ['*/15 * * * *', '2026-10-25T01:01:00Z', '2026-10-25T01:15', 'Europe/Berlin'],
    ['5/20 1 * * *', '2026-01-01T01:06:00Z', '2026-01-01T01:25'],
    ['0 3 * * FRI-SUN', '2026-01-03T04:00:00Z', '2026-01-04T03:00'],
    ['0 3 * * 3/2', '2026-01-03T04:00:00Z', '2026-01-04T03:00'],
    // one field is * for all days: every day, whatever the other says
    ['0 0 */1 * 1', '2026-01-01T00:00:01Z', '2026-01-02T00:00'],
    ['0 3 * jan sat', '2026-01-01T00:00:00Z', '2026-01-03T03:00'],
  ]
  for (const [cron, from, opens, timeZone] of table) {
    it(`${cron} ${timeZone ?? ''} after ${from} opens at ${opens}`, () => {
      expect(next(cron, from, timeZone)).to.equal(opens)
    })
  }

  it('never comes for 31 February', () => {
    expect(next('0 0 31 2 *', '2026-01-01T00:00:00Z')).to.equal(undefined)
  })

  it('is never before the instant that it was asked for, in any zone', () => {
    const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu')
    fc.assert(
      fc.property(
        fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') }),
        fc.nat(23),
        fc.nat(59),
        zone,
        (from, hour, minute, timeZone) => {
          const opens = nextOpening(`${minute} ${hour} * * *`, timeZone, from)!
          expect(opens).to.be.at.least(from)
          // a day has 25 hours at most, and none goes without
          expect(opens - from).to.be.at.most(25 * 3_600_000)
        },
      ),
      { numRuns: propertyRuns(300) },
    )
  })
})

describe('checkSchedule', () => {
  const refused: readonly [cron: string, says: RegExp][] = [
    ['60 * * * *', /minutes/],
    ['* 24 * * *', /hours/],
    ['* * 0 * *', /days/],
    ['* * * 13 *', /months/],
    ['* * * * 8', /weekdays/],
    ['* * * *', /five fields/],
    ['*/0 * * * *', /minutes/],
    ['5-1 * * * *', /minutes/],
    ['1-2-3 * * * *', /minutes/],
    ['1/2/3 * * * *', /minutes/],
    [', * * * *', /minutes/],
    ['* * * * FRIDAY', /weekdays/],
    // the library knows more than five plain fields
    ['0 0 3 * * 6', /five fields/],
    ['@daily', /five fields/],
    ['0 0 L * *', /days/],
    ['0 0 15W * *', /days/],
    ['0 0 ? * *', /days/],
    ['0 0 * * 5L', /weekdays/],
    ['0 0 * * L', /weekdays/],
    ['0 0 * * 5#2', /weekdays/],
    ['0 0 1 * +MON', /weekdays/],
    ['/10 * * * *', /minutes/],
    ['007 * * * *', /minutes/],
    ['*-5 * * * *', /minutes/],
    ['60/30 * * * *', /minutes/],
    ['* 1-25/5 * * *', /hours/],
    ['* */25 * * *', /hours/],
    ['* * MON * *', /days/],
    ['* * * FRI *', /months/],
    ['* * * * 6-1', /weekdays/],
    ['', /five fields/],
  ]
  for (const [cron, says] of refused) {
    it(`refuses ${cron}`, () => {
      expect(checkSchedule(cron)).to.match(says)
    })
  }
})

describe('windowAt', () => {
  const window = { schedule: '0 3 * * *', durationMs: 2 * 3_600_000 }
  const table: readonly [now: string, opens: string][] = [
    ['2026-01-01T02:59:00Z', '2026-01-01T03:00'],
    ['2026-01-01T03:00:00Z', '2026-01-01T03:00'],
    ['2026-01-01T04:59:59Z', '2026-01-01T03:00'],
    ['2026-01-01T05:00:00Z', '2026-01-02T03:00'],
  ]
  for (const [now, opens] of table) {
    it(`at ${now} it is the window of ${opens}`, () => {
      expect(text(windowAt(window, at(now))?.opens)).to.equal(opens)
    })
  }

  it('never opens in a time zone that does not exist', () => {
    expect(windowAt({ ...window, timeZone: 'Europe/Berln' }, at('2026-01-01T00:00:00Z'))).to.equal(undefined)
  })
  it('is open after the hour that a change of clocks skips', () => {
    const berlin = { schedule: '30 2 * * *', timeZone: 'Europe/Berlin', durationMs: 3_600_000 }
    for (const now of ['2026-03-29T01:00:00Z', '2026-03-29T01:59:59Z'])
      expect(text(windowAt(berlin, at(now))?.opens), now).to.equal('2026-03-29T01:00')
    expect(text(windowAt(berlin, at('2026-03-29T02:00:00Z'))?.opens)).to.equal('2026-03-30T00:30')
  })
})

describe('checkWindow', () => {
  const check = (schedule: string, duration: string, timeZone?: string) =>
    checkWindow(
      client({ rotation: { interval: '720h', window: { schedule, duration, ...(timeZone ? { timeZone } : {}) } } }).spec
        .rotation,
      'spec.rotation',
    ).map(({ path }) => path)
  it('takes a window that is shorter than the gap', () => {
    expect(check('0 3 * * *', '23h', 'Europe/Berlin')).to.deep.equal([])
  })
  it('refuses one that never closes', () => {
    expect(check('0 3 * * *', '24h')).to.deep.equal(['spec.rotation.window.duration'])
    expect(check('*/5 * * * *', '5m')).to.deep.equal(['spec.rotation.window.duration'])
  })
  it('refuses a zone that nobody knows', () => {
    expect(check('0 3 * * *', '1h', 'Mars/Olympus')).to.deep.equal(['spec.rotation.window.timeZone'])
  })
})
