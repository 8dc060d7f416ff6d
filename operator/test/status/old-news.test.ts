import { expect } from 'chai'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { withoutMinorNews } from '../../src/status/old-news.ts'

const base: OIDCClientStatus = {
  observedGeneration: 1,
  revision: 'aaaaaaaa',
  replicas: { loaded: 3, total: 3, summary: '3/3' },
  secret: {
    name: 'reports-oidc',
    lastUsed: '2026-01-01T00:00:00Z',
    previous: [{ id: '11111111', lastUsed: '2026-01-01T00:00:00Z' }],
  },
}
const client = (status: OIDCClientStatus | undefined): OIDCClient => ({
  metadata: { name: 'reports', namespace: 'apps', uid: 'u', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { type: 'M2M' } as OIDCClient['spec'],
  ...(status ? { status } : {}),
})
const used = (lastUsed: string): OIDCClientStatus => ({
  ...base,
  secret: { ...base.secret!, previous: [{ id: '11111111', lastUsed }] },
})

const usedAny = (lastUsed: string): OIDCClientStatus => ({ ...base, secret: { ...base.secret!, lastUsed } })

describe('withoutMinorNews', () => {
  for (const [what, next, isNews] of [
    ['another revision alone', { ...base, revision: 'bbbbbbbb' }, false],
    ['a fourth replica that has everything', { ...base, replicas: { loaded: 4, total: 4, summary: '4/4' } }, false],
    ['a replica that lacks it', { ...base, replicas: { loaded: 3, total: 4, summary: '3/4' } }, true],
    ['that no replica is left', { ...base, replicas: { loaded: 0, total: 0, summary: '0/0' } }, true],
    ['another generation', { ...base, observedGeneration: 2 }, true],
    ['a last use of the same hour', used('2026-01-01T00:59:00Z'), false],
    ['a last use an hour later', used('2026-01-01T01:00:00Z'), true],
    ['a use of any secret on the same day', usedAny('2026-01-01T23:59:00Z'), false],
    ['a use of any secret a day later', usedAny('2026-01-02T00:00:00Z'), true],
  ] as const) {
    it(`${isNews ? 'writes' : 'keeps'} ${what}`, () => {
      const kept = withoutMinorNews(client(base), next)
      expect(kept).to.deep.equal(isNews ? next : base)
    })
  }

  it('writes the last use each minute while the end of a secret waits for it', () => {
    expect(withoutMinorNews(client(base), used('2026-01-01T00:00:30Z'), true)).to.deep.equal(base)
    const next = used('2026-01-01T00:01:00Z')
    expect(withoutMinorNews(client(base), next, true)).to.deep.equal(next)
  })

  describe('uses of listed secrets', () => {
    const uses = (lastUsed: string, until: string): OIDCClientStatus => ({
      ...base,
      verifiers: [
        { id: '11111111', acceptedByAll: true, firstSeen: '2026-01-01T00:00:00Z', lastUsed },
        { id: '22222222', acceptedByAll: true, firstSeen: '2026-01-01T00:00:00Z' },
      ],
      usesKnownSince: `2026-01-01T${until}Z`,
      usesKnownUntil: `2026-01-01T${until}Z`,
    })
    const before = uses('2026-01-01T00:00:00Z', '01:00:00')

    it('are kept for ten minutes, with the time of which they are told', () => {
      expect(withoutMinorNews(client(before), uses('2026-01-01T01:09:00Z', '01:09:00'))).to.deep.equal(before)
      const next = { ...uses('2026-01-01T01:09:00Z', '01:09:00'), observedGeneration: 2 }
      const { verifiers, usesKnownSince, usesKnownUntil } = withoutMinorNews(client(before), next)
      expect({ verifiers, usesKnownSince, usesKnownUntil }, 'beside other news too').to.deep.equal({
        verifiers: before.verifiers,
        usesKnownSince: before.usesKnownSince,
        usesKnownUntil: before.usesKnownUntil,
      })
    })

    it('are written after that, though nothing was used', () => {
      const next = uses('2026-01-01T00:00:00Z', '01:10:00')
      expect(withoutMinorNews(client(before), next)).to.deep.equal(next)
    })

    it('hold up no news about a secret', () => {
      const next = uses('2026-01-01T01:01:00Z', '01:01:00')
      const [first, second] = next.verifiers!
      const other = { ...next, verifiers: [first!, { ...second!, acceptedByAll: false }] }
      expect(withoutMinorNews(client(before), other).verifiers![1]!.acceptedByAll).to.equal(false)
      const replaced = { ...next, verifiers: [first!, { ...second!, id: '33333333' }] }
      expect(withoutMinorNews(client(before), replaced)).to.deep.equal(replaced)
    })
  })

  it('takes the first status as it is', () => {
    expect(withoutMinorNews(client(undefined), base)).to.equal(base)
  })

  it('brings the newest revision and replicas along when something else is new', () => {
    const next = {
      ...base,
      observedGeneration: 2,
      revision: 'bbbbbbbb',
      replicas: { loaded: 4, total: 4, summary: '4/4' },
    }
    expect(withoutMinorNews(client(base), next)).to.deep.equal(next)
  })
})
