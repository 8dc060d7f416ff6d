import { spawn } from 'node:child_process'
import { mkdtempSync, symlinkSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { readOutput } from '@nauthera/local/processes/read-output'
import type { RunResult } from '@nauthera/local/processes/read-output'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { findTool } from '@nauthera/local/programs/tools'
import { whenLoaded } from '../later.ts'
import { root } from './kubernetes.ts'

/** Where `npm run plugin -- --platform linux-amd64` puts the one file that people install. */
export const pluginDirectory = join(root, '.nauthera/plugin/linux-amd64')

let place: Promise<string> | undefined

/** A directory with kubectl alone, under its own name. */
async function kubectlPlace(): Promise<string> {
  const directory = mkdtempSync(join(root, '.nauthera/e2e-plugin-'))
  reapDirectory(directory)
  symlinkSync(await findTool('kubectl'), join(directory, 'kubectl'))
  return directory
}

/** `kubectl nauthera ...` with the built file, as people type it. There is no Node in the PATH. */
export async function kubectlNauthera(...args: string[]): Promise<RunResult> {
  await whenLoaded('plugin')
  const directory = await (place ??= kubectlPlace())
  const child = spawn(join(directory, 'kubectl'), ['nauthera', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    env: {
      HOME: directory,
      KUBECONFIG: process.env['KUBECONFIG'],
      PATH: [pluginDirectory, directory, '/usr/bin', '/bin'].join(delimiter),
    },
  })
  return await readOutput(child)
}
