import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { createLogos } from '../../../src/http/branding/logos.ts'
import { logoOf } from '../../../src/oidc/clients/on-page.ts'
import { keepLog, serve } from '../harness.ts'
import type { RunningPages } from '../harness.ts'

const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

describe(createLogos.name, () => {
  let origin: Server
  let at: string
  let answer: { status: number; body: Buffer | string; type?: string }
  let asked: number
  let running: RunningPages
  let now: number
  /** The registered logo of the client `app`. */
  let url: string | undefined
  let logos: ReturnType<typeof createLogos>

  const pathOf = (clientId: string, logoUri: string) =>
    logoOf({ clientId, config: create(ClientConfigSchema, { logoUri }) })!
  const logosOf = (namespace: string, own: (path: string) => Promise<Response>) =>
    createLogos({
      basePath: '',
      logoOf: (id) => ({ ...pathOf(id, `${at}/${id}.png`), namespace: id.startsWith('many') ? 'many' : namespace }),
      fetch: own,
      asker: () => undefined,
      now: () => now,
      log: keepLog(),
    })

  beforeEach(async () => {
    asked = 0
    now = 1_000_000
    answer = { status: 200, body: png }
    origin = createServer((_request, response) => {
      asked++
      response.writeHead(answer.status, { 'content-type': answer.type ?? 'text/html' }).end(answer.body)
    })
    at = `http://127.0.0.1:${await listenOnLoopback(origin)}`
    url = `${at}/logo.png`
    logos = createLogos({
      basePath: '/id',
      logoOf: (clientId) =>
        clientId === 'app' && url !== undefined ? { ...pathOf('app', url), namespace: 'team' } : undefined,
      fetch,
      asker: () => undefined,
      now: () => now,
      log: keepLog(),
    })
    running = await serve([logos.handle])
  })
  afterEach(async () => {
    await running.stop()
    await new Promise((resolve) => origin.close(resolve))
  })
  const ask = (path = pathOf('app', url!).path) => running.ask(`/id${path}`, { headers: { host: 'login.example.com' } })

  it('serves the picture with a type of its own, in a sandbox, and fetches it once for many', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask()))
    for (const { status, headers } of answers) {
      expect(status).to.equal(200)
      expect(headers['content-type']).to.equal('image/png')
      expect(headers['content-security-policy']).to.contain('sandbox')
    }
    await ask()
    expect(asked).to.equal(1)
  })

  it('lets a page show it as soon as it is there', async () => {
    const { path } = pathOf('app', url!)
    expect(logos.show(path)).to.equal(undefined)
    await ask()
    expect(logos.show(path)).to.equal(`/id${path}`)
    expect(logos.show(undefined)).to.equal(undefined)
    expect(asked).to.equal(1)
  })

  const bad: [string, { status: number; body: Buffer | string; type?: string }][] = [
    ['an error', { status: 404, body: png }],
    ['a page that calls itself a picture', { status: 200, body: '<html><svg></svg></html>', type: 'image/png' }],
    ['a picture that is too large', { status: 200, body: Buffer.concat([png, Buffer.alloc(64 * 1024)]) }],
  ]
  for (const [name, given] of bad) {
    it(`shows nothing for ${name}, and asks again after a minute only`, async () => {
      answer = given
      expect((await ask()).status).to.equal(404)
      expect(logos.show(pathOf('app', url!).path)).to.equal(undefined)
      await ask()
      expect(asked).to.equal(1)
      now += 60_001
      answer = { status: 200, body: png }
      expect((await ask()).status).to.equal(200)
      expect(asked).to.equal(2)
    })
  }

  it('fetches nothing for a client that has no logo, that is not there, or that has another logo now', async () => {
    const before = pathOf('app', url!).path
    url = `${at}/other.png`
    for (const path of [before, pathOf('other', url).path, '/logo/app', '/logo/%/x', '/logo/app/%00'])
      expect((await ask(path)).status, path).to.equal(404)
    expect(asked).to.equal(0)
  })

  it('serves it no longer when the client has it no longer', async () => {
    const { path } = pathOf('app', url!)
    expect((await ask(path)).status).to.equal(200)
    url = undefined
    expect((await ask(path)).status).to.equal(404)
  })

  it('asks for it again after a day', async () => {
    await ask()
    now += 24 * 3_600_000 + 1
    await ask()
    expect(asked).to.equal(2)
  })

  it('fetches a few at a time for one namespace, which delay no other', () => {
    const fetched: string[] = []
    const some = logosOf('team', (address) => {
      fetched.push(new URL(address).pathname)
      return new Promise(() => undefined)
    })
    const clients = [...Array.from({ length: 50 }, (_, at) => `many-${at}`), 'app']
    for (const id of clients) some.show(pathOf(id, `${at}/${id}.png`).path)
    expect(fetched).to.deep.equal(['/many-0.png', '/many-1.png', '/many-2.png', '/many-3.png', '/app.png'])
  })

  it('keeps the logo of a namespace that has one beside another that has hundreds', async () => {
    const fetched: string[] = []
    const some = logosOf('team', async (address) => {
      fetched.push(new URL(address).pathname)
      return new Response(png)
    })
    const show = async (id: string) => {
      some.show(pathOf(id, `${at}/${id}.png`).path)
      await new Promise((resolve) => setImmediate(resolve))
      return some.show(pathOf(id, `${at}/${id}.png`).path)
    }
    await show('app')
    for (let at = 0; at < 300; at++) expect(await show(`many-${at}`)).to.be.a('string')
    expect(await show('app')).to.be.a('string')
    expect(fetched.filter((path) => path === '/app.png')).to.have.length(1)
  })
})
