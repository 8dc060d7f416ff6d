// Who stands between us and a directory and writes into the connection, at a real slapd.
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { expect } from 'chai'
import { DirectoryConnection, DirectoryFailure } from '../../../src/users/ldap/connection.ts'
import type { PasswordVerdict } from '../../../src/users/ldap/connection.ts'
import { openSecureSocket } from '../../../src/users/ldap/secure-socket.ts'
import { newName, patient, startTestDirectory } from './test-directory.ts'
import type { TestDirectory } from './test-directory.ts'

/** "Success" to a question with this number, as a directory says it to a bind. */
const success = (id: number) => Buffer.from([0x30, 0x0c, 2, 1, id, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0])
/** The beginning of a success: the true answer, of 14 bytes, would be its message for people. */
const successAround = (id: number) => Buffer.from([0x30, 0x1a, 2, 1, id, 0x61, 0x15, 0x0a, 1, 0, 4, 0, 4, 14])

describe(openSecureSocket.name, () => {
  let directory: TestDirectory
  let dn: string
  const password = 'correct horse battery staple'
  const servers: Server[] = []
  before(async () => {
    directory = await startTestDirectory()
    const username = newName()
    const key = await directory.add({ username, email: `${username}@example.test`, password, groups: [] })
    dn = await directory.dnOf(key)
  })
  afterEach(() => {
    for (const server of servers.splice(0)) server.close()
  })
  after(() => directory.stop())

  /** Stands before the directory, and has the directory's first answer.
   *  @param speak what the client gets in place of it */
  const standBetween = async (speak: (answer: Buffer, client: Socket) => void) => {
    const { hostname, port } = new URL(directory.slapd.plainUrl)
    const server = createServer({ noDelay: true }, (client) => {
      const onward = connect({ port: Number(port), host: hostname, noDelay: true })
      for (const [socket, other] of [
        [client, onward],
        [onward, client],
      ] as const) {
        socket.on('error', () => undefined)
        socket.on('close', () => other.destroy())
      }
      client.pipe(onward)
      onward.once('data', (answer) => {
        speak(answer, client)
        onward.pipe(client)
      })
    })
    servers.push(server)
    return `ldap://localhost:${await listenOnLoopback(server)}`
  }

  const ask = async (url: string, given: string): Promise<PasswordVerdict | 'failed'> => {
    let connection: DirectoryConnection | undefined
    try {
      connection = await DirectoryConnection.open({ url, ca: directory.slapd.ca, ...patient })
      return await connection.checkPassword(dn, given)
    } catch (error) {
      if (error instanceof DirectoryFailure) return 'failed'
      throw error
    } finally {
      connection?.close()
    }
  }

  it('L35 says "right" to no wrong password, whatever is written behind the answer to StartTLS, and at whatever point it is cut', async () => {
    let written: readonly Buffer[] = []
    const url = await standBetween((answer, client) => {
      const [atOnce, ...rest] = written
      client.write(Buffer.concat([answer, ...(atOnce ? [atOnce] : [])]))
      // a write of its own, as a packet of its own
      for (const later of rest) setImmediate(() => client.write(later))
    })
    const outcomes = new Map<string, number>()
    for (const forged of [success(2), successAround(2), successAround(3)])
      for (let length = 1; length <= forged.length; length++)
        for (let cut = 0; cut <= length; cut++) {
          written = [forged.subarray(0, cut), forged.subarray(cut, length)]
          const outcome = `${await ask(url, 'not the password')}`
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        }
    expect([...outcomes]).to.deep.equal([['failed', 357]])
    written = []
    expect([await ask(url, password), await ask(url, 'not the password')]).to.deep.equal(['right', 'wrong'])
  })

  it('takes an answer to StartTLS that comes in pieces', async () => {
    const url = await standBetween((answer, client) => {
      for (const byte of answer) client.write(Buffer.of(byte))
    })
    expect(await ask(url, password)).to.equal('right')
  })

  for (const [sentence, answer] of [
    ['is refused', [0x30, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, 52, 4, 0, 4, 0]],
    ['answers a question that nobody asked', [0x30, 0x0c, 2, 1, 2, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0]],
    ['is of a bind', success(1)],
    ['has no result code', [0x30, 0x05, 2, 1, 1, 0x78, 0]],
    ['has a part that is longer than all of it', [0x30, 0x05, 2, 1, 1, 0x78, 0x7f]],
    ['has no definite length', [0x30, 0x80, 2, 1, 1]],
    ['has a length of five bytes', [0x30, 0x85, 0, 0, 0, 0, 1, 2]],
    ['says that it is very long', [0x30, 0x84, 0x7f, 0xff, 0xff, 0xff]],
    ['is no message', [0x48, 0x54, 0x54, 0x50, 0x2f]],
  ] as const)
    it(`goes no further when the answer to StartTLS ${sentence}`, async () => {
      const url = await standBetween((_answer, client) => client.write(Buffer.from(answer)))
      expect(await ask(url, password)).to.equal('failed')
    })
})
