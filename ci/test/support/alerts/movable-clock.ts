// A clock that is ahead: what is due in an hour is due when its process starts again.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MovableClock {
  /** Flags of Node for a process that has it. */
  readonly flags: readonly string[]
  /** A process that starts from now on is so far ahead. */
  move(milliseconds: number): void
}

/** @param place a directory for its files */
export function createMovableClock(place: string): MovableClock {
  const [hook, ahead] = [join(place, 'clock.mjs'), join(place, 'clock-ahead')]
  writeFileSync(
    hook,
    `import { readFileSync } from 'node:fs'
const ahead = Number(readFileSync(${JSON.stringify(ahead)}, 'utf8'))
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
