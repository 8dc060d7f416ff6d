import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { startProcess } from '@nauthera/local/processes/process'
import { compare } from '../bench/cost/compare.ts'
import { renderFlameGraph } from '../bench/cost/flame-graph.ts'
import { inspectorFlag, readOwnMemory } from '../bench/cost/own-memory.ts'
import { cpuSeconds, familyCpuSeconds, ownMegabytes, residentMegabytes } from '../bench/cost/process-cost.ts'
import { describeProfile, sharesOfAreas } from '../bench/cost/profile.ts'
import type { ProfileFrame } from '../bench/cost/profile.ts'
import { introspect, machineToken, signIn } from '../bench/load/flows.ts'
import type { LoadedProduct } from '../bench/load/product.ts'
import { renderBars, renderLines } from '../bench/report/plot.ts'
import { inUnitsOf, median, spreadOf } from '../bench/report/statistics.ts'
import { deck, mix } from '../bench/rows/requests.ts'
import { rows } from '../bench/rows.ts'

// A bench must not lie: what it makes of its numbers, and what it takes for an answer.

describe('the statistics of the bench', () => {
  it('takes the middle of the rounds, whatever their order', () => {
    expect(median([9, 1, 5])).to.equal(5)
    expect(median([9, 1, 5, 7])).to.equal(6)
  })

  it('says between which figures the middle half of the rounds lies', () => {
    expect(spreadOf([4, 1, 3, 2])).to.deep.equal({ median: 2.5, low: 1, high: 3, rounds: 4 })
  })

  it('divides each round by the unit of the same round, so that a slow minute cancels out', () => {
    expect(inUnitsOf([20, 200, 20], [10, 100, 10])).to.deep.equal({ median: 2, low: 2, high: 2, rounds: 3 })
  })

  for (const [what, values] of Object.entries({
    nothing: [],
    'a round that failed': [1, Number.NaN],
    'no load': [1 / 0],
  }))
    it(`makes no figure of ${what}`, () => {
      expect(() => spreadOf(values)).to.throw('no figure')
    })

  it('makes no figure of rounds without their units', () => {
    expect(() => inUnitsOf([1, 2], [1])).to.throw('2 rounds, but 1 of the unit')
  })
})

describe('compare', () => {
  const product = (name: string): LoadedProduct => ({ ...nowhere, name, pids: { server: process.pid } })
  const spin = () => {
    const until = performance.now() + 1
    while (performance.now() < until);
    return new Promise((resolve) => setImmediate(resolve))
  }

  it('lets all take turns in each round, and another one begins each time', async () => {
    const seen: string[] = []
    const contender = (name: string) => ({
      product: product(name),
      operation: () => {
        if (seen.at(-1) !== name) seen.push(name)
        return spin()
      },
    })
    const effort = { rounds: 3, roundMs: 10, warmUpMs: 1 }
    const spent = await compare({ a: contender('a'), b: contender('b') }, effort)
    // the warm-up, then a b, b a, a b
    expect(seen.join('')).to.equal('ababab')
    expect(spent.a).to.have.length(3)
    expect(spent.b.every(({ server, operations }) => server! > 0 && operations > 0)).to.equal(true)
  })

  it('fails with the operation that fails', async () => {
    const operation = () => Promise.reject(new Error('refused'))
    const effort = { rounds: 1, roundMs: 10, warmUpMs: 0 }
    const failed = compare({ a: { product: product('a'), operation } }, effort)
    await failed.then(
      () => expect.fail('it measured refusals'),
      (error: Error) => expect(error.message).to.equal('refused'),
    )
  })
})

describe('what a process costs', () => {
  it('counts the time that this process computes, and not the time that it waits', async () => {
    const before = cpuSeconds(process.pid)
    const until = process.cpuUsage().user + 100_000
    while (process.cpuUsage().user < until);
    const computed = cpuSeconds(process.pid) - before
    expect(computed).to.be.within(0.05, 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(cpuSeconds(process.pid) - before - computed).to.be.below(0.2)
    expect(familyCpuSeconds(process.pid)).to.be.at.least(cpuSeconds(process.pid) - 0.05)
  })

  it('has no more of its own than is resident', () => {
    expect(ownMegabytes(process.pid)).to.be.within(1, residentMegabytes(process.pid) + 5)
  })

  it('holds what is left after a collection, at each look', async () => {
    const code = `
      let garbage = Array.from({ length: 400_000 }, (_, n) => ({ n, text: 'of ' + n }))
      garbage = undefined
      const kept = Buffer.alloc(20_000_000, 1)
      setInterval(() => kept.length, 60_000)
      console.log('ready')`
    const wasteful = startProcess({ name: 'wasteful', flags: [inspectorFlag, '--eval'], script: code })
    try {
      await wasteful.line(/^ready$/)
      const first = await readOwnMemory(wasteful)
      expect(first.held).to.be.within(20, first.seen - 15)
      const second = await readOwnMemory(wasteful)
      expect(second.held).to.be.within(first.held - 2, first.held + 2)
    } finally {
      await wasteful.stop()
    }
  })
})

describe('the load of the bench', () => {
  const answers: Record<string, { status: number; body: string }> = {}
  const server = createServer((request, response) => {
    const { status, body } = answers[new URL(request.url!, 'http://localhost').pathname] ?? { status: 404, body: '' }
    request.resume()
    response.writeHead(status, { 'content-type': 'text/html' }).end(body)
  })
  let product: LoadedProduct

  before((done) => {
    server.listen(0, '127.0.0.1', () => {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      product = { ...nowhere, issuer: origin, origin: () => origin }
      done()
    })
  })
  after((done) => {
    server.closeAllConnections()
    server.close(done)
  })

  const client = { id: 'a', secret: 'b' }
  const refused = async (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'taken for an answer',
      (error: Error) => error.message,
    )

  it('takes no refusal of a token for a token', async () => {
    answers['/token'] = { status: 401, body: '{"error":"invalid_client"}' }
    expect(await refused(machineToken(product, client))).to.contain('401')
  })

  it('takes no answer without a token for a token', async () => {
    answers['/token'] = { status: 200, body: '{}' }
    expect(await refused(machineToken(product, client))).to.contain('no access token')
  })

  it('takes no inactive token for a good one', async () => {
    answers['/introspection'] = { status: 200, body: '{"active":false}' }
    expect(await refused(introspect(product, client, 'a-token'))).to.contain('not active')
  })

  it('ends at a page without a form, and at a sign-in that leads to itself', async () => {
    const person = { username: 'ada', password: 'a' }
    answers['/auth'] = { status: 200, body: '<p>Something went wrong' }
    expect(await refused(signIn(product, client, person))).to.contain('Something went wrong')
    answers['/auth'] = { status: 200, body: '<form action="/auth"><input type="password" name="password"></form>' }
    expect(await refused(signIn(product, client, person))).to.contain('no way back')
  })
})

describe('the mixed row', () => {
  it('has each operation as often as its title says', () => {
    expect(Object.values(mix).reduce((sum, share) => sum + share, 0)).to.equal(100)
    const drawn = Array.from({ length: 100 }, (_, turn) => deck(turn))
    for (const [name, share] of Object.entries(mix))
      expect(
        drawn.filter((one) => one === name),
        name,
      ).to.have.length(share)
    expect(rows['mixed']!.title).to.contain(
      '50 tokens, 25 introspections, 10 refreshes, 5 userinfo, 5 sign-ins, 5 JWKS',
    )
  })
})

describe('a profile', () => {
  const frame = (
    name: string,
    place: string,
    area: string,
    self: number,
    children: ProfileFrame[] = [],
  ): ProfileFrame => ({
    name,
    place,
    area,
    self,
    total: children.reduce((sum, child) => sum + child.total, self),
    children,
  })
  const sign = frame('run', '(native)', '(native)', 30)
  const library = frame('sign', 'node_modules/jose/sign.js:1', 'jose', 10, [sign])
  const ours = frame('answer', 'server/src/http/server.ts:5', 'server/src/http', 20, [library])
  const root = frame('(root)', '', '', 0, [
    ours,
    frame('(garbage collector)', '(garbage collector)', '(garbage collector)', 40),
  ])

  it('counts what Node does for a package as time of the package', () => {
    expect(sharesOfAreas(root)).to.deep.equal([
      { name: 'server/src/http', self: 0.2, total: 0.6 },
      { name: 'jose', self: 0.4, total: 0.4 },
      { name: '(garbage collector)', self: 0.4, total: 0.4 },
    ])
  })

  it('counts a function that calls itself once', () => {
    const again = frame('a', 'server/src/a.ts:1', 'server/src', 50)
    const [share] = sharesOfAreas(
      frame('(root)', '', '', 0, [frame('a', 'server/src/a.ts:1', 'server/src', 50, [again])]),
    )
    expect(share).to.deep.equal({ name: 'server/src', self: 1, total: 1 })
  })

  it('is a table, and a flame graph that is as wide as its time', () => {
    expect(describeProfile(root)).to.match(/40\.0 % {2}40\.0 % {2}jose/)
    const svg = renderFlameGraph(root, 'a <title>')
    expect(svg).to.contain('a &lt;title&gt;')
    expect(svg).to.match(
      /answer - server\/src\/http\/server\.ts:5 - 60\.00 %<\/title><rect x="0\.0" y="0" width="720\.0"/,
    )
  })
})

describe('a plot', () => {
  it('draws each bar as long as its value, and the line of its target', () => {
    const bars = [{ label: 'a & b', parts: [10, 10], target: 5, beside: 10 }]
    const svg = renderBars({ title: 'Cost', unit: 'u', names: ['one', 'two', 'three'], bars })
    const [one, two, beside] = [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="([\d.]+)" height="(?:15|7)"/g)].map(
      ([, wide]) => Number(wide),
    )
    expect(one).to.equal(two)
    expect(beside).to.equal(one)
    expect(svg).to.contain('a &amp; b').and.to.contain('20 u')
    expect(svg).to.match(/<line x1="335\.0"/)
  })

  it('begins at nothing, so that a small difference looks small', () => {
    const lines = [
      {
        name: 'a',
        points: [
          { x: 10, y: 100 },
          { x: 1000, y: 101 },
        ],
      },
    ]
    const heights = [...renderLines({ title: 't', x: 'x', y: 'y', lines }).matchAll(/cy="([\d.]+)"/g)].map(([, y]) =>
      Number(y),
    )
    expect(heights[0]! - heights[1]!).to.be.within(0.1, 5)
  })

  it('refuses what is no number', () => {
    const bars = [{ label: 'a', parts: [Number.NaN] }]
    expect(() => renderBars({ title: 'Cost', unit: 'u', names: [], bars })).to.throw('no number')
    const lines = [{ name: 'a', points: [{ x: 0, y: 1 }] }]
    expect(() => renderLines({ title: 'Cost', x: 'x', y: 'y', lines })).to.throw('cannot be drawn')
  })
})

const nowhere: LoadedProduct = {
  name: 'a product',
  issuer: 'http://127.0.0.1:1',
  origin: () => 'http://127.0.0.1:1',
  paths: {
    authorization: '/auth',
    token: '/token',
    introspection: '/introspection',
    userinfo: '/me',
    discovery: '/discovery',
    jwks: '/jwks',
  },
  clients: {},
  redirectUri: 'https://app.example.com/callback',
  people: [],
  form: { username: 'username', password: 'password' },
  scope: 'openid',
}
