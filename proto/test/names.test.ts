import { expect } from 'chai'
import { createAuthority, dnsNamesOf, issueLeaf } from '../src/certificates.ts'
import * as names from '../src/names.ts'

describe('names', () => {
  it('write the number of a shard with two digits in Secret, key and file', () => {
    expect(names.shardFile(7)).to.equal('07.json.gz')
    expect(names.shardFile(15)).to.equal('15.json.gz')
    expect(names.shardSecretName('login', 7)).to.equal('login-clients-07')
    expect(names.manifestSecretName('login')).to.equal('login-clients-manifest')
  })

  it('have every label and annotation in the API group, in a form that Kubernetes allows', () => {
    const keys = [names.labels.client, names.labels.component, ...Object.values(names.annotations)]
    for (const key of keys) expect(key).to.match(/^auth\.nauthera\.io\/[a-z][a-z-]{0,61}[a-z]$/)
    expect(new Set(keys).size).to.equal(keys.length)
  })

  it('have a number of shards that is a power of two, as shardOf needs', () => {
    expect(names.shardCount & (names.shardCount - 1)).to.equal(0)
    expect(names.shardCount).to.be.within(1, 256)
  })

  it('give DNS names for the status port that fit into a certificate', async () => {
    const name = names.linkDnsName('agent', 'a'.repeat(53), 'b'.repeat(63))
    expect(name).to.match(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/)
    const leaf = await issueLeaf(await createAuthority({ name: 'test', lifetimeMs: 60_000 }), {
      usage: 'both',
      dnsNames: [name],
    })
    expect(dnsNamesOf(leaf.cert)).to.deep.equal([name])
  })
})
