import { quietLog as log } from '@nauthera/harness/kept-log'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { expect } from 'chai'
import fc from 'fast-check'
import { createDocuments } from '../../../src/oidc/clients/documents.ts'

const minute = 60_000

/** Documents of hosts below agents.example.com, with a clock and answers of our own. */
function world() {
  let now = 0
  let asker: string | undefined = '192.0.2.1'
  const asked: string[] = []
  const open: ((answer: Response | Error) => void)[] = []
  let answer: (url: string) => Promise<Response> = (url) => Promise.resolve(documentOf(url))
  const config = { resourceServer: { identifier: 'https://tools.example.com/mcp' }, suspended: false }
  const documents = [{ hosts: ['.agents.example.com'], scopes: ['tools:use'] }]
  const apis = [{ config, documents }]
  let identifier = config.resourceServer.identifier
  const made = createDocuments({
    hosts: ['.agents.example.com'],
    algorithms: ['ES256'],
    registry: {
      current: () =>
        ({ documentApis: () => apis, findApi: (name: string) => (name === identifier ? {} : undefined) }) as never,
    },
    fetch: (url) => {
      asked.push(String(url))
      return answer(String(url))
    },
    asker: () => asker,
    log,
    now: () => now,
  })
  return {
    documents: made,
    asked,
    declare: (name: string) => void (identifier = name),
    open,
    is: (address: string | undefined) => void (asker = address),
    pass: (ms: number) => void (now += ms),
    answers: (by: typeof answer) => void (answer = by),
    /** Every answer waits until it is given. */
    hold: () =>
      void (answer = () =>
        new Promise((resolve, reject) => open.push((one) => (one instanceof Error ? reject(one) : resolve(one))))),
  }
}

const documentOf = (url: string, about: object = {}, headers: Record<string, string> = {}): Response =>
  Response.json({ client_id: url, redirect_uris: [`${new URL(url).origin}/callback`], ...about }, { headers })
const idAt = (host: string, path = 'client') => `https://${host}.agents.example.com/${path}`

describe(createDocuments.name, () => {
  it('K1 refuses an address that is the identifier of an API, also once its document is known', async () => {
    const { documents, asked, declare } = world()
    expect((await documents.load(idAt('a'))).kind).to.equal('client')
    declare(idAt('a'))
    const [again, first] = [await documents.load(idAt('a')), documents.known(idAt('a'))]
    expect(again).to.deep.equal({
      kind: 'refused',
      why: 'this client_id is the identifier of an API of this server; publish the document at another address',
    })
    expect([first, asked.length]).to.deep.equal([undefined, 1])
  })

  it('asks for a document once while it is fresh, and once for all that want it at a time', async () => {
    const { documents, asked, pass, answers } = world()
    answers((url) => Promise.resolve(documentOf(url, {}, { 'cache-control': 'public, max-age=600' })))
    await Promise.all(Array.from({ length: 20 }, () => documents.load(idAt('a'))))
    pass(10 * minute - 1)
    const first = await documents.load(idAt('a'))
    expect([first.kind, asked.length]).to.deep.equal(['client', 1])
    pass(1)
    const next = await documents.load(idAt('a'))
    expect([next.kind, asked.length]).to.deep.equal(['client', 2])
  })

  it('T51 a document that changes is the client from then on', async () => {
    const { documents, pass, answers } = world()
    const id = idAt('a')
    await documents.load(id)
    answers((url) => Promise.resolve(documentOf(url, { redirect_uris: ['https://a.agents.example.com/other'] })))
    pass(5 * minute)
    await documents.load(id)
    expect(documents.known(id)?.config.redirectUris).to.deep.equal(['https://a.agents.example.com/other'])
  })

  it('T51 goes on with the last good document for a day when the host fails, and asks it once a minute', async () => {
    const { documents, asked, pass, answers } = world()
    const id = idAt('a')
    await documents.load(id)
    answers(() => Promise.reject(new Error('down')))
    pass(5 * minute)
    for (let turn = 0; turn < 5; turn++) expect((await documents.load(id)).kind).to.equal('client')
    expect(asked).to.have.length(2)
    pass(24 * 60 * minute)
    expect([documents.known(id), (await documents.load(id)).kind]).to.deep.equal([undefined, 'refused'])
  })

  it('T51 a document that says no good client any more is none at once, and is one again as soon as it says so', async () => {
    const { documents, pass, answers } = world()
    const id = idAt('a')
    const withdrawn: [string, () => Response][] = [
      ['its redirect URIs are gone', () => documentOf(id, { redirect_uris: [] })],
      ['they are at another host', () => documentOf(id, { redirect_uris: ['https://b.agents.example.com/callback'] })],
      ['it is gone for good', () => new Response(null, { status: 410 })],
    ]
    for (const [what, answer] of withdrawn) {
      answers((url) => Promise.resolve(documentOf(url)))
      pass(5 * minute)
      expect((await documents.load(id)).kind, what).to.equal('client')
      answers(() => Promise.resolve(answer()))
      pass(5 * minute)
      expect((await documents.load(id)).kind, what).to.equal('refused')
      expect(documents.known(id), what).to.equal(undefined)
      answers(() => Promise.reject(new Error('down')))
      pass(5 * minute)
      expect((await documents.load(id)).kind, `${what}, and then the host is down`).to.equal('refused')
    }
  })

  it('T51 a document ends with its own word alone, whatever else its host answers', async () => {
    type Said = 'good' | 'withdrawn' | 'away'
    const answerOf: Readonly<Record<Said, (url: string) => Promise<Response>>> = {
      good: (url) => Promise.resolve(documentOf(url)),
      withdrawn: (url) => Promise.resolve(documentOf(url, { redirect_uris: [] })),
      away: (url) => awayAnswers[turn++ % awayAnswers.length]!(url),
    }
    let turn = 0
    const awayAnswers: readonly ((url: string) => Promise<Response>)[] = [
      () => Promise.reject(new Error('down')),
      () => Promise.resolve(new Response(null, { status: 503 })),
      () => Promise.resolve(new Response('<html>We are back soon</html>', { status: 200 })),
      (url) => Promise.resolve(documentOf(url, { client_id: idAt('b') })),
    ]
    const story = fc.array(
      fc.tuple(fc.constantFrom<Said>('good', 'withdrawn', 'away'), fc.integer({ min: 5, max: 900 })),
    )
    await fc.assert(
      fc.asyncProperty(story, async (said) => {
        const { documents, pass, answers } = world()
        let lastWord: Said | undefined
        let spokeAgo = 0
        for (const [says, minutes] of said) {
          pass(minutes * minute)
          spokeAgo += minutes
          answers(answerOf[says])
          const { kind } = await documents.load(idAt('a'))
          if (says !== 'away') [lastWord, spokeAgo] = [says, 0]
          expect(kind).to.equal(lastWord === 'good' && spokeAgo < 24 * 60 ? 'client' : 'refused')
        }
      }),
      { numRuns: propertyRuns(100) },
    )
  })

  it('T51 a host that does not answer holds up its own clients alone', async () => {
    const { documents, asked, open, hold, answers } = world()
    hold()
    const waiting = Array.from({ length: 30 }, (_, at) => documents.load(idAt('slow', `client-${at}`)))
    expect(asked).to.have.length(4)
    answers((url) => Promise.resolve(documentOf(url)))
    expect((await documents.load(idAt('fast'))).kind).to.equal('client')
    for (const give of open) give(new Error('no answer in time'))
    const ended = await Promise.all(waiting)
    expect(ended.every(({ kind }) => kind === 'refused')).to.equal(true)
  })

  it('T51 an address for each request does not make this server ask a host more than 60 times a minute', async () => {
    const { documents, asked, pass, answers } = world()
    answers(() => Promise.resolve(new Response(null, { status: 404 })))
    for (let turn = 0; turn < 200; turn++) await documents.load(idAt('a', `client-${turn}`))
    expect(asked).to.have.length(60)
    pass(minute)
    await documents.load(idAt('a', 'one-more'))
    expect(asked).to.have.length(61)
  })

  it('T51 the documents of one host take no room of those of another', async () => {
    const { documents, pass } = world()
    await documents.load(idAt('quiet'))
    for (let turn = 0; turn < 150; turn++) {
      await documents.load(idAt('loud', `client-${turn}`))
      if (turn % 50 === 49) pass(minute)
    }
    const known = Array.from({ length: 150 }, (_, turn) => documents.known(idAt('loud', `client-${turn}`)))
    expect(known.filter((one) => one !== undefined)).to.have.length(100)
    expect(documents.known(idAt('quiet'))).not.to.equal(undefined)
  })

  it('scripts may be of an origin at which documents may be published: https, the host and its port', () => {
    const { documents } = world()
    const own = 'https://a.agents.example.com'
    const others = [`${own}:8443`, 'http://a.agents.example.com', 'https://a.example.com', 'null']
    expect([own, ...others].filter((origin) => documents.mayHaveOrigin(origin))).to.deep.equal([own])
  })

  it('the same client stays the same object while nothing changes', async () => {
    const { documents } = world()
    await documents.load(idAt('a'))
    expect(documents.known(idAt('a'))).to.equal(documents.known(idAt('a')))
  })
})
