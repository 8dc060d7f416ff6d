import { renderVersion } from '@nauthera/proto/client-version'
import { expect } from 'chai'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import type { OIDCClient, OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import type { Acceptance } from '../../src/decide/client/acceptance.ts'
import type { Violation } from '../../src/decide/client/check-policies.ts'
import { judgeClient, refuseClient } from '../../src/decide/access/judge.ts'
import { configOf, denialsOf } from '../../src/decide/access/judgement.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { client, holding } from './clients.ts'

const now = Date.UTC(2026, 0, 2)
const hour = 3_600_000
const accepted: Acceptance = { kind: 'accepted', wanted: 'demo.app' }
const invalid: Acceptance = { kind: 'invalid', wanted: 'demo.app', faults: [{ path: 'spec.par', message: 'm' }] }
const conflict: Acceptance = {
  kind: 'conflict',
  wanted: 'demo.app',
  field: 'spec.clientId',
  holder: 'a/b',
  mayClaim: true,
}

interface About {
  acceptance?: Acceptance
  policies?: readonly OIDCPolicySpec[]
  /** Since when it breaks each policy, as the status remembers it. */
  breaches?: Readonly<Record<string, number>>
  /** What versions that servers have break. */
  served?: readonly Violation[]
  older?: number
  spec?: Partial<OIDCClientSpec>
}

function judge(about: About) {
  const { acceptance = accepted, policies = [], breaches = {}, served = [], older = 0 } = about
  const status: OIDCClientStatus = {
    breaches: Object.entries(breaches).map(([policy, since]) => ({ policy, since: new Date(since).toISOString() })),
  }
  return judgeClient(
    { ...client(about.spec ?? {}), status },
    {
      acceptance,
      policies: holding(...policies, {}),
      isFull: (limit) => older >= limit,
      isServed: false,
      servedBreaks: () => served,
      now,
    },
  )
}

const breach: Violation = { policy: 'p', enforcement: 'Deny', graceMs: 2 * hour, field: 'spec.par', message: 'm' }

describe('judgeClient', () => {
  const strict: OIDCPolicySpec = { require: { par: true }, grace: '2h' }
  const rows: readonly [sentence: string, about: About, serve: Record<string, unknown>][] = [
    ['tells servers of an accepted client that breaks no policy', {}, { kind: 'desired' }],
    [
      'lets the last accepted version serve on when the spec breaks a rule',
      { acceptance: invalid },
      { kind: 'carry', until: undefined },
    ],
    [
      'lets the last accepted version serve on while another client has the id',
      { acceptance: conflict },
      { kind: 'carry', until: undefined },
    ],
    [
      'lets the last accepted version serve on for the grace of a policy that forbids the new one',
      { policies: [strict] },
      { kind: 'carry', until: now + 2 * hour },
    ],
    [
      'counts the grace from when the status first said so',
      { policies: [strict], breaches: { 'policy-1': now - hour } },
      { kind: 'carry', until: now + hour },
    ],
    [
      'lets nothing serve after the grace',
      { policies: [strict], breaches: { 'policy-1': now - 2 * hour } },
      { kind: 'nothing' },
    ],
    [
      'takes the shortest grace of the policies that forbid it',
      { policies: [strict, { require: { dpop: true }, grace: '1h' }] },
      { kind: 'carry', until: now + hour },
    ],
    [
      'gives a policy that came later a grace of its own',
      {
        policies: [strict, { require: { dpop: true }, grace: '1h' }],
        breaches: { 'policy-1': now - 1.5 * hour },
      },
      { kind: 'carry', until: now + 0.5 * hour },
    ],
    [
      'counts the same grace on when the spec breaks a rule too: what is served breaks the policy',
      { acceptance: invalid, served: [breach], breaches: { p: now - hour } },
      { kind: 'carry', until: now + hour },
    ],
    [
      'lets nothing serve after the grace, though the spec breaks a rule',
      { acceptance: invalid, served: [breach], breaches: { p: now - 2 * hour } },
      { kind: 'nothing' },
    ],
    [
      'goes on with the grace of a policy, though nothing can be judged any more',
      { acceptance: invalid, policies: [strict], breaches: { 'policy-1': now - hour } },
      { kind: 'carry', until: now + hour },
    ],
    [
      'lets nothing serve after the grace, though nothing can be judged any more',
      { acceptance: invalid, policies: [strict], breaches: { 'policy-1': now - 2 * hour } },
      { kind: 'nothing' },
    ],
    [
      'forgets the grace of a policy that binds no more',
      {
        acceptance: invalid,
        policies: [{ ...strict, enforcement: 'Audit' }],
        breaches: { 'policy-1': now - 2 * hour },
      },
      { kind: 'carry', until: undefined },
    ],
    [
      'serves the present version, and no earlier one that breaks a policy beyond its grace',
      { served: [breach], breaches: { p: now - 2 * hour } },
      { kind: 'desired' },
    ],
    ['serves what a policy only warns of', { policies: [{ ...strict, enforcement: 'Warn' }] }, { kind: 'desired' }],
  ]
  for (const [sentence, about, serve] of rows) {
    it(sentence, () => {
      const judgement = judge(about)
      expect(judgement.serve).to.include(serve)
      expect(configOf(judgement) !== undefined).to.equal(serve['kind'] === 'desired')
    })
  }

  it('says that no earlier version may be served once the grace of what it breaks is over', () => {
    expect(judge({ served: [breach], breaches: { p: now - 2 * hour } }).forbidsEarlier).to.equal(true)
    expect(judge({ served: [breach], breaches: { p: now - hour } }).forbidsEarlier).to.equal(false)
    expect(judge({}).forbidsEarlier).to.equal(false)
  })

  it('asks no policy about a client that is not accepted', () => {
    for (const acceptance of [invalid, conflict]) {
      expect(judge({ acceptance, policies: [strict] }).violations).to.deep.equal([])
    }
  })

  it('asks for nothing in a spec that breaks a rule: its values may have any shape', () => {
    const broken = { ...client(), spec: { type: 'Web', auth: 5, secret: null, tokens: 'x' } } as unknown as OIDCClient
    const policies = holding({ require: { rotation: true } })
    const about = { acceptance: invalid, policies, isFull: () => false, isServed: false, now }
    for (const one of [broken, { ...broken, spec: undefined } as unknown as OIDCClient])
      expect(judgeClient(one, about)).to.deep.include({ client: one, acceptance: invalid })
  })

  describe('the number of clients in a namespace', () => {
    const fields = (about: About) => denialsOf(judge(about)).map(({ field }) => field)

    it('is 500 where no policy says another one', () => {
      expect(fields({ older: 499 })).to.deep.equal([])
      expect(fields({ older: 500 })).to.deep.equal(['metadata.namespace'])
      expect(fields({ older: 500, policies: [{ limits: { clientsPerNamespace: 501 } }] })).to.deep.equal([])
      const warns = { enforcement: 'Warn', limits: { clientsPerNamespace: 501 } } as const
      expect(fields({ older: 500, policies: [warns] })).to.deep.equal(['metadata.namespace'])
    })
    it('is the least that a policy says', () => {
      const policies = [{ limits: { clientsPerNamespace: 5 } }, { limits: { clientsPerNamespace: 900 } }]
      expect(fields({ older: 5, policies })).to.deep.equal(['metadata.namespace'])
    })
  })

  describe('a client that takes more than 16 KiB', () => {
    const uris = (bytes: number) => ({ redirectURIs: [`https://app.example.com/${'a'.repeat(bytes)}`] })

    it('is refused, and what was accepted before serves on', () => {
      const judgement = judge({ spec: uris(16_200) })
      expect(judgement.acceptance).to.deep.include({ kind: 'too-large', wanted: 'demo.app' })
      expect(judgement.serve).to.deep.equal({ kind: 'carry', until: undefined })
      expect(judge({ spec: uris(15_000) }).serve.kind).to.equal('desired')
    })
  })

  it('gives the bytes that its namespace may take of a shard: the least that a policy says', () => {
    const bytes = (...policies: OIDCPolicySpec[]) => judge({ policies }).shardBytes
    expect(bytes()).to.equal(64 * 1024)
    expect(bytes({ limits: { bytesPerShard: 300_000 } })).to.equal(300_000)
    expect(bytes({ limits: { bytesPerShard: 300_000 } }, { limits: { bytesPerShard: 2_000 } })).to.equal(2_000)
    expect(bytes({ enforcement: 'Audit', limits: { bytesPerShard: 2_000 } })).to.equal(64 * 1024)
  })

  it('gives the client with the defaults of its policies, their names, and their bounds', () => {
    const judgement = judge({
      policies: [{ defaults: { tokens: { accessTTL: '5m' } }, rotation: { minSpacing: '1m', maxOverlap: '24h' } }],
    })
    expect(judgement.client.spec.tokens).to.deep.equal({ accessTTL: '5m' })
    expect(configOf(judgement)?.accessTokenTtl).to.equal(300)
    expect(judgement.policies).to.deep.equal(['policy-1', 'baseline'])
    expect(judgement.spacings.map(({ ms }) => ms)).to.deep.equal([60_000])
    expect(judgement.maxOverlapMs).to.equal(24 * hour)
  })
})

describe('refuseClient', () => {
  it('lets the last accepted version of an object serve on that cannot be understood', () => {
    const { acceptance, serve } = refuseClient(client(), 'x is not iterable')
    expect(serve).to.deep.equal({ kind: 'carry', until: undefined })
    expect(acceptance).to.deep.equal({
      kind: 'invalid',
      wanted: 'demo.app',
      faults: [{ path: 'spec', message: 'cannot be understood (x is not iterable); write it again' }],
    })
  })
})

describe('the API of a client whose earlier version servers have', () => {
  const api = (scope: string): Partial<OIDCClientSpec> => ({
    resourceServer: { identifier: 'https://api.example.com', scopes: [{ name: 'read' }, { name: scope }] },
  })
  const scopesWhen = (served: 'present' | 'earlier' | 'either') =>
    judgeClient(client(api('write')), {
      acceptance: accepted,
      policies: holding({ allow: { resourceServer: true } }),
      isFull: () => false,
      isServed: true,
      carried: renderVersion(renderConfig(client(api('delete')))),
      servedOf: () => served,
      now,
    }).declared.map(({ scopes }) => scopes)

  it('has the scopes of the present one as soon as some servers may have that', () => {
    expect(scopesWhen('present')).to.deep.equal([['read', 'write']])
    expect(scopesWhen('either')).to.deep.equal([['read', 'write']])
    expect(scopesWhen('earlier'), 'those that it still lists').to.deep.equal([['read']])
  })
})
