import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { expect } from 'chai'
import { createConnection } from '../../src/kubernetes/connection.ts'
import { unreachable } from '../../src/kubernetes/unreachable.ts'

describe('unreachable', () => {
  const named = { name: 'nauthera-operator', neighbour: 'apiServer' } as const
  const call = { method: 'GET', path: '/api/v1/pods' }

  for (const [what, error, isNamed] of [
    ['is refused', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), true],
    ['has no way', Object.assign(new Error('x'), { code: 'EHOSTUNREACH' }), true],
    ['is filtered on this machine', Object.assign(new Error('x'), { code: 'EPERM' }), true],
    ['gets no answer of the name server', Object.assign(new Error('x'), { code: 'EAI_AGAIN' }), true],
    ['is broken after it came about', Object.assign(new Error('x'), { code: 'ECONNRESET' }), false],
    ['has another certificate', Object.assign(new Error('x'), { code: 'CERT_HAS_EXPIRED' }), false],
    ['is called off', new Error('called off'), false],
  ] as const)
    it(`${isNamed ? 'names' : 'does not name'} the NetworkPolicy when a connection ${what}`, () => {
      const server = new URL('https://10.96.0.1:443')
      const said = unreachable(error, call, { networkPolicy: named, credentials: { server } })
      expect(said.message.includes('NetworkPolicy nauthera-operator must let this pod reach 10.96.0.1:443')).to.equal(
        isNamed,
      )
      expect(unreachable(error, call, { credentials: { server } }).message).to.equal(
        'KUBERNETES_UNREACHABLE: GET /api/v1/pods',
      )
    })

  describe('of an API that takes no connection', () => {
    let silent: Server
    before(async () => {
      silent = createServer((socket) => socket.on('error', () => {}))
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    })
    after(() => void silent.close())

    for (const lane of ['work', 'lease', 'page'] as const)
      it(`names the NetworkPolicy and the values on the lane ${lane}`, async () => {
        const server = new URL(`https://127.0.0.1:${(silent.address() as AddressInfo).port}`)
        const connection = createConnection({
          credentials: { server, namespace: undefined, current: async () => ({ headers: {}, tls: {} }) },
          userAgent: 'test',
          networkPolicy: { name: 'nauthera-operator', neighbour: 'hub' },
          timeouts: { connectMs: 20, requestMs: 10_000, leaseMs: 10_000, pageMs: 10_000, silenceMs: 10_000 },
        })
        try {
          const said = await connection.call({ ...call, method: 'GET', lane }).catch((error: Error) => error.message)
          expect(said).to.equal(
            `KUBERNETES_UNREACHABLE: GET /api/v1/pods; NetworkPolicy nauthera-operator must let this pod reach ${server.host} and what that is translated to (networkPolicy.ports.hub, networkPolicy.egress.hub)`,
          )
        } finally {
          connection.stop()
        }
      })
  })
})
