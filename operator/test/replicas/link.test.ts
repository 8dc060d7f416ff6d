import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { versionOf } from '../../src/kubernetes/conditional-write.ts'
import type { SecretStore, WantedSecret } from '../../src/kubernetes/conditional-write.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import { openLink } from '../../src/replicas/link.ts'
import type { Link } from '../../src/replicas/link.ts'
import { renewLink } from '../../src/replicas/renew-link.ts'

const hourMs = 3_600_000

/** One Secret in memory. */
function createSecrets() {
  let held: SecretObject | undefined
  let version = 0
  const write = async ({ namespace, name, data }: WantedSecret) => {
    held = { metadata: { namespace, name, uid: 'u', resourceVersion: String(++version) }, data: { ...data } }
    return { kind: 'written' as const, secret: held }
  }
  const secrets: SecretStore = {
    read: async () => held,
    create: write,
    update: async (_stored, wanted) => await write(wanted),
    remove: async () => expect.fail('removes nothing'),
  }
  return {
    secrets,
    held: () => held,
    lose: () => (held = undefined),
    edit: (data: Record<string, string>) =>
      void write({
        namespace: 'auth',
        name: 'nauthera-link',
        labels: {},
        annotations: {},
        data: { ...held!.data, ...data },
      }),
    readVersion: async () => held && versionOf(held),
  }
}

describe('openLink', () => {
  let clock: ReturnType<typeof createManualClock>
  let log: ReturnType<typeof createRecordedLog>
  let store: ReturnType<typeof createSecrets>
  let link: Link
  let written: number
  let news: PromiseWithResolvers<void>

  const open = async (mounted: { mode: 'operator' } | { mode: 'existing'; directory: string }) => {
    const settings = { release: 'nauthera', namespace: 'auth', link: mounted }
    link = await openLink({ settings, secrets: store.secrets, readVersion: store.readVersion, clock, log: log.log })
  }
  const start = () =>
    link.start(() => {
      written++
      news.resolve()
    })
  /** Resolves when the loop waits for its next look. */
  const looked = async () => {
    while (clock.pending === 0) await new Promise(setImmediate)
  }

  beforeEach(() => {
    clock = createManualClock(Date.now())
    log = createRecordedLog()
    store = createSecrets()
    written = 0
    news = Promise.withResolvers()
  })
  afterEach(async () => {
    await link.stop()
    expect(clock.pending).to.equal(0)
  })

  it('makes the Secret, and has certificates to dial with then', async () => {
    await open({ mode: 'operator' })
    expect(link.certificates.current()).to.equal(undefined)
    await start()
    expect(written).to.equal(1)
    const cert = Buffer.from(store.held()!.data!['operator.crt']!, 'base64').toString()
    expect(link.certificates.current()?.cert).to.equal(cert)
  })

  it('takes what is there and whole, and writes nothing', async () => {
    const files = (await renewLink(undefined, { release: 'nauthera', namespace: 'auth', now: clock.now() }))!
    const data = Object.fromEntries(
      Object.entries(files).map(([file, pem]) => [file, Buffer.from(pem).toString('base64')]),
    )
    await store.secrets.create({ namespace: 'auth', name: 'nauthera-link', labels: {}, annotations: {}, data })
    await open({ mode: 'operator' })
    await start()
    expect(written).to.equal(0)
    expect(link.certificates.current()?.cert).to.equal(files['operator.crt'])
  })

  it('tries again each 10 s until the API answers, and tells a fault once', async () => {
    const { read } = store.secrets
    store.secrets.read = async () => await Promise.reject(new Error('unreachable'))
    await open({ mode: 'operator' })
    const usable = start()
    for (let turn = 0; turn < 3; turn++) {
      await looked()
      clock.advance(9_999)
      expect(clock.pending).to.equal(1)
      clock.advance(1)
    }
    expect(log.told('link certificates not renewed').length).to.equal(1)
    store.secrets.read = read
    await looked()
    clock.advance(10_000)
    await usable
    expect(written).to.equal(1)
  })

  it('reads again when another leader has written meanwhile', async () => {
    const { create } = store.secrets
    store.secrets.create = async (wanted) => {
      await create(wanted)
      return { kind: 'conflict' }
    }
    await open({ mode: 'operator' })
    await start()
    expect(written).to.equal(0)
    expect(link.certificates.current()).not.to.equal(undefined)
  })

  /** Lets the loop come to its next wait, and time pass. */
  const pass = async (milliseconds: number) => {
    await looked()
    clock.advance(milliseconds)
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
  }

  for (const [what, harm] of [
    ['deleted', () => store.lose()],
    ['edited', () => store.edit({ 'agent.crt': 'aGVsbG8=' })],
  ] as const) {
    it(`F17 makes again within a minute what somebody has ${what}, with the certificates that everybody has`, async () => {
      await open({ mode: 'operator' })
      await start()
      const before = store.held()!.data
      await pass(5_000)
      harm()
      news = Promise.withResolvers()
      await pass(55_000)
      await news.promise
      expect(written).to.equal(2)
      expect(store.held()!.data).to.deep.equal(before)
    })
  }

  it('F17 looks soon when a pod cannot be reached, and each five seconds at most', async () => {
    await open({ mode: 'operator' })
    await start()
    await pass(5_000)
    store.lose()
    news = Promise.withResolvers()
    await looked()
    link.wake()
    await news.promise
    expect(written).to.equal(2)
    store.lose()
    link.wake()
    await pass(4_999)
    expect(written).to.equal(2)
    await pass(1)
    expect(written).to.equal(3)
  })

  it('reads the metadata alone while nothing has changed, and all of it each hour', async () => {
    const { read } = store.secrets
    let reads = 0
    store.secrets.read = async (...at) => {
      reads++
      return await read(...at)
    }
    await open({ mode: 'operator' })
    await start()
    expect(reads).to.equal(1)
    for (let minute = 0; minute < 59; minute++) {
      await pass(5_000)
      await pass(55_000)
    }
    expect(reads).to.equal(1)
    await pass(5_000)
    await pass(hourMs)
    expect(reads).to.equal(2)
    expect(written).to.equal(1)
  })

  it('follows certificates that somebody mounts, and writes no Secret', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'nauthera-link-'))
    try {
      const files = (await renewLink(undefined, { release: 'nauthera', namespace: 'auth', now: clock.now() }))!
      for (const [file, pem] of Object.entries(files)) await writeFile(join(directory, file), pem)
      await open({ mode: 'existing', directory })
      await start()
      expect(link.certificates.current()?.cert).to.equal(files['operator.crt'])
      expect(store.held()).to.equal(undefined)
    } finally {
      await link.stop()
      await rm(directory, { recursive: true, force: true })
    }
  })
})
