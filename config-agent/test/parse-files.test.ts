import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { ShardSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { shardFile } from '@nauthera/proto/names'
import { shardOf } from '@nauthera/proto/shard-of'
import { expect } from 'chai'
import { shardMessage, unpackClient } from '../src/packed-client.ts'
import { parseShard } from '../src/parse-files.ts'
import { makeClient, makeClients, makeVolume } from '@nauthera/harness/agent/make-shards'

describe(parseShard.name, () => {
  const shard = shardOf('apps', 'grafana')
  const fileWith = (...clients: ReturnType<typeof makeClients>) => makeVolume(clients).files.get(shardFile(shard))!
  const grafana = makeClient('grafana')
  const others = makeClients(100)
  const before = parseShard(shard, fileWith(grafana, ...others))

  it('holds every client as the operator rendered it', () => {
    const held = [...before.clients].map(([key, client]) => [key, unpackClient(client.packed)])
    const own = [grafana, ...others].filter(({ namespace, name }) => shardOf(namespace, name) === shard)
    expect(new Map(held as [string, unknown][])).to.deep.equal(
      new Map(own.map((client) => [`apps/${client.name}`, client])),
    )
  })

  it('takes over what stayed as it was, and decodes what did not', () => {
    const changed = makeClient('grafana', { clientId: 'other' })
    const after = parseShard(shard, fileWith(changed, ...others), before)
    expect(after.clients.size).to.equal(before.clients.size).and.above(1)
    for (const [key, client] of after.clients) {
      if (key !== 'apps/grafana') expect(client).to.equal(before.clients.get(key))
    }
    expect(unpackClient(after.clients.get('apps/grafana')!.packed)).to.deep.equal(changed)
  })

  it('is sent as the message that the server decodes', () => {
    const sent = fromBinary(ShardSchema, toBinary(ShardSchema, shardMessage(before, 'nonce')))
    expect(sent).to.deep.include({ nonce: 'nonce', change: 'c7f2' })
    expect(sent.ref).to.deep.include(before.ref)
    expect(sent.clients).to.deep.equal([...before.clients.values()].map(({ packed }) => unpackClient(packed)))
  })

  it('gives the same with and without a version before', () => {
    const file = fileWith(makeClient('grafana', { clientId: 'other' }), ...others.slice(0, 50))
    expect(parseShard(shard, file, before)).to.deep.equal(parseShard(shard, file))
  })
})
