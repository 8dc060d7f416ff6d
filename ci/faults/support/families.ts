import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

/** A process and those that it started, such as the postmaster and its workers. */
export function processesOf(parent: number): number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return Number(/\) . (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8'))?.[1]) === parent
    } catch {
      return false
    }
  })
  return [parent, ...children.map(Number)]
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** @returns which of these processes holds the open connection that comes from this port of 127.0.0.1 */
export function whoConnectsFrom(port: number, pids: readonly number[]): number | undefined {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const sockets = ['tcp', 'tcp6']
    .flatMap((kind) => readFileSync(`/proc/self/net/${kind}`, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, from]) => from?.endsWith(local))
    .map((fields) => `socket:[${fields[9]}]`)
  return pids.find((pid) => openFilesOf(pid).some((file) => sockets.includes(file)))
}

/** A file that was closed meanwhile, or a process that has ended, has none. */
function openFilesOf(pid: number): string[] {
  const read = <Found>(look: () => Found[]): Found[] => {
    try {
      return look()
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      return []
    }
  }
  const directory = `/proc/${pid}/fd`
  return read(() => readdirSync(directory)).flatMap((file) => read(() => [readlinkSync(`${directory}/${file}`)]))
}
