import { expect } from 'chai'
import { parse } from 'yaml'
import { hubObjects } from '../../../src/kubectl/clusters/hub-objects.ts'
import { parseHubKubeconfig } from '../../../src/spoke/hub-kubeconfig.ts'
import { kubectlGives, kubectlRefuses, runPlugin } from '../plugin.ts'

const loggedOut = 'You must be logged in to the server (Unauthorized)'
const done = { code: 0, stdout: '', stderr: '' }
const kubeconfig = { server: 'https://10.0.0.1:6443', 'certificate-authority-data': 'Q0E=' }

/** @param world.cluster the OIDCCluster that is there */
async function run(
  args: readonly string[],
  world: {
    cluster?: object
    namespace?: true
    kubeconfig?: object
    refuses?: string
    expired?: true
    /** What the ConfigMap of the release says. */
    release?: string
  } = {},
) {
  const applied: { items: readonly { kind: string; spec?: { hard?: object } }[] }[] = []
  const answer = await runPlugin(['cluster', ...args], {
    kubectl: (called, input) => {
      const [verb = ''] = called
      if (verb === world.refuses) return kubectlRefuses('Forbidden')
      if (world.expired && verb !== 'config') return { code: 1, stdout: '', stderr: `error: ${loggedOut}\n` }
      if (verb === 'config') return kubectlGives(world.kubeconfig ?? kubeconfig)
      if (called[1] === 'configmap')
        return world.release === undefined
          ? kubectlRefuses('NotFound')
          : kubectlGives({ data: { 'operator.yaml': world.release } })
      if (called[1] === 'namespaces') return world.namespace ? kubectlGives({}) : kubectlRefuses('NotFound')
      if (verb === 'get') return world.cluster ? kubectlGives(world.cluster) : kubectlRefuses('NotFound')
      if (verb === 'create') return { ...done, stdout: 'a.b.c\n' }
      if (input !== undefined) applied.push(JSON.parse(input))
      return done
    },
  })
  return { ...answer, applied }
}
const verbs = (calls: readonly string[]) => calls.map((call) => call.split(' ').slice(0, 2).join(' '))

describe('kubectl nauthera cluster join', () => {
  it('makes all that the cluster needs here, and prints a Secret with address, CA and token and nothing else', async () => {
    const { code, out, error, calls, applied } = await run(['join', 'berlin', '--context', 'hub'])
    expect(code, error).to.equal(0)
    expect(verbs(calls)).to.deep.equal([
      'config view',
      'get configmap',
      'get oidcclusters.auth.nauthera.io',
      'get namespaces',
      'apply --server-side',
      'create token',
    ])
    for (const call of calls) expect(call).to.include('--context hub')
    expect(applied[0]?.items).to.deep.equal(JSON.parse(JSON.stringify(hubObjects('berlin'))))
    const secret = parse(out) as { metadata: object; stringData: { kubeconfig: string } }
    expect(secret.metadata).to.deep.equal({ name: 'nauthera-hub', namespace: 'auth' })
    expect(parse(secret.stringData.kubeconfig)).to.deep.include({
      clusters: [{ name: 'hub', cluster: kubeconfig }],
      users: [{ name: 'spoke', user: { token: 'a.b.c' } }],
    })
    expect(parseHubKubeconfig(secret.stringData.kubeconfig).kind, 'the spoke takes it').to.equal('parsed')
    expect(error).to.include('helm upgrade --install').and.include('operator.mode=spoke')
    expect(error, 'the token is on standard output alone').not.to.include('a.b.c')
  })

  it('says the issuer of the release in the Helm command, and reads no other ConfigMap', async () => {
    const known = await run(['join', 'berlin'], { release: 'issuer: https://login.example.com' })
    expect(known.error).to.include('--set issuer=https://login.example.com')
    expect(known.calls[1]).to.equal('get configmap nauthera-operator --namespace auth --output json')
    const other = await run(['join', 'berlin', '--release', `sso/${'long-'.repeat(12)}name`])
    expect(other.error).to.include('--set issuer=ISSUER')
    // as helm names it
    expect(other.calls[1]).to.match(/^get configmap (?:long-)+long-[0-9a-f]{8}-operator --namespace sso/)
    expect(/configmap (\S+)/.exec(other.calls[1]!)![1]).to.have.length.at.most(63)
  })

  it('goes on where the settings of the release are damaged', async () => {
    for (const release of ['{', 'a: b: c', '- 1', ''])
      expect(await run(['join', 'berlin'], { release })).to.include({ code: 0 })
  })

  it('asks for a life and an address that it is given, and keeps the CA', async () => {
    const { out, calls } = await run([
      'join',
      'berlin',
      '--token-lifetime',
      '12h',
      '--server',
      'https://hub.example.com',
    ])
    expect(calls.find((call) => call.startsWith('create token'))).to.include('--duration 12h')
    expect(out).to.include('server: https://hub.example.com').and.include('Q0E=')
  })

  it('lets the API server take as many clients as the OIDCCluster says, when it is there already', async () => {
    const cluster = { kind: 'OIDCCluster', metadata: { name: 'berlin' }, spec: { limits: { clients: 7 } } }
    const { applied } = await run(['join', 'berlin'], { cluster })
    const quota = applied[0]?.items.find(({ kind }) => kind === 'ResourceQuota')
    expect(quota?.spec?.hard).to.deep.equal({ 'count/oidcclients.auth.nauthera.io': '7' })
  })

  it('T70 --take-over ends the tokens of before, then frees the Lease, then makes a token', async () => {
    const { calls } = await run(['join', 'berlin', '--take-over'])
    expect(verbs(calls).slice(-4)).to.deep.equal([
      'delete serviceaccount',
      'apply --server-side',
      'patch lease',
      'create token',
    ])
  })

  it('--dry-run prints the objects, and calls nobody', async () => {
    const { code, out, calls } = await run(['join', 'berlin', '--dry-run', '-o', 'yaml'])
    expect([code, calls]).to.deep.equal([0, []])
    expect((parse(out) as { items: object[] }).items).to.deep.equal(JSON.parse(JSON.stringify(hubObjects('berlin'))))
  })

  for (const [sentence, args, world, words] of [
    ['a name with an underscore', ['join', 'ber_lin'], {}, 'small letters'],
    ['a name that leaves no room for the namespace', ['join', 'b'.repeat(47)], {}, '46'],
    ['a life that is no time', ['join', 'berlin', '--token-lifetime', 'long'], {}, '--token-lifetime'],
    [
      'a life that the alert takes for one that ends',
      ['join', 'berlin', '--token-lifetime', '11h'],
      {},
      'at least 12h',
    ],
    ['a kubeconfig without an address', ['join', 'berlin'], { kubeconfig: {} }, '--server'],
    ['an address without TLS', ['join', 'berlin', '--server', 'http://hub'], {}, 'https'],
    ...['127.0.0.1', 'localhost', '[::1]'].map(
      (host) =>
        [
          `the address ${host} of a kubeconfig, which is another machine elsewhere`,
          ['join', 'berlin'],
          { kubeconfig: { ...kubeconfig, server: `https://${host}:6443` } },
          '--server',
        ] as const,
    ),
    [
      'a cluster that has joined another one itself',
      ['join', 'berlin'],
      { release: 'mode: spoke' },
      'in the cluster of the issuer',
    ],
    [
      'a namespace that somebody else made: rights there would be rights over the clients',
      ['join', 'berlin', '--take-over'],
      { namespace: true },
      'delete the namespace, or choose another name',
    ],
    ['a login that has expired', ['join', 'berlin'], { expired: true }, loggedOut],
    [
      'a kubeconfig that verifies nobody',
      ['join', 'berlin'],
      { kubeconfig: { ...kubeconfig, 'insecure-skip-tls-verify': true } },
      'certificate-authority',
    ],
    ['a person without the rights', ['join', 'berlin'], { refuses: 'apply' }, 'cluster-admin'],
  ] as const)
    it(`makes no token for ${sentence}`, async () => {
      const { code, out, error, calls } = await run(args, world)
      expect([code, out]).to.deep.equal([2, ''])
      expect(error).to.include(words)
      expect(verbs(calls)).not.to.include('create token')
      if (!('refuses' in world)) expect(verbs(calls).filter((verb) => !/^(get|config) /.test(verb))).to.deep.equal([])
    })

  it('joins where the namespace of an OIDCCluster is: a second time, or after a first one that was broken off', async () => {
    const cluster = { kind: 'OIDCCluster', metadata: { name: 'berlin' }, spec: {} }
    const { code, out } = await run(['join', 'berlin'], { cluster, namespace: true })
    expect([code, out.includes('a.b.c')]).to.deep.equal([0, true])
  })
})

describe('hubObjects', () => {
  const objects = hubObjects('berlin')
  const find = (kind: string) => objects.find((one) => one.kind === kind)

  it('T70 gives the account of the cluster exactly these rights', () => {
    expect(find('Role')?.['rules']).to.deep.equal([
      {
        apiGroups: ['auth.nauthera.io'],
        resources: ['oidcclients'],
        verbs: ['get', 'list', 'watch', 'create', 'update', 'delete'],
      },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['nauthera-spoke'], verbs: ['get', 'update'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['nauthera-spoke'],
        verbs: ['get', 'update'],
      },
      { apiGroups: [''], resources: ['serviceaccounts/token'], resourceNames: ['nauthera-spoke'], verbs: ['create'] },
    ])
    expect(find('ClusterRole')).to.equal(undefined)
    const subject = { kind: 'ServiceAccount', name: 'nauthera-spoke', namespace: 'nauthera-cluster-berlin' }
    expect(find('RoleBinding')?.['subjects']).to.deep.equal([subject])
  })

  it('T70 puts everything that has a namespace into that of the cluster', () => {
    const spaces = objects.flatMap(({ metadata }) => metadata.namespace ?? [])
    expect(new Set(spaces)).to.deep.equal(new Set(['nauthera-cluster-berlin']))
  })
})

describe('kubectl nauthera cluster leave', () => {
  const list = { items: [{ kind: 'OIDCClient', metadata: { name: 'shop.app' }, spec: {} }] }
  const cluster = { kind: 'OIDCCluster', metadata: { name: 'berlin' }, spec: {} }
  const leave = (world: { cluster?: false; namespace?: false; moved?: readonly object[] }, ...args: string[]) =>
    runPlugin(['cluster', 'leave', 'berlin', ...args], {
      kubectl: ([verb, kind]) => {
        if (verb !== 'get') return done
        if (kind === 'namespaces') return world.namespace === false ? kubectlRefuses('NotFound') : kubectlGives({})
        if (kind === 'oidcclients.auth.nauthera.io') return kubectlGives(list)
        return world.cluster === false
          ? kubectlRefuses('NotFound')
          : kubectlGives({ ...cluster, spec: { moved: world.moved } })
      },
    })
  const deleted = (calls: readonly string[]) => verbs(calls).filter((verb) => verb.startsWith('delete'))

  it('says what would be lost, and removes nothing, until it is told --yes', async () => {
    const { code, error, calls } = await leave({})
    expect([code, deleted(calls)]).to.deep.equal([1, []])
    expect(error).to.include('clients of berlin here: 1').and.include('--yes')
  })

  it('takes the rights away before the clients, so that the cluster puts none back', async () => {
    const { code, calls } = await leave({}, '--yes')
    expect(code).to.equal(0)
    expect(deleted(calls)).to.deep.equal([
      'delete rolebinding',
      'delete namespace',
      'delete oidcclusters.auth.nauthera.io',
    ])
  })

  it('names each client that was moved there or from there, before and after', async () => {
    const [here, there] = [
      { namespace: 'web', name: 'blog' },
      { namespace: 'nauthera-cluster-berlin', name: 'shop.app' },
    ]
    const moved = [
      { clientId: 'web.blog', from: here, to: { ...there, uid: 'u1' } },
      { clientId: 'berlin_shop.app', from: there, to: { ...here, uid: 'u2' } },
    ]
    const told = [
      'moved there, and removed with it: web.blog, which was web/blog',
      'moved from there, and loses its client id: berlin_shop.app of web/blog; a policy with allow.anyClientId keeps it',
    ]
    expect((await leave({ moved })).error.split('\n').slice(1, -1)).to.deep.equal(told)
    expect((await leave({ moved }, '--yes')).out.split('\n').slice(1, -1)).to.deep.equal(told)
  })

  it('ends what is left of one that had begun to leave', async () => {
    for (const world of [{ cluster: false }, { namespace: false }] as const) {
      const { code, calls } = await leave(world, '--yes')
      expect([code, deleted(calls).length]).to.deep.equal([0, 3])
    }
  })

  it('says that there is no such cluster, as of a name that somebody mistyped, and removes nothing', async () => {
    const { code, error, out, calls } = await leave({ cluster: false, namespace: false }, '--yes')
    expect([code, out, deleted(calls)]).to.deep.equal([2, '', []])
    expect(error).to.equal('no OIDCCluster berlin is here; see kubectl nauthera cluster list\n')
  })
})

describe('kubectl nauthera cluster list', () => {
  const seen = {
    lastSeen: '2026-01-01T11:57:00Z',
    clients: 3,
    ready: 2,
    operatorVersion: '0.1.0',
    holder: 'uid-1',
    conditions: [{ type: 'Seen', status: 'True', reason: 'Seen' }],
  }
  const clusters = [
    { kind: 'OIDCCluster', metadata: { name: 'berlin' }, spec: {}, status: seen },
    {
      kind: 'OIDCCluster',
      metadata: { name: 'madrid' },
      spec: {},
      status: { conditions: [{ type: 'Seen', status: 'False', reason: 'Silent' }] },
    },
    { kind: 'OIDCCluster', metadata: { name: 'oslo' }, spec: {} },
    { kind: 'OIDCCluster', metadata: { name: 'paris' }, spec: { suspended: true } },
  ]
  const list = (...args: string[]) =>
    runPlugin(['cluster', 'list', ...args], { kubectl: () => kubectlGives({ items: clusters }) })

  it('shows when each was last heard of, its clients and what is wrong, and nothing of one that nobody looked at', async () => {
    const { code, out } = await list()
    expect(code).to.equal(0)
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).to.deep.equal([
      ['NAME', 'LAST-SEEN', 'CLIENTS', 'STATE'],
      ['berlin', '3 min ago', '2/3 Ready', 'ok'],
      ['madrid', 'never', '-', 'Silent'],
      ['oslo', 'never', '-', '-'],
      ['paris', 'never', '-', 'Suspended'],
      [''],
    ])
  })

  it('gives programs the same as JSON', async () => {
    const { out } = await list('-o', 'json')
    expect((JSON.parse(out) as { holder: string }[])[0]).to.deep.include({ name: 'berlin', holder: 'uid-1' })
  })
})
