import { execFileSync } from 'node:child_process'
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

  it('gives processes that test beside each other, and what runs by itself, ports of different parts', () => {
    const script = `import { freePort } from ${JSON.stringify(new URL('../../src/processes/ports.ts', import.meta.url).href)}
const ports = []
for (let count = 0; count < 20; count++) ports.push(await freePort())
console.log(JSON.stringify([Math.min(...ports), Math.max(...ports)]))`
    const spans = ['0', '1', '2', undefined].map((lane) => {
      const env = { ...process.env, NAUTHERA_TEST_PROCESS: lane }
      const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
        env,
        encoding: 'utf8',
      })
      return JSON.parse(output) as [number, number]
    })
    for (const [index, [from]] of spans.entries()) if (index > 0) expect(from).to.be.greaterThan(spans[index - 1]![1])
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
