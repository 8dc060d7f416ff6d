import { expect } from 'chai'
import type { OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { checkPolicies } from '../../src/decide/client/check-policies.ts'
import {
  bindingOf,
  defaultClientLimit,
  isAllowed,
  policiesFor,
  tokenLimitsOf,
} from '../../src/decide/client/policies.ts'
import type { BindingPolicies } from '../../src/decide/client/policies.ts'
import { client, binding, policy } from './clients.ts'

describe('policiesFor', () => {
  const find = (
    selector: OIDCPolicySpec['selector'],
    labels: Record<string, string> | undefined,
    own: Record<string, string> = {},
  ) =>
    policiesFor(client({}, { labels: own }), {
      baseline: {},
      policies: [policy('p', selector ? { selector } : {})],
      namespaceLabels: labels,
    }).map(({ name }) => name)

  it('takes every policy without a selector, and the baseline last', () => {
    expect(find(undefined, {})).to.deep.equal(['p', 'baseline'])
  })

  it('selects the clients of a joined cluster by their namespace there', () => {
    const clusters = [
      { name: 'edge', namespaces: ['shop'] },
      { name: 'far', namespaces: ['*'] },
    ]
    const selects = (at: { namespace: string; name: string }) =>
      policiesFor(client({}, at), {
        baseline: {},
        policies: [policy('p', { selector: { clusters } })],
        namespaceLabels: {},
      }).length === 2
    expect(selects({ namespace: 'nauthera-cluster-edge', name: 'shop.app' })).to.equal(true)
    expect(selects({ namespace: 'nauthera-cluster-edge', name: 'web.app' })).to.equal(false)
    expect(selects({ namespace: 'nauthera-cluster-far', name: 'web.app' })).to.equal(true)
    expect(selects({ namespace: 'shop', name: 'app' }), 'one of this cluster').to.equal(false)
  })

  it('selects a mirror by the labels of its origin, and one of this cluster by its own alone', () => {
    const origin = { namespace: 'shop', name: 'app', uid: 'u', labels: { team: 'a' } }
    const selects = (metadata: { namespace: string; name: string }, labels?: Record<string, string>) =>
      policiesFor(client({ origin }, { ...metadata, ...(labels ? { labels } : {}) }), {
        baseline: {},
        policies: [policy('p', { selector: { clients: { matchLabels: { team: 'a' } } } })],
        namespaceLabels: undefined,
      }).length === 2
    const mirror = { namespace: 'nauthera-cluster-edge', name: 'shop.app' }
    expect(selects(mirror)).to.equal(true)
    expect(selects(mirror, { team: 'b' }), 'whatever a tool of the hub labels it').to.equal(true)
    expect(selects({ namespace: 'shop', name: 'app' })).to.equal(false)
  })

  it('opens nothing by labels that nobody trusts, and limits all the same', () => {
    const origin = { namespace: 'shop', name: 'app', uid: 'u', labels: { team: 'a' } }
    const mirror = client({ origin }, { namespace: 'nauthera-cluster-edge', name: 'shop.app' })
    const identities = [{ issuer: 'https://ci.example.com', subject: 'build' }]
    const fromCi = { ...mirror, spec: { ...mirror.spec, auth: { method: 'federated_jwt' as const, identities } } }
    const opens = { customClientId: true, resourceServer: true, identityIssuers: ['https://ci.example.com'] }
    const under = (selector: OIDCPolicySpec['selector'], labels?: Record<string, string>) =>
      bindingOf(
        policiesFor(mirror, {
          baseline: {},
          policies: [
            policy('p', {
              selector: selector!,
              allow: { ...opens, tokenExchange: false },
              limits: { clientsPerNamespace: 9_000 },
            }),
          ],
          namespaceLabels: labels,
        }),
      )
    const opened = (policies: BindingPolicies) => [
      isAllowed(policies, 'customClientId'),
      !checkPolicies(fromCi, policies).some(({ field }) => field === 'spec.auth.identities'),
      defaultClientLimit(policies) === undefined,
    ]
    const matchLabels = { team: 'a' }
    for (const selector of [{ namespaces: { matchLabels } }, { clients: { matchLabels } }]) {
      expect(opened(under(selector)), JSON.stringify(selector)).to.deep.equal([false, false, false])
      expect(under(selector)[0]?.spec.allow?.tokenExchange).to.equal(false)
    }
    const clusters = [{ name: 'edge', namespaces: ['shop'] }]
    expect(opened(under({ clients: { matchLabels }, clusters })), 'named').to.deep.equal([true, true, true])
    expect(opened(under({ namespaces: { matchLabels } }, { team: 'a' })), 'trusted').to.deep.equal([true, true, true])
    expect(under({ namespaces: { matchLabels } }, { team: 'b' }), 'trusted, of another value').to.have.length(1)
  })

  const team = { namespaces: { matchLabels: { team: 'a' } } }
  const expressions: readonly [
    sentence: string,
    selector: OIDCPolicySpec['selector'],
    labels: Record<string, string>,
    holds: boolean,
  ][] = [
    ['matchLabels', team, { team: 'a' }, true],
    ['matchLabels of another value', team, { team: 'b' }, false],
    [
      'In',
      { namespaces: { matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] } },
      { team: 'b' },
      true,
    ],
    [
      'NotIn, absent',
      { namespaces: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] } },
      {},
      true,
    ],
    [
      'NotIn, present',
      { namespaces: { matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['a'] }] } },
      { team: 'a' },
      false,
    ],
    ['Exists', { namespaces: { matchExpressions: [{ key: 'team', operator: 'Exists' }] } }, {}, false],
    ['DoesNotExist', { namespaces: { matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] } }, {}, true],
  ]
  for (const [sentence, selector, labels, holds] of expressions) {
    it(`selects by ${sentence}: ${holds}`, () => {
      expect(find(selector, labels)).to.deep.equal(holds ? ['p', 'baseline'] : ['baseline'])
    })
  }

  it('K14 a policy whose selector cannot be judged holds', () => {
    expect(find(team, undefined)).to.deep.equal(['p', 'baseline'])
  })

  it('selects by the labels of the client too', () => {
    expect(find({ clients: { matchLabels: { tier: 'gold' } } }, {}, { tier: 'gold' })).to.deep.equal(['p', 'baseline'])
    expect(find({ clients: { matchLabels: { tier: 'gold' } } }, {})).to.deep.equal(['baseline'])
  })

  it('orders by priority, then by name', () => {
    const policies = [policy('b', {}), policy('a', {}), policy('z', { priority: 5 })]
    expect(
      policiesFor(client(), { baseline: {}, policies, namespaceLabels: {} }).map(({ name }) => name),
    ).to.deep.equal(['z', 'a', 'b', 'baseline'])
  })
})

describe('tokenLimitsOf', () => {
  const lives = (platform: string, more: OIDCPolicySpec = {}) => ({ ...more, limits: { tokens: { platform } } })

  it('tokens of platforms live as long as the strictest policy says, and two hours where none says anything', () => {
    expect(tokenLimitsOf(binding({})).platform).to.equal(7200)
    expect(tokenLimitsOf(binding(lives('4h'), lives('1h'))).platform).to.equal(3600)
    expect(tokenLimitsOf(binding(lives('1h', { enforcement: 'Warn' }))).platform).to.equal(7200)
  })

  it('access tokens live no longer than the strictest policy says, and as long as anybody wants where none says anything', () => {
    const most = (access: string) => ({ limits: { tokens: { access } } })
    expect(tokenLimitsOf(binding({})).access).to.equal(0)
    expect(tokenLimitsOf(binding(most('1h'), most('10m'))).access).to.equal(600)
  })
})
