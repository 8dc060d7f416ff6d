import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** Creates a directory for tests, which is removed when this process exits. A process that is killed leaves it; see `reapDirectory`.
 *  @param name part of its name */
export function temporaryDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `nauthera-${name}-`))
  if (made.push(directory) === 1)
    process.once('exit', () => {
      for (const one of made) rmSync(one, { recursive: true, force: true })
    })
  return directory
}
