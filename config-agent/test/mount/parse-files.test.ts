import { shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { expect } from 'chai'
import { parseShard } from '../../src/mount/parse-files.ts'
import { readDiffering } from '../../src/snapshot.ts'
import { buildClient, buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'

describe(parseShard.name, () => {
  const shard = shardOf('apps', 'grafana')
  const fileWith = (clients: ReturnType<typeof buildClients>) => buildVolume(clients).files.get(shardFile(shard))!
  const grafana = buildClient('grafana')
  const others = buildClients(100)
  const own = [grafana, ...others]
    .filter(({ namespace, name }) => shardOf(namespace, name) === shard)
    .sort((one, other) => (one.name < other.name ? -1 : 1))
  const before = parseShard(shard, fileWith([grafana, ...others]))

  it('knows every client as the operator rendered it', () => {
    expect([...before.clients.keys()]).to.deep.equal(own.map((client) => `apps/${client.name}`))
    const empty = parseShard(shard, buildVolume([]).files.get(shardFile(shard))!)
    expect(readDiffering(before, empty)).to.deep.equal(own)
  })

  it('keeps the file as it is mounted, for the server decodes that very file', () => {
    const file = fileWith([grafana, ...others])
    expect(parseShard(shard, file).file).to.equal(file)
  })

  it('knows a client that changed, and one that is new', () => {
    const changed = buildClient('grafana', { clientId: 'other' })
    const after = parseShard(shard, fileWith([changed, ...others]), before)
    expect([...after.clients.keys()]).to.deep.equal([...before.clients.keys()])
    expect(readDiffering(after, before)).to.deep.equal([changed])
    expect(readDiffering(before, after)).to.deep.equal([grafana])
    const fewer = parseShard(shard, fileWith(others), before)
    expect([...parseShard(shard, fileWith([grafana, ...others]), fewer).clients.keys()]).to.include('apps/grafana')
  })

  it('gives the same with and without a version before', () => {
    const file = fileWith([buildClient('grafana', { clientId: 'other' }), ...others.slice(0, 50)])
    expect(parseShard(shard, file, before)).to.deep.equal(parseShard(shard, file))
  })
})
