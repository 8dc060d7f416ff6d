import { expect } from 'chai'
import { maxNameLength, mostRedirectUris } from '@nauthera/rules/limits'
import type { Condition } from '../../src/api/client-status.ts'
import { corsOriginsOf } from '../../src/api/in-effect.ts'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import { checkSpec } from '../../src/decide/client/check-spec.ts'
import { bindingOf } from '../../src/decide/client/policies.ts'
import { checkForHub, judgeByHub } from '../../src/spoke/judge-by-hub.ts'
import { buildMirror } from '../../src/spoke/build-mirror.ts'
import { mirrorNameOf } from '../../src/spoke/mirror.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { client } from '../decide/clients.ts'

describe(checkForHub.name, () => {
  it('refuses here what the hub would refuse: a name that is too long with its namespace', () => {
    const named = (length: number) => client({ type: 'M2M' }, { name: 'n'.repeat(length) })
    const most = maxNameLength - 'demo.'.length
    expect(checkForHub(named(most))).to.deep.equal([])
    const [fault, ...others] = checkForHub(named(most + 1))
    expect(others).to.deep.equal([])
    expect(fault).to.include({ path: 'metadata.name' })
    expect(fault?.message).to.contain('choose a shorter name')
  })

  it('takes nothing that the hub would refuse for its length: the most of each list, and what is made of it', () => {
    const most = Array.from({ length: mostRedirectUris }, (_, index) => `https://app-${index}.example.com/callback`)
    const spec: Partial<OIDCClientSpec> = { type: 'SPA', redirectURIs: most.slice(1), postLogoutRedirectURIs: most }
    const origin = client(spec, { labels: Object.fromEntries(most.map((_, index) => [`label-${index}`, 'x'])) })
    expect(checkForHub(origin)).to.deep.equal([])
    const wanted = buildMirror(origin, {
      redirectUris: most.slice(0, 1),
      verifiers: [],
      namespaceLabels: Object.fromEntries(most.map((_, index) => [`label-${index}`, 'x'])),
      namespaceBornAt: () => undefined,
      now: 0,
      stored: undefined,
    })
    expect(wanted.spec.corsOrigins).to.deep.equal(corsOriginsOf(origin.spec))
    expect(
      checkSpec({ metadata: { ...origin.metadata, name: mirrorNameOf(origin.metadata) }, ...wanted }),
    ).to.deep.equal([])
  })
})

describe(judgeByHub.name, () => {
  const said = (type: string, status: Condition['status'], observedGeneration: number): Condition => ({
    type,
    status,
    reason: 'Said',
    message: 'by the hub',
    lastTransitionTime: '2026-01-01T00:00:00Z',
    observedGeneration,
  })
  const whole = client({}, { generation: 4 })
  const mirrorOf = (condition: Condition): Mirror => ({
    ...whole,
    metadata: { ...whole.metadata, name: 'demo.app', namespace: 'nauthera-cluster-edge' },
    status: { conditions: [condition] },
  })
  const served = (mirror: Mirror | undefined, isCurrent = true) =>
    judgeByHub(client(), { cluster: 'edge', binding: bindingOf([]), mirror, isCurrent, refusal: undefined }).serve.kind

  for (const type of ['Accepted', 'PolicyCompliant']) {
    it(`keeps what was accepted before while the hub says that the version is not ${type}`, () =>
      expect(served(mirrorOf(said(type, 'False', 4)))).to.equal('carry'))

    it(`asks for the version while the hub says that it is ${type}, or says it of an earlier one`, () => {
      expect(served(undefined)).to.equal('desired')
      expect(served(mirrorOf(said(type, 'True', 4)))).to.equal('desired')
      expect(served(mirrorOf(said(type, 'False', 3)))).to.equal('desired')
      expect(served(mirrorOf(said(type, 'False', 4)), false), 'the mirror is of an earlier one').to.equal('desired')
    })
  }
})
