import { Agent, request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { expect } from 'chai'
import express from 'express'
import { createLog } from '@nauthera/runtime/log'
import { listen } from '../../src/http/server.ts'

const log = createLog({ process: 'server', level: 'error', format: 'json', sink: { write: () => undefined } })

/** A server whose `/` is answered at once and whose metadata come in front of everything. */
async function start() {
  const application = express()
  application.get('/', (_request, response) => void response.send('here'))
  const server = await listen({
    application,
    discovery: (_request, response, path) => {
      if (path !== '/jwks') return false
      response.end('{}')
      return true
    },
    hosts: new Set(['app.example']),
    listen: { host: '127.0.0.1', port: 0 },
    tls: undefined,
    log,
  })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const get = (path: string) =>
    new Promise<IncomingHttpHeaders>((resolve, reject) => {
      request({ agent, host: '127.0.0.1', port: server.port, path, headers: { host: 'app.example' } }, (answer) => {
        answer.resume().once('end', () => resolve(answer.headers))
      })
        .once('error', reject)
        .end()
    })
  return { server, agent, get }
}

describe(listen.name, () => {
  for (const path of ['/', '/jwks']) {
    it(`F19 tells a kept connection to leave with its next answer (${path}), and ends once it has`, async () => {
      const { server, agent, get } = await start()
      expect((await get(path)).connection).to.equal('keep-alive')
      const stopped = server.stop({ lingerMs: 5_000, graceMs: 5_000 })
      expect((await get(path)).connection).to.equal('close')
      const startedAt = performance.now()
      await stopped
      expect(performance.now() - startedAt).to.be.lessThan(2_000)
      agent.destroy()
    })
  }

  it('closes an idle connection when its client does not come back', async () => {
    const { server, agent, get } = await start()
    await get('/')
    await server.stop({ lingerMs: 20, graceMs: 5_000 })
    agent.destroy()
  })
})
