import { expect } from 'chai'
import { splitPem, validityOf } from '@nauthera/proto/certificate-source'
import { dnsNamesOf, isIssuedBy } from '@nauthera/proto/certificates'
import { linkDnsName } from '@nauthera/proto/names'
import { renewLink } from '../../src/replicas/renew-link.ts'
import type { LinkFiles } from '../../src/replicas/renew-link.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-01-01T00:00:00Z')
const about = (now = start) => ({ release: 'nauthera', namespace: 'auth', now })
const newest = (files: LinkFiles) => splitPem(files['ca.crt'])[0]!
const make = async (now?: number) => (await renewLink(undefined, about(now)))!

describe('renewLink', () => {
  it('makes a CA and a leaf for each side, under names and not addresses', async () => {
    const files = await make()
    for (const part of ['agent', 'operator'] as const) {
      expect(dnsNamesOf(files[`${part}.crt`])).to.deep.equal([linkDnsName(part, 'nauthera', 'auth')])
      expect(isIssuedBy(files[`${part}.crt`], newest(files))).to.equal(true)
    }
  })

  it('renews nothing that is still young', async () => {
    expect(await renewLink(await make(), about(start + 10 * dayMs))).to.equal(undefined)
  })

  it('renews the leaves after two thirds of their life, under the same CA', async () => {
    const files = await make()
    const next = (await renewLink(files, about(start + 21 * dayMs)))!
    expect(next['ca.crt']).to.equal(files['ca.crt'])
    expect(next['agent.crt']).not.to.equal(files['agent.crt'])
    expect(validityOf(next['operator.crt']).notAfter).to.be.greaterThan(start + 45 * dayMs)
  })

  it('F17 writes a new CA one step before its certificates, and keeps the old CA beside it', async () => {
    let files = await make()
    const due = start + 250 * dayMs
    const first = (await renewLink(files, about(due)))!
    expect(splitPem(first['ca.crt']).length).to.equal(2)
    expect(newest(first)).not.to.equal(newest(files))
    expect(first['agent.crt']).to.equal(files['agent.crt'])
    const second = (await renewLink(first, about(due)))!
    expect(isIssuedBy(second['agent.crt'], newest(first))).to.equal(true)
    expect(second['ca.crt']).to.equal(first['ca.crt'])
    expect(await renewLink(second, about(due))).to.equal(undefined)
    files = second
    expect(splitPem(files['ca.crt']).length).to.equal(2)
  })

  it('makes all anew when a part is damaged, foreign or for another release', async () => {
    const files = await make()
    const other = await make()
    for (const bad of [
      { ...files, 'agent.key': other['agent.key'] },
      { ...files, 'ca.key': other['ca.key'] },
      { ...files, 'operator.crt': 'not a certificate' },
    ]) {
      expect(await renewLink(bad, about())).not.to.equal(undefined)
    }
    expect(await renewLink(files, { ...about(), namespace: 'elsewhere' })).not.to.equal(undefined)
  })
})
