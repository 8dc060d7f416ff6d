// A second Kubernetes as far as an operator sees one: etcd and kube-apiserver of the kit as processes of this machine. There is no kubelet
// and no controller, so no pod runs there.
import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { stringify } from 'yaml'
import { freePort } from '@nauthera/local/processes/ports'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import { clusterDirectory } from '../cluster.ts'

export interface SecondCluster {
  /** The kubeconfig of its administrator. */
  readonly kubeconfigFile: string
  readonly admin: KubeClient
  /** @returns the kubeconfig of somebody with this token */
  withToken(token: string): string
  stop(): Promise<void>
}

const program = join(clusterDirectory, 'bin/kube')
/** As long as a loaded machine takes for etcd and an API server. */
const patienceMs = 90_000

/** @param about.serviceAccountIssuer two clusters may have one: it is a default of many */
export async function startSecondCluster(about: { serviceAccountIssuer: string }): Promise<SecondCluster> {
  const directory = join(clusterDirectory, 'second')
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const [etcd, peers, port] = [await freePort(), await freePort(), await freePort()]
  const token = randomBytes(16).toString('hex')
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const write = (name: string, text: string | Buffer) => {
    const path = join(directory, name)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const tokens = write('tokens.csv', `${token},admin,admin,system:masters\n`)
  const signing = write('sa.key', pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
  const open = write('sa.pub', pair.publicKey.export({ type: 'spki', format: 'pem' }))
  const lines: string[] = []
  const start = (...args: string[]) => {
    const child = spawn(program, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] })
    reapProcess(child, 'KILL')
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => void lines.push(String(chunk)))
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    return async () => {
      child.kill('SIGKILL')
      await ended
    }
  }
  const [etcdUrl, peerUrl] = [etcd, peers].map((number) => `http://127.0.0.1:${number}`) as [string, string]
  const stopEtcd = start(
    'etcd',
    `--data-dir=${join(directory, 'etcd')}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
  )
  const stopServer = start(
    'kube-apiserver',
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // it makes a certificate of its own there
    `--cert-dir=${directory}`,
    '--service-cluster-ip-range=10.97.0.0/16',
    `--token-auth-file=${tokens}`,
    `--service-account-issuer=${about.serviceAccountIssuer}`,
    `--service-account-key-file=${open}`,
    `--service-account-signing-key-file=${signing}`,
    '--authorization-mode=RBAC',
  )
  const stop = async () => {
    await stopServer()
    await stopEtcd()
  }
  const withToken = (ofUser: string) =>
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'second',
      contexts: [{ name: 'second', context: { cluster: 'second', user: 'second' } }],
      clusters: [
        {
          name: 'second',
          cluster: {
            server: `https://127.0.0.1:${port}`,
            'certificate-authority-data': readFileSync(join(directory, 'apiserver.crt')).toString('base64'),
          },
        },
      ],
      users: [{ name: 'second', user: { token: ofUser } }],
    })
  const deadline = Date.now() + patienceMs
  for (;;) {
    const admin = tryClient(() => withToken(token))
    const answer = await admin?.call('GET', '/readyz').catch(() => undefined)
    if (admin && answer?.status === 200) {
      return { kubeconfigFile: write('kubeconfig', withToken(token)), admin, withToken, stop }
    }
    if (Date.now() > deadline) {
      await stop()
      throw new Error(`the second API server is not ready:\n${lines.join('').split('\n').slice(-20).join('\n')}`)
    }
    await pause(200)
  }
}

/** @returns undefined until its certificate is there */
function tryClient(kubeconfig: () => string): KubeClient | undefined {
  try {
    return createKubeClient(kubeconfig())
  } catch {
    return undefined
  }
}
