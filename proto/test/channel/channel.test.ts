import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, credentials, status } from '@grpc/grpc-js'
import type { ChannelCredentials, ServiceError } from '@grpc/grpc-js'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { createCertificateHolder } from '../../src/certificate-source.ts'
import type { CertificateSet, CertificateSource } from '../../src/certificate-source.ts'
import { bundleAuthorities, createAuthority, issueLeaf } from '../../src/certificates.ts'
import type { Identity } from '../../src/certificates.ts'
import { ChannelError } from '../../src/channel/channel-error.ts'
import { dial } from '../../src/channel/dial.ts'
import { serve } from '../../src/channel/serve.ts'
import type { SocketListen, ChannelTarget, TcpListen } from '../../src/channel/library.ts'
import type { Serving } from '../../src/channel/serve.ts'
import {
  ConfigService,
  SyncRequestSchema,
  SyncResponseSchema,
} from '../../src/generated/nauthera/config/v1/config_pb.ts'
import { createCertificate } from '@nauthera/harness/certificates'
import type { Wanted } from '@nauthera/harness/certificates'
import { failOnLeaks } from '@nauthera/harness/leaks'

const serverName = 'server.test'
const clientName = 'client.test'
const method = ConfigService.method.sync
const dayMs = 86_400_000

describe('channel', () => {
  let authority: Identity
  let foreign: Identity
  let directory: string
  let servings: Serving[]
  before(async () => {
    authority = await createAuthority({ name: 'test', lifetimeMs: 30 * dayMs })
    foreign = await createAuthority({ name: 'test', lifetimeMs: 30 * dayMs })
  })
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'channel-'))
    servings = []
  })
  afterEach(async () => {
    for (const serving of servings) await serving.stop()
    await rm(directory, { recursive: true })
  })
  failOnLeaks()

  const setOf = async (by: Identity, usage: 'server' | 'client', more: Partial<Parameters<typeof issueLeaf>[1]> = {}) =>
    ({
      ca: authority.cert,
      ...(await issueLeaf(by, { usage, dnsNames: [usage === 'server' ? serverName : clientName], ...more })),
    }) satisfies CertificateSet
  const sourceOf = async (...options: Parameters<typeof setOf>) => createCertificateHolder(await setOf(...options))

  /** Acknowledges each shard with its nonce. */
  const startEcho = async (
    more: Partial<Parameters<typeof serve<typeof SyncRequestSchema, typeof SyncResponseSchema>>[0]> = {},
  ) => {
    const listen: SocketListen | TcpListen = more.listen ?? { socket: join(directory, 'test.sock') }
    const serving = await serve({
      method,
      listen,
      certificates: await sourceOf(authority, 'server'),
      admit: (peer) => peer.dnsNames.includes(clientName),
      handle: async (stream) => {
        for await (const { message } of stream) {
          const nonce = message.case === 'shard' ? message.value.nonce : ''
          await stream.send({ message: { case: 'ack', value: { nonce } } })
        }
      },
      ...more,
    })
    servings.push(serving)
    const target: ChannelTarget = 'socket' in listen ? listen : { host: '127.0.0.1', port: serving.port }
    return { serving, target }
  }
  const dialTo = async (target: ChannelTarget, certificates?: CertificateSource) =>
    dial({ method, target, serverName, certificates: certificates ?? (await sourceOf(authority, 'client')) })
  type Opened = Awaited<ReturnType<typeof dialTo>>

  /** Sends a nonce and waits for it to come back. */
  const echo = async (stream: Opened, nonce: string): Promise<string> => {
    await stream.send({ message: { case: 'shard', value: { nonce } } })
    const next = await stream[Symbol.asyncIterator]().next()
    return !next.done && next.value.message.case === 'ack' ? next.value.message.value.nonce : ''
  }
  const refusalOf = (attempt: Promise<unknown>): Promise<ChannelError> =>
    attempt.then(
      () => {
        throw new Error('was let in')
      },
      (error: unknown) => {
        expect(error).to.be.instanceOf(ChannelError)
        return error as ChannelError
      },
    )
  /** A foreign client that ignores our limits. @returns the error that ends its stream */
  const attack = async (socket: string, with_: ChannelCredentials, nonce = 'x'): Promise<ServiceError> => {
    const client = new Client(`unix:${socket}`, with_, {
      'grpc.ssl_target_name_override': serverName,
      'grpc.enable_retries': 0,
    })
    const call = client.makeBidiStreamRequest(
      '/nauthera.config.v1.ConfigService/Sync',
      (bytes: Buffer) => bytes,
      (bytes) => fromBinary(SyncResponseSchema, bytes),
    )
    call.write(
      Buffer.from(
        toBinary(SyncRequestSchema, create(SyncRequestSchema, { message: { case: 'shard', value: { nonce } } })),
      ),
    )
    call.on('data', () => call.emit('error', new Error('was answered')))
    const [error] = (await once(call, 'error')) as [ServiceError]
    call.cancel()
    client.close()
    return error
  }
  const buffers = (set: CertificateSet) =>
    [set.ca, set.key, set.cert].map((pem) => Buffer.from(pem)) as [Buffer, Buffer, Buffer]

  describe('serve and dial', () => {
    for (const [where, listen] of [
      ['a unix socket', undefined],
      ['TCP, whatever the address', { host: '127.0.0.1', port: 0 }],
    ] as const) {
      it(`carry typed messages both ways over ${where}`, async () => {
        const { target } = await startEcho(listen ? { listen } : {})
        const stream = await dialTo(target)
        expect(await echo(stream, 'one')).to.equal('one')
        expect(stream.peer.dnsNames).to.deep.equal([serverName])
        stream.close()
        await closedOf(stream)
      })
    }

    it('keep the order of messages and wait for a slow reader', async () => {
      const count = 120
      let read = 0
      const nonces: string[] = []
      const { target } = await startEcho({
        handle: async (stream) => {
          for await (const { message } of stream) {
            nonces.push(message.case === 'shard' ? message.value.nonce : '')
            read++
            await new Promise(setImmediate)
          }
        },
      })
      const stream = await dialTo(target)
      let ahead = 0
      const change = 'x'.repeat(256 * 1024)
      for (let index = 0; index < count; index++) {
        await stream.send({ message: { case: 'shard', value: { nonce: String(index), change } } })
        ahead = Math.max(ahead, index + 1 - read)
      }
      stream.close()
      await closedOf(stream)
      expect(nonces).to.deep.equal(Array.from({ length: count }, (_, index) => String(index)))
      expect(ahead).to.be.below(count / 2)
    })

    it('end the stream when its handler returns, and what was sent before still arrives', async () => {
      const { target } = await startEcho({
        handle: async (stream) => {
          for (const nonce of ['a', 'b']) await stream.send({ message: { case: 'ack', value: { nonce } } })
        },
      })
      const stream = await dialTo(target)
      const nonces: string[] = []
      for await (const { message } of stream) if (message.case === 'ack') nonces.push(message.value.nonce)
      expect(nonces).to.deep.equal(['a', 'b'])
    })

    it('tell the peer that a handler failed, and only the owner why', async () => {
      const faults: ChannelError[] = []
      const { target } = await startEcho({
        handle: () => Promise.reject(new Error('canary-in-a-message')),
        onFault: (error) => void faults.push(error),
      })
      const error = await refusalOf(dialTo(target).then((stream) => closedOf(stream)))
      expect(error.code).to.equal('INTERNAL')
      expect(String(error)).not.to.contain('canary')
      expect(faults).to.have.length(1)
    })

    it('end every open stream when the server stops', async () => {
      const { target, serving } = await startEcho()
      const stream = await dialTo(target)
      await echo(stream, 'one')
      await serving.stop()
      expect((await refusalOf(closedOf(stream))).code).to.equal('UNAVAILABLE')
      expect((await refusalOf(dialTo(target))).code).to.equal('UNAVAILABLE')
    })

    it('end when the server stops while the process of its peer is stopped, and takes nothing', async () => {
      const closed = new EventEmitter()
      const { serving, target } = await startEcho({
        handle: async (stream) => {
          stream.closed.addEventListener('abort', () => closed.emit('closed'))
          for (;;) await stream.send({ message: { case: 'ack', value: { nonce: 'x'.repeat(100_000) } } })
        },
      })
      const program = `
        import { createCertificateHolder } from '@nauthera/proto/certificate-source'
        import { dial } from '@nauthera/proto/channel/dial'
        import { ConfigService } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
        const { target, set, serverName } = JSON.parse(process.argv[1])
        const certificates = createCertificateHolder(set)
        const stream = await dial({ method: ConfigService.method.sync, target, serverName, certificates })
        let count = 0
        for await (const _ of stream) if (++count === 100) process.stdout.write('reading')`
      const about = JSON.stringify({ target, set: await setOf(authority, 'client'), serverName })
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program, about], {
        cwd: 'proto',
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      reapProcess(child, 'KILL')
      await once(child.stdout, 'data')
      child.kill('SIGSTOP')
      const over = once(closed, 'closed')
      await serving.stop()
      await over
      child.kill('SIGKILL')
      await once(child, 'close')
    })

    it('E4 end a connection whose handshake does not come', async () => {
      const { serving } = await startEcho({ listen: { host: '127.0.0.1', port: 0 }, handshakeMs: 20 })
      const idle = connect(serving.port, '127.0.0.1')
      idle.resume()
      await once(idle, 'close')
    })

    it('stop dialling when the caller aborts', async () => {
      const abort = new AbortController()
      abort.abort()
      const certificates = await sourceOf(authority, 'client')
      const { target } = await startEcho()
      const error = await refusalOf(dial({ method, target, serverName, certificates, signal: abort.signal }))
      expect(error.code).to.equal('CANCELLED')
    })
  })

  describe('refusals', () => {
    const outsiders: [string, () => Promise<ChannelCredentials>][] = [
      ['K9 a connection without TLS', async () => credentials.createInsecure()],
      ['K9 a client without a certificate', async () => credentials.createSsl(Buffer.from(authority.cert))],
      [
        'K9 a certificate of a foreign CA with the right name',
        async () => credentials.createSsl(...buffers(await setOf(foreign, 'client'))),
      ],
      [
        'K9 an expired certificate',
        async () =>
          credentials.createSsl(
            ...buffers(await setOf(authority, 'client', { now: Date.now() - 2 * dayMs, lifetimeMs: dayMs })),
          ),
      ],
      [
        'K9 a certificate that is not valid yet',
        async () => credentials.createSsl(...buffers(await setOf(authority, 'client', { now: Date.now() + dayMs }))),
      ],
      [
        "K9 the server's own certificate used as a client's",
        async () => credentials.createSsl(...buffers(await setOf(authority, 'server', { dnsNames: [clientName] }))),
      ],
    ]
    for (const [title, make] of outsiders) {
      it(`${title} is refused, and an open stream still works`, async () => {
        const { target } = await startEcho()
        const good = await dialTo(target)
        const error = await attack((target as SocketListen).socket, await make())
        expect(error.code).to.equal(status.UNAVAILABLE)
        expect(await echo(good, 'still here')).to.equal('still here')
        good.close()
        await closedOf(good)
      })
    }

    it('K13 a peer with a certificate of the CA but another name is refused, and the owner is told its name', async () => {
      const faults: string[] = []
      const { target } = await startEcho({ onFault: (_, peer) => void faults.push(...peer.dnsNames) })
      const error = await refusalOf(dialTo(target, await sourceOf(authority, 'client', { dnsNames: ['other.test'] })))
      expect(error.code).to.equal('PERMISSION_DENIED')
      expect(faults).to.deep.equal(['other.test'])
    })

    it('the client refuses a server with another name or of a foreign CA', async () => {
      for (const certificates of [
        await sourceOf(authority, 'server', { dnsNames: ['other.test'] }),
        createCertificateHolder({ ...(await setOf(foreign, 'server')), ca: authority.cert }),
      ]) {
        const { target, serving } = await startEcho({ certificates })
        expect((await refusalOf(dialTo(target))).code).to.equal('UNAVAILABLE')
        await serving.stop()
      }
    })

    it('K13 the client takes no server that has the name in another place than its alternative names', async () => {
      const ca = await createCertificate({ name: 'test', authority: true })
      const made = async (wanted: Wanted) => {
        const { pem: cert, keyPem: key } = await createCertificate({ issuer: ca, ...wanted })
        return createCertificateHolder({ ca: ca.pem, cert, key })
      }
      const client = await made({ dnsNames: [clientName] })
      const server = (wanted: Wanted) => made({ usages: ['1.3.6.1.5.5.7.3.1'], ...wanted })
      for (const wanted of [
        { name: serverName },
        { name: serverName, uris: ['urn:x'] },
        { uris: [serverName] },
        { dnsNames: [`x, DNS:${serverName}, x`] },
      ]) {
        const { target, serving } = await startEcho({ certificates: await server(wanted) })
        expect((await refusalOf(dialTo(target, client))).code, JSON.stringify(wanted)).to.equal('UNAVAILABLE')
        await serving.stop()
      }
      const { target } = await startEcho({ certificates: await server({ dnsNames: ['x.test', serverName] }) })
      const stream = await dialTo(target, client)
      expect(await echo(stream, 'one')).to.equal('one')
      stream.close()
      await closedOf(stream)
    })

    it('K9 a connection that the owner of the port does not let in ends before TLS', async () => {
      const seen: (string | undefined)[] = []
      const isFree = ({ remoteAddress }: Socket) => seen.push(remoteAddress) === 2
      const { target } = await startEcho({ listen: { host: '127.0.0.1', port: 0 }, isFree })
      const certificates = await sourceOf(authority, 'client')
      expect((await refusalOf(dialTo(target, certificates))).code).to.equal('UNAVAILABLE')
      const stream = await dialTo(target, certificates)
      expect(await echo(stream, 'here')).to.equal('here')
      stream.close()
      await closedOf(stream)
      expect(seen).to.deep.equal(['127.0.0.1', '127.0.0.1'])
    })

    it('K9 a message of 17 MiB ends its own stream and no other', async () => {
      const { target } = await startEcho()
      const good = await dialTo(target)
      const intruder = credentials.createSsl(...buffers(await setOf(authority, 'client')))
      const error = await attack((target as SocketListen).socket, intruder, 'x'.repeat(17 * 1024 * 1024))
      expect(error.code).to.equal(status.RESOURCE_EXHAUSTED)
      expect(await echo(good, 'still here')).to.equal('still here')
      good.close()
      await closedOf(good)
    })

    it('K9 our own client does not send 17 MiB either', async () => {
      const { target } = await startEcho()
      const stream = await dialTo(target)
      const send = stream.send({ message: { case: 'shard', value: { nonce: 'x'.repeat(17 * 1024 * 1024) } } })
      const error = await refusalOf(send.then(() => closedOf(stream)))
      expect(error.code).to.equal('RESOURCE_EXHAUSTED')
    })

    it('K9 bytes that are not a message end only their own connection', async () => {
      const { target } = await startEcho()
      const { socket } = target as SocketListen
      const raw = connect(socket)
      raw.write(Buffer.alloc(64, 0xff))
      raw.on('error', () => undefined)
      await once(raw, 'close')
      const good = await dialTo(target)
      expect(await echo(good, 'here')).to.equal('here')
      good.close()
      await closedOf(good)
    })

    it('every peer is refused until there is a certificate', async () => {
      const certificates = createCertificateHolder()
      const { target } = await startEcho({ certificates })
      expect((await refusalOf(dialTo(target))).code).to.equal('UNAVAILABLE')
      certificates.replace(await setOf(authority, 'server'))
      const stream = await dialTo(target)
      expect(await echo(stream, 'here')).to.equal('here')
      stream.close()
      await closedOf(stream)
    })
  })

  describe('certificates under open streams', () => {
    it('F17 a new CA ends no open stream, admits new certificates, and later refuses the old ones', async () => {
      const server = await sourceOf(authority, 'server')
      const { target } = await startEcho({ certificates: server })
      const old = await sourceOf(authority, 'client')
      const open = await dialTo(target, old)

      const next = await createAuthority({ name: 'test', lifetimeMs: 30 * dayMs })
      const both = bundleAuthorities(next.cert, [authority.cert])
      const leaf = await issueLeaf(next, { usage: 'server', dnsNames: [serverName] })
      server.replace({ ca: both, ...leaf })
      old.replace({ ...old.current()!, ca: both })
      const renewed = createCertificateHolder({
        ca: both,
        ...(await issueLeaf(next, { usage: 'client', dnsNames: [clientName] })),
      })
      const streams = [open, await dialTo(target, old), await dialTo(target, renewed)]

      server.replace({ ca: next.cert, ...leaf })
      expect((await refusalOf(dialTo(target, old))).code).to.equal('UNAVAILABLE')
      for (const [index, stream] of streams.entries()) {
        expect(await echo(stream, String(index))).to.equal(String(index))
        stream.close()
        await closedOf(stream)
      }
    })

    it('F17 a damaged set is refused when it is set, and connections still work', async () => {
      const server = await sourceOf(authority, 'server')
      const { target } = await startEcho({ certificates: server })
      const good = server.current()!
      const other = await setOf(authority, 'server')
      for (const bad of [
        { ...good, ca: '' },
        { ...good, ca: good.ca.slice(0, 200) },
        { ...good, key: other.key },
        { ...good, cert: 'x' },
      ]) {
        expect(() => server.replace(bad)).to.throw()
      }
      const stream = await dialTo(target)
      expect(await echo(stream, 'here')).to.equal('here')
      stream.close()
      await closedOf(stream)
    })
  })

  describe('the socket file', () => {
    it('F13 is replaced when its process was killed', async () => {
      const socket = join(directory, 'stale.sock')
      const owner = spawn(process.execPath, [
        '-e',
        `require('node:net').createServer().listen(${JSON.stringify(socket)}, () => console.log('up'))`,
      ])
      reapProcess(owner)
      await once(owner.stdout, 'data')
      owner.kill('SIGKILL')
      await once(owner, 'close')
      expect((await stat(socket)).isSocket()).to.equal(true)
      const { target } = await startEcho({ listen: { socket } })
      const stream = await dialTo(target)
      expect(await echo(stream, 'here')).to.equal('here')
      stream.close()
      await closedOf(stream)
    })

    it('is left alone while a process listens on it', async () => {
      const { target } = await startEcho()
      const second = startEcho()
      const error = await second.then(
        () => undefined,
        (cause: Error) => cause,
      )
      expect(error?.message).to.contain('in use')
      const stream = await dialTo(target)
      expect(await echo(stream, 'here')).to.equal('here')
      stream.close()
      await closedOf(stream)
    })

    it('is left alone when it is not a socket', async () => {
      const socket = join(directory, 'notes.txt')
      await writeFile(socket, 'mine')
      const error = await startEcho({ listen: { socket } }).then(
        () => undefined,
        (cause: Error) => cause,
      )
      expect(error?.message).to.contain('not a socket')
      expect(await readFile(socket, 'utf8')).to.equal('mine')
    })

    it('K9 can be opened by its own user only', async () => {
      const { target } = await startEcho()
      expect((await stat((target as SocketListen).socket)).mode & 0o777).to.equal(0o600)
    })
  })
})

/** Reads a stream to its end. */
async function closedOf(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
    // the messages themselves do not matter here
  }
}
