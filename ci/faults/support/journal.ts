import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'

/** What a caller was told, and may hold the product to. `session` names a browser of the load. */
export type JournalEntry =
  | { kind: 'signed-in'; session: number }
  | { kind: 'code-used'; session: number; code: string; verifier: string }
  /** The newest refresh token of the grant. */
  | { kind: 'holds'; session: number; token: string }
  | { kind: 'revoked'; session: number; token: string }
  /** An answer was cut: what it would have said may or may not be done. */
  | { kind: 'unknown'; session: number }

/** Acknowledged events, each in a file of the driver's own before it counts: the servers' logs are never the judge. */
export class Journal {
  readonly #file: string

  /** @param file is made; must not be there yet */
  constructor(file: string) {
    this.#file = file
    appendFileSync(this.#file, '')
  }

  /** In a directory that ends with this process. */
  static temporary(): Journal {
    const directory = temporaryDirectory('journal')
    return new Journal(join(directory, 'journal'))
  }

  add(entry: JournalEntry): void {
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`, { flush: true })
  }

  read(): JournalEntry[] {
    return readFileSync(this.#file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JournalEntry)
  }
}
