import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { createSectorDocuments } from '../../../src/oidc/outbound/sector-documents.ts'
import { keepLog } from '../../http/harness.ts'

const uri = 'https://sector.example.com/list'
const config = (...redirectUris: string[]) => ({ sectorIdentifierUri: uri, redirectUris, grantTypes: [], jwksUri: '' })

type Resolvers = [PromiseWithResolvers<undefined>, PromiseWithResolvers<undefined>, PromiseWithResolvers<undefined>]

function create(answer: () => Promise<Response> | Response, rows = new Map<string, readonly string[]>()) {
  let asked = 0
  let now = 0
  const state = { answer }
  const kept = {
    find: async (key: string) => rows.get(key),
    set: async (key: string, members: readonly string[]) => void rows.set(key, members),
  }
  const log = keepLog()
  const fetch = async () => (asked++, state.answer())
  const documents = createSectorDocuments({ kept, fetch, asker: () => '192.0.2.1', log, now: () => now })
  return { documents, rows, log, state, asked: () => asked, wait: (milliseconds: number) => (now += milliseconds) }
}

describe(createSectorDocuments.name, () => {
  it('asks nothing for a client that names no sector', async () => {
    const { documents, asked } = create(() => Response.json([]))
    expect(await documents.fault({ ...config('a:/b'), sectorIdentifierUri: '' })).to.equal(undefined)
    expect(asked()).to.equal(0)
  })

  it('takes a client that the document lists, and asks once for many', async () => {
    const { documents, asked, rows } = create(() => Response.json(['https://a.test/cb', 'https://b.test/cb']))
    const faults = await Promise.all(
      Array.from({ length: 20 }, (_, turn) => documents.fault(config(`https://${turn % 2 ? 'a' : 'b'}.test/cb`))),
    )
    expect(faults.every((fault) => fault === undefined)).to.equal(true)
    expect(asked()).to.equal(1)
    expect(rows.get(uri)).to.have.length(2)
  })

  it('keeps what was read while another request still looked for what is kept', async () => {
    const [slow, storing, stored] = [0, 0, 0].map(() => Promise.withResolvers<undefined>()) as Resolvers
    const finds = [Promise.resolve(undefined), slow.promise]
    const documents = createSectorDocuments({
      kept: { find: () => finds.shift()!, set: () => (storing.resolve(undefined), stored.promise) },
      fetch: async () => Response.json(['https://a.test/cb']),
      asker: () => undefined,
      log: keepLog(),
      now: () => 0,
    })
    const faults = [1, 2].map(() => documents.fault(config('https://a.test/cb')))
    await storing.promise
    slow.resolve(undefined)
    await slow.promise
    stored.resolve(undefined)
    expect(await Promise.all(faults)).to.deep.equal([undefined, undefined])
  })

  it('reads it for itself when the request of another asker, which it waited for, had no answer', async () => {
    const hanging = Promise.withResolvers<Response>()
    const begun = Promise.withResolvers<void>()
    const answers = [hanging.promise, Promise.resolve(Response.json(['https://a.test/cb']))]
    let asker = '192.0.2.1'
    const documents = createSectorDocuments({
      kept: { find: async () => undefined, set: async () => undefined },
      fetch: () => (begun.resolve(), answers.shift()!),
      asker: () => asker,
      log: keepLog(),
      now: () => 0,
    })
    const first = documents.fault(config('https://a.test/cb'))
    await begun.promise
    asker = '192.0.2.2'
    const other = documents.fault(config('https://a.test/cb'))
    await nextTurn()
    hanging.reject(new Error('no answer in time'))
    expect(await first).to.contain('cannot be read')
    expect(await other).to.equal(undefined)
  })

  it('says what the document lacks, and sees after a minute that it was added', async () => {
    const { documents, state, asked, wait } = create(() => Response.json([]))
    for (let turn = 0; turn < 10; turn++)
      expect(await documents.fault(config('https://a.test/cb'))).to.contain('a.test')
    expect(asked()).to.equal(1)
    state.answer = () => Response.json(['https://a.test/cb'])
    wait(60_000)
    expect(await documents.fault(config('https://a.test/cb'))).to.equal(undefined)
  })

  it('keeps what the document said last while it is away, in this replica and in the next', async () => {
    const { documents, state, rows, wait } = create(() => Response.json(['https://a.test/cb']))
    expect(await documents.fault(config('https://a.test/cb'))).to.equal(undefined)
    state.answer = () => Promise.reject(new Error('away'))
    wait(1_000_000)
    expect(await documents.fault(config('https://a.test/cb', 'https://new.test/cb'))).to.contain('cannot be read')
    expect(await documents.fault(config('https://a.test/cb'))).to.equal(undefined)
    const next = create(state.answer, rows)
    expect(await next.documents.fault(config('https://a.test/cb'))).to.equal(undefined)
    expect(next.asked()).to.equal(0)
  })

  it('takes the address of its keys for a client that gets codes of devices', async () => {
    const device = {
      ...config(),
      grantTypes: ['urn:ietf:params:oauth:grant-type:device_code'],
      jwksUri: 'https://tv.test/jwks',
    }
    expect(await create(() => Response.json([])).documents.fault(device)).to.contain('tv.test')
    expect(await create(() => Response.json(['https://tv.test/jwks'])).documents.fault(device)).to.equal(undefined)
  })

  for (const [what, answer] of [
    ['that cannot be reached', () => Promise.reject(new Error('10.1.2.3 refuses'))],
    ['that answers with an error', () => new Response('no', { status: 500 })],
    ['that is no JSON', () => new Response('<html>')],
    ['that is no list', () => Response.json({})],
    ['that lists something else', () => Response.json([1])],
    ['with too many entries', () => Response.json(Array(1001).fill('x'))],
    ['that is too large', () => Response.json(['x'.repeat(65_536)])],
  ] as const)
    it(`refuses a document ${what}, asks once a minute, and tells strangers no reason`, async () => {
      const { documents, asked, log, wait } = create(answer)
      for (let turn = 0; turn < 10; turn++) {
        const fault = await documents.fault(config('https://a.test/cb'))
        expect(fault).to.contain('cannot be read').and.not.contain('10.1.2.3')
      }
      expect(asked()).to.equal(1)
      expect(log.lines).to.have.length(1)
      wait(60_000)
      await documents.fault(config('https://a.test/cb'))
      expect(asked()).to.equal(2)
    })
})
