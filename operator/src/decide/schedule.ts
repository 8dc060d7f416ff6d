// Cron of five fields in a time zone: when a window of rotation is open.
import type { Fault } from '@nauthera/runtime/coded-error'
import { durationMs } from '../api/duration.ts'
import type { OIDCClientSpec } from '../api/oidc-client.ts'

export interface Schedule {
  readonly minutes: ReadonlySet<number>
  readonly hours: ReadonlySet<number>
  readonly days: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  readonly weekdays: ReadonlySet<number>
  /** As in cron: when both are restricted, one of the two is enough. */
  readonly anyDay: boolean
  readonly anyWeekday: boolean
}

export interface Window {
  readonly schedule: string
  readonly timeZone?: string
  readonly durationMs: number
}

const monthNames = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const weekdayNames = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const minute = 60_000
const day = 86_400_000

/** @returns the schedule, or what is wrong with it. */
export function parseCron(text: string): Schedule | string {
  const fields = text.split(' ')
  if (fields.length !== 5) return 'must have five fields: minute, hour, day, month, weekday'
  const [minutes, hours, days, months, weekdays] = [
    parseField(fields[0]!, 0, 59, []),
    parseField(fields[1]!, 0, 23, []),
    parseField(fields[2]!, 1, 31, []),
    parseField(
      fields[3]!,
      1,
      12,
      monthNames.map((name, index) => [name, index + 1]),
    ),
    parseField(
      fields[4]!,
      0,
      7,
      weekdayNames.map((name, index) => [name, index]),
    ),
  ]
  if (!minutes) return 'must have minutes from 0 to 59'
  if (!hours) return 'must have hours from 0 to 23'
  if (!days) return 'must have days from 1 to 31'
  if (!months) return 'must have months from 1 to 12 or JAN to DEC'
  if (!weekdays) return 'must have weekdays from 0 (Sunday) to 6 or SUN to SAT'
  if (weekdays.has(7)) weekdays.add(0)
  return { minutes, hours, days, months, weekdays, anyDay: fields[2] === '*', anyWeekday: fields[4] === '*' }
}

function parseField(
  text: string,
  least: number,
  most: number,
  names: readonly (readonly [string, number])[],
): Set<number> | undefined {
  const result = new Set<number>()
  const numberOf = (part: string): number =>
    names.find(([name]) => name === part.toUpperCase())?.[1] ?? (/^[0-9]{1,2}$/.test(part) ? Number(part) : NaN)
  for (const item of text.split(',')) {
    const [range = '', stepText] = item.split('/')
    const step = stepText === undefined ? 1 : numberOf(stepText)
    const [from, to] = range === '*' ? [least, most] : range.split('-').map(numberOf)
    const last = to ?? (stepText === undefined ? from : most)
    if (!(step >= 1) || from === undefined || last === undefined || !(from >= least) || !(last <= most) || from > last)
      return undefined
    if (item.split('/').length > 2 || range.split('-').length > 2) return undefined
    for (let value = from; value <= last; value += step) result.add(value)
  }
  return result
}

/** @returns the first opening at or after `from`, epoch milliseconds; undefined when there is none in four years. */
export function nextOpening(schedule: Schedule, timeZone: string, from: number): number | undefined {
  // local wall time as if it were UTC; what the zone skips or repeats is settled by toInstant. Where clocks have just gone forward,
  // the search begins with the time that they skipped.
  const start = Math.ceil(from / minute) * minute
  let wall = start + offsetAt(timeZone, start - minute)
  const limit = wall + 4 * 366 * day
  while (wall < limit) {
    const at = new Date(wall)
    if (!schedule.months.has(at.getUTCMonth() + 1) || !isDay(schedule, at)) {
      wall = (Math.floor(wall / day) + 1) * day
      continue
    }
    if (!schedule.hours.has(at.getUTCHours())) {
      wall = (Math.floor(wall / 3_600_000) + 1) * 3_600_000
      continue
    }
    if (!schedule.minutes.has(at.getUTCMinutes())) {
      wall += minute
      continue
    }
    const instant = toInstant(timeZone, wall)
    if (instant >= from) return instant
    wall += minute
  }
  return undefined
}

/** @returns the window that is open at `at`, or else the next one; undefined when the schedule never comes. */
export function windowAt(window: Window, at: number): { readonly opens: number; readonly closes: number } | undefined {
  const schedule = parseCron(window.schedule)
  if (typeof schedule === 'string') return undefined
  const opens = nextOpening(schedule, window.timeZone ?? 'UTC', at - window.durationMs + 1)
  return opens === undefined ? undefined : { opens, closes: opens + window.durationMs }
}

/** @returns faults of spec.rotation.window that a pattern cannot see. */
export function checkWindow(spec: OIDCClientSpec): readonly Fault[] {
  const window = spec.rotation?.window
  if (!window) return []
  const path = 'spec.rotation.window'
  if (window.timeZone !== undefined && !isTimeZone(window.timeZone)) {
    return [{ path: `${path}.timeZone`, message: 'must be an IANA time zone, such as Europe/Berlin' }]
  }
  const schedule = parseCron(window.schedule)
  if (typeof schedule === 'string') return [{ path: `${path}.schedule`, message: schedule }]
  const gap = shortestGap(schedule)
  if (gap === undefined)
    return [{ path: `${path}.schedule`, message: 'must name a day that comes; this one never does' }]
  const length = durationMs(window.duration) ?? 0
  return length < gap
    ? []
    : [{ path: `${path}.duration`, message: 'must be shorter than the time between two openings of the schedule' }]
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

function shortestGap(schedule: Schedule): number | undefined {
  let at = nextOpening(schedule, 'UTC', Date.UTC(2024, 0, 1))
  if (at === undefined) return undefined
  let shortest = Infinity
  for (let count = 0; count < 100; count++) {
    const next = nextOpening(schedule, 'UTC', at + minute)
    if (next === undefined) break
    shortest = Math.min(shortest, next - at)
    at = next
  }
  return shortest
}

function isDay(schedule: Schedule, at: Date): boolean {
  const byDay = schedule.days.has(at.getUTCDate())
  const byWeekday = schedule.weekdays.has(at.getUTCDay())
  if (schedule.anyDay) return byWeekday
  if (schedule.anyWeekday) return byDay
  return byDay || byWeekday
}

/** @returns the first instant at which the zone shows this wall time; when it skips that, the one at which it goes on */
function toInstant(timeZone: string, wall: number): number {
  // the offset of a day before and a day after are the only two that a change of clocks lets the wall time have
  const guesses = [wall - offsetAt(timeZone, wall - day), wall - offsetAt(timeZone, wall + day)]
  const [early, late] = guesses.toSorted((left, right) => left - right) as [number, number]
  const shown = [early, late].find((guess) => guess + offsetAt(timeZone, guess) === wall)
  return shown ?? changeBetween(timeZone, early, late)
}

/** @returns the instant at which the offset changes, to the minute */
function changeBetween(timeZone: string, early: number, late: number): number {
  const before = offsetAt(timeZone, early)
  let [low, high] = [early, late]
  while (high - low > minute) {
    const middle = low + Math.floor((high - low) / 2 / minute) * minute
    if (offsetAt(timeZone, middle) === before) low = middle
    else high = middle
  }
  return high
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** @returns how far the zone is ahead of UTC at an instant, milliseconds. */
function offsetAt(timeZone: string, instant: number): number {
  if (timeZone === 'UTC') return 0
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  const part = Object.fromEntries(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]))
  const wall = Date.UTC(part['year']!, part['month']! - 1, part['day'], part['hour'], part['minute'], part['second'])
  return wall - Math.floor(instant / 1000) * 1000
}
