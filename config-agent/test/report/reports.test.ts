import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { CodeUseSchema, HelloSchema, SecretUseSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { createLog } from '@nauthera/runtime/log'
import { createMetrics } from '@nauthera/runtime/metrics'
import { LiveState } from '../../src/live/live-state.ts'
import { parseShard } from '../../src/mount/parse-files.ts'
import { createReports } from '../../src/report/reports.ts'
import type { HeldShards } from '../../src/snapshot.ts'
import { buildClient, buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'

describe('createReports', () => {
  let now = 0
  const createWithLines = (format: 'json' | 'pretty' = 'json') => {
    now = Date.parse('2026-11-25T00:00:00Z')
    const lines: string[] = []
    const log = createLog({ process: 'agent', level: 'info', format, sink: { write: (line) => void lines.push(line) } })
    const live = new LiveState()
    const metrics = createMetrics('agent')
    return { live, lines, metrics, reports: createReports({ log, metrics, live, wallNow: () => now }) }
  }
  const shardWith = (count: number, seq: bigint) => {
    const clients = buildClients(4_000).filter((client) => shardOf('apps', client.name) === 7)
    const volume = buildVolume([buildClient('grafana'), ...clients].slice(0, count), { seq })
    return parseShard(7, volume.files.get(shardFile(7))!)
  }
  const heldOf = (shard: ReturnType<typeof shardWith>): HeldShards => ({
    shards: new Map([[7, shard]]),
    manifest: undefined,
  })

  it('tells the use of a secret at first and then every 15 minutes', () => {
    const { reports, lines } = createWithLines()
    const use = () =>
      reports.secrets.used([
        create(SecretUseSchema, { namespace: 'a', name: 'b', secretId: '91ab3c0d', lastUsed: timestampFromMs(now) }),
      ])
    use()
    now += 14 * 60_000
    use()
    expect(lines).to.have.length(1)
    now += 2 * 60_000
    use()
    expect(lines).to.have.length(2)
  })

  it('I9 forgets what was seen of a client when another object has its name', () => {
    const { reports, live } = createWithLines()
    const { name } = buildClients(100).find((client) => shardOf('apps', client.name) === 7)!
    const of = (uid: string, seq: bigint) => {
      const volume = buildVolume([buildClient(name, { uid })], { seq })
      return parseShard(7, volume.files.get(shardFile(7))!)
    }
    const [before, edited, anew] = [of('one', 1n), of('one', 2n), of('two', 3n)]
    live.used([], undefined, { codes: [create(CodeUseSchema, { namespace: 'apps', name })] })
    live.connected(create(HelloSchema, { have: [anew.ref] }))
    reports.mount.diff(before, edited)
    expect(live.codeUses.size).to.equal(1)
    reports.mount.diff(edited, anew)
    expect(live.codeUses.size).to.equal(0)
  })

  it('tells 100 changed clients of one shard and counts the others', () => {
    const { reports, lines } = createWithLines()
    const [before, after] = [shardWith(1, 1n), shardWith(200, 2n)]
    reports.mount.diff(before, after)
    const diffs = lines.filter((line) => line.includes('"msg":"diff"'))
    expect(diffs).to.have.length(101)
    expect(diffs.at(-1)).to.match(/"more":\d+/)
  })

  it('beats with revision, age and what is connected', () => {
    const { reports, live, lines } = createWithLines('pretty')
    const shard = shardWith(30, 5n)
    live.connected(create(HelloSchema, { have: [shard.ref], manifestDigest: 'f00dcafe'.padEnd(64, '0') }))
    reports.server.applied(shard, { base: undefined, rejected: [], applyMs: 6 })
    now += 14 * 60_000
    reports.server.heartbeat(heldOf(shard), 1)
    expect(lines.at(-1)).to.equal(
      `INF heartbeat  revision=f00dcafe age=14m shards=1/16 clients=${shard.clients.size} rejected=0 server=connected operators=1\n`,
    )
  })

  it('prints the lines as people read them in kubectl logs', () => {
    const { reports, lines } = createWithLines('pretty')
    const shard = shardWith(1, 1_790_000_118n)
    reports.server.pushed(shard, { ...shard.ref, seq: 1_790_000_117n })
    expect(lines[0]).to.equal(
      `INF push       change=c7f2 shard=7 seq=1790000118 base=1790000117 clients=${shard.clients.size}\n`,
    )
  })
})
