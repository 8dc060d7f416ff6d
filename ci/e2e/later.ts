// Images and the plugin, which only later files of the run need: they are built, and images loaded, while the first files are tested.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** In the order in which they are needed. */
export const laterImages = ['valkey', 'oauth2-proxy', 'previous', 'openldap', 'plugin'] as const
export type LaterImages = (typeof laterImages)[number]

/** Of the environment of the tests: a directory with a file for each that is on the nodes, or says why it is not. */
const variable = 'NAUTHERA_E2E_LATER'

export interface Later {
  readonly environment: Readonly<Record<string, string>>
  /** @param fault why there will be none */
  tell(what: LaterImages, fault?: string): void
}

export function createLater(directory: string): Later {
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  return {
    environment: { [variable]: directory },
    tell: (what, fault = '') => writeFileSync(join(directory, what), fault, { flag: 'wx' }),
  }
}

/** Longer than the slowest takes on a machine that has never built it. */
const patienceMs = 600_000

/** Resolves at once on a cluster that has all of them from the start.
 *  @throws Error that says why there is none */
export async function whenLoaded(what: LaterImages): Promise<void> {
  const directory = process.env[variable]
  if (directory === undefined) return
  const deadline = Date.now() + patienceMs
  for (;;) {
    const fault = told(join(directory, what))
    if (fault === '') return
    if (fault !== undefined) throw new Error(fault)
    if (Date.now() > deadline) throw new Error(`waited ${patienceMs / 1000} s for ${what}`)
    await pause(200)
  }
}

function told(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
