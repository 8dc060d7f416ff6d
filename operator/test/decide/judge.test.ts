import { expect } from 'chai'
import type { OIDCClient, OIDCClientStatus } from '../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import type { Acceptance } from '../../src/decide/acceptance.ts'
import { configOf, denialsOf, judgeClient, refuseClient } from '../../src/decide/judge.ts'
import { client, holding } from './clients.ts'

const now = Date.UTC(2026, 0, 2)
const hour = 3_600_000
const accepted: Acceptance = { kind: 'accepted', clientId: 'demo.app' }
const invalid: Acceptance = { kind: 'invalid', clientId: 'demo.app', faults: [{ path: 'spec.par', message: 'm' }] }
const conflict: Acceptance = { kind: 'conflict', clientId: 'demo.app', field: 'spec.clientId', holder: 'a/b' }

interface About {
  acceptance?: Acceptance
  policies?: readonly OIDCPolicySpec[]
  /** When the status began to say that a policy refuses it. */
  deniedAt?: number
  older?: number
}

function judge({ acceptance = accepted, policies = [], deniedAt, older = 0 }: About) {
  const lastTransitionTime = new Date(deniedAt ?? 0).toISOString()
  const status: OIDCClientStatus = {
    conditions: [
      { type: 'PolicyCompliant', status: 'False', reason: 'PolicyViolation', message: 'm', lastTransitionTime },
    ],
  }
  let asked = 0
  const judgement = judgeClient(
    { ...client(), ...(deniedAt === undefined ? {} : { status }) },
    {
      acceptance,
      policies: holding(...policies, {}),
      countOlder: () => {
        asked++
        return older
      },
      now,
    },
  )
  return { judgement, asked }
}

describe('judgeClient', () => {
  const strict: OIDCPolicySpec = { require: { par: true }, grace: '2h' }
  const rows: readonly [sentence: string, about: About, serve: Record<string, unknown>][] = [
    ['tells servers of an accepted client that breaks no policy', {}, { kind: 'desired' }],
    [
      'lets the last accepted version serve on when the spec breaks a rule',
      { acceptance: invalid },
      { kind: 'carry', until: undefined },
    ],
    ['lets nothing serve when an older client has the id', { acceptance: conflict }, { kind: 'nothing' }],
    [
      'lets the last accepted version serve on for the grace of a policy that forbids the new one',
      { policies: [strict] },
      { kind: 'carry', until: now + 2 * hour },
    ],
    [
      'counts the grace from when the status first said so',
      { policies: [strict], deniedAt: now - hour },
      { kind: 'carry', until: now + hour },
    ],
    ['lets nothing serve after the grace', { policies: [strict], deniedAt: now - 2 * hour }, { kind: 'nothing' }],
    [
      'takes the shortest grace of the policies that forbid it',
      { policies: [strict, { require: { dpop: true }, grace: '1h' }] },
      { kind: 'carry', until: now + hour },
    ],
    ['serves what a policy only warns of', { policies: [{ ...strict, enforcement: 'Warn' }] }, { kind: 'desired' }],
  ]
  for (const [sentence, about, serve] of rows) {
    it(sentence, () => {
      const { judgement } = judge(about)
      expect(judgement.serve).to.include(serve)
      expect(configOf(judgement) !== undefined).to.equal(serve['kind'] === 'desired')
    })
  }

  it('asks no policy about a client that is not accepted', () => {
    for (const acceptance of [invalid, conflict]) {
      expect(judge({ acceptance, policies: [strict] }).judgement.violations).to.deep.equal([])
    }
  })

  it('asks for nothing in a spec that breaks a rule: its values may have any shape', () => {
    const broken = { ...client(), spec: { type: 'Web', auth: 5, secret: null, tokens: 'x' } } as unknown as OIDCClient
    const about = { acceptance: invalid, policies: holding({ require: { rotation: true } }), countOlder: () => 0, now }
    for (const one of [broken, { ...broken, spec: undefined } as unknown as OIDCClient])
      expect(judgeClient(one, about)).to.deep.include({ client: one, acceptance: invalid })
  })

  it('counts the older clients of a namespace only when a policy limits them', () => {
    expect(judge({ older: 5 })).to.deep.include({ asked: 0 })
    const limited = judge({ older: 5, policies: [{ limits: { clientsPerNamespace: 5 } }] })
    expect(limited.asked).to.equal(1)
    expect(denialsOf(limited.judgement).map(({ field }) => field)).to.deep.equal(['metadata.namespace'])
  })

  it('gives the client with the defaults of its policies, their names, and their bounds', () => {
    const { judgement } = judge({
      policies: [{ defaults: { tokens: { accessTTL: '5m' } }, rotation: { minSpacing: '1m', maxOverlap: '24h' } }],
    })
    expect(judgement.client.spec.tokens).to.deep.equal({ accessTTL: '5m' })
    expect(configOf(judgement)?.accessTokenTtl).to.equal(300)
    expect(judgement.policies).to.deep.equal(['policy-1', 'baseline'])
    expect(judgement).to.include({ minSpacingMs: 60_000, maxOverlapMs: 24 * hour })
  })
})

describe('refuseClient', () => {
  it('lets the last accepted version of an object serve on that cannot be understood', () => {
    const { acceptance, serve } = refuseClient(client(), 'x is not iterable')
    expect(serve).to.deep.equal({ kind: 'carry', until: undefined })
    expect(acceptance).to.deep.equal({
      kind: 'invalid',
      clientId: 'demo.app',
      faults: [{ path: 'spec', message: 'cannot be understood (x is not iterable); write it anew' }],
    })
  })
})
