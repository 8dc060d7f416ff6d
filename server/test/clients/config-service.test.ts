import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { generateKeyPairSync } from 'node:crypto'
import { connect } from 'node:net'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { keptLog } from '@nauthera/harness/kept-log'
import { createCertificateHolder } from '@nauthera/proto/certificate-source'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import type { Identity } from '@nauthera/proto/certificates'
import { ChannelError } from '@nauthera/proto/channel/channel-error'
import { dial } from '@nauthera/proto/channel/dial'
import type { Stream } from '@nauthera/proto/channel/stream'
import {
  ConfigService as Service,
  IdentitySchema,
  NackReason,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { SyncRequestSchema, SyncResponse } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { configTlsFiles, podLocalNames, shardCount } from '@nauthera/proto/names'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createClusterIssuer } from '../../src/clients/cluster-issuer.ts'
import type { ClusterIssuerKeys } from '../../src/clients/cluster-issuer.ts'
import { createConfigService } from '../../src/clients/config-service.ts'
import type { ConfigService } from '../../src/clients/config-service.ts'
import { createRegistryHolder } from '../../src/clients/registry.ts'
import type { RegistryHolder } from '../../src/clients/registry.ts'
import { createUnknownKeys } from '../../src/clients/unknown-keys.ts'
import type { UnknownKeys } from '../../src/clients/unknown-keys.ts'
import { createUsage } from '../../src/clients/usage.ts'
import type { UsageRecorder } from '../../src/clients/usage.ts'
import type { AuditEvent } from '../../src/store/audit/audit-event.ts'
import { configOf, createCheck, entryOf, mounted, namesIn, sha256, shardInput, spread, verifierOf } from './shards.ts'
import type { TestShard } from './shards.ts'

type AgentStream = Stream<SyncResponse, MessageInitShape<typeof SyncRequestSchema>>

describe(createConfigService.name, () => {
  let authority: Identity
  let directory: string
  let socket: string
  let holder: RegistryHolder
  let usage: UsageRecorder
  let cluster: ClusterIssuerKeys
  let unknownKeys: UnknownKeys
  let service: ConfigService
  let audited: AuditEvent[]
  let lines: string[]
  const streams: AgentStream[] = []

  before(async () => {
    authority = await createAuthority({ name: 'pod', lifetimeMs: 86_400_000 })
  })
  beforeEach(async () => {
    directory = temporaryDirectory('config')
    socket = join(directory, 'config.sock')
    mkdirSync(join(directory, 'tls'))
    const leaf = await issueLeaf(authority, { usage: 'server', dnsNames: [podLocalNames.server] })
    for (const [file, content] of [
      [configTlsFiles.ca, authority.cert],
      [configTlsFiles.cert, leaf.cert],
      [configTlsFiles.key, leaf.key],
    ] as const) {
      writeFileSync(join(directory, 'tls', file), content)
    }
    holder = createRegistryHolder()
    cluster = createClusterIssuer()
    unknownKeys = createUnknownKeys()
    usage = createUsage()
    audited = []
    lines = []
    service = newService()
    await service.start()
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close()
    await service.stop()
  })

  const newService = () =>
    createConfigService({
      config: { socket, tlsDirectory: join(directory, 'tls') },
      holder,
      checkClient: createCheck(),
      platforms: { cluster, unknownKeys, bySettings: false },
      usage,
      log: keptLog('debug', lines).log,
      audit: { record: (event) => void audited.push(event) },
      version: '1.2.3',
      defaults: { accessTokenTtl: 300, idTokenTtl: 600, refreshTokenTtl: 900, idTokenSignedResponseAlg: 'ES256' },
      usageEveryMs: 20,
    })

  async function dialAs(names: string[], from = authority) {
    const leaf = await issueLeaf(from, { usage: 'client', dnsNames: names })
    return dial({
      method: Service.method.sync,
      target: { socket },
      certificates: createCertificateHolder({ ca: authority.cert, ...leaf }),
      serverName: podLocalNames.server,
      connectTimeoutMs: 2000,
    })
  }

  /** An agent that reads one answer at a time. */
  async function openAgent() {
    const stream = await dialAs([podLocalNames.agent])
    streams.push(stream)
    const answers = stream[Symbol.asyncIterator]()
    const next = async () => {
      const { value } = (await answers.next()) as IteratorResult<SyncResponse, undefined>
      return value!.message
    }
    /** The next answer that is no usage. */
    const answer = async () => {
      for (;;) {
        const message = await next()
        if (message.case !== 'usage') return message
      }
    }
    /** @param as another name for the file than its own */
    const push = async (shard: TestShard, nonce = 'n', as: Partial<TestShard['ref']> = {}) => {
      const { ref, file } = mounted(shard)
      await stream.send({ message: { case: 'shard', value: { nonce, ref: { ...ref, ...as }, file, change: 'c0de' } } })
      return answer()
    }
    const complete = async (shards: readonly TestShard[], digest = sha256('manifest')) => {
      const named = shards.map((shard) => ({ ...mounted(shard).ref, count: shard.entries.length }))
      const manifest = { shardCount, shards: named, total: 0 }
      await stream.send({ message: { case: 'complete', value: { nonce: 'm', manifest, digest } } })
      return answer()
    }
    const hello = await next()
    if (hello.case !== 'hello') throw new Error(`the server began with ${hello.case}`)
    return { stream, hello: hello.value, push, complete, next, answer }
  }

  const [first, second] = namesIn(3, 2) as [string, string]
  const idOf = (key: string) => key.replace('/', '.')
  const good = shardInput(3, 10n, [entryOf(first), entryOf(second)])

  it('says what it has first, applies a shard, and says the same on the next stream', async () => {
    const agent = await openAgent()
    expect(agent.hello).to.include({ schemaMin: 1, schemaMax: 1, serverVersion: '1.2.3', manifestDigest: '' })
    expect(agent.hello.have).to.deep.equal([])
    expect(agent.hello.defaults).to.include({ accessTokenTtl: 300, idTokenTtl: 600, idTokenSignedResponseAlg: 'ES256' })
    const ack = await agent.push(good, 'nonce-1')
    expect(ack.case).to.equal('ack')
    expect(ack.value).to.deep.include({ nonce: 'nonce-1', rejected: [] })
    expect(holder.current().size).to.equal(2)
    expect(service.isComplete()).to.equal(false)
    const again = await openAgent()
    expect(again.hello.have.map(({ shard, seq, digest }) => ({ shard, seq, digest }))).to.deep.equal([
      { shard: 3, seq: 10n, digest: mounted(good).ref.digest },
    ])
  })

  it('is complete once every shard of the manifest is live', async () => {
    const agent = await openAgent()
    const shards = spread(5n, 40, (key) => entryOf(key))
    for (const shard of shards.slice(1)) await agent.push(shard)
    const early = await agent.complete(shards)
    expect([early.case, early.case === 'nack' && early.value.reason]).to.deep.equal(['nack', NackReason.INCOMPLETE])
    expect(service.isComplete()).to.equal(false)
    await agent.push(shards[0]!)
    expect((await agent.complete(shards)).case).to.equal('ack')
    expect([service.isComplete(), service.revision()]).to.deep.equal([true, sha256('manifest').slice(0, 8)])
    expect((await openAgent()).hello.manifestDigest).to.equal(sha256('manifest'))
  })

  it('takes no clients for a complete set', async () => {
    const agent = await openAgent()
    const shards = spread(5n, 0, (key) => entryOf(key))
    for (const shard of shards) await agent.push(shard)
    expect((await agent.complete(shards)).case).to.equal('ack')
    expect(holder.current().size).to.equal(0)
  })

  const refusals: [string, string, TestShard, NackReason, Partial<TestShard['ref']>?][] = [
    ['K8 K9', 'an older seq', shardInput(3, 9n, []), NackReason.STALE],
    ['F14', 'an empty message', shardInput(0, 0n, []), NackReason.UNREADABLE, { digest: '' }],
    ['F14', 'a shard without a digest', shardInput(3, 11n, []), NackReason.UNREADABLE, { digest: '' }],
    ['F14', 'a foreign shard', shardInput(3, 11n, [entryOf(namesIn(5, 1)[0]!)]), NackReason.UNREADABLE],
    [
      'F14',
      'a tampered verifier',
      shardInput(3, 11n, [entryOf(first, { secrets: [{ ...verifierOf('x'), sha256: 'x' }] })]),
      NackReason.UNREADABLE,
    ],
  ]
  for (const [ids, sentence, shard, reason, as] of refusals) {
    it(`${ids} I3 removes no client for ${sentence}, and the stream goes on`, async () => {
      const agent = await openAgent()
      await agent.push(good)
      const live = holder.current()
      const nack = await agent.push(shard, 'n', as)
      expect([nack.case, nack.case === 'nack' && nack.value.reason]).to.deep.equal(['nack', reason])
      expect(holder.current()).to.equal(live)
      expect((await agent.push(shardInput(3, 12n, [entryOf(first)]))).case).to.equal('ack')
      expect(holder.current().size).to.equal(1)
    })
  }

  it('tells with one shard that a client of another is no longer refused, since its client id is free now', async () => {
    const agent = await openAgent()
    const [waiting] = namesIn(5, 1) as [string]
    await agent.push(shardInput(3, 10n, [entryOf(first, { clientId: 'shared', createdAt: 1 })]))
    const refused = await agent.push(shardInput(5, 10n, [entryOf(waiting, { clientId: 'shared', createdAt: 2 })]))
    expect(refused.case === 'ack' && refused.value.rejected.map(({ code }) => code)).to.deep.equal([
      'CLIENT_ID_CONFLICT',
    ])
    const freed = await agent.push(shardInput(3, 11n, []))
    expect(freed.case === 'ack' && freed.value.others.map(({ shard, rejected }) => [shard, rejected])).to.deep.equal([
      [5, []],
    ])
    expect(holder.current().find('shared')?.name).to.equal(waiting.split('/')[1])
  })

  it('takes the same shard again without doing anything', async () => {
    const agent = await openAgent()
    await agent.push(good)
    const live = holder.current()
    expect((await agent.push(good)).case).to.equal('ack')
    expect(holder.current()).to.equal(live)
  })

  it('names a rejected client in the answer, the log, the audit and the next hello, and keeps what it had', async () => {
    const agent = await openAgent()
    await agent.push(good)
    const bad = entryOf(first, { desired: configOf({ clientName: 'bad', generation: 7n }) })
    const ack = await agent.push(shardInput(3, 11n, [bad, entryOf(second)]))
    const rejected = ack.case === 'ack' ? ack.value.rejected : []
    expect(rejected).to.have.length(1)
    expect(rejected[0]).to.include({ clientId: idOf(first), field: 'spec.auth.jwks', generation: 7n, shard: 3 })
    expect(holder.current().find(idOf(first))?.config.clientName).to.equal('good')
    expect(audited.map(({ event, clientId }) => [event, clientId])).to.deep.equal([
      ['config.client_rejected', idOf(first)],
    ])
    expect(lines.some((line) => line.includes('"msg":"rejected"') && line.includes('c0de'))).to.equal(true)
    const again = await openAgent()
    expect(again.hello.rejected.map(({ clientId }) => clientId)).to.deep.equal([idOf(first)])
    const same = await again.push(shardInput(3, 11n, [bad, entryOf(second)]))
    expect(same.case === 'ack' && same.value.rejected).to.have.length(1)
  })

  it('builds each registry from the one before when two agents push at once', async () => {
    const [one, other] = [await openAgent(), await openAgent()]
    const shards = spread(5n, 400, (key) => entryOf(key))
    const half = shards.length / 2
    const pushAll = async (agent: typeof one, some: TestShard[]) => {
      for (const shard of some) await agent.push(shard)
    }
    await Promise.all([pushAll(one, shards.slice(0, half)), pushAll(other, shards.slice(half))])
    expect(holder.current().size).to.equal(400)
  })

  it('P9 tells first of all which secrets were used, and since when it has counted', async () => {
    await (await openAgent()).push(good)
    usage.record(holder.current().find(idOf(first))!, verifierOf('secret').id)
    const late = await openAgent()
    const told = await late.next()
    if (told.case !== 'usage') throw new Error(`expected usage, got ${told.case}`)
    expect(told.value.uses.map(({ clientId }) => clientId)).to.deep.equal([idOf(first)])
    expect(durationMs(told.value.covers!)).to.be.within(0, 60_000)
  })

  it('tells when a secret was used, on every stream, only what changed', async () => {
    const agent = await openAgent()
    await agent.push(good)
    const client = holder.current().find(idOf(first))!
    usage.record(client, verifierOf('secret').id)
    const told = await agent.next()
    if (told.case !== 'usage') throw new Error(`expected usage, got ${told.case}`)
    expect(told.value.uses.map(({ clientId, secretId }) => [clientId, secretId])).to.deep.equal([
      [idOf(first), verifierOf('secret').id],
    ])
    const late = await openAgent()
    const toldLate = await late.next()
    expect(toldLate.case).to.equal('usage')
    usage.record(holder.current().find(idOf(second))!, verifierOf('secret').id)
    const next = await agent.next()
    expect(next.case === 'usage' && next.value.uses.map(({ clientId }) => clientId)).to.deep.equal([idOf(second)])
  })

  it('takes the keys of platforms as soon as they come, tells of them at the next hello, and keeps the last good ones', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const keys = [{ jwk: { ...publicKey.export({ format: 'jwk' }), kid: 'k' } }]
    const file = Buffer.from(JSON.stringify({ issuer: 'https://kubernetes.default.svc', keys, change: 'c0de' }))
    const agent = await openAgent()
    expect(agent.hello.platform).to.include({ digest: '', bySettings: false })
    const tell = async (nonce: string, bytes: Uint8Array) => {
      await agent.stream.send({ message: { case: 'platformKeys', value: { nonce, file: bytes } } })
      return agent.answer()
    }
    expect(await tell('p', file)).to.deep.include({ case: 'ack' })
    expect(cluster.current()?.issuer).to.equal('https://kubernetes.default.svc')
    const refused = await tell('q', Buffer.from('{}'))
    expect([refused.case, refused.case === 'nack' && refused.value.nonce]).to.deep.equal(['nack', 'q'])
    expect((await openAgent()).hello.platform?.digest).to.equal(sha256(file.toString()))
  })

  it('tells of a token whose key nobody has told, and of the identity that proved a client last', async () => {
    const agent = await openAgent()
    await agent.push(good)
    unknownKeys.record()
    expect((await agent.answer()).case).to.equal('unknownKey')
    const identity = create(IdentitySchema, { serviceAccount: { namespace: 'shop', name: 'worker' } })
    usage.recordIdentity(holder.current().find(idOf(first))!, identity)
    for (;;) {
      const message = await agent.next()
      if (message.case !== 'usage' || message.value.identities.length === 0) continue
      expect(message.value.identities[0]!.identity?.serviceAccount).to.include({ namespace: 'shop', name: 'worker' })
      return
    }
  })

  it('tells what the document of a sector says of a client, once, and again when it says something else or of another version', async () => {
    const agent = await openAgent()
    await agent.push(good)
    const client = holder.current().find(idOf(first))!
    const told = async () => {
      for (;;) {
        const message = await agent.next()
        if (message.case === 'usage' && message.value.sectors.length > 0) return message.value.sectors
      }
    }
    usage.recordSector(client, 'lacks it')
    const [proof, ...more] = await told()
    expect(more).to.deep.equal([])
    expect(proof).to.include({ clientId: idOf(first), generation: client.version.generation, fault: 'lacks it' })
    const { cursor } = usage.since(0)
    usage.recordSector(client, 'lacks it')
    expect(usage.since(cursor).sectors).to.deep.equal([])
    usage.recordSector(client, '')
    expect((await told()).map(({ fault }) => fault)).to.deep.equal([''])
  })

  it('tells what was seen of the codes of a client: whether they lacked protection, and which scopes were left out', async () => {
    const agent = await openAgent()
    await agent.push(good)
    usage.recordTokenRequest(holder.current().find(idOf(first))!, {
      isProtected: false,
      leftOut: ['groups'],
      isSecretTwice: true,
    })
    for (;;) {
      const message = await agent.next()
      if (message.case !== 'usage' || message.value.codes.length === 0) continue
      const [{ unprotectedAt, protectedAt, wholeAt, secretOnceAt, secretTwiceAt, leftOut } = {}] = message.value.codes
      expect([protectedAt, wholeAt, secretOnceAt]).to.deep.equal([undefined, undefined, undefined])
      expect(secretTwiceAt).to.deep.equal(unprotectedAt).and.not.equal(undefined)
      expect(leftOut).to.have.length(1)
      expect(leftOut![0]).to.include({ scope: 'groups' })
      expect(leftOut![0]!.at).to.deep.equal(unprotectedAt)
      return
    }
  })

  it('K9 lets in nobody but the agent of this pod', async () => {
    const agent = await openAgent()
    await agent.push(good)
    const stranger = await createAuthority({ name: 'stranger', lifetimeMs: 86_400_000 })
    const codeOf = async (opened: Promise<unknown>) => {
      const error = await opened.then(
        () => undefined,
        (reason: unknown) => reason,
      )
      return error instanceof ChannelError ? error.code : String(error)
    }
    expect(await codeOf(dialAs([podLocalNames.agent], stranger))).to.equal('UNAVAILABLE')
    expect(await codeOf(dialAs([podLocalNames.server]))).to.equal('PERMISSION_DENIED')
    expect(await codeOf(dialAs(['agent.example.test']))).to.equal('PERMISSION_DENIED')
    await new Promise<void>((resolve) => {
      const plain = connect(socket, () => plain.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))
      plain.on('error', () => undefined)
      plain.on('close', () => resolve())
    })
    expect((await agent.push(shardInput(3, 11n, [entryOf(first)]))).case, 'the stream goes on').to.equal('ack')
  })

  it('K12 I6 has no secret in any line', async () => {
    const agent = await openAgent()
    await agent.push(shardInput(3, 10n, [entryOf(first, { secrets: ['canary-secret'] })]))
    expect(lines.join('\n')).to.not.include('canary-secret').and.not.include(sha256('canary-secret'))
  })

  it('F13 takes the place of a socket that a dead process left, and of no living one', async () => {
    const twin = newService()
    const error = await twin.start().catch((reason: unknown) => reason)
    expect(hasCode(error, 'CONFIG_SOCKET_IN_USE')).to.equal(true)
    await service.stop()
    expect(existsSync(socket)).to.equal(false)
    service = newService()
    await service.start()
    expect((await openAgent()).hello.have).to.deep.equal([])
  })
})
