import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { ownMegabytes } from './process-cost.ts'

/** A flag for Node that does nothing until SIGUSR1 opens the inspector: then it listens on a free port of loopback. */
export const inspectorFlag = '--inspect-port=0'

/** Memory of its own of a process, MB. */
export interface OwnMemory {
  /** What an administrator sees: with garbage that is not collected yet, of which there is more or less by chance. */
  readonly seen: number
  /** What is left after a full collection. */
  readonly held: number
}

/** The inspector takes memory, too: whoever compares processes, or one with itself, asks this of each and at each time.
 *  @param process started with `inspectorFlag` */
export async function readOwnMemory(process: RunningProcess): Promise<OwnMemory> {
  const address = await openInspector(process)
  const seen = ownMegabytes(process.pid!)
  await collect(address)
  return { seen, held: ownMegabytes(process.pid!) }
}

/** Each says its address once. */
const inspectors = new WeakMap<RunningProcess, Promise<string>>()

async function openInspector(process: RunningProcess): Promise<string> {
  const said = /^Debugger listening on (ws:\S+)$/
  const opened = inspectors.get(process)
  if (opened !== undefined) return opened
  const line = process.line(said)
  process.kill('SIGUSR1')
  const address = line.then((text) => said.exec(text)![1]!)
  inspectors.set(process, address)
  return address
}

/** The first collection lets go of what the second one, after a while, gives back. */
async function collect(address: string): Promise<void> {
  const socket = new WebSocket(address)
  await once(socket, 'open')
  for (const id of [1, 2]) {
    const answered = once(socket, 'message')
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }))
    await answered
    await pause(250)
  }
  socket.close()
}
