import { mkdirSync, mkdtempSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  keysSecretName,
  linkFiles,
  linkSecretName,
  manifestFile,
  manifestSecretName,
  shardCount,
  shardFile,
  shardSecretName,
  statusPortName,
} from '@nauthera/proto/names'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { mountVolume } from '@nauthera/stand-in/mounted-volume'
import type { MountedVolume } from '@nauthera/stand-in/mounted-volume'
import { freePort } from './ports.ts'
import type { Program, Programs, RunningProcess } from './processes.ts'
import { sources, startProcess, writeSettings } from './processes.ts'
import { reapDirectory } from './reaper.ts'

// One server pod: the object in the API, its mounted volumes, and the real config-agent and server processes.

export interface ServerPod {
  readonly name: string
  /** Port of the public HTTP on 127.0.0.1. */
  readonly port: number
  readonly managementPorts: { readonly server: number; readonly agent: number }
  /** The shards. `hold()` keeps this replica on what it has. */
  readonly clients: MountedVolume
  readonly agent: RunningProcess
  readonly server: RunningProcess
  readonly ready: boolean
  /** @throws Error when the pod is not ready in time, with what is missing */
  whenReady(timeoutMs?: number): Promise<void>
  /** Ends the processes and removes the object. */
  stop(): Promise<void>
}

const probeMs = 200
/** A pod that is waited for is given up when a process of it ended more often than this. */
const maxRestarts = 3

/** @param options.directory holds settings and volumes; made when missing
 *  @param options.server settings that every replica has (issuer, database...); ports, sockets and names come from here
 *  @param options.port default: any free one */
export async function startServerPod(options: {
  api: KubeApi
  release: string
  namespace: string
  name: string
  directory: string
  port?: number
  server: object
  /** From a nudge to the swap, in milliseconds: see mountVolume. */
  nudgeMs?: number
  programs?: Programs
  onLine?: (process: 'agent' | 'server', line: string) => void
}): Promise<ServerPod> {
  const { api, release, namespace, name, directory, programs = sources } = options
  const [statusPort, agentManagement, serverManagement] = [await freePort(), await freePort(), await freePort()]
  const port = options.port ?? (await freePort())
  const at = (path: string) => join(directory, path)
  const run = runDirectory(directory)
  const config = { socket: join(run, 'config.sock'), tlsDirectory: join(run, 'tls') }
  mkdirSync(config.tlsDirectory, { recursive: true })

  const secrets = api.resource('secrets')
  const read = (secret: string) =>
    api.store.find(secrets, namespace, secret)?.['data'] as Record<string, string> | undefined
  const clients = mountVolume({
    directory: at('clients'),
    read,
    nudgeMs: options.nudgeMs ?? 0,
    sources: [
      ...Array.from({ length: shardCount }, (_, shard) => ({
        secret: shardSecretName(release, shard),
        keys: [shardFile(shard)],
      })),
      { secret: manifestSecretName(release), keys: [manifestFile] },
    ],
  })
  const link = mountVolume({
    directory: at('link'),
    read,
    sources: [{ secret: linkSecretName(release), keys: [linkFiles.ca, linkFiles.agentCert, linkFiles.agentKey] }],
  })
  const keys = mountVolume({ directory: at('keys'), read, sources: [{ secret: keysSecretName(release) }] })

  const log = { format: 'pretty', level: 'info' }
  const host = '127.0.0.1'
  const agentSettings = writeSettings(at('agent.yaml'), {
    release,
    namespace,
    replica: name,
    clientsDirectory: clients.directory,
    linkDirectory: link.directory,
    stateDirectory: join(run, 'last-good'),
    config,
    status: { host, port: statusPort },
    management: { host, port: agentManagement },
    log,
  })
  const serverSettings = writeSettings(at('server.yaml'), {
    log,
    ...options.server,
    listen: { host, port },
    management: { host, port: serverManagement },
    config,
    keysDirectory: keys.directory,
    replica: name,
  })

  const state = { started: false, agentReady: false, serverReady: false }
  const waiting = new Set<{ resolve(): void; fail(why: string): void }>()
  let stopped = false
  const start = (process: 'agent' | 'server', program: Program, settings: string): RunningProcess =>
    startProcess({
      name: `${process} ${name}`,
      ...program,
      args: ['--settings', settings],
      restart: true,
      onLine: (line) => options.onLine?.(process, line),
      onEnd: ({ code, signal }) => {
        if ((process === 'agent' ? agent : server).restarts < maxRestarts) return
        for (const one of waiting)
          one.fail(`does not come up: its ${process} ended again and again, last with ${code ?? signal}`)
      },
    })
  const agent = start('agent', programs['config-agent'], agentSettings)
  const server = start('server', programs.server, serverSettings)

  const render = (): KubeObject => renderPod({ release, namespace, name, statusPort, port, agent, server, state })
  api.put(render())
  const writeStatus = () => {
    const live = api.store.find(api.resource('pods'), namespace, name)
    if (live) api.put({ ...live, status: render()['status'] })
  }
  let revision = ''
  const stopWatching = api.store.onChange(({ type, resource, object }) => {
    if (resource.kind === 'Secret' && object.metadata.namespace === namespace) {
      // what the chart mounts without a nudge; a person who waits for a first start shall not wait a minute
      if (object.metadata.name === linkSecretName(release)) link.nudge()
      return
    }
    if (type !== 'MODIFIED' || resource.kind !== 'Pod' || object.metadata.name !== name) return
    const next = JSON.stringify(object.metadata.annotations ?? {})
    if (next === revision) return
    revision = next
    clients.nudge()
    link.nudge()
  })

  const probe = async () => {
    const before = JSON.stringify(state)
    const wasReady = state.serverReady
    state.agentReady = await answersOk(agentManagement, '/readyz')
    state.started ||= state.agentReady
    state.serverReady = await answersOk(serverManagement, '/readyz')
    if (stopped) return
    if (JSON.stringify(state) !== before) writeStatus()
    if (state.serverReady && !wasReady) for (const one of waiting) one.resolve()
    probing = setTimeout(() => void probe(), probeMs)
  }
  let probing = setTimeout(() => void probe(), 0)

  const stop = async () => {
    if (stopped) return
    stopped = true
    clearTimeout(probing)
    stopWatching()
    const pods = api.resource('pods')
    if (api.store.find(pods, namespace, name)) api.store.remove(pods, namespace, name)
    // as in a pod with a native sidecar: the server first, the agent when it has ended
    await server.stop()
    await agent.stop(3_000)
    for (const volume of [clients, link, keys]) volume.stop()
  }
  return {
    name,
    port,
    managementPorts: { server: serverManagement, agent: agentManagement },
    clients,
    agent,
    server,
    get ready() {
      return state.serverReady
    },
    whenReady: (timeoutMs = 30_000) => {
      if (state.serverReady) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const settle = () => {
          clearTimeout(timer)
          waiting.delete(one)
        }
        const one = {
          resolve: () => {
            settle()
            resolve()
          },
          fail: (why: string) => {
            settle()
            const lines = [...agent.lines.slice(-10), ...server.lines.slice(-10)].join('\n')
            reject(new Error(`${name} ${why}\n${lines}`))
          },
        }
        const late = async () =>
          one.fail(`is not ready after ${timeoutMs} ms: ${await readBody(serverManagement, '/readyz')}`)
        const timer = setTimeout(() => void late(), timeoutMs)
        waiting.add(one)
      })
    },
    stop,
  }
}

/** Unix sockets have short names: where the checkout lies deep, the memory volume of the pod is below the temporary directory. */
function runDirectory(directory: string): string {
  const inside = join(directory, 'run')
  if (join(inside, 'config.sock').length < 100) {
    mkdirSync(inside, { recursive: true })
    return inside
  }
  const outside = mkdtempSync(join(tmpdir(), 'nauthera-'))
  reapDirectory(outside)
  return outside
}

function renderPod(pod: {
  release: string
  namespace: string
  name: string
  statusPort: number
  port: number
  agent: RunningProcess
  server: RunningProcess
  state: { started: boolean; agentReady: boolean; serverReady: boolean }
}): KubeObject {
  const { state, agent, server } = pod
  const running = { running: { startedAt: new Date().toISOString().replace(/\.\d+Z$/, 'Z') } }
  const container = (name: string, ready: boolean, process: RunningProcess) => ({
    name,
    ready,
    started: name === 'config-agent' ? state.started : ready,
    restartCount: process.restarts,
    state: running,
    image: '',
    imageID: '',
  })
  const condition = (type: string, holds: boolean) => ({ type, status: holds ? 'True' : 'False' })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      labels: {
        'app.kubernetes.io/name': 'nauthera',
        'app.kubernetes.io/instance': pod.release,
        'app.kubernetes.io/component': 'server',
      },
    },
    spec: {
      initContainers: [
        {
          name: 'config-agent',
          restartPolicy: 'Always',
          ports: [{ name: statusPortName, containerPort: pod.statusPort }],
        },
      ],
      containers: [{ name: 'server', ports: [{ name: 'http', containerPort: pod.port }] }],
    },
    status: {
      phase: 'Running',
      podIP: '127.0.0.1',
      podIPs: [{ ip: '127.0.0.1' }],
      conditions: [
        condition('Initialized', state.started),
        condition('Ready', state.agentReady && state.serverReady),
        condition('ContainersReady', state.agentReady && state.serverReady),
      ],
      initContainerStatuses: [container('config-agent', state.agentReady, agent)],
      containerStatuses: [container('server', state.serverReady, server)],
    },
  }
}

async function answersOk(port: number, path: string): Promise<boolean> {
  return (await fetchManagement(port, path)).status === 200
}

const readBody = async (port: number, path: string): Promise<string> => (await fetchManagement(port, path)).body

function fetchManagement(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve) => {
    const failed = () => resolve({ status: 0, body: 'no answer' })
    const call = request({ host: '127.0.0.1', port, path, timeout: 1_000 }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.once('error', failed)
    })
    call.once('error', failed)
    call.once('timeout', () => call.destroy())
    call.end()
  })
}
