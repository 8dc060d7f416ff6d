import { expect } from 'chai'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import type { ManualClock } from '@nauthera/harness/operator/clocks'
import type { ApiCall, KubeConnection } from '../../src/kubernetes/connection.ts'
import type { SecretStore } from '../../src/kubernetes/conditional-write.ts'
import type { SecretObject } from '../../src/kubernetes/objects.ts'
import { HubAccess } from '../../src/spoke/hub-access.ts'
import { HubState } from '../../src/spoke/hub-state.ts'

const hour = 3_600_000
const sub = 'system:serviceaccount:nauthera-cluster-edge:nauthera-spoke'

describe('HubAccess', () => {
  let clock: ManualClock
  let state: HubState
  let access: HubAccess
  let secret: SecretObject | undefined
  let calls: ApiCall[]
  let moved: number
  let version: number

  const tokenUntil = (hours: number): string => {
    const iat = Math.floor(clock.now() / 1000)
    const claims = JSON.stringify({ iat, exp: iat + hours * 3600, sub })
    return `e30.${Buffer.from(claims).toString('base64url')}.x`
  }
  const put = (token: string, server = 'https://hub.example.com') => {
    const text = JSON.stringify({
      clusters: [{ name: 'hub', cluster: { server } }],
      users: [{ name: 'spoke', user: { token } }],
      contexts: [{ name: 'hub', context: { cluster: 'hub', user: 'spoke' } }],
      'current-context': 'hub',
    })
    const metadata = { name: 'nauthera-hub', namespace: 'auth', uid: 'u', resourceVersion: String(++version) }
    secret = { metadata, data: { kubeconfig: Buffer.from(text).toString('base64') } }
  }
  const secrets: Pick<SecretStore, 'read' | 'update'> = {
    read: () => Promise.resolve(secret),
    update: (stored, { data }) => {
      const metadata = { ...stored.metadata, resourceVersion: String(++version) }
      secret = { ...stored, metadata, data: { ...data } }
      return Promise.resolve({ kind: 'written', secret })
    },
  }
  const hub: Pick<KubeConnection, 'call'> = {
    call: <T>(call: ApiCall) => {
      calls.push(call)
      const answer: unknown = { status: { token: tokenUntil(24) } }
      return Promise.resolve(answer as T)
    },
  }
  /** Lets what has begun come to its next wait. */
  const settle = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve()
  }
  const pass = async (milliseconds: number) => {
    for (let left = milliseconds; left > 0; left -= 30_000) {
      clock.advance(Math.min(30_000, left))
      await settle()
    }
  }
  const authorization = async (): Promise<string | undefined> =>
    (await access.credentials()?.current())?.headers['authorization']

  beforeEach(() => {
    clock = createManualClock()
    state = new HubState(clock)
    ;[secret, calls, moved, version] = [undefined, [], 0, 0]
    const about = { secrets, namespace: 'auth', name: 'nauthera-hub', state, clock, log }
    access = new HubAccess({ ...about, onMoved: () => void moved++ })
  })
  afterEach(async () => {
    const ended = access.stop()
    await pass(60_000)
    await ended
  })

  it('waits for the Secret, and says what is missing or wrong', async () => {
    await access.start(hub)
    expect(access.credentials()).to.equal(undefined)
    expect(state.fault?.message).to.contain('nauthera-hub with the key kubeconfig is missing')
    secret = { metadata: { name: 'nauthera-hub', resourceVersion: '1' }, data: { kubeconfig: 'e30=' } }
    clock.advance(5_000)
    await settle()
    expect(state.fault?.reason).to.equal('CredentialRefused')
    put(tokenUntil(24))
    clock.advance(5_000)
    await settle()
    expect(access.credentials()?.server.host).to.equal('hub.example.com')
    expect(moved).to.equal(0)
    expect(state.fault?.reason).to.equal('HubUnreachable')
  })

  it('renews the token at two thirds of its life, not before, and writes it back', async () => {
    put(tokenUntil(24))
    await access.start(hub)
    const before = await authorization()
    await pass(15 * hour)
    expect(calls).to.deep.equal([])
    await pass(1.1 * hour)
    expect(calls.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      'POST /api/v1/namespaces/nauthera-cluster-edge/serviceaccounts/nauthera-spoke/token',
    ])
    expect(await authorization()).not.to.equal(before)
    // as NautheraCertificateExpires sees it
    expect(access.tokenEndsAt()).to.be.closeTo(clock.now() + 24 * hour, 0.2 * hour)
    const written = Buffer.from(secret?.data?.['kubeconfig'] ?? '', 'base64').toString()
    expect(written).to.contain((await authorization())?.slice('Bearer '.length))
  })

  it('takes what somebody puts there, and begins anew for another address', async () => {
    put(tokenUntil(24))
    await access.start(hub)
    const before = await authorization()
    await pass(60_000)
    put(tokenUntil(48))
    await pass(60_000)
    expect(await authorization()).not.to.equal(before)
    expect(moved).to.equal(0)
    put(tokenUntil(48), 'https://other.example.com')
    await pass(60_000)
    expect(moved).to.equal(1)
  })

  it('keeps the last good one while the Secret cannot be used', async () => {
    put(tokenUntil(24))
    await access.start(hub)
    const before = await authorization()
    secret = undefined
    await pass(60_000)
    expect(await authorization()).to.equal(before)
    expect(state.fault?.reason).to.equal('HubUnreachable')
  })
})
