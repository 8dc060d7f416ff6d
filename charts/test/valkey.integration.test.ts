import { createSecretKey, randomBytes } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { createLog } from '@nauthera/runtime/log'
import { cacheConnection } from '@nauthera/server/store/cache/cache-connection'
import { createRedisCache } from '@nauthera/server/store/cache/redis-cache'
import { expect } from 'chai'
import { watchOwnTime } from '@nauthera/local/processes/stretch'
import { freePort } from '@nauthera/local/processes/ports'
import { startValkeyPods } from './support/valkey-pods.ts'
import type { ValkeyPod, ValkeyPods } from './support/valkey-pods.ts'

/** Looks every 50 ms until it holds.
 *  @returns how long that took on a machine of its own, milliseconds */
async function until(sentence: string, holds: () => Promise<boolean>, withinMs = 30_000): Promise<number> {
  const elapsed = watchOwnTime()
  while (!(await holds())) {
    if (elapsed() > withinMs) throw new Error(`not within ${withinMs} ms: ${sentence}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return elapsed()
}

function findProgram(): string {
  for (const program of ['valkey', 'redis']) {
    try {
      execFileSync(`${program}-server`, ['--version'], { stdio: 'ignore' })
      return program
    } catch {
      // the next one
    }
  }
  throw new Error('neither valkey-server nor redis-server is installed; npm test installs one')
}

describe('Valkey with Sentinel, run by the scripts of the chart', function () {
  this.timeout(600_000)
  let stack: ValkeyPods
  let pods: readonly ValkeyPod[]
  let watching: Promise<void>
  let stopWatching = false
  /** The largest number of primaries that accepted a write at the same time. */
  let mostWritable = 0

  before(async () => {
    stack = await startValkeyPods({
      program: findProgram(),
      port: await freePort(),
      sentinelPort: await freePort(),
      replicas: 3,
    })
    pods = stack.pods
    const watch = async (): Promise<void> => {
      while (!stopWatching) {
        const answers = await Promise.all(pods.map((pod) => pod.takesWrites()))
        mostWritable = Math.max(mostWritable, answers.filter(Boolean).length)
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    }
    watching = watch()
  })
  after(async () => {
    stopWatching = true
    await watching
    await stack.stop()
  })
  afterEach(() => {
    expect(mostWritable, 'primaries that took writes at once').to.be.at.most(1)
  })

  const withRole = async (role: string): Promise<ValkeyPod[]> => {
    const roles = await Promise.all(pods.map((pod) => pod.role()))
    return pods.filter((_, index) => roles[index] === role)
  }
  const whole = async (): Promise<boolean> => {
    if ((await withRole('master')).length !== 1 || (await withRole('slave')).length !== 2) return false
    const ready = await Promise.all(
      pods.flatMap((pod) => [
        pod.run('probe.sh', 'ready'),
        pod.run('probe.sh', 'live'),
        pod.run('probe.sh', 'sentinel'),
      ]),
    )
    const known = await Promise.all(pods.map((pod) => pod.knownReplicas()))
    return (
      ready.every((code) => code === 0) && known.every((count) => count === 2) && (await pods[0]!.run('test.sh')) === 0
    )
  }
  /** A node that is busy does not answer at each look. */
  const primary = async (): Promise<ValkeyPod> => {
    const found: ValkeyPod[] = []
    await until('one is primary', async () => found.push(...(await withRole('master'))) > 0)
    return found[0]!
  }

  it('makes the first pod primary on a cold start, and it refuses writes while it is alone', async () => {
    pods[0]!.start()
    await until('the first pod is primary', async () => (await pods[0]!.role()) === 'master')
    expect(await pods[0]!.takesWrites()).to.equal(false)
  })

  it('makes the other pods replicas, which never promote themselves', async () => {
    pods[1]!.start()
    await until('the second follows', async () => (await pods[1]!.role()) === 'slave')
    pods[2]!.start()
    await until('all three are one', whole)
    expect((await primary()).host).to.equal(pods[0]!.host)
  })

  it('promotes another pod before the primary stops; the old one comes back as a replica', async () => {
    const old = await primary()
    await old.end()
    const next = await primary()
    expect(next.host).not.to.equal(old.host)
    old.start()
    await until('all three are one', whole)
    expect(old.decided()).not.to.equal(old.host)
  })

  it('F6 replaces a primary that hangs, and the server finds the new one through its Sentinels', async () => {
    const connection = cacheConnection({
      port: 6379,
      sentinels: pods.map(({ host }) => `${host}:${stack.sentinelPort}`),
      sentinelName: 'nauthera',
      passwordFile: stack.passwordFile,
      timeout: 100,
    })!
    const current = createSecretKey(randomBytes(32))
    const cache = createRedisCache({
      connection,
      timeoutMs: 100,
      keys: { currentId: 'k', current, all: new Map([['k', current]]) },
      log: createLog({ process: 'test', level: 'error', format: 'json' }),
    })
    const works = async (): Promise<boolean> => {
      await cache.set({ purpose: 'test', id: 'id' }, Buffer.from('value'), 5_000)
      const [value] = await cache.get([{ purpose: 'test', id: 'id' }])
      return value !== undefined && Buffer.from(value).toString() === 'value'
    }
    try {
      await until('the cache works', works)
      const old = await primary()
      old.pause()
      const others = pods.filter((pod) => pod !== old)
      const took = await until('another is primary', async () =>
        (await Promise.all(others.map((pod) => pod.role()))).includes('master'),
      )
      expect(took).to.be.lessThan(8_000) // down-after + 5 s
      const again = await until('the cache works again', works)
      expect(again).to.be.lessThan(5_000)
      old.resume()
      await until('all three are one', whole)
    } finally {
      await cache.stop()
    }
  })

  it('refuses writes on a primary that is cut off before the others promote a new one', async () => {
    const old = await primary()
    expect(await old.takesWrites()).to.equal(true)
    stack.network.cutOff(old.host)
    const others = pods.filter((pod) => pod !== old)
    try {
      await until('another takes writes', async () =>
        (await Promise.all(others.map((pod) => pod.takesWrites()))).includes(true),
      )
      await until('the old one is primary still', async () => (await old.role()) === 'master')
      expect(await old.takesWrites()).to.equal(false)
    } finally {
      stack.network.heal()
    }
    await until('all three are one', whole)
  })

  it('recovers when one node is killed, and when all containers are killed at once', async () => {
    ;(await primary()).kill('node')
    await until('all three are one', whole)
    for (const pod of pods) pod.kill()
    await until('all three are one', whole)
  })

  it('starts anew when all pods are gone', async () => {
    await Promise.all(pods.map((pod) => pod.vanish()))
    // In the order in which a StatefulSet starts them.
    for (const pod of pods) {
      pod.start()
      await until('the pod is ready', async () => (await pod.run('probe.sh', 'ready')) === 0)
    }
    await until('all three are one', whole)
  })
})
