import {
  issuersSecretName,
  manifestSecretName,
  proofSecretName,
  linkSecretName,
  shardCount,
  shardSecretName,
} from '@nauthera/proto/names'
import { Environment } from '@marcbachmann/cel-js'
import { expect } from 'chai'
import { grantsOf, rightsIn } from './support/grants.ts'
import { find, modes, objectsOf, templateOf } from './support/render.ts'
import type { Manifest } from './support/render.ts'

interface Rule {
  apiGroups: string[]
  resources: string[]
  verbs: string[]
  resourceNames?: string[]
}

const isRole = ({ kind }: Manifest) => kind === 'Role' || kind === 'ClusterRole'
const rulesOf = (object: Manifest) => object['rules'] as Rule[]

/** `namespace resource verb (count of names)` of each right that a service account is bound to, sorted. */
function rightsOf(objects: readonly Manifest[], account: string): string[] {
  const rights = rightsIn(grantsOf(objects, account)).map(
    ({ namespace = '*', resource, verb, names }) =>
      `${namespace} ${resource} ${verb}${names ? ` (${names.length} names)` : ''}`,
  )
  return [...new Set(rights)].sort()
}

const clientRights = (namespace: string) => [
  `${namespace} events create`,
  `${namespace} events patch`,
  `${namespace} oidcclients get`,
  `${namespace} oidcclients list`,
  `${namespace} oidcclients watch`,
  `${namespace} oidcclients/status patch`,
  `${namespace} secrets create`,
  `${namespace} secrets delete`,
  `${namespace} secrets get`,
  `${namespace} secrets patch`,
]
const releaseRights = (nudge: boolean) => [
  'auth leases create',
  'auth leases get (1 names)',
  'auth leases update (1 names)',
  'auth pods get',
  'auth pods list',
  ...(nudge ? ['auth pods patch'] : []),
  'auth pods watch',
  'auth secrets create',
  'auth secrets get (20 names)',
  'auth secrets patch (20 names)',
]

describe('K3 the rights', function () {
  for (const mode of modes) {
    it(`K3 of ${mode} hold no wildcard, no list or watch of Secrets, no escalation`, async () => {
      for (const role of (await objectsOf({ mode })).filter(isRole)) {
        const place = `${role.kind}/${role.metadata.name}`
        for (const rule of rulesOf(role)) {
          for (const field of [rule.apiGroups, rule.resources, rule.verbs]) expect(field, place).not.to.include('*')
          for (const verb of ['escalate', 'bind', 'impersonate']) expect(rule.verbs, place).not.to.include(verb)
          expect(
            rule.resources.filter((name) => /\/(exec|attach|portforward|ephemeralcontainers|token)$/.test(name)),
            place,
          ).to.deep.equal([])
          if (rule.resources.includes('secrets')) {
            for (const verb of ['list', 'watch', 'update', 'deletecollection'])
              expect(rule.verbs, place).not.to.include(verb)
          }
          if (rule.resources.includes('pods'))
            expect(rule.verbs, place).not.to.include.oneOf(['create', 'delete', 'update'])
        }
      }
    })
  }

  const operator = 'nauthera-operator'
  it('K3 of the operator in mode cluster are exactly these', async () => {
    expect(rightsOf(await objectsOf(), operator)).to.deep.equal(
      [
        ...clientRights('*'),
        ...releaseRights(true),
        ...['get', 'list', 'watch'].flatMap((verb) => [
          `* namespaces ${verb}`,
          `* oidcpolicies ${verb}`,
          `* oidcclusters ${verb}`,
        ]),
        '* oidcpolicies/status patch',
        '* oidcclusters/status patch',
        '* leases get (1 names)',
        '* configmaps get (1 names)',
      ].sort(),
    )
  })

  it('K3 of the operator in mode namespaces are exactly these, none for the whole cluster', async () => {
    const objects = await objectsOf({ mode: 'watch-namespaces' })
    expect(rightsOf(objects, operator)).to.deep.equal(
      [...clientRights('team-a'), ...clientRights('team-b'), ...releaseRights(false)].sort(),
    )
    expect(objects.filter(({ kind }) => /^(ClusterRoleBinding|ValidatingAdmission.*)$/.test(kind))).to.deep.equal([])
  })

  it('K3 of the operator in mode release are exactly these, and of the whole cluster there are the fences alone', async () => {
    const objects = await objectsOf({ mode: 'watch-release' })
    expect(rightsOf(objects, operator)).to.deep.equal(
      [...new Set([...clientRights('auth'), ...releaseRights(true)])].sort(),
    )
    const wide = objects.filter(({ metadata }) => metadata.namespace === undefined)
    expect(wide.map(({ kind, metadata }) => `${kind}/${metadata.name.split('.').at(-1)}`).sort()).to.deep.equal([
      'ValidatingAdmissionPolicy/pod-fence',
      'ValidatingAdmissionPolicy/secret-fence',
      'ValidatingAdmissionPolicyBinding/pod-fence',
      'ValidatingAdmissionPolicyBinding/secret-fence',
    ])
  })

  it('K3 in mode release without the fences render no object of the whole cluster', async () => {
    const values = { operator: { admission: { enabled: false } } }
    const objects = await objectsOf({ mode: 'watch-release', values })
    expect(rightsOf(objects, operator)).to.deep.equal(
      [...new Set([...clientRights('auth'), ...releaseRights(false)])].sort(),
    )
    expect(objects.filter(({ metadata }) => metadata.namespace === undefined)).to.deep.equal([])
  })

  for (const mode of ['minimal', 'watch-release']) {
    it(`K2 the fence of ${mode} keeps the operator from the ring of keys and from the database's credentials, whatever label they carry`, async () => {
      const fence = (await objectsOf({ mode })).find(
        ({ kind, metadata }) => kind === 'ValidatingAdmissionPolicy' && metadata.name.endsWith('secret-fence'),
      )!['spec'] as { variables: { name: string; expression: string }[]; validations: { expression: string }[] }
      const environment = new Environment({ homogeneousAggregateLiterals: false })
      for (const name of ['object', 'oldObject', 'request', 'variables']) environment.registerVariable(name, 'dyn')
      const allows = (namespace: string, name: string): boolean => {
        const labels = { 'auth.nauthera.io/client': 'x' }
        const object = { metadata: { name, namespace, labels }, type: 'Opaque' }
        const variables: Record<string, unknown> = {}
        const context = { object, oldObject: object, request: { namespace }, variables }
        for (const one of fence.variables) variables[one.name] = environment.evaluate(one.expression, context)
        return fence.validations.every(({ expression }) => environment.evaluate(expression, context) === true)
      }
      expect(allows('auth', 'shop-oidc')).to.equal(true)
      expect(allows('elsewhere', 'nauthera-keys')).to.equal(true)
      expect(allows('auth', 'nauthera-keys')).to.equal(false)
      expect(allows('auth', 'nauthera-database')).to.equal(false)
    })
  }

  it('K2 the fence of joined clusters lets in their mirrors alone, without a word about Secrets here', async () => {
    const fence = find(await objectsOf(), 'ValidatingAdmissionPolicy', 'auth.nauthera.cluster-fence')['spec'] as {
      matchConditions: { expression: string }[]
      validations: { expression: string; message: string }[]
    }
    const environment = new Environment({ homogeneousAggregateLiterals: false })
    for (const name of ['object', 'oldObject']) environment.registerVariable(name, 'dyn')
    const origin = { namespace: 'shop', name: 'app', uid: 'u1' }
    const refusals = (spec: object, metadata: object = {}, old: object | null = null): readonly string[] => {
      const object = { metadata: { namespace: 'nauthera-cluster-edge', name: 'shop.app', ...metadata }, spec }
      const context = { object, oldObject: old && { ...object, spec: old } }
      if (!fence.matchConditions.every(({ expression }) => environment.evaluate(expression, context) === true))
        return []
      return fence.validations.flatMap(({ expression, message }) =>
        environment.evaluate(expression, context) === true ? [] : [message],
      )
    }
    expect(refusals({ origin, secret: { verifiers: [], deletionPolicy: 'Delete' } })).to.deep.equal([])
    expect(refusals({}, { namespace: 'shop', name: 'app' }), 'a client of this cluster').to.deep.equal([])
    expect(refusals({})).to.have.length(1)
    expect(refusals({ origin }, { namespace: 'shop' })).to.have.length(1)
    expect(refusals({ origin }, { name: 'web.app' })).to.have.length(1)
    expect(refusals({ origin }, {}, { origin: { ...origin, uid: 'u2' } })).to.have.length(1)
    expect(refusals({ origin, redirectURIsFrom: [] })).to.have.length(1)
    expect(refusals({ origin }, { finalizers: ['x'] })).to.have.length(1)
    expect(refusals({ origin }, { ownerReferences: [] })).to.have.length(1)
    for (const field of ['name', 'labels', 'annotations', 'presets', 'keys', 'data', 'existingSecretRef'])
      expect(refusals({ origin, secret: { [field]: {} } }), field).to.have.length(1)
  })

  it("K3 name exactly the Secrets that are the operator's own", async () => {
    const role = find(await objectsOf(), 'Role', operator)
    const names = rulesOf(role).find((rule) => rule.resources.includes('secrets') && rule.resourceNames)!.resourceNames!
    const own = [
      ...Array.from({ length: shardCount }, (_, shard) => shardSecretName('nauthera', shard)),
      manifestSecretName('nauthera'),
      issuersSecretName('nauthera'),
      proofSecretName('nauthera'),
      linkSecretName('nauthera'),
    ]
    expect(names).to.have.members(own)
    const fence = JSON.stringify(
      find(await objectsOf(), 'ValidatingAdmissionPolicy', 'auth.nauthera.secret-fence')['spec'],
    )
    for (const name of own) expect(fence).to.contain(`'${name}'`)
  })

  it('K3 of the keys Job are to create Secrets, and to read its own by name', async () => {
    expect(rightsOf(await objectsOf(), 'nauthera-keys')).to.deep.equal([
      'auth secrets create',
      'auth secrets get (1 names)',
    ])
    expect(rightsOf(await objectsOf({ mode: 'given-secrets' }), 'nauthera-keys')).to.deep.equal([])
  })

  it('K3 do not exist for server and Valkey', async () => {
    const objects = await objectsOf({ mode: 'ha-sentinel' })
    expect(rightsOf(objects, 'nauthera-server')).to.deep.equal([])
    expect(rightsOf(objects, 'nauthera-valkey')).to.deep.equal([])
  })
})

describe('NetworkPolicies', () => {
  it('are off by default, and cover every pod when on', async () => {
    expect((await objectsOf()).filter(({ kind }) => kind === 'NetworkPolicy')).to.deep.equal([])
    const objects = await objectsOf({ mode: 'ha-sentinel', values: { networkPolicy: { enabled: true } } })
    const covered = objects
      .filter(({ kind }) => kind === 'NetworkPolicy')
      .map((policy) => {
        expect(policy['spec'].policyTypes).to.deep.equal(['Ingress', 'Egress'])
        return policy['spec'].podSelector.matchLabels['app.kubernetes.io/component'] as string
      })
    const components = objects.flatMap((o) => {
      const template = templateOf(o)
      return template?.metadata.labels ? [template.metadata.labels['app.kubernetes.io/component']!] : []
    })
    expect(covered.sort()).to.deep.equal([...components, 'test'].sort())
  })

  it('never allow traffic to the addresses where clouds serve credentials', async () => {
    const objects = await objectsOf({ values: { networkPolicy: { enabled: true } } })
    for (const policy of objects.filter(({ kind }) => kind === 'NetworkPolicy')) {
      for (const rule of (policy['spec'].egress ?? []) as {
        to: { ipBlock?: { cidr: string; except?: string[] } }[]
      }[]) {
        expect(rule.to).to.have.length.greaterThan(0)
        for (const { ipBlock } of rule.to) {
          if (ipBlock?.cidr === '0.0.0.0/0') expect(ipBlock.except).to.include('169.254.0.0/16')
        }
      }
    }
  })

  it('allow only the operator to reach the status port', async () => {
    const objects = await objectsOf({ values: { networkPolicy: { enabled: true } } })
    const rules = find(objects, 'NetworkPolicy', 'nauthera-server')['spec'].ingress as {
      ports: { port: number }[]
      from?: object[]
    }[]
    const status = rules.filter(({ ports }) => ports.some(({ port }) => port === 9443))
    expect(status).to.have.length(1)
    expect(JSON.stringify(status[0]!.from)).to.contain('"app.kubernetes.io/component":"operator"')
  })
})
