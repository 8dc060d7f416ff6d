// Why a target is missed: what a profile says, and what was tried. Written by hand, shown on the page.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import type { Measurement } from '../../report.ts'
import { figuresOf } from './report.ts'
import type { Report } from './report.ts'

export const missesFile = 'docs/measurements/misses.md'
export const profileOf = (row: string): string => `docs/measurements/profile-${row}.txt`

/** One section of that file: the names of measurements in its heading, separated by commas, and the text below. */
export interface Miss {
  readonly names: readonly string[]
  readonly text: string
}

/** What stands on the page beside the figures. */
export interface Explained {
  readonly misses: readonly Miss[]
  /** Rows of which a profile lies beside the report. */
  readonly profiles: readonly string[]
}

export function readExplained(): Explained {
  const text = existsSync(missesFile) ? readFileSync(missesFile, 'utf8') : ''
  const profiles = readdirSync('docs/measurements').flatMap((name) => /^profile-(.*)\.txt$/.exec(name)?.[1] ?? [])
  return { misses: parseMisses(text), profiles: profiles.sort() }
}

export const parseMisses = (text: string): Miss[] =>
  text
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading, ...lines] = section.split('\n')
      return { names: heading!.split(',').map((name) => name.trim()), text: lines.join('\n').trim() }
    })

export const missedOf = (report: Report): Measurement[] =>
  Object.values(report.rows).flatMap((row) => figuresOf(row).filter(({ ok }) => !ok))
