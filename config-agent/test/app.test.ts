import { mkdir, readFile, readdir, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { durationMs, timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { manifestFile, platformKeysFile, shardFile, signatureFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { failOnLeaks } from '@nauthera/harness/leaks'
import { createPod } from '@nauthera/harness/agent/agent'
import type { Pod } from '@nauthera/harness/agent/agent'
import { startConfigServer } from '@nauthera/harness/agent/config-server'
import { buildClient, buildClients, buildVolume, operatorSigner, sha256 } from '@nauthera/harness/agent/make-shards'
import { createVolumeWriter } from '@nauthera/stand-in/atomic-writer'
import type { VolumeWriter } from '@nauthera/stand-in/atomic-writer'
import { createLink, dialStatus, mountLink } from '@nauthera/harness/agent/operator'

describe('startAgent', () => {
  let pod: Pod
  let volume: VolumeWriter
  beforeEach(async () => {
    pod = await createPod()
    volume = createVolumeWriter(pod.settings.clientsDirectory)
  })
  afterEach(() => pod.remove())
  failOnLeaks()

  const startServer = async (more: Partial<Parameters<typeof startConfigServer>[0]> = {}) => {
    const server = await startConfigServer({ ...pod.settings.config, ...more })
    pod.onStop(() => server.stop())
    return server
  }
  const dialAs = async (port: number, link: Awaited<ReturnType<typeof createLink>>) => {
    const operator = await dialStatus(port, link.authority)
    pod.onStop(() => operator.close())
    return operator
  }
  const clients = buildClients(40)
  const names = clients.map((client) => client.name).sort()
  const first = buildVolume(clients, { seq: 1n })
  const late = buildVolume([...clients, buildClient('late')], { seq: 2n, change: 'a1b2' })
  const home = shardOf('apps', 'late')
  const platformFiles = (keys: string): [string, Uint8Array][] => {
    const signed = operatorSigner.sign({ name: platformKeysFile, digest: sha256(keys) })
    return [
      [platformKeysFile, Buffer.from(keys)],
      [signatureFile(platformKeysFile), signed],
    ]
  }

  describe('the way of a change', () => {
    it('brings every mounted client to the server, completes it, and then sends only the shard that changed', async () => {
      await volume.swap(first.files)
      await pod.startAgent()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
      expect(server.clients()).to.deep.equal(names)

      server.received.length = 0
      const one = buildVolume([...clients, buildClient('late')], {
        seq: (shard) => (shard === home ? 2n : 1n),
        change: 'a1b2',
      })
      for (const [file, content] of first.files) {
        if (![shardFile(home), signatureFile(shardFile(home)), manifestFile].includes(file))
          one.files.set(file, content)
      }
      await volume.swap(one.files)
      await server.until('one more', () => server.clients().includes('late'))
      expect(server.received.filter((message) => message.$typeName.endsWith('.Shard'))).to.have.length(1)
    })

    it('T32 brings the keys of platforms before a server may turn ready, once each, and keeps the last ones when the file goes', async () => {
      const withKeys = (keys: string | undefined) =>
        volume.swap(new Map([...first.files, ...(keys === undefined ? [] : platformFiles(keys))]))
      const link = await createLink()
      await mountLink(pod, link.authority)
      await withKeys('one')
      const { statusPort } = await pod.startAgent()
      const server = await startServer({ platform: true })
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
      expect(server.platformKeys).to.deep.equal(['one'])
      await withKeys('two')
      await server.until('the next keys', () => server.platformKeys.length === 2)
      // somebody else's, with the signature of the last one
      await volume.swap(new Map([...first.files, ...platformFiles('two'), [platformKeysFile, Buffer.from('forged')]]))
      expect(await pod.untilTold('refused')).to.include({ code: 'PLATFORM_KEYS_UNSIGNED' })
      await withKeys(undefined)
      await pod.untilTold('platform keys live')
      const operator = await dialAs(statusPort, link)
      await server.meetUnknownKey()
      await operator.until(
        'it is told',
        ({ unknownKeys, platform }) => unknownKeys === 1n && platform?.digest === sha256('two'),
      )
      expect(server.platformKeys).to.deep.equal(['one', 'two'])
    })

    it('sends no keys of platforms to a server that says nothing of them', async () => {
      await volume.swap(new Map([...first.files, ...platformFiles('one')]))
      await pod.startAgent()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
      expect(server.platformKeys).to.deep.equal([])
    })

    it('tells it line by line, with the same keys at each step', async () => {
      await volume.swap(first.files)
      await pod.startAgent()
      await startServer()
      await pod.untilTold('complete')
      pod.lines.length = 0
      await volume.swap(late.files)
      // what changed in a shard is said once the server has it, or has not answered for a while
      const live = await pod.untilTold('live', (line) => line['shard'] === home)
      await pod.untilTold('diff')
      expect(pod.told('snapshot')[0]).to.include({ change: 'a1b2', shards: '16/16' })
      expect(pod.told('diff')).to.have.length(1)
      expect(pod.told('diff')[0]).to.include({ change: 'a1b2', client: 'apps/late', fields: 'added' })
      expect(pod.told('push').find((line) => line['shard'] === home)).to.include({ change: 'a1b2', seq: 2, base: 1 })
      expect(live).to.include({ change: 'a1b2', seq: 2, rejected: 0 })
      expect(live['since_render']).to.match(/^\d/)
    })

    it('tells a rotation by ids and the end of the old secret only once it is dead at the server', async () => {
      const verifier = (text: string) => ({ id: sha256(text).slice(0, 8), sha256: sha256(text) })
      const [one, two] = [verifier('one'), verifier('two')]
      const volumeOf = (seq: bigint, verifiers: (typeof one)[]) =>
        buildVolume([buildClient('app', { verifiers } as never)], { seq })
      await volume.swap(volumeOf(1n, [one]).files)
      await pod.startAgent()
      const server = await startServer()
      await pod.untilTold('complete')
      await volume.swap(volumeOf(2n, [two, one]).files)
      expect((await pod.untilTold('diff'))['verifiers']).to.equal(`${one.id}->${two.id},${one.id}`)
      await server.sendUsage([
        {
          namespace: 'apps',
          name: 'app',
          clientId: 'apps.app',
          secretId: one.id,
          lastUsed: timestampFromMs(Date.now() - 14 * 60_000),
        },
      ])
      expect(await pod.untilTold('usage')).to.include({ client: 'apps/app', secret: one.id, last_used: '14m' })
      await volume.swap(volumeOf(3n, [two]).files)
      await pod.untilTold('retired', (line) => line['secret'] === one.id)
      const order = pod.lines.map((line) => line.msg)
      expect(order.lastIndexOf('retired')).to.be.above(order.lastIndexOf('push'))
    })

    it('names a rejected client with its field, and what was kept', async () => {
      await volume.swap(first.files)
      const { metrics } = await pod.startAgent()
      await startServer({
        reject: (entry) =>
          entry.name === 'late'
            ? { clientId: entry.clientId, field: 'spec.auth.jwks', code: 'CLIENT_INVALID', message: 'not a JWK set' }
            : undefined,
      })
      await pod.untilTold('complete')
      await volume.swap(late.files)
      expect(await pod.untilTold('rejected')).to.include({
        change: 'a1b2',
        client: 'apps/late',
        field: 'spec.auth.jwks',
        reason: 'not a JWK set',
        kept_seq: 1,
      })
      await pod.untilTold('live', (line) => line['rejected'] === 1)
      expect(await metrics.render()).to.match(/nauthera_agent_rejected_clients\{[^}]*\} 1/)
    })

    it('F14 one shard that the server refuses as a whole holds up no other', async () => {
      await volume.swap(first.files)
      await pod.startAgent()
      const server = await startServer({ refuse: (shard) => shard.ref!.shard === 3 })
      await server.until('fifteen', () => server.shards.size === 15)
      const refused = await pod.untilTold('refused')
      expect(refused).to.include({ shard: 3, code: 'SHARD_REFUSED', reason: 'unreadable: no' })
      await volume.swap(late.files)
      await server.until('the next version of the others', () => server.clients().includes('late'))
    })
  })

  describe('faults', () => {
    it('F13 any order of start: server first, volume last', async () => {
      const started = pod.startAgent()
      await started
      const server = await startServer()
      await server.until('a stream', () => server.streams === 1)
      expect(server.received).to.deep.equal([])
      await volume.swap(first.files)
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
    })

    it('F13 a server that starts again is in sync again, and gets only what it lacks', async () => {
      await volume.swap(first.files)
      await pod.startAgent()
      const server = await startConfigServer(pod.settings.config)
      await server.until('complete', () => server.manifestDigest !== '')
      await server.stop()
      const kept = new Map([...server.shards].filter(([shard]) => shard !== 5))
      const again = await startServer({ have: kept })
      await again.until('in sync', () => again.manifestDigest === first.manifestDigest)
      expect(again.received.filter((message) => message.$typeName.endsWith('.Shard'))).to.have.length(1)
    })

    it('F13 an agent that starts again is in sync from its memory alone, mount or none', async () => {
      await volume.swap(first.files)
      const agent = await pod.startAgent()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest !== '')
      await agent.stop()
      await rm(pod.settings.clientsDirectory, { recursive: true })
      await mkdir(pod.settings.clientsDirectory)
      await server.stop()
      const fresh = await startServer()
      await pod.startAgent()
      await fresh.until('in sync', () => fresh.manifestDigest === first.manifestDigest)
      expect(fresh.clients()).to.deep.equal(names)
    })

    it('F13 a cold start without a manifest takes nothing and completes nothing', async () => {
      const { files } = buildVolume(clients)
      files.delete(manifestFile)
      await volume.swap(files)
      await pod.startAgent({ wordlessMs: 0 })
      const server = await startServer()
      await volume.swap(late.files)
      await server.until('complete', () => server.manifestDigest === late.manifestDigest)
      expect(server.received.filter((message) => message.$typeName.endsWith('.Shard'))).to.have.length(16)
      expect(server.received.filter((message) => message.$typeName.endsWith('.Complete'))).to.have.length(1)
    })

    it('F14 a shard that is damaged stays at its last good version, is counted, and heals; the others go on', async () => {
      await volume.swap(first.files)
      const { metrics } = await pod.startAgent()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest !== '')
      const bad = (home + 1) % 16
      await volume.swap(late.files, (fresh) => truncate(join(fresh, shardFile(bad)), 30))
      await server.until('the others', () => server.clients().includes('late'))
      expect(await pod.untilTold('refused')).to.include({ shard: bad, code: 'SHARD_UNREADABLE', kept: 'last good' })
      expect(await metrics.render()).to.match(/nauthera_agent_faulty_files\{[^}]*SHARD_UNREADABLE[^}]*\} 1/)
      expect(server.clients()).to.deep.equal([...names, 'late'].sort())
      await volume.swap(late.files)
      await server.until('complete again', () => server.manifestDigest === late.manifestDigest)
      expect(await pod.untilTold('healed')).to.include({ shard: bad, fault: 'SHARD_UNREADABLE' })
      expect(await metrics.render()).not.to.match(/nauthera_agent_faulty_files\{[^}]*SHARD_UNREADABLE[^}]*\} 1/)
    })

    it('I3 an emptied volume removes no client from the server', async () => {
      await volume.swap(first.files)
      await pod.startAgent()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest !== '')
      await volume.swap(new Map())
      await pod.untilTold('refused', (line) => line['code'] === 'SHARD_MISSING')
      await unlink(join(pod.settings.clientsDirectory, '..data'))
      const empty = buildVolume([], { seq: 9n })
      empty.files.delete(manifestFile)
      await volume.swap(empty.files)
      await pod.untilTold('refused', (line) => line['code'] === 'SHARD_MASS_VANISH')
      expect(server.clients()).to.deep.equal(names)
      await volume.swap(buildVolume([], { seq: 9n }).files)
      await server.until('really none', () => server.clients().length === 0)
    })

    it('F14 says a fault that lasts once, not at every look', async () => {
      await volume.swap(first.files, (fresh) => truncate(join(fresh, shardFile(3)), 30))
      await pod.startAgent()
      const server = await startServer()
      for (const seq of [2n, 3n, 4n]) {
        const next = buildVolume(clients, { seq })
        await volume.swap(next.files, (fresh) => truncate(join(fresh, shardFile(3)), 30))
        await server.until(`seq ${seq}`, () => server.shards.get(4)?.ref?.seq === seq)
      }
      expect(pod.told('refused')).to.have.length(1)
    })

    it('gives nothing to a server that does not read its shards, says so, and tells the operator what both read', async () => {
      const link = await createLink()
      await mountLink(pod, link.authority)
      await volume.swap(first.files)
      const { statusPort } = await pod.startAgent()
      const operator = await dialAs(statusPort, link)
      expect(await operator.until('its own range', () => true)).to.include({ schemaMin: 1, schemaMax: 1 })
      const old = await startConfigServer({ ...pod.settings.config, schemaMax: 0 })
      expect(await pod.untilTold('waiting', (line) => line['code'] === 'SERVER_TOO_OLD')).to.include({ level: 40 })
      const update = await operator.until('what both read', ({ schemaMax }) => schemaMax === 0)
      expect(update).to.include({ schemaMin: 1, serverConnected: false })
      expect(old.received).to.deep.equal([])
      await old.stop()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
      await operator.until('both again', ({ schemaMax, serverConnected }) => schemaMax === 1 && serverConnected)
    })

    for (const [what, mute] of [
      ['says no Hello', { hello: 1 }],
      ['acknowledges nothing', { acks: 1 }],
    ] as const) {
      it(`F13 a server that ${what} is dialled anew`, async () => {
        await volume.swap(first.files)
        await pod.startAgent({ patience: { helloMs: 200, ackMs: 200 } })
        const server = await startServer({ mute })
        await server.until('complete', () => server.manifestDigest === first.manifestDigest)
        // more than two when a busy machine makes a second Hello or answer late too
        expect(server.streams).to.be.at.least(2)
      })
    }

    it('keeps running when the last good snapshot cannot be kept', async () => {
      await writeFile(pod.settings.stateDirectory, 'in the way')
      await volume.swap(first.files)
      await pod.startAgent()
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest !== '')
      expect(await pod.untilTold('last good shards not saved')).to.include({ code: 'STATE_UNWRITABLE' })
    })

    it('F17 leaves of a few seconds are renewed under an open stream, which stays', async () => {
      await volume.swap(first.files)
      await pod.startAgent({ leafLifetimeMs: 4_000, renewalCheckMs: 100 })
      const leaf = await readFile(join(pod.settings.config.tlsDirectory, 'server.crt'), 'utf8')
      const server = await startServer()
      await server.until('complete', () => server.manifestDigest !== '')
      await pod.untilTold('renewed', () => true, 8_000)
      expect(await readFile(join(pod.settings.config.tlsDirectory, 'server.crt'), 'utf8')).not.to.equal(leaf)
      await volume.swap(late.files)
      await server.until('the same stream still works', () => server.clients().includes('late'))
      expect(server.streams).to.equal(1)
    })
  })

  describe('Complete', () => {
    it('is held back until the operator expects that manifest', async () => {
      const link = await createLink()
      await mountLink(pod, link.authority)
      await volume.swap(first.files)
      const { statusPort } = await pod.startAgent({ wordlessMs: 60_000 })
      const operator = await dialAs(statusPort, link)
      await operator.expect(late.manifestDigest)
      const server = await startServer()
      expect(await pod.untilTold('held back', (line) => line['expected'] !== undefined)).to.include({
        expected: late.manifestDigest.slice(0, 8),
      })
      await server.until('all shards', () => server.shards.size === 16)
      expect(server.manifestDigest).to.equal('')
      await volume.swap(late.files)
      await server.until('complete', () => server.manifestDigest === late.manifestDigest)
      expect(server.received.filter((message) => message.$typeName.endsWith('.Complete'))).to.have.length(1)
    })

    it('follows when the operator comes to expect what is mounted', async () => {
      const link = await createLink()
      await mountLink(pod, link.authority)
      await volume.swap(first.files)
      const { statusPort } = await pod.startAgent({ wordlessMs: 60_000 })
      const server = await startServer()
      const operator = await dialAs(statusPort, link)
      await operator.expect('')
      await pod.untilTold('held back')
      await operator.expect(first.manifestDigest)
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
    })

    it('goes out without a word after a while, also when the only operator has gone', async () => {
      const link = await createLink()
      await mountLink(pod, link.authority)
      await volume.swap(first.files)
      const { statusPort } = await pod.startAgent({ wordlessMs: 300 })
      const operator = await dialAs(statusPort, link)
      await operator.expect('another')
      const server = await startServer()
      await pod.untilTold('held back', (line) => line['expected'] !== undefined)
      await operator.close()
      await server.until('complete', () => server.manifestDigest === first.manifestDigest)
    })
  })

  describe('the status port', () => {
    it('tells what is live at once and at every change, what was rejected, used and ever seen', async () => {
      const link = await createLink()
      await mountLink(pod, link.authority)
      await volume.swap(first.files)
      const { statusPort } = await pod.startAgent()
      const operator = await dialAs(statusPort, link)
      const before = await operator.until('the first', () => true)
      expect(before).to.include({ replica: 'nauthera-server-0', serverConnected: false, agentVersion: '0.0.0-test' })
      expect(before.live).to.deep.equal([])
      expect(before.seen).to.have.length(16)

      const server = await startServer({
        reject: (entry) =>
          entry.name === 'late'
            ? { clientId: entry.clientId, field: 'spec.type', code: 'X', message: 'no' }
            : undefined,
      })
      const complete = await operator.until('complete', (update) => update.manifestDigest === first.manifestDigest)
      expect(complete.serverConnected).to.equal(true)
      expect(complete.live.map((ref) => ref.digest).sort()).to.deep.equal([...first.digests.values()].sort())
      await volume.swap(late.files)
      const rejected = await operator.until('the reject', (update) => update.rejected.length === 1)
      expect(rejected.rejected[0]).to.include({ name: 'late', field: 'spec.type', shard: home })

      const use = {
        namespace: 'apps',
        name: 'client-1',
        clientId: 'apps.client-1',
        secretId: 'aabbccdd',
        lastUsed: timestampFromMs(1_000),
      }
      await server.sendUsage([use])
      const used = await operator.until('the use', (update) => update.uses.length > 0)
      expect(used.uses[0]).to.include({ secretId: 'aabbccdd' })
      expect(used.usesCover, 'it has not said for how long it counts').to.equal(undefined)
      await server.sendUsage([], 60_000)
      const covered = await operator.until('since when all are told', (update) => update.usesCover !== undefined)
      expect(durationMs(covered.usesCover!)).to.be.within(60_000, 120_000)
      const second = await dialAs(statusPort, link)
      expect((await second.until('the first of a new operator', () => true)).uses).to.have.length(1)

      await server.stop()
      const away = await operator.until('nothing is live without a server', (update) => !update.serverConnected)
      expect(away).to.deep.include({ live: [], manifestDigest: '', rejected: [] })
      expect(away.usesCover, 'P9 what the server sees now nobody tells').to.equal(undefined)
      expect(away.uses, 'told before').to.deep.equal([])
    })

    it('K13 lets in neither the certificate of another agent, nor a foreign CA, nor none', async () => {
      const link = await createLink()
      await mountLink(pod, link.authority)
      const { statusPort } = await pod.startAgent()
      const codeOf = (attempt: Promise<unknown>) =>
        attempt.then(
          () => 'was let in',
          (error: { code: string }) => error.code,
        )
      expect(await codeOf(dialStatus(statusPort, link.authority, 'agent'))).to.equal('PERMISSION_DENIED')
      expect(await pod.untilTold('status refused')).to.include({ peer: 'nauthera-agent.auth' })
      expect(await codeOf(dialStatus(statusPort, (await createLink()).authority))).to.equal('UNAVAILABLE')
    })

    it('F17 takes certificates that appear later and each renewal; a damaged set changes nothing', async () => {
      const { statusPort, metrics } = await pod.startAgent({ renewalCheckMs: 50 })
      const link = await createLink()
      expect(await dialStatus(statusPort, link.authority).catch(() => 'refused')).to.equal('refused')
      await mountLink(pod, link.authority)
      const expiry = /certificate_expiry_timestamp_seconds\{[^}]*link[^}]*\} \d/
      const deadline = performance.now() + 30_000
      while (!expiry.test(await metrics.render())) {
        expect(performance.now(), 'the certificates are taken in time').to.be.lessThan(deadline)
        await nextTurn()
      }
      const open = await dialStatus(statusPort, link.authority)
      await writeFile(join(pod.settings.linkDirectory, 'agent.key'), 'no key')
      expect(await pod.untilTold('refused')).to.include({ code: 'LINK_UNUSABLE' })
      await (await dialStatus(statusPort, link.authority)).close()
      expect(open.closed.aborted).to.equal(false)
      await open.close()
    })
  })

  it('K12 I6 neither log, metric nor kept snapshot holds a secret, and no log holds a verifier', async () => {
    const plain = 'canary-51f0-plain-secret'
    const sha = sha256(plain)
    await volume.swap(
      buildVolume([buildClient('app', { verifiers: [{ id: sha.slice(0, 8), sha256: sha }] } as never)]).files,
    )
    const { metrics, stop } = await pod.startAgent()
    const server = await startServer()
    await server.until('complete', () => server.manifestDigest !== '')
    await volume.swap(buildVolume([buildClient('app')], { seq: 2n }).files)
    await pod.untilTold('retired')
    await stop()
    const kept: string[] = []
    for (const name of await readdir(pod.settings.stateDirectory)) {
      kept.push(await readFile(join(pod.settings.stateDirectory, name), 'latin1'))
    }
    const written = [JSON.stringify(pod.lines), await metrics.render()]
    for (const form of [plain, Buffer.from(plain).toString('base64'), Buffer.from(plain).toString('hex')]) {
      expect([...written, ...kept].some((text) => text.includes(form))).to.equal(false)
    }
    expect(written.some((text) => text.includes(sha))).to.equal(false)
    expect(written[0], 'the search finds what is there').to.include(sha.slice(0, 8))
  })

  it('K8 a volume that leads out of itself is refused, and the last good set stays', async () => {
    await volume.swap(first.files)
    await pod.startAgent()
    const server = await startServer()
    await server.until('complete', () => server.manifestDigest !== '')
    const link = join(pod.settings.clientsDirectory, '..data')
    await symlink('/etc', `${link}_tmp`)
    await rename(`${link}_tmp`, link)
    expect(await pod.untilTold('refused')).to.include({ code: 'MOUNT_UNREADABLE' })
    expect(server.clients()).to.deep.equal(names)
  })
})
