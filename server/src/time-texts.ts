// Writes a time in a language and a time zone. A formatter takes 30 KB outside of the heap, so there is one for each language and zone.
import { timeZoneNamed } from '@nauthera/rules/time-zones'
import { BoundedMap } from '@nauthera/runtime/bounded-map'

/** 8 MB. All zones in one language are more, and a browser can name another one with each request. */
const formattersKept = 256

/** @param form as Intl.DateTimeFormat takes it
 *  @returns a function that writes a time; `zone` is of the person, and UTC when it is unknown */
export function createTimeTexts(
  form: Readonly<Intl.DateTimeFormatOptions>,
): (at: Date, language: string, zone?: string) => string {
  const formatters = new BoundedMap<Intl.DateTimeFormat>({ entries: formattersKept, weight: formattersKept })
  return (at, language, zone = 'UTC') => {
    const timeZone = timeZoneNamed(zone) ?? 'UTC'
    const key = `${language} ${timeZone}`
    const kept = formatters.get(key)
    if (kept !== undefined) return kept.format(at)
    const made = new Intl.DateTimeFormat(language, { ...form, timeZone })
    formatters.set(key, made, 1)
    return made.format(at)
  }
}
