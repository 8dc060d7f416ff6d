import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import {
  AckSchema,
  ClientRefusalsSchema,
  HelloSchema,
  RejectedClientSchema,
  ServerDefaultsSchema,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { LiveState } from '../../src/live/live-state.ts'

const ref = (shard: number, seq = 1n) => ({ shard, seq, digest: '' })
const taken = create(RejectedClientSchema, { namespace: 'team', name: 'wiki', shard: 5, code: 'CLIENT_ID_CONFLICT' })

describe('LiveState', () => {
  it('knows that a client of another shard is no longer refused, as soon as the server says so', () => {
    const live = new LiveState()
    live.connected(create(HelloSchema, { have: [ref(3), ref(5)], rejected: [taken] }))
    expect(live.rejected.map(({ name }) => name)).to.deep.equal(['wiki'])
    live.applied(ref(3, 2n), create(AckSchema, { others: [{ shard: 5, rejected: [] }] }))
    expect(live.rejected).to.deep.equal([])
  })

  it('keeps what a server of the version before refuses in another shard: that one says nothing of others', () => {
    const live = new LiveState()
    live.connected(create(HelloSchema, { have: [ref(3), ref(5)], rejected: [taken] }))
    live.applied(ref(3, 2n), create(AckSchema, {}))
    expect(live.rejected.map(({ name }) => name)).to.deep.equal(['wiki'])
  })

  it('tells when the server has certain shards, at once where there is no server, and in time when it takes none', async () => {
    const live = new LiveState()
    await live.untilHas([{ ref: ref(3) }], 600_000)
    live.connected(create(HelloSchema, {}))
    let has = false
    const both = live.untilHas([{ ref: { ...ref(3), digest: 'c' } }, { ref: { ...ref(5), digest: 'e' } }], 600_000)
    const told = both.then(() => (has = true))
    live.applied({ ...ref(3), digest: 'c' }, create(AckSchema, {}))
    await Promise.resolve()
    expect(has).to.equal(false)
    live.applied({ ...ref(5), digest: 'e' }, create(AckSchema, {}))
    await told
    await live.untilHas([{ ref: { ...ref(7), digest: 'never' } }], 1)
    const gone = live.untilHas([{ ref: { ...ref(7), digest: 'never' } }], 600_000)
    live.disconnected()
    await gone
  })

  it('holds the refusals that the server reports, until they are over or another server reports its own', () => {
    const live = new LiveState()
    const refused = (name: string, count: bigint) =>
      create(ClientRefusalsSchema, { namespace: 'team', name, refusals: count > 0n ? [{ code: 'X', count }] : [] })
    const known = () => [...live.refusals].map(([client, { refusals }]) => [client, refusals[0]!.count])
    live.connected(create(HelloSchema, {}))
    live.used([], undefined, { refusals: [refused('wiki', 1n), refused('mail', 1n)] })
    live.used([], undefined, { refusals: [refused('wiki', 7n), refused('mail', 0n)] })
    expect(known()).to.deep.equal([['team/wiki', 7n]])
    live.used([], undefined)
    expect(known()).to.deep.equal([['team/wiki', 7n]])
    live.connected(create(HelloSchema, {}))
    expect(known()).to.deep.equal([])
    live.used([], undefined, { refusals: [refused('wiki', 1n)] })
    live.left('team/wiki')
    expect(known()).to.deep.equal([])
  })

  it('hands on what the server gives a client that leaves it open', () => {
    const live = new LiveState()
    expect(live.defaults).to.equal(undefined)
    live.connected(create(HelloSchema, { defaults: create(ServerDefaultsSchema, { accessTokenTtl: 300 }) }))
    expect(live.defaults?.accessTokenTtl).to.equal(300)
  })
})
