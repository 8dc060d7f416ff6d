// The pods of the Valkey StatefulSet as processes on loopback addresses, run by the chart's own scripts: a "kubelet" that
// starts an ended container again, and can be told to kill, stop or end one gracefully.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { reapDirectory, reapProcess } from '@nauthera/local/processes/reaper'
import { startNetwork } from './network.ts'
import type { Network } from './network.ts'
import { chart } from './render.ts'

const scripts = join(chart, 'files/valkey')
/** A container that ended starts again after this. Milliseconds. */
const restartMs = 200

const password = 'c"a $che\\1 #'

export interface ValkeyPod {
  /** The address by which its peers know it. */
  readonly host: string
  /** Starts both containers; they keep being started until `end`. */
  start(): void
  /** Kills both containers, or one, as the kernel does when memory is short. */
  kill(container?: 'node' | 'sentinel'): void
  /** Stops both containers, and lets them continue. */
  pause(): void
  resume(): void
  /** Like the kubelet: preStop in both containers, TERM, and the pod's volume is gone. */
  end(): Promise<void>
  /** Kills both containers and removes the pod's volume, as when a node is lost. */
  vanish(): Promise<void>
  /** Runs a script of the chart in the pod. @returns its exit code */
  run(script: string, ...args: string[]): Promise<number>
  /** Which address the pod used as the primary when it started. */
  decided(): string
  /** `master`, `slave` or `none`. */
  role(): Promise<string>
  /** How many healthy replicas its Sentinel knows. A Sentinel learns of them from the primary every 10 s, and makes a primary
   *  that is back a replica after four rounds of 2 s; asking makes both 0.5 s. */
  knownReplicas(): Promise<number>
  /** Whether the node accepts a write now. */
  takesWrites(): Promise<boolean>
}

export interface ValkeyPods {
  readonly pods: readonly ValkeyPod[]
  readonly port: number
  readonly sentinelPort: number
  readonly passwordFile: string
  readonly network: Network
  stop(): Promise<void>
}

/** @param options.program prefix of the programs: valkey or redis */
export async function startValkeyPods(options: {
  program: string
  port: number
  sentinelPort: number
  replicas: number
}): Promise<ValkeyPods> {
  const { program, port, sentinelPort } = options
  const home = mkdtempSync(join(tmpdir(), 'nauthera-valkey-'))
  const forgetHome = reapDirectory(home)
  mkdirSync(join(home, 'secrets/auth'), { recursive: true })
  const passwordFile = join(home, 'secrets/auth/password')
  writeFileSync(passwordFile, password)
  const places = Array.from({ length: options.replicas }, (_, ordinal) => ({
    host: `127.0.0.${ordinal + 21}`,
    listens: `127.0.0.${ordinal + 11}`,
    ports: [port, sentinelPort],
  }))
  const network = await startNetwork(places)
  const hosts = places.map(({ host }) => host)
  const pods = places.map(({ host, listens }) => {
    const environment = {
      PATH: process.env['PATH'],
      VALKEY: program,
      DATA: join(home, host),
      SECRETS: join(home, 'secrets'),
      PORT: String(port),
      SENTINEL_PORT: String(sentinelPort),
      SELF: host,
      PEERS: hosts.join(' '),
      SENTINEL: 'yes',
      BIND: listens,
      // The least that the schema allows.
      DOWN_AFTER: '3000',
      MAX_MEMORY: '16mb',
      START_TRIES: '2',
      TEST_TRIES: '1',
    }
    return createPod({ host, listens }, port, environment)
  })
  return {
    pods,
    port,
    sentinelPort,
    passwordFile,
    network,
    stop: async () => {
      for (const pod of pods) pod.resume()
      await Promise.all(pods.map((pod) => pod.vanish()))
      await network.stop()
      forgetHome()
    },
  }
}

function createPod(
  place: { readonly host: string; readonly listens: string },
  port: number,
  env: Record<string, string | undefined>,
): ValkeyPod {
  const containers = new Map<string, ChildProcess>()
  let wanted = false
  let timers = new Set<NodeJS.Timeout>()

  const launch = (name: 'node' | 'sentinel'): void => {
    const child = spawn('sh', [join(scripts, `${name}.sh`)], { env, stdio: 'ignore' })
    reapProcess(child, 'KILL')
    containers.set(name, child)
    child.once('exit', () => {
      containers.delete(name)
      if (!wanted) return
      const timer = setTimeout(() => {
        timers.delete(timer)
        if (wanted) launch(name)
      }, restartMs)
      timers.add(timer)
    })
  }
  const signal = (name: NodeJS.Signals, only?: string): void => {
    for (const [container, child] of containers) if (only === undefined || only === container) child.kill(name)
  }
  const run = async (script: string, ...args: string[]): Promise<number> => {
    const child = spawn('sh', [join(scripts, script), ...args], { env, stdio: 'ignore' })
    reapProcess(child, 'KILL')
    const [code] = (await once(child, 'exit')) as [number | null]
    return code ?? -1
  }
  const ended = async (name: NodeJS.Signals): Promise<void> => {
    wanted = false
    for (const timer of timers) clearTimeout(timer)
    timers = new Set()
    const children = [...containers.values()]
    const exits = children.map((child) => once(child, 'exit'))
    for (const child of children) child.kill(name)
    await Promise.all(exits)
    rmSync(env['DATA']!, { recursive: true, force: true })
  }
  const ask = async <T>(work: (redis: Redis) => Promise<T>, otherwise: T, at = port): Promise<T> => {
    const redis = new Redis({
      host: place.listens,
      port: at,
      password,
      connectTimeout: 500,
      commandTimeout: 500,
      retryStrategy: () => null,
    })
    redis.on('error', () => undefined)
    try {
      return await work(redis)
    } catch {
      return otherwise
    } finally {
      redis.disconnect()
    }
  }
  return {
    host: place.host,
    start: () => {
      mkdirSync(env['DATA']!, { recursive: true })
      wanted = true
      launch('node')
      launch('sentinel')
    },
    kill: (container) => signal('SIGKILL', container),
    pause: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    end: async () => {
      await Promise.all([run('pre-stop.sh', 'node'), run('pre-stop.sh', 'sentinel')])
      await ended('SIGTERM')
    },
    vanish: () => ended('SIGKILL'),
    run,
    decided: () => readFileSync(join(env['DATA']!, 'primary'), 'utf8').trim(),
    role: () => ask(async (redis) => String(((await redis.call('ROLE')) as unknown[])[0]), 'none'),
    knownReplicas: () =>
      ask(
        async (redis) => {
          await redis.call('SENTINEL', 'DEBUG', 'INFO-PERIOD', '500', 'PUBLISH-PERIOD', '500')
          const replicas = (await redis.call('SENTINEL', 'REPLICAS', 'nauthera')) as string[][]
          return replicas.filter((fields) => fields[fields.indexOf('flags') + 1] === 'slave').length
        },
        0,
        Number(env['SENTINEL_PORT']),
      ),
    takesWrites: () => ask(async (redis) => (await redis.set('nauthera:probe', '1', 'PX', 1000)) === 'OK', false),
  }
}
