import { expect } from 'chai'
import type { OIDCClient, OIDCClientSpec } from '../../../src/api/oidc-client.ts'
import type { OIDCPolicySpec } from '../../../src/api/oidc-policy.ts'
import { client } from '../../decide/clients.ts'
import { kubectlGives, kubectlRefuses, runPlugin } from '../plugin.ts'

const named = (name: string, spec: Partial<OIDCClientSpec>, namespace = 'demo'): object => {
  const one = client({ redirectURIs: ['https://app.example.com/callback'], ...spec })
  const metadata: OIDCClient['metadata'] = { ...one.metadata, name, namespace, uid: name }
  const status = {
    servedBy: 'auth/nauthera',
    clientId: `${namespace}.${name}`,
    replicas: { loaded: 2, total: 2, summary: '2/2' },
  }
  return { kind: 'OIDCClient', ...one, metadata, status }
}
const policy = (name: string, spec: OIDCPolicySpec): object => ({ metadata: { name }, spec })
const file = (name: string, spec: OIDCPolicySpec): string =>
  JSON.stringify({ apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCPolicy', ...policy(name, spec) })

interface ClusterThere {
  readonly clients: readonly object[]
  readonly policies?: readonly object[]
  readonly labels?: Readonly<Record<string, Record<string, string>>>
  readonly baseline?: OIDCPolicySpec
  /** Undefined: nobody may list them. */
  readonly clusters?: readonly object[]
}

function test(args: readonly string[], there: ClusterThere, files: Readonly<Record<string, string>> = {}) {
  const { clients, policies = [], labels = {}, baseline } = there
  const answers: Readonly<Record<string, readonly object[] | undefined>> = {
    'oidcclients.auth.nauthera.io': clients,
    'oidcpolicies.auth.nauthera.io': policies.map((one) => ({ kind: 'OIDCPolicy', ...one })),
    'oidcclusters.auth.nauthera.io': there.clusters?.map((one) => ({ kind: 'OIDCCluster', ...one })),
    namespaces: Object.entries(labels).map(([name, own]) => ({ metadata: { name, labels: own } })),
  }
  const kubectl = ([, kind, name]: readonly string[]) => {
    if (kind === 'configmap')
      return baseline === undefined || name !== 'nauthera-operator'
        ? kubectlRefuses('NotFound')
        : kubectlGives({ data: { 'operator.yaml': JSON.stringify({ policy: baseline }) } })
    const items = answers[kind!]
    return items === undefined ? kubectlRefuses('Forbidden') : kubectlGives({ items })
  }
  return runPlugin(['policy', 'test', ...args], { kubectl, files })
}

const shortTokens = { limits: { tokens: { access: '5m' } } }

describe('kubectl nauthera policy test', () => {
  it('says who would break a policy, when that is refused, and who would not', async () => {
    const clients = [named('long', { tokens: { accessTTL: '1h' } }), named('short', { tokens: { accessTTL: '5m' } })]
    const there = { clients, baseline: {} }
    const { code, out, calls } = await test(['-f', 'p'], there, { p: file('strict', { ...shortTokens, grace: '2h' }) })
    expect(code).to.equal(1)
    expect(out.split('\n')).to.deep.equal([
      '1 of 2 clients are concerned, 1 of them would break it.',
      '',
      'demo/long BREAKS it: what it has now is served until 2026-01-01T14:00:00Z, then nothing of it is',
      '   spec.tokens.accessTTL: must be at most 5m (policy strict)',
      '',
    ])
    expect(
      calls.every((call) => call.startsWith('get ')),
      'it changes nothing',
    ).to.equal(true)
  })

  describe('of a client that a joined cluster sent', () => {
    const [cluster, edgeUid] = ['nauthera-cluster-edge', '6f1c1c0a-8a4e-4b57-9d8a-3a1b2c3d4e5f']
    const origin = { namespace: 'shop', name: 'app', uid: 'u', namespaceLabels: { tier: 'gold' } }
    const mirror = named('shop.app', { type: 'SPA', tokens: { accessTTL: '1h' }, origin }, 'nauthera-cluster-edge')
    const gold = file('gold', { selector: { namespaces: { matchLabels: { tier: 'gold' } } }, ...shortTokens })
    const silver = file('silver', { selector: { namespaces: { matchLabels: { tier: 'silver' } } }, ...shortTokens })
    const edge = (spec: object) => [{ metadata: { name: 'edge', uid: edgeUid }, spec }]
    const codeOf = async (policies: string, clusters?: readonly object[]) => {
      const there = { clients: [mirror], baseline: {}, labels: { 'nauthera-cluster-edge': {} } }
      return await test(['-f', 'p'], { ...there, ...(clusters ? { clusters } : {}) }, { p: policies })
    }

    it('goes by the labels that the cluster tells, where they are trusted', async () => {
      expect((await codeOf(gold, edge({ trustNamespaceLabels: true }))).code).to.equal(1)
      expect((await codeOf(silver, edge({ trustNamespaceLabels: true }))).code).to.equal(0)
    })

    it('counts its own namespace there, and the oldest as the operator does: by the uid that lasts', async () => {
      const made = (name: string, origin: object) => {
        const one = named(name, { type: 'SPA', origin: { name: name.split('.')[1]!, ...origin } as never }, cluster)
        return { ...one, status: undefined }
      }
      const clients = [
        made('shop.a', { namespace: 'shop', uid: 'u-2' }),
        made('shop.b', { namespace: 'shop', uid: 'u-1' }),
        made('web.c', { namespace: 'web', uid: 'u-3' }),
      ]
      const { out } = await test(
        ['-f', 'p', '-o', 'json'],
        { clients, baseline: {}, clusters: edge({}) },
        {
          p: file('few', { limits: { clientsPerNamespace: 1 } }),
        },
      )
      // of the first two, the one that comes later by UUIDv5 of the cluster's uid and its own
      expect(JSON.parse(out).effects.map(({ client: key }: { client: string }) => key)).to.deep.equal([
        `${cluster}/shop.a`,
      ])
    })

    it('does not hold the id of a client that came from there against it', async () => {
      const moved = named('web', { clientId: 'edge_web' }, 'shop')
      const to = { namespace: 'shop', name: 'web', uid: 'web' }
      const move = { clientId: 'edge_web', from: { namespace: cluster, name: 'shop.web' }, to }
      const strict = { p: file('strict', { allow: { customClientId: false } }) }
      const there = (spec: object) => ({
        clients: [moved],
        baseline: { allow: { customClientId: true } },
        clusters: edge(spec),
      })
      expect((await test(['-f', 'p'], there({ moved: [move] }), strict)).code).to.equal(0)
      expect((await test(['-f', 'p'], there({}), strict)).code).to.equal(1)
    })

    it('takes a policy that selects by labels for one that limits, where they are not', async () => {
      expect((await codeOf(silver, edge({}))).code).to.equal(1)
      const unread = await codeOf(silver)
      expect([unread.code, unread.out]).to.satisfy(
        ([code, out]: [number, string]) => code === 1 && out.includes('you may not list oidcclusters'),
      )
    })
  })

  it('tells no break of before, and what would be mended', async () => {
    const clients = [named('long', { tokens: { accessTTL: '1h' } })]
    const policies = [policy('strict', shortTokens)]
    const same = await test(['-f', 'p'], { clients, policies, baseline: {} }, { p: file('strict', shortTokens) })
    expect(same).to.include({ code: 0, out: 'nothing changes for the 1 clients that are there.\n' })
    const away = await test(['--without', 'strict'], { clients, policies, baseline: {} })
    expect(away.code).to.equal(0)
    expect(away.out).to.include(
      'demo/long\n   no longer broken: spec.tokens.accessTTL: must be at most 5m (policy strict)',
    )
  })

  it('says which client of one second has no place: that with the later uid, whatever it is called', async () => {
    const fresh = (name: string, uid: string) => {
      const one = client({}, { name, uid })
      return { kind: 'OIDCClient', ...one }
    }
    const clients = [fresh('a', '2'), fresh('b', '1')]
    const { out } = await test(
      ['-f', 'p'],
      { clients, baseline: {} },
      {
        p: file('few', { limits: { clientsPerNamespace: 1 } }),
      },
    )
    expect(out).to.include('demo/a BREAKS it').and.not.include('demo/b BREAKS it')
  })

  it('says that a new client has no place where others that came later are served', async () => {
    const fresh = client({}, { name: 'a', uid: '1', creationTimestamp: '2025-01-01T00:00:00Z' })
    const clients = [{ kind: 'OIDCClient', ...fresh }, named('b', {})]
    const { out } = await test(
      ['-f', 'p'],
      { clients, baseline: {} },
      {
        p: file('few', { limits: { clientsPerNamespace: 1 } }),
      },
    )
    expect(out).to.include('demo/a BREAKS it').and.not.include('demo/b BREAKS it')
  })

  it('says what would be otherwise for whom, though nobody breaks it', async () => {
    const defaults = { tokens: { accessTTL: '10m' }, rotation: { interval: '720h' } }
    const { code, out } = await test(
      ['-f', 'p'],
      { clients: [named('app', {})], baseline: {} },
      { p: file('usual', { defaults }) },
    )
    expect(code).to.equal(0)
    expect(out).to.include('1 of 1 clients are concerned, and none of them breaks a policy.')
    expect(out)
      .to.include('   tokens.accessTTL: (nothing) -> 10m')
      .and.to.include('   rotation.interval: (nothing) -> 720h')
  })

  it('says when a limit shortens the tokens of a client that asks for no length', async () => {
    const one = named('app', {})
    const clients = [{ ...one, status: { effective: { tokens: { accessTTL: '10m' } } } }]
    const { out } = await test(['-f', 'p'], { clients, baseline: {} }, { p: file('strict', shortTokens) })
    expect(out).to.include('   tokens.accessTTL: 10m -> 5m')
  })

  it('says which API a client loses', async () => {
    const identifier = 'https://api.example.com'
    const clients = [
      named('api', { type: 'M2M', redirectURIs: [], resourceServer: { identifier, scopes: [{ name: 'read' }] } }),
      named('caller', { type: 'M2M', redirectURIs: [], audiences: [identifier], scopes: ['read'] }),
    ]
    const { out } = await test(
      ['-f', 'p'],
      { clients, baseline: { allow: { resourceServer: true } } },
      { p: file('narrow', { allow: { audiences: ['https://other.example.com'] } }) },
    )
    expect(out).to.match(/demo\/caller[^]*(API https:\/\/api\.example\.com|spec\.audiences)/)
  })

  it('only tells what a policy that warns would say', async () => {
    const clients = [named('long', { tokens: { accessTTL: '1h' } })]
    const { code, out } = await test(
      ['-f', 'p'],
      { clients, baseline: {} },
      { p: file('soft', { ...shortTokens, enforcement: 'Warn' }) },
    )
    expect(code).to.equal(0)
    expect(out).to.include('   only told: spec.tokens.accessTTL: must be at most 5m (policy soft)')
  })

  it('goes by the labels of namespaces, and says when it may not read them', async () => {
    const clients = [
      named('one', { tokens: { accessTTL: '1h' } }, 'red'),
      named('other', { tokens: { accessTTL: '1h' } }, 'blue'),
    ]
    const spec = { ...shortTokens, selector: { namespaces: { matchLabels: { team: 'red' } } } }
    const there = { clients, baseline: {}, labels: { red: { team: 'red' }, blue: {} } }
    const { out } = await test(['-f', 'p', '-o', 'json'], there, { p: file('red', spec) })
    expect(JSON.parse(out)).to.have.nested.property('effects[0].client', 'red/one')
    expect(JSON.parse(out)).to.have.property('effects').with.length(1)
    const blind = await runPlugin(['policy', 'test', '-f', 'p'], {
      files: { p: file('red', spec) },
      kubectl: ([, kind]) =>
        kind === 'namespaces' || kind === 'configmap'
          ? kubectlRefuses('Forbidden')
          : kubectlGives({ items: kind!.startsWith('oidcclients') ? clients : [] }),
    })
    expect(blind.out).to.include('2 of 2 clients are concerned')
    expect(blind.out).to.include('(you may not list namespaces:').and.to.include("operators' settings")
  })

  it('takes the policy of the settings of the release that serves a client, and asks for no other ConfigMap', async () => {
    const own = { ...named('one', { tokens: { accessTTL: '1h' } }) }
    const settings: Readonly<Record<string, string>> = {
      'nauthera-operator auth': JSON.stringify({ policy: shortTokens }),
      'other-operator sso': JSON.stringify({ policy: {} }),
      'broken-operator auth': '{',
    }
    const asked: string[] = []
    const ask = (servedBy: string | undefined, args: readonly string[] = []) =>
      runPlugin(['policy', 'test', '--without', 'x', '-o', 'json', ...args], {
        kubectl: ([, kind, ...rest]) => {
          if (kind !== 'configmap')
            return kubectlGives({
              items: kind!.startsWith('oidcclients') ? [{ ...own, status: servedBy ? { servedBy } : {} }] : [],
            })
          asked.push(`${rest[0]} ${rest[2]}`)
          const text = settings[asked.at(-1)!]
          return text === undefined ? kubectlRefuses('NotFound') : kubectlGives({ data: { 'operator.yaml': text } })
        },
      })
    const notes = async (...args: Parameters<typeof ask>) => {
      const { code, out, error } = await ask(...args)
      expect(code, error).to.equal(0)
      return (JSON.parse(out) as { notes: string[] }).notes.join()
    }
    expect(await notes('auth/nauthera')).to.equal('')
    expect(await notes('sso/other')).to.equal('')
    expect(await notes(undefined)).to.include('name one with --release')
    expect(await notes(undefined, ['--release', 'auth/nauthera'])).to.equal('')
    expect(await notes('auth/broken')).to.include('the settings of the release auth/broken are damaged')
    expect(asked).to.deep.equal([
      'nauthera-operator auth',
      'other-operator sso',
      'nauthera-operator auth',
      'broken-operator auth',
    ])
  })

  it('names file and line of what is wrong with a policy, and asks for one', async () => {
    const there = { clients: [], baseline: {} }
    const wrong = await test(['-f', 'p'], there, { p: file('strict', { limits: { tokens: { access: '1d' } } }) })
    expect(wrong.code).to.equal(1)
    expect(wrong.error).to.match(/^p:1: spec\.limits\.tokens\.access: must be a duration/)
    expect((await test(['-f', 'p'], there, { p: '' })).error).to.equal('p:1: has no OIDCPolicy in it\n')
    expect((await test([], there)).code).to.equal(2)
  })

  it('says which rights it needs', async () => {
    const { code, error } = await runPlugin(['policy', 'test', '--without', 'x'], {
      kubectl: () => kubectlRefuses('Forbidden'),
    })
    expect(code).to.equal(2)
    expect(error).to.include('to list oidcclients and oidcpolicies.auth.nauthera.io in all namespaces')
  })
})
