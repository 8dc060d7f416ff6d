// A clock that is ahead: what is due in an hour is due at once. Only the time of day moves: leases and timers count on.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MovableClock {
  /** Flags of Node for a process that has it. */
  readonly flags: readonly string[]
  /** Processes that have it are so far ahead: one that starts from its start on, one that runs within a second. */
  move(milliseconds: number): void
}

/** @param place a directory for its files */
export function createMovableClock(place: string): MovableClock {
  const [hook, ahead] = [join(place, 'clock.mjs'), join(place, 'clock-ahead')]
  writeFileSync(
    hook,
    `import { readFileSync, watchFile } from 'node:fs'
const path = ${JSON.stringify(ahead)}
let ahead = Number(readFileSync(path, 'utf8'))
watchFile(path, { interval: 500, persistent: false }, () => {
  ahead = Number(readFileSync(path, 'utf8'))
})
const { now } = Date
globalThis.Date = class extends Date {
  constructor(...parts) {
    super(...(parts.length === 0 ? [now() + ahead] : parts))
  }
  static now() {
    return now() + ahead
  }
}
`,
  )
  const move = (milliseconds: number) => writeFileSync(ahead, String(milliseconds))
  move(0)
  return { flags: ['--import', hook], move }
}
