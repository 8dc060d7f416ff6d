import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

// Who may have what depends on the tenant of a client (rules/src/tenants.ts). The namespace of the object is another thing for mirrors:
// a rule that reads it would let one tenant of a joined cluster have what another one has.

const rules = [
  // an Ingress and a route have a namespace, and no tenant
  ...globSync('operator/src/decide/{access,client}/*.ts').filter((file) => !file.endsWith('/route-hosts.ts')),
  ...['intake/fair-keys.ts', 'intake/limit-waits.ts', 'shards/namespace-quota.ts'].map(
    (file) => `operator/src/${file}`,
  ),
]

/** The key of an object is no rule. */
const withoutKeys = (text: string): string => text.replaceAll(/\$\{(client\.)?metadata\.namespace\}\/\$\{/g, '')

const readsNamespace =
  /metadata\s*\.\s*namespace\b(?!')|\bnamespace\b[^=\n]*\}\s*=\s*[\w.]*metadata\b|metadata:\s*\{[^}]*\bnamespace\b/

describe('the rules of access, policies, quotas and turns', () => {
  it('read the tenant of a client, never the namespace of its object', () => {
    expect(rules.length).to.be.greaterThan(15)
    const wrong = rules.filter((file) => readsNamespace.test(withoutKeys(readFileSync(file, 'utf8'))))
    expect(wrong).to.deep.equal([])
  })

  for (const line of ['client.metadata.namespace', 'const { namespace } = metadata', '({ metadata: { namespace } })'])
    it(`would see ${line}`, () => expect(readsNamespace.test(line)).to.equal(true))
})
