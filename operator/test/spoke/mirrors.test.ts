import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { ManualClock } from '@nauthera/harness/operator/clocks'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { ApiError } from '../../src/kubernetes/api-error.ts'
import type { ApiCall, KubeConnection } from '../../src/kubernetes/connection.ts'
import { HubState } from '../../src/spoke/hub-state.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { Mirrors } from '../../src/spoke/mirrors.ts'
import { client } from '../decide/clients.ts'

const namespace = 'nauthera-cluster-edge'

describe('Mirrors of a hub that comes and goes', () => {
  let clock: ManualClock
  let state: HubState
  let mirrors: Mirrors
  let origins: Map<string, OIDCClient>
  let status: number
  /** Names of the mirrors that the hub was sent, and those that it has. */
  let sent: string[]
  let stored: Mirror[]
  /** Clients that were looked at. */
  let looks: number
  /** Whose client here is to be looked at. */
  let told: string[]

  const answer = ({ method, body }: ApiCall): unknown => {
    const resourceVersion = String(stored.length)
    if (method === 'GET') return { metadata: { resourceVersion }, items: stored }
    const { metadata, ...rest } = body as Mirror
    const made = { ...rest, metadata: { ...metadata, resourceVersion, uid: metadata.name, generation: 1 } }
    stored.push(made)
    return made
  }
  const hub: KubeConnection = {
    call: async <T>(call: ApiCall) => {
      if (call.method === 'POST') sent.push((call.body as Mirror).metadata.name)
      const said = status
      await Promise.resolve()
      hear()
      if (said !== 200) throw new ApiError('KUBERNETES_REFUSED', { message: 'no', status: said })
      return answer(call) as T
    },
    // a watch that stays open and says nothing
    async *watch({ signal }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      yield* []
    },
    stop: () => {},
  }
  const hear = () => state.recordAnswer({ status, date: clock.now() })
  /** Lets what has begun come to its next wait. */
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const ask = (name: string) => {
    const origin = client({ type: 'M2M' }, { name })
    const { uid } = origin.metadata
    origins.set(`demo/${name}`, origin)
    mirrors.ask({
      namespace: 'demo',
      name,
      uid,
      clientId: `demo.${name}`,
      createdAt: 0,
      namespaceBytes: 0,
      verifiers: [],
      verdict: { kind: 'carry' },
      granted: undefined,
      forbidsEarlier: false,
      restraint: undefined,
      accountsSince: {},
      standing: { of: undefined, is: 'unknown' },
    })
  }
  /** The hub answers this for so many seconds, and is asked in each. */
  const turn = async (said: number, seconds: number) => {
    status = said
    for (let second = 0; second < seconds; second++) {
      hear()
      await settle()
      clock.advance(1_000)
    }
  }

  beforeEach(async () => {
    clock = createManualClock()
    state = new HubState(clock)
    origins = new Map()
    sent = []
    stored = []
    looks = 0
    told = []
    status = 200
    mirrors = new Mirrors({
      hub,
      namespace,
      state,
      findClient: (key) => {
        looks++
        return origins.get(key)
      },
      namespaceLabels: () => undefined,
      namespaceBornAt: () => undefined,
      clock,
      random: () => 0.5,
      log: createRecordedLog().log,
      onChange: (keys) => void told.push(...keys),
      onListed: () => {},
      onWrite: () => {},
    })
    state.recordHolder({ kind: 'ours' })
    mirrors.start()
    await settle()
  })
  afterEach(() => mirrors.stop())

  for (const [usable, away] of [
    [5, 5],
    [7, 3],
    [10, 5],
    [4, 2],
    [20, 10],
    [2, 20],
  ] as const)
    it(`writes what was asked while it was away as soon as it answers: ${usable} s, and ${away} s not`, async () => {
      const late: string[] = []
      for (let round = 0; round < 60; round++) {
        await turn(401, away)
        ask(`app-${round}`)
        await settle()
        await turn(200, usable)
        if (!sent.includes(`demo.app-${round}`)) late.push(`app-${round}`)
      }
      expect(late).to.deep.equal([])
      expect(sent.length, 'each is sent once').to.equal(60)
    })

  it('looks at no client that does not wait, and sends each that does once, however often it comes and goes', async () => {
    for (let at = 0; at < 50; at++) ask(`app-${at}`)
    await turn(200, 1)
    expect(stored.length).to.equal(50)
    await turn(401, 1)
    for (let at = 50; at < 53; at++) ask(`app-${at}`)
    await settle()
    looks = 0
    for (let flip = 0; flip < 200; flip++) {
      status = flip % 2 ? 401 : 200
      hear()
      await settle()
    }
    expect(sent.length).to.equal(53)
    expect(looks).to.be.below(3 * 5)
  })

  it('says of a client why the hub refuses it, until the client is edited: that was said of another version', async () => {
    await turn(422, 1)
    hear()
    ask('app')
    await settle()
    expect(mirrors.refusal('demo/app')?.reason).to.equal('HubRefused')
    const { metadata, spec } = origins.get('demo/app')!
    origins.set('demo/app', { metadata: { ...metadata, generation: 2 }, spec: { ...spec, displayName: 'Other' } })
    expect(mirrors.refusal('demo/app')).to.equal(undefined)
  })

  it('asks the hub for nothing more once an edit that it refused is taken back', async () => {
    await turn(200, 1)
    ask('app')
    await settle()
    const { metadata, spec } = origins.get('demo/app')!
    const edit = async (generation: number, change: Partial<OIDCClient['spec']>) => {
      origins.set('demo/app', { metadata: { ...metadata, generation }, spec: { ...spec, ...change } })
      mirrors.wake()
      await settle()
    }
    status = 422
    await edit(2, { displayName: 'Other' })
    expect(mirrors.refusal('demo/app')?.reason).to.equal('HubRefused')
    await edit(3, {})
    expect([mirrors.refusal('demo/app'), mirrors.isCurrent('demo/app')]).to.deep.equal([undefined, true])
    status = 200
    told = []
    for (let minute = 0; minute < 3; minute++) {
      clock.advance(60_000)
      hear()
      await settle()
    }
    expect(told, 'one look, and no more').to.deep.equal(['demo/app'])
  })

  it('writes what found it silent, though nobody has noticed the silence before it answers again', async () => {
    hear()
    clock.advance(15_001)
    ask('app')
    await settle()
    expect(sent).to.deep.equal([])
    hear()
    await settle()
    expect(sent).to.deep.equal(['demo.app'])
  })
})
