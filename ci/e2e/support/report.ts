import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeMeasurement, measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import { root } from './kubernetes.ts'

const found: Measurement[] = []

/** Notes what was measured, and shows it at once. A target that is missed is said, and fails nothing: a gate is an assertion. */
export function record(about: Parameters<typeof measurement>[0]): void {
  const one = measurement(about)
  found.push(one)
  process.stdout.write(`      ${describeMeasurement(one)}\n`)
}

/** @returns the file */
export function writeReport(): string {
  const file = join(root, 'e2e-report.json')
  writeFileSync(file, `${JSON.stringify(found)}\n`)
  return file
}
