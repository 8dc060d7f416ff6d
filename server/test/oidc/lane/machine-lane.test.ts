import { listenOnLoopback } from '@nauthera/harness/listen'
import { createServer, request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { expect } from 'chai'
import { createMachineLane } from '../../../src/oidc/lane/machine-lane.ts'
import { none } from '../../../src/oidc/certificates/presented.ts'

const form = 'grant_type=client_credentials&client_assertion=e30.e30.x&client_id=a'
const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

describe(createMachineLane.name, () => {
  it('hands over a refused request whole, though its sender has hung up in the meantime', async () => {
    const judging = Promise.withResolvers<void>()
    const verdict = Promise.withResolvers<{ kind: 'refused' }>()
    const read = Promise.withResolvers<string>()
    const lane = createMachineLane({
      clients: { registeredById: () => ({ config: { tokenEndpointAuthMethod: 'federated_jwt' } }) },
      platforms: {
        prove: () => {
          judging.resolve()
          return verdict.promise
        },
      },
      keys: {},
    } as never)
    const closed = Promise.withResolvers<void>()
    const server = createServer((request, response) => {
      request.once('close', closed.resolve)
      lane({ request, response, certificate: none } as never, {
        passOn: () => void readAsTheLibraryDoes(request).then(read.resolve),
        fail: read.reject,
      })
    })
    const port = await listenOnLoopback(server)
    const body = `${form}&client_assertion_type=${encodeURIComponent(type)}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }
    const outgoing = requestHttp({ host: '127.0.0.1', port, path: '/token', method: 'POST', headers })
    outgoing.once('error', () => undefined)
    outgoing.end(body)
    await judging.promise
    outgoing.destroy()
    await closed.promise
    verdict.resolve({ kind: 'refused' })
    expect(await read.promise).to.equal(body)
    server.close()
  })
})

async function readAsTheLibraryDoes(request: IncomingMessage): Promise<string> {
  if (!request.readable) return 'not readable'
  const chunks: Buffer[] = []
  for await (const chunk of request.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
