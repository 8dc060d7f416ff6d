// Whatever one asker does, the first request of another is answered: by each unit that asks others on behalf of strangers.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { expect } from 'chai'
import fc from 'fast-check'
import { createLogos } from '../../../src/http/branding/logos.ts'
import { createDocuments } from '../../../src/oidc/clients/documents.ts'
import { createJwksFetch } from '../../../src/oidc/outbound/jwks-fetch.ts'
import { createSectorDocuments } from '../../../src/oidc/outbound/sector-documents.ts'

const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
/** Milliseconds after which a request that nobody answers ends. */
const patience = 3000

const kinds = ['document', 'keys', 'sector', 'logo'] as const
type Kind = (typeof kinds)[number]
/** How a host answers. */
const states = ['answers', 'fails', 'hangs'] as const

/** Four units, one clock, and hosts that answer as they are told. */
function createWorld() {
  let now = 0
  let asker: string | undefined
  const hosts = new Map<string, (typeof states)[number]>()
  const looks: (() => void)[] = []
  const hanging: { readonly until: number; readonly end: () => void }[] = []
  const bodyOf = (url: URL): Response => {
    if (url.pathname.startsWith('/keys')) return Response.json({ keys: [] })
    if (url.pathname.startsWith('/sector')) return Response.json([`${url.origin}/callback`])
    if (url.pathname.startsWith('/logo')) return new Response(png)
    return Response.json({ client_id: url.href, redirect_uris: [`${url.origin}/callback`] })
  }
  const fetch = (input: string | URL): Promise<Response> => {
    const url = new URL(input)
    const state = hosts.get(url.host) ?? 'answers'
    if (state === 'answers') return Promise.resolve(bodyOf(url))
    if (state === 'fails') return Promise.reject(new Error('refused'))
    return new Promise((_, reject) =>
      hanging.push({ until: now + patience, end: () => reject(new Error('no answer in time')) }),
    )
  }
  const needs = { fetch, asker: () => asker, log, now: () => now }
  const config = { resourceServer: { identifier: 'https://tools.example.com/mcp' }, suspended: false }
  const apis = [{ config, documents: [{ hosts: ['.example.com'], scopes: ['tools:use'] }] }]
  const documents = createDocuments({
    ...needs,
    hosts: ['.example.com'],
    algorithms: ['ES256'],
    registry: { current: () => ({ documentApis: () => apis, findApi: () => undefined }) as never },
  })
  const keys = createJwksFetch(needs)
  const kept = { find: () => Promise.resolve(undefined), set: () => Promise.resolve() }
  const sectors = createSectorDocuments({ ...needs, kept })
  const hostOfLogo = (id: string) => id.split('_')[0]!
  const logos = createLogos({
    ...needs,
    basePath: '',
    logoOf: (id) => ({
      path: `/logo/${id}/x`,
      url: `https://${hostOfLogo(id)}.example.com/logo/${id}`,
      namespace: hostOfLogo(id),
    }),
  })
  const ask: Record<Kind, (host: string, name: string) => Promise<boolean>> = {
    document: async (host, name) =>
      (await documents.load(`https://${host}.example.com/client/${name}`)).kind === 'client',
    keys: (host, name) =>
      keys(`https://${host}.example.com/keys/${name}`).then(
        () => true,
        () => false,
      ),
    sector: async (host, name) => {
      const uri = `https://${host}.example.com/sector/${name}`
      const redirectUris = [`https://${host}.example.com/callback`]
      return (
        (await sectors.fault({ sectorIdentifierUri: uri, redirectUris, grantTypes: [], jwksUri: '' })) === undefined
      )
    },
    logo: async (host, name) => {
      const show = () => logos.show(`/logo/${host}_${name}/x`)
      show()
      // it is there once what hangs has ended
      await new Promise<void>((resolve) => looks.push(resolve))
      return show() !== undefined
    },
  }
  const pass = async (ms: number) => {
    now += ms
    for (const one of hanging.splice(0)) {
      if (one.until <= now) one.end()
      else hanging.push(one)
    }
    await nextTurn()
  }
  return {
    pass,
    becomes: (host: string, state: (typeof states)[number]) => void hosts.set(`${host}.example.com`, state),
    /** @returns whether it was answered, at the latest when what hangs has ended */
    async asks(by: string | undefined, kind: Kind, host: string, name: string): Promise<boolean> {
      asker = by
      const answer = ask[kind](host, name)
      await nextTurn()
      await pass(patience)
      for (let turn = 0; turn < 5; turn++) await nextTurn()
      for (const look of looks.splice(0)) look()
      return answer
    },
    /** Nobody waits for the answers. */
    floods(by: string | undefined, kind: Kind, host: string, names: readonly string[]): void {
      asker = by
      for (const name of names) void ask[kind](host, name)
    },
  }
}

const hostNames = ['a', 'b', 'c.b'] as const
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('state' as const), state: fc.constantFrom(...states) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 70_000 }) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('flood' as const),
      times: fc.integer({ min: 1, max: 150 }),
      isInvented: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('other' as const) }) },
)
const about = fc.record({ step, host: fc.constantFrom(...hostNames), of: fc.constantFrom(...kinds), at: fc.nat(3) })
/** Of one asker: an address, or the /64 blocks of a /48. */
const hostile = fc.constantFrom<readonly string[]>(
  ['192.0.2.66'],
  ['2001:db8:66:1::1', '2001:db8:66:2::1', '2001:db8:66:3::1', '2001:db8:66:4::1'],
)

describe('what is asked of others', () => {
  it('T51 whatever one asker does, the first request of each other is answered', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, fc.array(about, { minLength: 1, maxLength: 20 }), async (addresses, steps) => {
        const world = createWorld()
        let others = 0
        const other = async (kind: Kind, host: string) => {
          // each is new here, and wants what the hostile one has asked for as well
          const by = `198.51.100.${++others}`
          world.becomes(host, 'answers')
          expect(await world.asks(by, kind, host, 'client'), `${by} ${kind} ${host}`).to.equal(true)
        }
        for (const [turn, { step, host, of, at }] of steps.entries()) {
          if (step.kind === 'state') world.becomes(host, step.state)
          if (step.kind === 'wait') await world.pass(step.ms)
          if (step.kind === 'other') await other(of, host)
          if (step.kind !== 'flood') continue
          const names = Array.from({ length: step.times }, (_, index) =>
            step.isInvented ? `invented-${turn}-${index}` : 'client',
          )
          world.floods(addresses[at % addresses.length]!, of, host, names)
          await nextTurn()
        }
        for (const kind of kinds) for (const host of hostNames) await other(kind, host)
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  const inventMany = async (world: ReturnType<typeof createWorld>, by: string | undefined) => {
    for (let turn = 0; turn < 64; turn++) {
      world.floods(by, 'document', 'a', [`invented-${turn}`])
      await nextTurn()
    }
  }

  it('T51 64 invented addresses of a stranger keep no new client of a listed host out', async () => {
    const world = createWorld()
    await inventMany(world, '192.0.2.66')
    expect(await world.asks('198.51.100.1', 'document', 'a', 'client')).to.equal(true)
  })

  it('T51 where addresses are unknown they keep new clients of that host out for a minute, and nobody else', async () => {
    const world = createWorld()
    await world.asks(undefined, 'document', 'a', 'known')
    await inventMany(world, undefined)
    const answers = [
      await world.asks(undefined, 'document', 'a', 'client'),
      await world.asks(undefined, 'document', 'a', 'known'),
      await world.asks(undefined, 'document', 'b', 'client'),
    ]
    await world.pass(60_000)
    expect([...answers, await world.asks(undefined, 'document', 'a', 'client')]).to.deep.equal([
      false,
      true,
      true,
      true,
    ])
  })
})
