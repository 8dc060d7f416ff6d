import { expect } from 'chai'
import { shardOf } from '@nauthera/proto/shard-of'
import { WaitingClients } from '../../src/replicas/waiting-clients.ts'

const home = shardOf('apps', 'reports')
const key = 'apps/reports'

describe('WaitingClients', () => {
  let waiting: WaitingClients
  beforeEach(() => {
    waiting = new WaitingClients()
  })

  it('names each client that waits in a shard once', () => {
    waiting.wait(key)
    waiting.wait(key)
    expect(waiting.of([home])).to.deep.equal([key])
    expect(waiting.of([(home + 1) % 16])).to.deep.equal([])
  })

  it('a client that is live everywhere no longer waits, and its version is remembered', () => {
    waiting.wait(key)
    waiting.settle(key, 'v1')
    expect(waiting.of([home])).to.deep.equal([])
    expect([waiting.hasSettled(key, 'v1'), waiting.hasSettled(key, 'v2')]).to.deep.equal([true, false])
  })

  it('names those that are live everywhere, by shard', () => {
    waiting.settle(key, 'v1')
    expect(waiting.settledIn([home])).to.deep.equal([key])
    expect(waiting.settledIn([(home + 1) % 16])).to.deep.equal([])
    waiting.unsettle(key)
    expect(waiting.settledIn([home])).to.deep.equal([])
  })

  it('remembers that version while the client is looked at, until it is no longer live everywhere', () => {
    waiting.settle(key, 'v1')
    waiting.wait(key)
    expect(waiting.hasSettled(key, 'v1')).to.equal(true)
    waiting.unsettle(key)
    expect(waiting.hasSettled(key, 'v1')).to.equal(false)
    expect(waiting.of([home])).to.deep.equal([key])
  })

  it('forgets a client that is gone', () => {
    waiting.settle(key, 'v1')
    waiting.wait(key)
    waiting.remove(key)
    expect(waiting.of([home])).to.deep.equal([])
    expect(waiting.hasSettled(key, 'v1')).to.equal(false)
  })
})
