import { expect } from 'chai'
import fc from 'fast-check'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { propertyRuns } from '@nauthera/harness/property-runs'
import type { PolicySpacing } from '../../src/decide/client/apply-defaults.ts'
import { Spacing } from '../../src/secret/spacing.ts'

const everyone: PolicySpacing = { policy: 'everyone', ms: 10_000 }

interface Client {
  readonly key: string
  readonly tenant: string
  readonly spacings: readonly PolicySpacing[]
  /** When its rotation falls due. */
  readonly dueAt: number
}

/** @returns when each client began, in order: each is looked at when it falls due, when it was told to come again, and when it is called */
function run(clients: readonly Client[]): { readonly client: Client; readonly at: number }[] {
  const clock = createManualClock()
  const comesAt = new Map(clients.map((client) => [client.key, client.dueAt]))
  const spacing = new Spacing({
    clock,
    again: (key, ms) => comesAt.set(key, Math.min(comesAt.get(key) ?? Infinity, clock.monotonic() + ms)),
  })
  const began: { client: Client; at: number }[] = []
  for (let looks = 0; began.length < clients.length; looks++) {
    if (looks > 50 * clients.length ** 2) throw new Error('nobody begins')
    const [key, at] = [...comesAt].reduce((first, one) => (one[1] < first[1] ? one : first))
    clock.advance(Math.max(0, at - clock.monotonic()))
    comesAt.delete(key)
    const client = clients.find((one) => one.key === key)
    if (!client || began.some((one) => one.client === client)) continue
    const waitMs = spacing.waitMs(client)
    if (waitMs !== undefined) {
      comesAt.set(key, Math.min(comesAt.get(key) ?? Infinity, clock.monotonic() + waitMs))
      continue
    }
    spacing.begin(client)
    began.push({ client, at: clock.monotonic() })
  }
  return began
}

const clientsOf = (tenant: string, count: number, more: Partial<Client> = {}): Client[] =>
  Array.from({ length: count }, (_, at) => ({
    key: `${tenant}/app-${at}`,
    tenant,
    spacings: [everyone],
    dueAt: 0,
    ...more,
  }))

describe('Spacing', () => {
  it('lets a client of a policy without spacing begin at once', () => {
    const began = run([...clientsOf('a', 3), ...clientsOf('b', 2, { spacings: [] })])
    expect(began.filter(({ client }) => client.tenant === 'b').map(({ at }) => at)).to.deep.equal([0, 0])
  })

  it('begins one at a time, each as soon as it may', () => {
    expect(run(clientsOf('a', 4)).map(({ at }) => at)).to.deep.equal([0, 10_000, 20_000, 30_000])
  })

  it('gives each tenant its turn, however many clients another one has', () => {
    const began = run([...clientsOf('crowd', 50), ...clientsOf('small', 2, { dueAt: 1_000 })])
    expect(began.flatMap(({ client, at }) => (client.tenant === 'small' ? [at] : []))).to.deep.equal([10_000, 30_000])
  })

  it('begins with what is due for longest, within a tenant', () => {
    const spacing = new Spacing({ clock: createManualClock(), again: () => {} })
    const [first, ...others] = clientsOf('a', 3).map((client, at) => ({ ...client, dueAt: -at }))
    for (const client of [first!, ...others]) spacing.waitMs(client)
    expect(spacing.waitMs(others[1]!), 'due for longest').to.equal(undefined)
    expect(spacing.waitMs(first!)).to.equal(20_000)
  })

  it('lets others pass a client that waits for another lane', () => {
    const slow: PolicySpacing = { policy: 'slow', ms: 3_600_000 }
    const began = run([...clientsOf('a', 2, { spacings: [slow, everyone] }), ...clientsOf('b', 3)])
    expect(began.map(({ client, at }) => `${client.tenant} ${at}`)).to.deep.equal([
      'a 0',
      'b 10000',
      'b 20000',
      'b 30000',
      'a 3600000',
    ])
  })

  it('does not wait for whoever does not come, for longer than a minute', () => {
    const clock = createManualClock()
    const spacing = new Spacing({ clock, again: () => {} })
    const [first, second, third] = clientsOf('a', 3)
    expect(spacing.waitMs(first!)).to.equal(undefined)
    spacing.begin(first!)
    expect(spacing.waitMs(second!)).to.equal(10_000)
    expect(spacing.waitMs(third!)).to.equal(20_000)
    clock.advance(20_000)
    expect(spacing.waitMs(third!), 'the second one may come yet').to.equal(10_000)
    clock.advance(50_001)
    expect(spacing.waitMs(third!)).to.equal(undefined)
  })

  it('passes on at once the turn of a client that needs none any more', () => {
    const called: string[] = []
    const clock = createManualClock()
    const spacing = new Spacing({ clock, again: (key) => called.push(key) })
    const [first, second, third] = clientsOf('a', 3)
    for (const client of [first!, second!, third!]) spacing.waitMs(client)
    spacing.begin(first!)
    spacing.leave(second!.key)
    expect(called).to.deep.equal([second!.key, third!.key])
  })

  const lanes = [
    [everyone],
    [everyone, { policy: 'team', ms: 60_000 }],
    [{ policy: 'team', ms: 60_000 }],
    [{ policy: 'slow', ms: 3_600_000 }, everyone],
  ]
  const anyClients = (of: readonly (readonly PolicySpacing[])[]) =>
    fc
      .array(
        fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), lane: fc.nat(of.length - 1), dueAt: fc.nat(90_000) }),
        {
          minLength: 1,
          maxLength: 25,
        },
      )
      .map((all) =>
        all.map(({ tenant, lane, dueAt }, at): Client => ({
          key: `${tenant}/${at}`,
          tenant,
          spacings: of[lane]!,
          dueAt,
        })),
      )
  const runs = propertyRuns(150)

  it(`begins every client once, never two of one policy too close together (${runs} crowds)`, () => {
    fc.assert(
      fc.property(anyClients(lanes), (clients) => {
        const began = run(clients)
        for (const { policy, ms } of lanes.flat()) {
          const times = began.flatMap(({ client, at }) =>
            client.spacings.some((one) => one.policy === policy) ? [at] : [],
          )
          for (const [at, time] of times.entries()) if (at > 0) expect(time - times[at - 1]!).to.be.at.least(ms)
        }
      }),
      { numRuns: runs },
    )
  })

  it(`of each other tenant at most one rotation more comes before a client than of its own, itself included (${runs} crowds)`, () => {
    fc.assert(
      fc.property(anyClients([[everyone]]), (clients) => {
        const began = run(clients)
        for (const { client, at } of began) {
          const between = began.filter((one) => one.at > client.dueAt && one.at < at)
          const places = 1 + between.filter((one) => one.client.tenant === client.tenant).length
          for (const tenant of ['a', 'b', 'c', 'd'].filter((one) => one !== client.tenant))
            expect(between.filter((one) => one.client.tenant === tenant).length).to.be.at.most(places + 1)
          // nobody waits while the lane is free
          const before = began.findLast((one) => one.at < at)
          expect(at).to.equal(Math.max(client.dueAt, before ? before.at + everyone.ms : 0))
        }
      }),
      { numRuns: runs },
    )
  })
})
