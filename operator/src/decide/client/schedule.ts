// Computes when a rotation window is open: cron with five fields in a time zone.
import { Cron } from 'croner'
import { timeZoneNamed } from '@nauthera/rules/time-zones'
import type { Fault } from '@nauthera/runtime/coded-error'
import { durationMs } from '../../api/duration.ts'
import type { OIDCClientSpec } from '../../api/oidc-client.ts'

export interface Window {
  readonly schedule: string
  readonly timeZone?: string
  readonly durationMs: number
}

/** The five fields in order: the highest number of each, and its message. */
const fields = [
  { most: 59, fault: 'must have minutes from 0 to 59' },
  { most: 23, fault: 'must have hours from 0 to 23' },
  { most: 31, fault: 'must have days from 1 to 31' },
  { most: 12, fault: 'must have months from 1 to 12 or JAN to DEC' },
  { most: 7, fault: 'must have weekdays from 0 (Sunday) to 6 or SUN to SAT' },
] as const

/** One item of a field: `*`, a number, a name or a range of them, each with a step or without. Everything else that the
 *  library knows (L, W, #, ?, seconds) is refused, as by other programs that read five fields. */
const itemForm = /^(?:\*|(?<from>\d{1,2}|[a-z]{3})(?:-(?<to>\d{1,2}|[a-z]{3}))?)(?:\/(?<step>\d{1,2}))?$/i

/** @returns what is wrong with a schedule; undefined when it is good */
export function checkSchedule(schedule: string): string | undefined {
  const parts = schedule.split(' ')
  if (parts.length !== fields.length) return 'must have five fields: minute, hour, day, month, weekday'
  if (parts.every(hasForm) && isTaken(schedule)) return undefined
  return fields.find((_, index) => !isField(parts[index]!, index))?.fault
}

/** @returns the first opening at or after `from`, epoch milliseconds; undefined when it never comes.
 *  A time that a change of clocks skips is the first one after it; of one that comes twice the first counts. Where minute or
 *  hour holds `*` or a step, skipped times are left out, and times that come twice count twice. */
export function nextOpening(schedule: string, timeZone: string, from: number): number | undefined {
  // the library looks for what comes after an instant, in whole seconds
  const before = Math.ceil(from / 1000) * 1000 - 1000
  return cronOf(schedule, timeZone).nextRun(new Date(before))?.getTime()
}

/** @returns the window that is open at `at`, or else the next one; undefined when schedule or zone is wrong, or it never comes */
export function windowAt(window: Window, at: number): { readonly opens: number; readonly closes: number } | undefined {
  const { schedule, timeZone = 'UTC' } = window
  if (faultOf(schedule) !== undefined || timeZoneNamed(timeZone) === undefined) return undefined
  const opens = nextOpening(schedule, timeZone, at - window.durationMs + 1)
  return opens === undefined ? undefined : { opens, closes: opens + window.durationMs }
}

type Rotation = NonNullable<OIDCClientSpec['rotation']>

/** @param path where the rotation stands: `spec.rotation` of a client, `spec.defaults.rotation` of a policy
 *  @returns faults of its window that a pattern cannot see */
export function checkWindow(rotation: Partial<Pick<Rotation, 'window'>> | undefined, path: string): readonly Fault[] {
  const window = rotation?.window
  if (!window) return []
  const { schedule, timeZone } = window
  const at = `${path}.window`
  if (timeZone !== undefined && timeZoneNamed(timeZone) === undefined) {
    return [{ path: `${at}.timeZone`, message: 'must be an IANA time zone, such as Europe/Berlin' }]
  }
  const fault = faultOf(schedule)
  if (fault !== undefined) return [{ path: `${at}.schedule`, message: fault }]
  const gap = shortestGap(schedule)
  if (gap === undefined) return [{ path: `${at}.schedule`, message: 'must name a day that comes; this one never does' }]
  const length = durationMs(window.duration) ?? 0
  return length < gap
    ? []
    : [{ path: `${at}.duration`, message: 'must be shorter than the time between two openings of the schedule' }]
}

/** Whether each item of a field has our form. */
function hasForm(text: string, index: number): boolean {
  return text.split(',').every((item) => {
    const numbers = itemForm.exec(item)?.groups
    return numbers !== undefined && !(Number(numbers['from']) > mostOf(index) || Number(numbers['to']) > mostOf(index))
  })
}

/** Whether a field is valid beside four times `*`. */
const isField = (text: string, index: number): boolean =>
  hasForm(text, index) && isTaken(['*', '*', '*', '*', '*'].with(index, text).join(' '))

function isTaken(schedule: string): boolean {
  try {
    createCron(schedule, 'UTC')
    return true
  } catch {
    return false
  }
}

const mostOf = (index: number): number => fields[index]!.most

function createCron(schedule: string, timeZone: string): Cron {
  const parts = schedule.split(' ').map((text, index) => text.split(',').map((item) => spellStep(item, mostOf(index))))
  return new Cron(parts.join(' '), {
    mode: '5-part',
    // a list of hours counts as fixed: none is skipped when the clock changes
    fixedTimeRule: 'no-wildcard',
    // UTC is the same with less arithmetic; of other zones the library keeps a formatter for each spelling
    ...(timeZone === 'UTC' ? { utcOffset: 0 } : { timezone: timeZoneNamed(timeZone) ?? timeZone }),
  })
}

/** `5/15` is every 15 from 5 on; the library wants to read where that ends. */
const spellStep = (item: string, most: number): string => item.replace(/^(\w+)\//, `$1-${most}/`)

/** The shortest of the first hundred gaps between two openings. */
function findShortestGap(schedule: string): number | undefined {
  const times = createCron(schedule, 'UTC').nextRuns(100, new Date(Date.UTC(2024, 0, 1) - 1000))
  if (times.length === 0) return undefined
  return times.slice(1).reduce((least, time, index) => Math.min(least, Number(time) - Number(times[index])), Infinity)
}

/** The size of the cache of answers: looks are frequent, and many clients share a schedule. */
const answersKept = 10_000
/** A parsed schedule takes 80 KB. */
const parsedKept = 16

function keep<T>(most: number, find: (schedule: string, timeZone: string) => T) {
  const found = new Map<string, T>()
  return (schedule: string, timeZone = 'UTC'): T => {
    const key = `${timeZone} ${schedule}`
    if (!found.has(key)) {
      if (found.size >= most) found.clear()
      found.set(key, find(schedule, timeZone))
    }
    return found.get(key)!
  }
}

const faultOf = keep(answersKept, checkSchedule)
const shortestGap = keep(answersKept, findShortestGap)
const cronOf = keep(parsedKept, createCron)
