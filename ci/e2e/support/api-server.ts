import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { clusterDirectory } from '../cluster.ts'
import { tryKubectl, until } from './kubernetes.ts'
import { whenNoneBegins } from './second-release.ts'

/** Of the cluster that was started on this machine. */
export const clusterState = join(clusterDirectory, 'state')

/** Whom the API server trusts besides; it reads the file again as it changes. */
export const authenticationFile = join(clusterState, 'conf/authentication.yaml')

/** Starts the API server again with further flags. It is back after some seconds; what runs in the cluster goes on meanwhile.
 *  @param flags by name; those that an earlier call gave stay, unless they are named again */
export async function restartApiServer(flags: Readonly<Record<string, string>>): Promise<void> {
  await whenNoneBegins()
  const file = join(clusterState, 'flags/kube-apiserver')
  mkdirSync(join(clusterState, 'flags'), { recursive: true })
  const before = new Map(
    tryRead(file)
      .split(' ')
      .filter((word) => word.startsWith('--'))
      .map((word) => [word.slice(2, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
  for (const [name, value] of Object.entries(flags)) before.set(name, value)
  writeFileSync(file, [...before].map(([name, value]) => `--${name}=${value}`).join(' '))
  const pids = readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false
    const command = tryRead(`/proc/${entry}/cmdline`)
    return command.split('\0').includes('kube-apiserver') && command.includes(join(clusterState, 'pki/sa.key'))
  })
  expect(pids, 'the API server of this run').to.have.length(1)
  process.kill(Number(pids[0]), 'SIGKILL')
  await until('the API server is back', async () => (await tryKubectl('get', '--raw', '/readyz')).code === 0, 60_000)
}

function tryRead(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
