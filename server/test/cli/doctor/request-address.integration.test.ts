import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { expect } from 'chai'
import { requestAddress } from '../../../src/cli/doctor/request-address.ts'

describe('requestAddress', () => {
  let server: Server
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  const ask = async (answer: RequestListener) => {
    server = createServer(answer)
    return requestAddress(`http://127.0.0.1:${await listenOnLoopback(server)}/`).catch((error: Error) => error.message)
  }

  it('reads a whole answer', async () => {
    const long = 'x'.repeat(1_000_000)
    expect(await ask((_, response) => response.end(long))).to.include({ status: 200, body: long })
  })

  it('follows no redirect', async () => {
    const asked: string[] = []
    const answer = await ask(({ url }, response) => {
      asked.push(url!)
      response.writeHead(302, { location: '/other' }).end()
    })
    expect(answer).to.include({ status: 302 })
    expect(asked).to.deep.equal(['/'])
  })

  it('refuses an answer without end', async () => {
    const endless: RequestListener = (_, response) => {
      const go = () => {
        while (response.write('x'.repeat(65_536)));
      }
      response.on('drain', go).on('error', () => undefined)
      go()
    }
    expect(await ask(endless)).to.equal('the answer is longer than any of ours')
  })

  it('refuses an answer in another protocol', async () => {
    const upgraded: RequestListener = ({ socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
    }
    expect(await ask(upgraded)).to.match(/^the answer is 101/)
  })
})
