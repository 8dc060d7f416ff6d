// What runs as each process: its sources or its bundle.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'

/** The root of the repository, where our programs are started. */
export const root = fileURLToPath(new URL('../../..', import.meta.url))

export interface Program {
  /** Entry file, from the root of the repository or absolute. */
  readonly script: string
  /** Flags for Node itself. */
  readonly flags?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The program of each process. */
export interface Programs {
  readonly server: Program
  readonly 'config-agent': Program
  readonly operator: Program
}

/** Run from the sources. */
export const sources: Programs = {
  server: { script: 'server/src/main.ts' },
  'config-agent': { script: 'config-agent/src/main.ts' },
  operator: { script: 'operator/src/main.ts' },
}

/** Of the environment of programs that are started from the sources again and again: what Node makes of these is kept, and a start takes
 *  half the time. */
export const compileCache = { NODE_COMPILE_CACHE: join(root, '.nauthera/compile-cache') } as const

/** @returns what runs in place of a source: a bundle, where the suite has made one (`bundleAll`), else the source */
export const scriptOf = (source: string): string => bundled[source] ?? source
const bundled = JSON.parse(process.env['NAUTHERA_BUNDLES'] ?? '{}') as Readonly<Record<string, string>>

/** Writes settings for one of our programs. */
export function writeSettings(file: string, settings: object): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, stringify(settings), { mode: 0o600 })
  return file
}
