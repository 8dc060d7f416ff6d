import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Server } from 'node:net'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { clearStaleSocket } from '../src/unix-socket.ts'

describe('clearStaleSocket', () => {
  let directory: string
  let path: string
  beforeEach(() => {
    directory = temporaryDirectory('socket')
    path = join(directory, 'config.sock')
  })

  const failureOf = (promise: Promise<void>): Promise<string> =>
    promise.then(
      () => 'nothing',
      (error: Error) => error.message,
    )

  it('does nothing when there is no file', async () => {
    await clearStaleSocket(path)
    expect(existsSync(path)).to.equal(false)
  })

  it('removes the socket of a process that was killed', async () => {
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', script, path])
    expect(existsSync(path)).to.equal(true)
    await clearStaleSocket(path)
    expect(existsSync(path)).to.equal(false)
  })

  it('refuses the socket of a process that listens', async () => {
    const server: Server = createServer()
    await new Promise<void>((resolve) => server.listen(path, resolve))
    expect(await failureOf(clearStaleSocket(path))).to.equal(`${path} is in use by another process`)
    await new Promise((resolve) => server.close(resolve))
  })

  it('refuses a file that is no socket, and leaves it there', async () => {
    writeFileSync(path, 'of somebody else')
    expect(await failureOf(clearStaleSocket(path))).to.equal(`${path} exists and is not a socket; remove it`)
    expect(existsSync(path)).to.equal(true)
  })
})
