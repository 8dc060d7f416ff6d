// Which names are time zones. A look with Intl takes 20 KB that the heap does not count, so each zone is looked up once, however its name is written.

/** Without `+` and `-` at the start: an offset is no zone. Without letters that only look like those of a zone. */
const form = /^[a-z][a-z0-9_+/-]{0,63}$/i

/** Name in lower case -> the name that ICU has for the zone. Bounded: only names of the tz database come in. */
const known = new Map<string, string>()

/** @param name as a person or an object says it, in any case, such as Europe/Berlin
 *  @returns one name for each zone, for lookups and Intl; undefined when the tz database does not have it */
export function timeZoneNamed(name: string): string | undefined {
  if (!form.test(name)) return undefined
  const key = name.toLowerCase()
  const zone = known.get(key) ?? lookUp(name)
  if (zone !== undefined) known.set(key, zone)
  return zone
}

function lookUp(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}
