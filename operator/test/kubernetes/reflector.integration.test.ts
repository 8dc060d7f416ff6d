import { expect } from 'chai'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { createConnection } from '../../src/kubernetes/connection.ts'
import type { KubeConnection } from '../../src/kubernetes/connection.ts'
import { loadCredentials } from '../../src/kubernetes/credentials.ts'
import { createReflector } from '../../src/kubernetes/reflector.ts'
import type { CollectionChange } from '../../src/kubernetes/collection.ts'
import type { Reflector, ReflectorOptions } from '../../src/kubernetes/reflector.ts'
import type { KubernetesObject } from '../../src/kubernetes/objects.ts'
import { createLeapClock } from '@nauthera/harness/operator/clocks'
import type { LeapClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import type { RecordedLog } from '@nauthera/harness/operator/recorded-log'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'

const path = '/api/v1/namespaces/default/pods'

describe('createReflector', () => {
  let api: KubeApi
  let clock: LeapClock
  let log: RecordedLog
  let connection: KubeConnection
  let reflector: Reflector<KubernetesObject>
  let changes: CollectionChange<KubernetesObject>[]
  let relists: number
  let waiting: (() => void)[]

  const pod = (name: string, labels: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels },
  })
  const put = (name: string, labels?: Record<string, string>) => void api.set(pod(name, labels) as never)
  const remove = (name: string) => api.store.remove(api.resource('pods'), 'default', name)
  const told = () => changes.map(({ kind, key }) => `${kind} ${key.replace('default/', '')}`)
  const lists = () => api.requests.filter(({ verb }) => verb === 'list').length
  const watches = () => api.requests.filter(({ verb }) => verb === 'watch').length

  const until = (holds: () => boolean, what: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!holds()) return
        clearTimeout(timer)
        clearInterval(glance)
        resolve()
      }
      const timer = setTimeout(() => {
        clearInterval(glance)
        reject(new Error(`not within 15 s: ${what}; told ${told().join(', ')}`))
      }, 15_000)
      const glance = setInterval(look, 20)
      waiting.push(look)
      look()
    })
  /** Leaps by less than it waits: it goes on waiting. @param dueAt by the clock: where a busy machine was slower, nothing is told */
  const leapInVain = async (milliseconds: number, dueAt: number) => {
    await until(() => clock.pending() > 0, 'it waits')
    const pending = clock.pending()
    clock.leap(milliseconds)
    // what is due runs first: timers of one length keep their order
    await new Promise((resolve) => setTimeout(resolve, 1))
    if (clock.monotonic() < dueAt) expect(clock.pending()).to.equal(pending)
  }
  /** For a limit in real time, which a busy machine meets at a second or third attempt. */
  const leapUntil = (holds: () => boolean, what: string) =>
    until(() => {
      if (!holds()) clock.leap(1_000)
      return holds()
    }, what)
  const start = (
    options: Partial<Pick<ReflectorOptions<KubernetesObject>, 'knownKeys' | 'room'>> & {
      silenceMs?: number
      pageMs?: number
    } = {},
  ) => {
    connection = createConnection({
      credentials: loadCredentials({ KUBECONFIG: writeKubeconfig(api.adminConfig) }, clock),
      userAgent: 'test',
      timeouts: {
        connectMs: 20_000,
        requestMs: 20_000,
        leaseMs: 20_000,
        pageMs: options.pageMs ?? 20_000,
        silenceMs: options.silenceMs ?? 100_000,
      },
    })
    reflector = createReflector({
      connection,
      path,
      clock,
      random: () => 0.5,
      log: log.log,
      ...(options.knownKeys ? { knownKeys: options.knownKeys } : {}),
      ...(options.room ? { room: options.room } : {}),
      onChange: (change) => {
        changes.push(change)
        for (const look of waiting) look()
      },
      onRelist: () => relists++,
    })
    reflector.start()
  }
  const watching = () => until(() => api.watches.size === 1, 'a watch is open')
  const breakWatch = (how: 'reset' | 'end' | 'mute' | 'expire') => {
    for (const watch of api.watches) watch[how]()
  }

  beforeEach(async () => {
    api = await startKubeApi({ definitions: [], bookmarkMs: 50 })
    clock = createLeapClock()
    log = createRecordedLog()
    changes = []
    relists = 0
    waiting = []
  })
  afterEach(async () => {
    await reflector.stop()
    connection.stop()
    clock.kill()
    await api.stop()
  })

  it('lists what is there, then follows', async () => {
    put('a')
    start()
    await reflector.synced
    await watching()
    put('b')
    put('a', { changed: 'yes' })
    remove('b')
    await until(() => changes.length === 4, 'four changes')
    expect(told()).to.deep.equal(['added a', 'added b', 'updated a', 'deleted b'])
    expect([...reflector.objects.keys()]).to.deep.equal(['default/a'])
  })

  it('lists in pages of 500', async () => {
    for (let index = 0; index < 1_201; index++) put(`p${index}`)
    start()
    await reflector.synced
    expect(reflector.objects.size).to.equal(1_201)
    expect(lists()).to.equal(3)
  })

  it('goes on after a reset without listing again', async () => {
    put('a')
    start()
    await reflector.synced
    await watching()
    breakWatch('reset')
    put('b')
    await until(() => log.told('watch broken').length === 1, 'the reset is met')
    clock.leap(1_000)
    await until(() => told().includes('added b'), 'what happened meanwhile is told')
    expect(lists()).to.equal(1)
    expect(told()).to.deep.equal(['added a', 'added b'])
  })

  it('F31 comes back in less than two seconds after a storm of resets, without a storm of its own requests', async () => {
    put('a')
    start()
    await reflector.synced
    const from = clock.monotonic()
    const before = watches()
    while (clock.monotonic() - from < 30_000) {
      await watching()
      clock.leap(200)
      breakWatch('reset')
      await until(() => api.watches.size === 0, 'the watch is gone')
      clock.leap(800)
    }
    expect(watches() - before).to.be.below(40)
    put('b')
    clock.leap(1_100)
    await until(() => told().includes('added b'), 'it is current again')
    expect(lists()).to.equal(1)
  })

  it('opens the watch again when the server ends it', async () => {
    start()
    await reflector.synced
    await watching()
    breakWatch('end')
    await until(() => api.watches.size === 0, 'the watch has ended')
    clock.leap(1_000)
    await watching()
    expect(lists()).to.equal(1)
  })

  it('F10 ends a watch on which no byte arrives', async () => {
    start({ silenceMs: 300 })
    await reflector.synced
    await watching()
    breakWatch('mute')
    put('a')
    await until(() => log.told('watch broken').length === 1, 'the silence is met')
    expect(String(log.told('watch broken')[0]!['error'])).to.include('WATCH_SILENT')
    await leapUntil(() => told().includes('added a'), 'what happened meanwhile is told')
  })

  it('F32 lists again when the version has expired', async () => {
    put('a')
    start()
    await reflector.synced
    await watching()
    breakWatch('expire')
    put('b')
    await until(() => log.told('relist').length === 1, 'the 410 is met')
    clock.leap(1_000)
    await until(() => told().includes('added b'), 'the list brings it')
    expect(lists()).to.equal(2)
    expect(told()).to.deep.equal(['added a', 'added b'])
  })

  it('F32 starts over when the pages expire while it turns them', async () => {
    for (let index = 0; index < 600; index++) put(`p${index}`)
    api.faults.add({
      when: ({ verb, query }) => verb === 'list' && query.has('continue'),
      effect: { kind: 'refuse', code: 410 },
      times: 1,
    })
    start()
    await until(() => log.told('list failed').length === 1, 'the 410 is met')
    clock.leap(1_000)
    await reflector.synced
    expect(reflector.objects.size).to.equal(600)
  })

  it('F32 reports an object that was created anew under its name as deleted and added', async () => {
    put('a')
    start()
    await reflector.synced
    await watching()
    breakWatch('reset')
    await until(() => log.told('watch broken').length === 1, 'the reset is met')
    api.store.compact()
    remove('a')
    put('a')
    api.store.compact()
    clock.leap(1_000)
    await until(() => changes.length === 3, 'the difference is told')
    expect(told()).to.deep.equal(['added a', 'deleted a', 'added a'])
  })

  for (const [what, code, retryAfterSeconds] of [
    ['429', 429, 7],
    ['503', 503, 7],
  ] as const) {
    it(`F10 obeys the Retry-After of a ${what}`, async () => {
      put('a')
      api.faults.add({
        when: ({ verb }) => verb === 'list',
        effect: { kind: 'refuse', code, retryAfterSeconds },
        times: 1,
      })
      const from = clock.monotonic()
      start()
      await until(() => log.told('list failed').length === 1, 'it is met')
      await leapInVain(6_000, from + 7_000)
      clock.leap(1_500)
      await reflector.synced
      expect(lists()).to.equal(2)
    })
  }

  it('waits longer after each failure of a burst, and logs once in ten seconds', async () => {
    put('a')
    const end = api.faults.add({ when: ({ verb }) => verb === 'list', effect: { kind: 'refuse', code: 500 } })
    start()
    for (const [count, waitMs] of [800, 1_600, 3_200].entries()) {
      const from = clock.monotonic()
      await until(
        () => lists() === count + 1 && api.requests.every(({ code }) => code !== undefined),
        'another failure',
      )
      await leapInVain(waitMs * 0.75, from + waitMs)
      clock.leap(waitMs * 0.5)
    }
    await until(() => lists() === 4, 'the fourth attempt')
    end()
    expect(log.told('list failed').length).to.equal(1)
    clock.leap(30_000)
    await reflector.synced
  })

  it('survives a list that never answers', async () => {
    put('a')
    api.faults.add({ when: ({ verb }) => verb === 'list', effect: { kind: 'silence' }, times: 1 })
    start({ pageMs: 200 })
    await until(() => log.told('list failed').length === 1, 'the time-out is met')
    await leapUntil(() => reflector.objects.size === 1, 'a later list is taken')
  })

  describe('when a list has lost most of what was there', () => {
    const emptyOnce = () =>
      api.faults.add({
        when: ({ verb }) => verb === 'list',
        effect: {
          kind: 'answer',
          body: { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items: [] },
        },
        times: 1,
      })

    it('F34 believes it only when a second list says the same', async () => {
      for (const name of ['a', 'b', 'c']) put(name)
      start()
      await reflector.synced
      await watching()
      emptyOnce()
      clock.leap(600_000)
      await until(() => relists === 2, 'the relist is done')
      expect(told()).to.deep.equal(['added a', 'added b', 'added c'])
      expect(lists()).to.equal(3)
    })

    it('F34 doubts the first list of a new process too', async () => {
      put('a')
      emptyOnce()
      start({ knownKeys: new Map([['default/a', true]]) })
      await reflector.synced
      expect([...reflector.objects.keys()]).to.deep.equal(['default/a'])
    })

    it('reports the objects as deleted when the second list lacks them too', async () => {
      for (const name of ['a', 'b', 'c']) put(name)
      start()
      await reflector.synced
      await watching()
      breakWatch('mute')
      for (const name of ['a', 'b', 'c']) remove(name)
      clock.leap(600_000)
      await until(() => changes.length === 6, 'three deletions')
      expect(reflector.objects.size).to.equal(0)
    })

    it('refuses an answer that is no list at all', async () => {
      put('a')
      api.faults.add({
        when: ({ verb }) => verb === 'list',
        effect: { kind: 'answer', body: { hello: 'proxy' } },
        times: 1,
      })
      start()
      await until(() => log.told('list failed').length === 1, 'it is met')
      clock.leap(1_000)
      await reflector.synced
      expect(reflector.objects.size).to.equal(1)
    })
  })

  it('lists all again every ten minutes, and tells only what differs', async () => {
    put('a')
    start()
    await reflector.synced
    await watching()
    breakWatch('mute')
    put('b')
    clock.leap(600_000)
    await until(() => told().includes('added b'), 'the relist finds it')
    expect(told()).to.deep.equal(['added a', 'added b'])
  })

  it('K19 lists all again once what was left out would have room, 30 seconds later', async () => {
    for (const name of ['a', 'b', 'c']) put(name)
    start({ room: () => ({ groupsOf: () => [{ name: 'default', most: 2 }], weigh: () => 1 }) })
    await reflector.synced
    await watching()
    expect([reflector.objects.size, reflector.isCut('default')]).to.deep.equal([2, true])
    const pending = clock.pending()
    const [first = '', second] = reflector.objects.keys()
    remove(first.replace('default/', ''))
    await until(() => clock.pending() === pending + 1, 'a list is due sooner')
    await leapInVain(20_000, clock.monotonic() + 30_000)
    clock.leap(10_000)
    await until(() => relists === 2, 'the list')
    expect([reflector.objects.size, reflector.objects.has(second!)]).to.deep.equal([2, true])
    expect(reflector.isCut('default')).to.equal(false)
    expect(told().at(-1)).to.match(/^added [abc]$/)
  })
})
