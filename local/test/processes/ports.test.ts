import { connect, createServer } from 'node:net'
import { expect } from 'chai'
import { freePort, holdFreePort, holdPort } from '../../src/processes/ports.ts'

describe('freePort', () => {
  it('gives each port once, and none of the range from which outgoing connections get theirs', async () => {
    const ports: number[] = []
    for (let count = 0; count < 50; count++) ports.push(await freePort())
    expect(new Set(ports).size).to.equal(ports.length)
    expect(Math.max(...ports)).to.be.lessThan(32_768)
    expect(Math.min(...ports)).to.be.greaterThan(1_023)
  })
})

describe('holdPort', () => {
  const bind = (port: number): Promise<string> =>
    new Promise((resolve) => {
      const server = createServer()
      server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve('bound')))
    })

  it('keeps a port from others until it is released', async () => {
    const held = await holdFreePort()
    expect(await bind(held.port)).to.equal('EADDRINUSE')
    await held.release()
    await held.release()
    expect(await bind(held.port)).to.equal('bound')
  })

  it('takes the next port where somebody else has the wanted one', async () => {
    const first = await holdFreePort()
    const second = await holdPort(first.port)
    expect(second.port).to.be.greaterThan(first.port)
    await Promise.all([first.release(), second.release()])
  })

  it('ends a call that comes while it is held, and does not wait for the caller at its release', async () => {
    const held = await holdFreePort()
    const call = connect({ port: held.port, host: '127.0.0.1' })
    await new Promise<void>((resolve) => call.once('close', () => resolve()).resume())
    await held.release()
  })
})
