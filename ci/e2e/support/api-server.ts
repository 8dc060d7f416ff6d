import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { clusterDirectory } from '../cluster.ts'
import { tryKubectl, until } from './kubernetes.ts'
import { whenNoneBegins } from './second-release.ts'

/** Of the cluster that was started on this machine. */
export const clusterState = join(clusterDirectory, 'state')

/** Whom the API server trusts besides; it reads the file again as it changes. */
const authenticationFile = join(clusterState, 'conf/authentication.yaml')
const trustsNobody = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n'

/** Tells the API server whom it trusts besides. Each restart cuts the watches of the kubelet, which then brings no Secret for up to a minute:
 *  none is made when an earlier one has told it of the file. */
export async function writeAuthentication(configuration: string): Promise<void> {
  const isRead = tryRead(flagsFile).includes(authenticationFile)
  writeFileSync(authenticationFile, configuration)
  if (!isRead) await restartApiServer({})
}

/** Makes the API server read the file again. */
export const reloadAuthentication = (): void => appendFileSync(authenticationFile, '# keys were cut\n')

const flagsFile = join(clusterState, 'flags/kube-apiserver')

/** Starts the API server again with further flags, and with the file of whom it trusts. It is back after some seconds; what runs in the cluster goes on meanwhile.
 *  @param flags by name; those that an earlier call gave stay, unless they are named again */
export async function restartApiServer(flags: Readonly<Record<string, string>>): Promise<void> {
  await whenNoneBegins()
  mkdirSync(join(clusterState, 'flags'), { recursive: true })
  if (!existsSync(authenticationFile)) writeFileSync(authenticationFile, trustsNobody)
  const before = new Map(
    tryRead(flagsFile)
      .split(' ')
      .filter((word) => word.startsWith('--'))
      .map((word) => [word.slice(2, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  )
  for (const [name, value] of Object.entries({ ...flags, 'authentication-config': authenticationFile }))
    before.set(name, value)
  writeFileSync(flagsFile, [...before].map(([name, value]) => `--${name}=${value}`).join(' '))
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
