import { expect } from 'chai'
import { clientPage } from '../../src/admin/clients.ts'
import { ClientIndex } from '../../src/clients/client-index.ts'
import { createRegistry } from '../../src/clients/registry.ts'
import type { LiveShard, Rejection } from '../../src/clients/registry.ts'
import type { RegisteredClient } from '../../src/clients/registered-client.ts'

const client = (clientId: string): RegisteredClient =>
  ({
    clientId,
    namespace: clientId.split('.')[0],
    name: clientId.split('.')[1],
    config: { type: 'Web', suspended: clientId.startsWith('off'), scopes: ['openid'], contacts: ['team@example.com'] },
    version: { generation: 7n },
    api: undefined,
    verifiers: [
      { id: 'a', sha256: 'a', notAfter: undefined, deadline: Infinity },
      { id: 'b', sha256: 'b', notAfter: 1000, deadline: 1000 },
    ],
  }) as unknown as RegisteredClient
const rejection = (clientId: string): Rejection =>
  ({ ...client(clientId), message: 'has no key', code: 'CLIENT_METADATA_INVALID' }) as unknown as Rejection

function registryOf(served: readonly string[], rejected: readonly string[] = [], blocked: readonly string[] = []) {
  const clients = ClientIndex.empty<RegisteredClient>().with([], served.map(client))
  const shard = { rejected: rejected.map(rejection) } as unknown as LiveShard
  const waiting = blocked.map((clientId) => ({ client: client(clientId), served: undefined }))
  return createRegistry({ clients, shards: new Map([[0, shard]]), blocked: waiting, isWhole: true })
}

const all = { text: '', after: '', limit: 50 }

describe(clientPage.name, () => {
  it('says of each client what this replica serves, and why not', () => {
    const { rows } = clientPage(registryOf(['a.web', 'b.api'], ['b.api', 'c.new'], ['d.twin']), all)
    expect(rows.map(({ clientId, state, says }) => [clientId, state, says])).to.deep.equal([
      ['a.web', 'served', undefined],
      ['b.api', 'older', 'has no key'],
      ['c.new', 'refused', 'has no key'],
      ['d.twin', 'blocked', undefined],
    ])
  })

  it('says of what is served what `kubectl get` says, as far as a replica knows it: no secret, and of a refused one nothing', () => {
    const { rows } = clientPage(registryOf(['a.web', 'off.web'], ['c.new']), all)
    expect(rows.map(({ clientId, served }) => [clientId, served?.isSuspended])).to.deep.equal([
      ['a.web', false],
      ['c.new', undefined],
      ['off.web', true],
    ])
    expect(rows[0]!.served).to.deep.equal({
      type: 'Web',
      isSuspended: false,
      generation: 7,
      scopes: ['openid'],
      api: undefined,
      contacts: ['team@example.com'],
      secrets: 2,
      oldSecretUntil: new Date(1000),
    })
  })

  it('finds a client by a part of its id, namespace or name', () => {
    const registry = registryOf(['a.web', 'b.api', 'c.webhook'])
    expect(clientPage(registry, { ...all, text: 'web' }).rows).to.have.length(2)
    expect(clientPage(registry, { ...all, text: 'nothing' })).to.deep.equal({ rows: [], next: undefined })
  })

  it('gives each client once, page by page', () => {
    const ids = Array.from({ length: 25 }, (_, n) => `team.${String(n).padStart(2, '0')}`)
    const registry = registryOf(ids.toReversed())
    const seen: string[] = []
    let after: string | undefined = ''
    while (after !== undefined) {
      const { rows, next } = clientPage(registry, { ...all, after, limit: 10 })
      seen.push(...rows.map(({ clientId }) => clientId))
      after = next
    }
    expect(seen).to.deep.equal(ids)
  })
})
