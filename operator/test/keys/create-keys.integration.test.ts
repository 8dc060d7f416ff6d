import { expect } from 'chai'
import { keysSecretName } from '@nauthera/proto/names'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import type { KubeApi } from '@nauthera/stand-in/kube-api'
import { keysJobRules } from '@nauthera/stand-in/operator-rules'
import { createKeys, createKeysInTime } from '../../src/keys/create-keys.ts'
import { createSecretStore } from '../../src/kubernetes/conditional-write.ts'
import { createConnection } from '../../src/kubernetes/connection.ts'
import type { KubeConnection } from '../../src/kubernetes/connection.ts'
import { loadCredentials } from '../../src/kubernetes/credentials.ts'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { createOneClient, home, unreachable } from '../secret/one-client.ts'

const name = keysSecretName('nauthera')

describe('createKeysInTime', () => {
  /** A cluster that gives no answer for the first so many tries. */
  const run = async (failures: number, signal = new AbortController().signal) => {
    const clock = createManualClock()
    const recorded = createRecordedLog('create-keys')
    let failed = 0
    const { secrets } = createOneClient()
    const read: typeof secrets.read = async (...asked) => {
      if (failed === failures) return await secrets.read(...asked)
      failed++
      throw unreachable
    }
    const needs = { secrets: { ...secrets, read }, ...home, clock, random: () => 1, log: recorded.log, signal }
    let outcome: string | undefined
    const done = createKeysInTime(needs).then(
      () => (outcome = 'created'),
      (error: unknown) => (outcome = (error as { code: string }).code),
    )
    for (await settle(); outcome === undefined && clock.pending > 0; await settle()) clock.advance(clock.next()!)
    await done
    const told = recorded.told('keys not created').length
    return { outcome, isThere: secrets.held.has(name), told, minutes: clock.monotonic() / 60_000 }
  }
  const settle = () => new Promise(setImmediate)

  it('makes the ring of a cluster whose names, network or rights come nine minutes late, and says what it waits for', async () => {
    const late = await run(19)
    expect(late).to.include({ outcome: 'created', isThere: true, told: 19 })
    expect(late.minutes).to.be.within(9, 10)
  })
  it('gives up after ten minutes', async () => {
    const { minutes, ...never } = await run(Infinity)
    expect(never).to.include({ outcome: 'KEYS_NOT_CREATED', isThere: false })
    expect(minutes).to.be.within(9, 10)
  })
  it('gives up when it is told to stop', async () => {
    expect(await run(Infinity, AbortSignal.abort())).to.include({ outcome: 'KEYS_NOT_CREATED', told: 0 })
  })
})

describe('createKeys', () => {
  let api: KubeApi
  let connection: KubeConnection

  const run = () =>
    createKeys({
      secrets: createSecretStore(connection),
      release: 'nauthera',
      namespace: 'auth',
      log: createRecordedLog().log,
    })
  const stored = () =>
    api.store.find(api.resource('secrets'), 'auth', name) as unknown as { data: Record<string, string> } | undefined

  beforeEach(async () => {
    api = await startKubeApi({ definitions: [], namespaces: ['auth'] })
    const kubeconfig = api.addUser('keys', keysJobRules('nauthera', 'auth'))
    connection = createConnection({
      credentials: loadCredentials({ KUBECONFIG: writeKubeconfig(kubeconfig) }, createManualClock()),
      userAgent: 'test',
    })
  })
  afterEach(async () => {
    connection.stop()
    await api.stop()
  })

  it('makes a ring of one key with the rights of its Job', async () => {
    expect(await run()).to.equal(true)
    const { data } = stored()!
    const current = Buffer.from(data['current']!, 'base64').toString()
    expect(Object.keys(data).sort()).to.deep.equal([current, 'current'].sort())
    expect(Buffer.from(data[current]!, 'base64').length).to.equal(32)
  })

  it('changes nothing the second time, or when another was faster', async () => {
    await run()
    const first = stored()
    expect(await run()).to.equal(false)
    expect(stored()).to.deep.equal(first)
    api.faults.add({
      when: ({ verb }) => verb === 'get',
      effect: { kind: 'refuse', code: 404, reason: 'NotFound' },
      times: 1,
    })
    expect(await run()).to.equal(false)
    expect(stored()).to.deep.equal(first)
  })

  for (const code of [403, 429, 500]) {
    it(`K5 creates nothing when reading answers ${code}`, async () => {
      api.faults.add({ when: ({ verb }) => verb === 'get', effect: { kind: 'refuse', code } })
      let failed = false
      await run().catch(() => {
        failed = true
      })
      expect([failed, stored()]).to.deep.equal([true, undefined])
    })
  }
})
