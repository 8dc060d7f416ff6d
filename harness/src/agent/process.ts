// The agent as a process of its own, with the settings of the pod.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { root, scriptOf } from '@nauthera/local/processes/program'
import { reapProcess } from '@nauthera/local/processes/reaper'
import type { Pod } from './agent.ts'
import { createToldLines } from './told-lines.ts'

const main = resolve(root, scriptOf('config-agent/src/main.ts'))

/** The agent as a process of its own, with the settings of the pod.
 *  @param options.wrap a program that starts it, such as `unshare`, with its arguments */
export async function startAgentProcess(
  pod: Pod,
  options: { wrap?: readonly string[]; nodeOptions?: readonly string[] } = {},
) {
  const file = join(pod.root, 'agent.yaml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify(pod.settings))
  const [command, ...args] = [
    ...(options.wrap ?? []),
    process.execPath,
    ...(options.nodeOptions ?? []),
    main,
    '--settings',
    file,
  ]
  const child: ChildProcess = spawn(command!, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  reapProcess(child)
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  let errors = ''
  const { lines, add, untilTold } = createToldLines({ timeoutMs: 50_000, errors: () => errors })
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  createInterface({ input: child.stdout! }).on('line', add)
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return exited
  }
  pod.onStop(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL')
  })
  return {
    lines,
    exited,
    pid: child.pid,
    kill,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    errors: () => errors,
    untilTold,
  }
}
