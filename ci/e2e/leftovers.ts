// What a cluster on this machine leaves when it is not taken down properly.
import { execFile } from 'node:child_process'
import { readFile, readdir, readlink } from 'node:fs/promises'
import { promisify } from 'node:util'
import { clusterDirectory } from './cluster.ts'

const run = promisify(execFile)

/** What a cluster on this machine leaves when it is not taken down properly: kind -> lines. */
export type Traces = Readonly<Record<string, readonly string[]>>

export async function readTraces(): Promise<Traces> {
  const tool = async (program: string, ...args: string[]) => {
    const path = `${process.env['PATH']}:/usr/sbin:/sbin`
    const { stdout } = await run(program, args, { env: { ...process.env, PATH: path } }).catch(() => ({ stdout: '' }))
    return stdout.split('\n')
  }
  const mounts = (await readFile('/proc/mounts', 'utf8').catch(() => '')).split('\n')
  // counters and times of a rule do not count as a change
  const rules = (lines: readonly string[]) =>
    lines.filter((line) => line.startsWith('-A') || line.trim().includes('chain'))
  return {
    process: await processes(),
    mount: mounts.map((line) => line.split(' ').slice(0, 3).join(' ')),
    'network namespace': await tool('ip', 'netns', 'list'),
    link: (await tool('ip', '-o', 'link')).map((line) => line.split(':')[1]?.trim() ?? ''),
    'iptables rule': rules(await tool('iptables-save')),
    'nftables chain': rules(await tool('nft', 'list', 'ruleset')),
    cgroup: (await readdir('/sys/fs/cgroup').catch(() => [])).filter((name) => name.includes('kubepods')),
  }
}

/** @returns a line for each thing that is there now and was not before */
export function describeTraces(before: Traces, now: Traces): string[] {
  return Object.entries(now).flatMap(([kind, lines]) =>
    lines.filter((line) => line !== '' && !before[kind]?.includes(line)).map((line) => `${kind} ${line}`),
  )
}

/** Programs of the cluster. */
async function processes(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const programs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')))
  return pids.flatMap((pid, index) =>
    programs[index]!.startsWith(clusterDirectory) ? [`${pid} ${programs[index]}`] : [],
  )
}
