import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { readOutput } from '../processes/read-output.ts'
import type { RunResult } from '../processes/read-output.ts'
import { findTool } from './tools.ts'

export type Kubectl = (...args: string[]) => Promise<RunResult>

/** The real kubectl: of the PATH, else the packed one.
 *  @param options.cacheDirectory what kubectl would write below the home directory
 *  @param options.timeoutMs after which a call is ended; default 60 s */
export async function createKubectl(options: {
  kubeconfig: string
  cacheDirectory: string
  timeoutMs?: number
}): Promise<Kubectl> {
  const program = await findKubectl()
  const common = ['--kubeconfig', options.kubeconfig, '--cache-dir', options.cacheDirectory]
  const timeout = options.timeoutMs ?? 60_000
  return (...args) => readOutput(spawn(program, [...common, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout }))
}

/** @returns the path of kubectl: of the PATH, else the packed one */
export const findKubectl = async (): Promise<string> => findInPath('kubectl') ?? (await findTool('kubectl'))

function findInPath(program: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, program)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not there
    }
  }
  return undefined
}
