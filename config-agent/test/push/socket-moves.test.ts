import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { waitForSocket } from '../../src/push/socket-moves.ts'

const longMs = 60_000
const never = new AbortController().signal

describe('waitForSocket', () => {
  let directory: string
  let socket: string
  beforeEach(() => {
    directory = temporaryDirectory('socket')
    socket = join(directory, 'config.sock')
  })

  it('ends as soon as the socket is there', async () => {
    const moved = waitForSocket(socket, longMs, never)
    writeFileSync(socket, '')
    expect(await moved).to.equal(true)
  })

  it('ends when the socket is opened to us', async () => {
    writeFileSync(socket, '')
    const moved = waitForSocket(socket, longMs, never)
    chmodSync(socket, 0o600)
    expect(await moved).to.equal(true)
  })

  it('ends after its time, whatever else lies beside the socket', async () => {
    const moved = waitForSocket(socket, 50, never)
    writeFileSync(join(directory, 'other'), '')
    expect(await moved).to.equal(false)
  })

  it('ends after its time where there is no directory', async () => {
    expect(await waitForSocket(join(directory, 'later', 'config.sock'), 10, never)).to.equal(false)
  })

  it('ends when nobody waits any more', async () => {
    const abort = new AbortController()
    const moved = waitForSocket(socket, longMs, abort.signal)
    abort.abort()
    expect(await moved).to.equal(false)
    expect(await waitForSocket(socket, longMs, abort.signal)).to.equal(false)
  })
})
