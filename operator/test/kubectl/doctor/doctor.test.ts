import { expect } from 'chai'
import { clientDefinition, policyDefinition } from '../../../src/api/crds.ts'
import { kubectlGives, kubectlRefuses, pluginNow, runPlugin } from '../plugin.ts'

type Answer = ReturnType<typeof kubectlGives>

const labelled = (object: object, labels: object) => ({ ...object, metadata: { ...labels } })
const deployment = (component: string, ready: number) => ({
  metadata: {
    name: `nauthera-${component}`,
    namespace: 'auth',
    labels: { 'app.kubernetes.io/instance': 'nauthera', 'app.kubernetes.io/version': '0.1.0' },
  },
  spec: { replicas: 2 },
  status: { readyReplicas: ready },
})
const lease = (renewTime: number) => ({
  spec: { holderIdentity: 'op-1', leaseDurationSeconds: 15, renewTime: new Date(renewTime).toISOString() },
})
const withVersion = (definition: object) =>
  labelled(definition, { name: 'x', labels: { 'app.kubernetes.io/version': '0.1.0' } })

/** A cluster that has all, where `kubectl auth can-i` says yes. */
const whole: Readonly<Record<string, Answer>> = {
  'version --output json': kubectlGives({}),
  'get customresourcedefinition oidcclients': kubectlGives(withVersion(clientDefinition)),
  'get customresourcedefinition oidcpolicies': kubectlGives(withVersion(policyDefinition)),
  'get deployments --all-namespaces --selector app.kubernetes.io/name=nauthera,app.kubernetes.io/component=operator':
    kubectlGives({ items: [deployment('operator', 2)] }),
  'get deployments --all-namespaces --selector app.kubernetes.io/name=nauthera,app.kubernetes.io/component=server':
    kubectlGives({ items: [deployment('server', 2)] }),
  'get deployments --all-namespaces --selector app.kubernetes.io/name=nauthera ': kubectlGives({
    items: [deployment('operator', 2)],
  }),
  'get lease nauthera-operator --namespace auth': kubectlGives(lease(pluginNow - 2000)),
  'auth whoami': { code: 0, stdout: 'ada', stderr: '' },
  'config view': { code: 0, stdout: 'apps', stderr: '' },
  'auth can-i': { code: 0, stdout: 'yes', stderr: '' },
}
const no = { code: 1, stdout: 'no', stderr: '' }

const run = (command: string, changes: Readonly<Record<string, Answer>> = {}, ...args: string[]) =>
  runPlugin([command, ...args], {
    kubectl: (called) => {
      const line = called.join(' ')
      const [, found] =
        Object.entries({ ...whole, ...changes })
          .filter(([start]) => line.startsWith(start))
          .toSorted(([one], [other]) => other.length - one.length)[0] ?? []
      return found ?? kubectlRefuses('NotFound')
    },
  })

describe('kubectl nauthera doctor', () => {
  it('says that a cluster has all that clients need', async () => {
    const { code, out, calls } = await run('doctor')
    expect({ code, out }).to.deep.equal({
      code: 0,
      out: [
        'definition oidcclients   ok  has every field that this version knows (0.1.0)',
        'definition oidcpolicies  ok  has every field that this version knows (0.1.0)',
        'operator                 ok  auth/nauthera-operator: 2 of 2 pods are ready',
        'leader                   ok  auth: op-1, renewed 2 s ago',
        'server                   ok  auth/nauthera-server: 2 of 2 pods are ready',
        'rights                   ok  you (ada) have all that the commands need in namespace apps',
        'rights                   ok  you (ada) have all that the commands need in the whole cluster',
        '',
      ].join('\n'),
    })
    expect(calls).to.include('auth can-i get secrets --namespace apps')
  })

  const { versions } = clientDefinition.spec
  const [version] = versions
  const { properties } = version!.schema.openAPIV3Schema
  const otherwise = (spec: object) =>
    kubectlGives({
      ...clientDefinition,
      spec: { versions: [{ ...version, schema: { openAPIV3Schema: { properties: { ...properties, spec } } } }] },
    })
  const specFields = (properties as Readonly<Record<string, { properties: Record<string, unknown> }>>)['spec']!
  const { secret: _secret, ...withoutSecret } = specFields.properties

  for (const [what, changes, said] of [
    ['no definition', { 'get customresourcedefinition oidcclients': kubectlRefuses('NotFound') }, /is not there/],
    [
      'a definition of an older version',
      { 'get customresourcedefinition oidcclients': otherwise({ properties: withoutSecret }) },
      /is of another version and lacks spec\.secret, spec\.secret\.\w+, spec\.secret\.\w+ and \d+ more/,
    ],
    [
      'a definition of a newer version',
      {
        'get customresourcedefinition oidcclients': otherwise({ properties: { ...specFields.properties, later: {} } }),
      },
      /this plugin does not know spec\.later\n {3}-> kubectl krew upgrade nauthera/,
    ],
    [
      'an operator without pods',
      {
        'get deployments --all-namespaces --selector app.kubernetes.io/name=nauthera,app.kubernetes.io/component=operator':
          kubectlGives({ items: [deployment('operator', 0)] }),
      },
      /0 of 2 pods are ready\n {3}-> kubectl -n auth describe deployment nauthera-operator/,
    ],
    [
      'a leader that stopped to renew',
      { 'get lease nauthera-operator --namespace auth': kubectlGives(lease(pluginNow - 60_000)) },
      /renewed 1 min ago: nobody leads any more/,
    ],
    [
      'a right that the person lacks, with what to type',
      { 'auth can-i get secrets': no, 'auth whoami': { code: 0, stdout: "oidc:o'neil", stderr: '' } },
      /may not, in namespace apps: get secrets \(secret, and why to compare it\)\n {3}-> kubectl create role nauthera-secrets -n apps --verb=get --resource=secrets\n {3}-> kubectl create rolebinding nauthera-secrets -n apps --role=nauthera-secrets --user='oidc:o'\\''neil'/,
    ],
  ] as [string, Record<string, Answer>, RegExp][])
    it(`tells of ${what}`, async () => {
      const { code, out } = await run('doctor', changes)
      expect(out).to.match(said)
      expect(code).to.equal(1)
    })

  it('says nothing of rights to an API that does not tell them, as the one of npm run dev', async () => {
    const silent = { code: 1, stdout: '', stderr: 'error: the server could not find the requested resource' }
    const { code, out } = await run('doctor', { 'auth can-i': silent })
    expect(out).to.match(/rights +not seen +this API does not say what you \(ada\) may do in namespace apps/)
    expect(out).not.to.include('MISSING')
    expect(code).to.equal(0)
  })

  it('does not blame a developer for rights in the whole cluster, nor for what they may not see', async () => {
    const { code, out } = await run('doctor', {
      'auth can-i list namespaces': no,
      'auth whoami': { code: 0, stdout: 'system:serviceaccount:ci:runner', stderr: '' },
      'get deployments': kubectlRefuses('Forbidden'),
      'get deployments --all-namespaces --selector app.kubernetes.io/name=nauthera,app.kubernetes.io/component=operator':
        kubectlRefuses('Forbidden'),
    })
    expect(code).to.equal(0)
    expect(out).to.match(/operator +not seen +Error from server \(Forbidden\)/)
    expect(out).to.include('--clusterrole=nauthera-namespaces --serviceaccount=ci:runner')
  })

  it('gives up when the cluster does not answer', async () => {
    const { code, out } = await run('doctor', {
      version: { code: 1, stdout: '', stderr: 'refused' },
      'version --output json': { code: 1, stdout: '', stderr: 'was refused' },
    })
    expect({ code, out }).to.deep.equal({ code: 2, out: 'cluster  FAILED  was refused\n   -> kubectl cluster-info\n' })
  })

  it('gives the same for programs', async () => {
    const { out } = await run('doctor', {}, '-o', 'json')
    expect(JSON.parse(out)).to.have.length(7).and.have.nested.property('[3].what', 'leader')
  })
})

describe('kubectl nauthera version', () => {
  it('tells that of the program, of the definitions and of each release', async () => {
    const { code, out } = await run('version')
    expect({ code, out }).to.deep.equal({
      code: 0,
      out: 'plugin                  0.1.0\ndefinitions             0.1.0\nauth/nauthera-operator  0.1.0\n',
    })
  })

  it('asks no cluster with --client', async () => {
    const { out, calls } = await run('version', {}, '--client', '-o', 'yaml')
    expect({ out, calls }).to.deep.equal({ out: 'plugin: 0.1.0\n', calls: [] })
  })

  it('says what it could not ask', async () => {
    const { code, out, error } = await run('version', {
      'get deployments': kubectlRefuses('Forbidden'),
      'get deployments --all-namespaces --selector app.kubernetes.io/name=nauthera ': kubectlRefuses('Forbidden'),
    })
    expect(code).to.equal(2)
    expect(out).to.include('definitions  0.1.0')
    expect(error).to.include('(Forbidden)')
  })
})
