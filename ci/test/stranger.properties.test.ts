import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import fc from 'fast-check'
import { LiveState } from '@nauthera/config-agent/live/live-state'
import { Unsent } from '@nauthera/config-agent/live/unsent'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { UsageSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ClientRefusals } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { refusalKinds } from '@nauthera/rules/refusals'
import type { RefusalCode, RefusedBy } from '@nauthera/rules/refusals'
import { usageMessage } from '@nauthera/server/clients/config-service'
import type { RegisteredClient } from '@nauthera/server/clients/registered-client'
import { createUsage } from '@nauthera/server/clients/usage'
import { describeRefusals } from '../../operator/src/decide/status/refusals.ts'
import { explainClient } from '../../operator/src/kubectl/clients/explain-client.ts'
import { Refusals } from '../../operator/src/status/refusals.ts'
import { client as oidcClient } from '../../operator/test/decide/clients.ts'

// What a stranger's requests do to `kubectl nauthera why`: counts of servers, agents, and the operator's turns, by one clock.

const codes = Object.keys(refusalKinds) as RefusalCode[]
const replicas = 3
/** As a server tells its agent. */
const tellMs = 3_000
const shownWithinMs = 10_000
const staysMs = 60_000

interface Refused {
  readonly client: number
  readonly code: RefusalCode
  readonly by: RefusedBy
  readonly detail: string
  readonly from: string
}

/** Clients of four namespaces, of which the first one has the application. */
const objects = Array.from({ length: 8 }, (_, index) =>
  oidcClient({}, { name: `c${index}`, namespace: `n${index % 4}` }),
)
const registered = objects.map(
  ({ metadata: { name, namespace, uid } }) =>
    ({
      namespace,
      name,
      clientId: `${namespace}.${name}`,
      uid,
      config: {
        redirectUris: ['https://app.example.com/callback'],
        postLogoutRedirectUris: [],
        corsOrigins: [],
        audiences: [],
      },
    }) as unknown as RegisteredClient,
)

/** Servers, agents and the operator that leads; statuses are written when their client is woken. */
class Chain {
  readonly clock = createManualClock()
  readonly #servers = Array.from({ length: replicas }, () => ({
    usage: createUsage(this.clock),
    live: new LiveState(),
    unsent: new Unsent<ClientRefusals>(),
    cursor: 0,
  }))
  readonly #statuses = new Map<string, ReturnType<typeof describeRefusals>>()
  readonly #refusals: Refusals = new Refusals({
    clock: this.clock,
    told: (key) => this.#statuses.get(key)?.slice(),
    wake: (keys) => keys.forEach((key) => this.#write(key)),
  })

  refuse(replica: number, { client, ...refusal }: Refused): void {
    this.#servers[replica]!.usage.countRefusal(registered[client]!, refusal)
  }

  /** Lets time pass as servers tell their agents, and these the operator. */
  tell(): void {
    for (const [index, server] of this.#servers.entries()) {
      const report = server.usage.since(server.cursor)
      server.cursor = report.cursor
      const { refusals } = create(UsageSchema, usageMessage(report))
      server.live.used([], undefined, { refusals })
      this.#refusals.record(`server-${index}`, server.unsent.of(server.live.refusals))
    }
    this.clock.advance(tellMs)
  }

  /** @returns what `kubectl nauthera why` says of the first client */
  why(): string {
    const { metadata, spec } = objects[0]!
    const refusals = this.#statuses.get(`${metadata.namespace}/${metadata.name}`)
    const status = { conditions: [], observedGeneration: 1, refusals }
    const { findings } = explainClient({ metadata, spec, status } as never, {
      secret: undefined,
      now: this.clock.now(),
    })
    return findings.map(({ what, details = [] }) => [what, ...details].join('\n')).join('\n\n')
  }

  stop(): void {
    this.#refusals.stop()
  }

  #write(key: string): void {
    const object = objects.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key)!
    const status = { conditions: [], refusals: this.#statuses.get(key)?.slice() }
    const refusals = describeRefusals({ ...object, status } as never, this.#refusals.published(key), this.clock.now())
    this.#statuses.set(key, refusals)
  }
}

const twoNetworks = ['203.0', '2001:db8:']
const manyNetworks = Array.from({ length: 200 }, (_, index) => `198.${index}`)
/** Many addresses in each of the networks. */
const addressIn = (networks: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...networks), fc.nat(255), fc.nat(255))
    .map(([network, third, last]) =>
      network.includes(':') ? `${network}${third.toString(16)}:${last.toString(16)}::1` : `${network}.${third}.${last}`,
    )
/** @param code which every second request causes */
const ofStranger = (networks: readonly string[], code: RefusalCode) =>
  fc.record({
    client: fc.oneof(fc.constant(0), fc.nat(objects.length - 1)),
    code: fc.oneof(fc.constantFrom(...codes), fc.constant(code)),
    by: fc.constant<RefusedBy>('Anyone'),
    detail: fc.oneof(
      fc.string({ maxLength: 300 }),
      fc.nat().map((n) => `https://evil${n}.example/callback`),
      fc.nat().map((n) => `https://app.example.com/other/${n}`),
    ),
    from: addressIn(networks),
  })
const ofApplication = fc.record({
  client: fc.constant(0),
  code: fc.oneof(fc.constantFrom(...codes), fc.constant<RefusalCode>('REDIRECT_URI_NOT_LISTED')),
  by: fc.constantFrom<RefusedBy>('Client', 'Anyone'),
  detail: fc.constantFrom(
    '',
    'https://app.example.com/login',
    'https://next.example.net/login',
    'a word of the program',
  ),
  from: fc.constant('10.1.2.3'),
})

/** @returns whether the object says the mistake, and what the request had */
function shows(text: string, { code, detail }: Refused): boolean {
  const findings = text.split('\n\n').filter((one) => one.startsWith(`${code}:`))
  return findings.some((one) => one.replaceAll('[.]', '.').includes(detail))
}

describe('a stranger and what the object says', () => {
  const storyOf = (networks: readonly string[]) =>
    ofApplication.chain((mistake) => {
      const requests = fc.tuple(fc.nat(replicas - 1), ofStranger(networks, mistake.code))
      const wave = fc.array(requests, { maxLength: 40, size: 'max' })
      return fc.record({
        before: fc.array(wave, { minLength: 1, maxLength: 8 }),
        mistake: fc.constant(mistake),
        replica: fc.nat(replicas - 1),
        meanwhile: fc.array(wave, { minLength: 1, maxLength: 4 }),
      })
    })
  type Story = ReturnType<typeof storyOf> extends fc.Arbitrary<infer Told> ? Told : never

  function tellStory({ before, mistake, replica, meanwhile }: Story): void {
    const chain = new Chain()
    const send = (requests: readonly (readonly [number, Refused])[]) => {
      for (const [at, refused] of requests) chain.refuse(at, refused)
    }
    try {
      for (const requests of before) {
        send(requests)
        chain.tell()
      }
      chain.refuse(replica, mistake)
      const from = chain.clock.now()
      for (let turn = 0; chain.clock.now() < from + staysMs; turn++) {
        send(meanwhile[turn % meanwhile.length]!)
        chain.tell()
        const ago = chain.clock.now() - from
        if (ago + tellMs > shownWithinMs && !shows(chain.why(), mistake))
          expect.fail(`after ${ago} ms not ${mistake.code} with ${mistake.detail}:\n${chain.why()}`)
      }
    } finally {
      chain.stop()
    }
  }

  it('whatever a stranger sends, of many addresses in two networks, one mistake of the application shows within 10 s, and stays', () => {
    fc.assert(fc.property(storyOf(twoNetworks), tellStory), { numRuns: propertyRuns(100) })
  })

  it('of however many networks, its code does', () => {
    const withoutDetail = (story: Story) => tellStory({ ...story, mistake: { ...story.mistake, detail: '' } })
    fc.assert(fc.property(storyOf(manyNetworks), withoutDetail), { numRuns: propertyRuns(50) })
  })
})
