// A limit of memory for a process that runs, by a cgroup, as Kubernetes sets it.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

interface MemoryGroup {
  /** The process is in it from now on; what it has already is not counted, so that the kernel does not kill it. */
  take(pid: number): void
  limit(bytes: number): void
  /** Its processes go back to where they were. */
  remove(): void
}

const versions = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', place: /^\d+:memory:(.*)$/m },
  { root: '/sys/fs/cgroup', limit: 'memory.max', place: /^0::(.*)$/m },
] as const

/** @returns undefined where this account may not make one */
export function createMemoryGroup(): MemoryGroup | undefined {
  const version = versions.find(({ root }) => existsSync(root))
  if (version === undefined) return undefined
  const { root, limit, place } = version
  const directory = join(root, `nauthera-${process.pid}`)
  try {
    mkdirSync(directory)
  } catch {
    return undefined
  }
  if (!existsSync(join(directory, limit))) {
    rmdirSync(directory)
    return undefined
  }
  const before = new Map<number, string>()
  return {
    take(pid) {
      before.set(pid, place.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!)
      writeFileSync(join(directory, 'cgroup.procs'), String(pid))
    },
    limit: (bytes) => writeFileSync(join(directory, limit), String(bytes)),
    remove() {
      for (const [pid, path] of before) writeFileSync(join(root, path, 'cgroup.procs'), String(pid))
      rmdirSync(directory)
    },
  }
}
