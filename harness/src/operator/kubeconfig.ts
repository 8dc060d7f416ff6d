import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let directory: string | undefined
let count = 0

/** Writes a kubeconfig into a directory that goes with the process. @returns the file */
export function writeKubeconfig(text: string): string {
  if (directory === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
    directory = made
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  }
  const file = join(directory, String(count++))
  writeFileSync(file, text, { mode: 0o600 })
  return file
}
