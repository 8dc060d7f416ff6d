import { expect } from 'chai'
import { operatorSigner } from '@nauthera/harness/agent/make-shards'
import type { SecretStore, WantedSecret } from '../../src/kubernetes/conditional-write.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import { createShards } from '../../src/shards/shards.ts'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { home, names, wanted } from './wanted.ts'

/** Secrets in memory: each write counts, none fails. */
function createSecrets(): SecretStore & { readonly held: ReadonlyMap<string, SecretObject> } {
  const held = new Map<string, SecretObject>()
  let version = 0
  const write = async ({ namespace, name, data }: WantedSecret) => {
    const secret = {
      metadata: { namespace, name, resourceVersion: String(++version), creationTimestamp: '2026-01-01T00:00:00Z' },
      data,
    } as SecretObject
    held.set(name, secret)
    return { kind: 'written', secret } as const
  }
  return {
    held,
    read: async (_namespace, name) => held.get(name),
    create: write,
    update: async (_stored, wanted) => await write(wanted),
    remove: async () => true,
  }
}

describe('createShards', () => {
  let clock: ReturnType<typeof createManualClock>
  let secrets: ReturnType<typeof createSecrets>
  /** How often a whole shard was planned. */
  let plans: number
  let shards: ReturnType<typeof createShards>
  let isCrowded: boolean
  let written: PromiseWithResolvers<void>
  let recorded: ReturnType<typeof createRecordedLog>

  const start = async () => {
    plans = 0
    isCrowded = false
    clock = createManualClock()
    secrets = createSecrets()
    written = Promise.withResolvers()
    recorded = createRecordedLog()
    shards = createShards({
      secrets,
      signer: () => operatorSigner,
      release: 'nauthera',
      namespace: 'auth',
      highestSeq: (shard) => {
        if (shard === home) plans++
        return 0
      },
      isCrowded: () => isCrowded,
      clock,
      random: () => 0.5,
      log: recorded.log,
    })
    await shards.load()
  }
  const listeners = { onStored: () => {}, onManifest: () => written.resolve(), isJoined: () => false }
  const open = (...keys: string[]) => {
    shards.open(keys, listeners)
    // what replicas have seen is asked for once then, and later by each plan
    plans--
  }
  const startFilled = async () => {
    await start()
    for (const name of names) shards.setClient(wanted(name))
    open(...names.map((name) => `apps/${name}`))
    await written.promise
    clock.advance(2_000)
    plans = 0
  }
  afterEach(async () => await shards.stop())

  it('writes no shard while one of its clients has not been looked at, however long that takes', async () => {
    await start()
    const [seen, unseen] = names as [string, string]
    open(`apps/${seen}`, `apps/${unseen}`)
    shards.setClient(wanted(seen))
    clock.advance(3_600_000)
    expect(plans).to.equal(0)
    shards.setUndecided(wanted(unseen))
    await written.promise
    expect([seen, unseen].map((name) => shards.stored(`apps/${name}`)?.entry.name)).to.deep.equal([seen, unseen])
  })

  it('says after two minutes which shard the manifest waits for, and why', async () => {
    await start()
    const [seen, unseen] = names as [string, string]
    open(`apps/${seen}`, `apps/${unseen}`)
    shards.setClient(wanted(seen))
    const passMinute = async () => {
      clock.advance(60_000)
      await new Promise(setImmediate)
      return recorded.told('manifest waits for a shard')
    }
    expect(await passMinute()).to.deep.equal([])
    const [told, ...more] = await passMinute()
    expect(more).to.deep.equal([])
    expect(told?.['shard']).to.equal(home)
    expect(told?.['why']).to.equal(`clients that nobody has looked at yet (1): apps/${unseen}`)
    shards.setUndecided(wanted(unseen))
    await written.promise
    expect(await passMinute()).to.have.length(1)
  })

  it('waits a minute for a client whose verifiers nobody knows, then goes on with the others', async () => {
    await start()
    const [known, unknown] = names as [string, string]
    open(`apps/${known}`, `apps/${unknown}`)
    shards.setClient(wanted(known))
    shards.setUndecided(wanted(unknown))
    clock.advance(59_999)
    expect(plans).to.equal(0)
    clock.advance(1)
    await written.promise
    expect(plans).to.equal(1)
  })

  it('plans no shard for clients that are put as they are stored: the cost of a first load grows with its clients, not with their square', async () => {
    await startFilled()
    for (const name of names) {
      const of = shards.stored(`apps/${name}`)?.entry.desired
      shards.setClient(wanted(name, { standing: { of, is: 'accepted' } }))
    }
    expect(plans).to.equal(0)
  })

  it('plans it for one that is put in another way, and stores that', async () => {
    await startFilled()
    written = Promise.withResolvers()
    const [name] = names as [string]
    shards.setClient(wanted(name, { clientId: 'other' }))
    expect(plans).to.be.greaterThan(0)
    await written.promise
    expect(shards.stored(`apps/${name}`)?.entry.clientId).to.equal('other')
  })

  it('writes a shard once in three seconds while very many clients wait, and goes on when they do no more', async () => {
    await startFilled()
    const [name] = names as [string]
    const put = (clientId: string) => {
      written = Promise.withResolvers()
      shards.setClient(wanted(name, { clientId }))
    }
    put('first')
    await written.promise
    isCrowded = true
    put('second')
    plans = 0
    clock.advance(2_999)
    expect(plans).to.equal(0)
    clock.advance(1)
    await written.promise
    put('third')
    plans = 0
    clock.advance(1_000)
    expect(plans).to.equal(0)
    isCrowded = false
    shards.clearWaits()
    await written.promise
    expect(shards.stored(`apps/${name}`)?.entry.clientId).to.equal('third')
  })

  it('knows since when the Secret of a shard is there', async () => {
    await start()
    const key = `apps/${names[0]!}`
    expect(shards.bornAt(key)).to.equal(undefined)
    open(key)
    shards.setClient(wanted(names[0]!))
    await written.promise
    expect(shards.bornAt(key)).to.equal(Date.UTC(2026, 0, 1))
  })

  it('knows no client that its whole shard does not have', async () => {
    await start()
    const [stored, other] = names as [string, string]
    expect(shards.isUnheardOf(`apps/${stored}`), 'nothing is stored').to.equal(false)
    open(`apps/${stored}`)
    shards.setClient(wanted(stored))
    await written.promise
    expect([stored, other].map((name) => shards.isUnheardOf(`apps/${name}`))).to.deep.equal([false, true])
  })

  it('stores the last of two versions though the first is being written and the last is the stored one', async () => {
    await startFilled()
    const [name] = names as [string]
    shards.setClient(wanted(name, { clientId: 'other' }))
    shards.setClient(wanted(name))
    written = Promise.withResolvers()
    await written.promise
    written = Promise.withResolvers()
    clock.advance(1_000)
    await written.promise
    expect(shards.stored(`apps/${name}`)?.entry.clientId).to.equal(`apps.${name}`)
  })
})
