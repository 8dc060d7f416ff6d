import { expect } from 'chai'
import { shardOf } from '@nauthera/proto/shard-of'
import { WaitingClients } from '../../src/replicas/waiting-clients.ts'

const home = shardOf('apps', 'reports')
const key = 'apps/reports'

describe('WaitingClients', () => {
  let waiting: WaitingClients
  const at = (seq: number) => ({ uid: 'u', seq })

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
    waiting.settle(key, at(1))
    expect(waiting.of([home])).to.deep.equal([])
    expect([waiting.hasSettled(key, at(1)), waiting.hasSettled(key, at(2))]).to.deep.equal([true, false])
    expect(waiting.hasSettled(key, { uid: 'other', seq: 1 }), 'another object of the name').to.equal(false)
    waiting.settle(key, at(3))
    expect(waiting.hasSettled(key, at(2)), 'what came before').to.equal(true)
  })

  it('names those that are live everywhere, by shard', () => {
    waiting.settle(key, at(1))
    expect(waiting.settledIn([home])).to.deep.equal([key])
    expect(waiting.settledIn([(home + 1) % 16])).to.deep.equal([])
    waiting.unsettle(key)
    expect(waiting.settledIn([home])).to.deep.equal([])
  })

  it('remembers that version while the client is looked at, until it is no longer live everywhere', () => {
    waiting.settle(key, at(1))
    waiting.wait(key)
    expect(waiting.hasSettled(key, at(1))).to.equal(true)
    waiting.unsettle(key)
    expect(waiting.hasSettled(key, at(1))).to.equal(false)
    expect(waiting.of([home])).to.deep.equal([key])
  })

  it('forgets a client that is gone', () => {
    waiting.settle(key, at(1))
    waiting.wait(key)
    waiting.remove(key)
    expect(waiting.of([home])).to.deep.equal([])
    expect(waiting.hasSettled(key, at(1))).to.equal(false)
  })
})
