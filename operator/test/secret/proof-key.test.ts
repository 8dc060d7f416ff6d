import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { versionOf } from '../../src/kubernetes/conditional-write.ts'
import { ProofKey } from '../../src/secret/proof-key.ts'
import { createOneClient, home, unreachable } from './one-client.ts'
import type { OneClient } from './one-client.ts'

const name = 'nauthera-clients-proof'

describe('ProofKey', () => {
  let secrets: OneClient['secrets']
  const clock = createManualClock()
  const open: ProofKey[] = []
  const key = () => {
    const readVersion = async (namespace: string, which: string) => {
      const found = await secrets.read(namespace, which)
      return found && versionOf(found)
    }
    const made = new ProofKey({ secrets, readVersion, ...home, clock, random: () => 0.5, log: createRecordedLog().log })
    open.push(made)
    return made
  }
  const load = async () => Buffer.from((await key().load(new AbortController().signal))!).toString('base64')
  const stored = () => secrets.held.get(name)?.data?.['key']

  beforeEach(() => {
    ;({ secrets } = createOneClient())
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.stop()))
  })

  it('is made once, and read after that', async () => {
    const first = await load()
    expect(stored()).to.equal(first)
    expect(await load()).to.equal(first)
  })

  it('is the one of another leader that was faster', async () => {
    secrets.beforeWrite = () => {
      secrets.beforeWrite = () => {}
      secrets.put(name, { data: { key: Buffer.alloc(32, 1).toString('base64') } })
    }
    expect(await load()).to.equal(Buffer.alloc(32, 1).toString('base64'))
  })

  it('is made anew where somebody has damaged it', async () => {
    secrets.put(name, { data: { key: 'AAAA' } })
    expect(await load()).to.equal(stored())
  })

  it('is not made while nobody knows whether there is one', async () => {
    secrets.failure = unreachable
    const stop = new AbortController()
    const loading = key().load(stop.signal)
    await new Promise(setImmediate)
    stop.abort()
    expect(await loading).to.equal(undefined)
    expect(secrets.calls).to.deep.equal([`read ${name}`])
  })
})
