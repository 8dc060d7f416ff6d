// One server pod: the object in the API, its mounted volumes, and the real config-agent and server processes.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import type { MountedVolume } from '@nauthera/stand-in/mounted-volume'
import { holdFreePort } from '../processes/ports.ts'
import type { HeldPort } from '../processes/ports.ts'
import type { RunningProcess } from '../processes/process.ts'
import { startProcess } from '../processes/process.ts'
import type { Program, Programs } from '../processes/program.ts'
import { sources, writeSettings } from '../processes/program.ts'
import { renderPod } from './pod-object.ts'
import { PodReadiness } from './pod-readiness.ts'
import type { PodVolumes } from './pod-volumes.ts'
import { mountPodVolumes, runDirectory } from './pod-volumes.ts'

export interface LocalPod {
  readonly name: string
  /** Port of the public HTTP on 127.0.0.1. */
  readonly port: number
  readonly managementPorts: { readonly server: number; readonly agent: number }
  /** The volume with the shards; `hold()` keeps this replica at its present clients. */
  readonly clients: MountedVolume
  /** The volume with the key-encryption ring, which the server reads when it starts. */
  readonly keys: MountedVolume
  readonly agent: RunningProcess
  readonly server: RunningProcess
  readonly ready: boolean
  /** @throws Error when the pod is not ready in time, with what is missing */
  whenReady(timeoutMs?: number): Promise<void>
  /** Ends the processes and removes the object. */
  stop(): Promise<void>
}

/** After so many restarts of one process the pod counts as failed. */
const maxRestarts = 3

interface PodOptions {
  readonly api: KubeApi
  readonly release: string
  readonly namespace: string
  readonly name: string
  /** Holds settings and volumes; made when missing. */
  readonly directory: string
  /** Default: any free one. */
  readonly port?: HeldPort
  /** Settings that every replica has (issuer, database...); ports, sockets and names come from here. */
  readonly server: object
  /** From a nudge to the swap, in milliseconds: see mountVolume. */
  readonly nudgeMs?: number
  readonly programs?: Programs
  readonly onLine?: (process: 'agent' | 'server', line: string) => void
}

export async function startServerPod(options: PodOptions): Promise<LocalPod> {
  const { api, namespace, name, programs = sources } = options
  const held = {
    status: await holdFreePort(),
    agent: await holdFreePort(),
    server: await holdFreePort(),
    http: options.port ?? (await holdFreePort()),
  }
  const ports = {
    status: held.status.port,
    agent: held.agent.port,
    server: held.server.port,
    http: held.http.port,
  }
  const volumes = mountPodVolumes(api, { ...options, nudgeMs: options.nudgeMs ?? 0 })
  const settings = writePodSettings(options, ports, volumes)
  const start = (process: 'agent' | 'server', program: Program, file: string): RunningProcess =>
    startProcess({
      name: `${process} ${name}`,
      ...program,
      args: ['--settings', file],
      restart: true,
      onLine: (line) => options.onLine?.(process, line),
      onEnd: ({ code, signal }) => {
        if (process === 'server') readiness.endServer()
        if ((process === 'agent' ? agent : server).restarts < maxRestarts) return
        readiness.giveUp(`does not come up: its ${process} ended again and again, last with ${code ?? signal}`)
      },
    })
  await Promise.all(Object.values(held).map((one) => one.release()))
  const agent = start('agent', programs['config-agent'], settings.agent)
  const server = start('server', programs.server, settings.server)

  const pods = api.resource('pods')
  const render = () => {
    const restarts = { agent: agent.restarts, server: server.restarts }
    return renderPod({ ...options, statusPort: ports.status, port: ports.http, restarts, state: readiness.state })
  }
  const readiness = new PodReadiness(ports, () => {
    const live = api.store.find(pods, namespace, name)
    if (live) api.set({ ...live, status: render()['status'] })
  })
  api.set(render())

  let stopped = false
  return {
    name,
    port: ports.http,
    managementPorts: { server: ports.server, agent: ports.agent },
    clients: volumes.clients,
    keys: volumes.keys,
    agent,
    server,
    get ready() {
      return readiness.state.serverReady
    },
    whenReady: async (timeoutMs = 120_000) => {
      try {
        await readiness.whenReady(timeoutMs)
      } catch (error) {
        const lines = [...agent.lines.slice(-10), ...server.lines.slice(-10)].join('\n')
        throw new Error(`${name} ${(error as Error).message}\n${lines}`, { cause: error })
      }
    },
    stop: async () => {
      if (stopped) return
      stopped = true
      readiness.stop()
      if (api.store.find(pods, namespace, name)) api.store.remove(pods, namespace, name)
      // as in a pod with a native sidecar: the server first, the agent when it has ended
      await server.stop()
      await agent.stop(3_000)
      volumes.stop()
    },
  }
}

/** @returns the files, one for each process */
function writePodSettings(
  { release, namespace, name, directory, server }: PodOptions,
  ports: { status: number; agent: number; server: number; http: number },
  volumes: PodVolumes,
): { agent: string; server: string } {
  const run = runDirectory(directory)
  const config = { socket: join(run, 'config.sock'), tlsDirectory: join(run, 'tls') }
  mkdirSync(config.tlsDirectory, { recursive: true })
  const log = { format: 'pretty', level: 'info' }
  const host = '127.0.0.1'
  return {
    agent: writeSettings(join(directory, 'agent.yaml'), {
      release,
      namespace,
      replica: name,
      clientsDirectory: volumes.clients.directory,
      linkDirectory: volumes.link.directory,
      stateDirectory: join(run, 'last-good'),
      config,
      status: { host, port: ports.status },
      management: { host, port: ports.agent },
      log,
    }),
    server: writeSettings(join(directory, 'server.yaml'), {
      log,
      // Ctrl-C does not wait for a browser that keeps its connection open
      drainTimeout: '3s',
      ...server,
      listen: { host, port: ports.http },
      management: { host, port: ports.server },
      config,
      keysDirectory: volumes.keys.directory,
      replica: name,
    }),
  }
}
