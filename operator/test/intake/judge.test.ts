import { expect } from 'chai'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import type { OIDCPolicy, OIDCPolicySpec } from '../../src/api/oidc-policy.ts'
import { present } from '../../src/decide/client/present.ts'
import { createClientIndex } from '../../src/intake/client-index.ts'
import { createJudge } from '../../src/intake/judge.ts'
import { client, emptyShards, policy } from '../decide/clients.ts'

const at = (second: number) => ({ creationTimestamp: new Date(second * 1000).toISOString() })

describe('createJudge', () => {
  const judgeOf = (
    clients: readonly OIDCClient[],
    about: {
      policies?: OIDCPolicy[]
      /** undefined: of the namespace; null: its labels are not known yet */
      labels?: Record<string, string> | null
      baseline?: OIDCPolicySpec
      shards?: typeof emptyShards
      ending?: boolean
      latest?: (client: OIDCClient) => OIDCClient
    } = {},
  ) => {
    const index = createClientIndex()
    for (const one of clients) index.set(`${one.metadata.namespace}/${one.metadata.name}`, one)
    const labels = about.labels === null ? undefined : (about.labels ?? {})
    const watch = {
      clients: index,
      policies: () => about.policies ?? [],
      findCluster: () => undefined,
      namespaceLabels: () => labels,
      readsNamespaces: true,
    }
    const { shards = emptyShards, latest } = about
    const follow = { config: () => undefined }
    const endings = { has: () => about.ending === true }
    const { baseline = {} } = about
    return createJudge({ endings, watch, baseline, shards, follow, clock: { now: () => 0 }, ...present({ latest }) })
  }
  const throwing = (error: unknown) => {
    throw error
  }
  const custom = { allow: { customClientId: true } }

  it('K1 gives an id that two clients claim to the older one', () => {
    const [older, younger] = [
      client({ clientId: 'shop' }, { name: 'b', ...at(1) }),
      client({ clientId: 'shop' }, { name: 'a', ...at(2) }),
    ]
    const judge = judgeOf([older, younger], { baseline: custom })
    expect(judge(older, throwing).acceptance).to.include({ kind: 'accepted' })
    expect(judge(younger, throwing).acceptance).to.include({ kind: 'conflict', holder: 'demo/b' })
  })

  for (const [what, rival] of [
    ['a client id', (_index: number) => ({ clientId: 'shop' })],
    [
      'the identifier of an API',
      (index: number) => ({ clientId: `id-${index}`, resourceServer: { identifier: 'urn:shop:api' } }),
    ],
  ] as const)
    it(`K19 a look at one of 500 rivals for ${what} asks the shards as often as one at a client without any`, () => {
      let asked = 0
      const counted =
        <Args extends unknown[], Result>(ask: (...args: Args) => Result) =>
        (...args: Args) => {
          asked++
          return ask(...args)
        }
      const shards = {
        stored: counted(emptyShards.stored),
        holders: counted(emptyShards.holders),
        isLeaving: counted(emptyShards.isLeaving),
        isUnheardOf: counted(() => false),
        noRoom: counted(emptyShards.noRoom),
      }
      const rivals = Array.from({ length: 500 }, (_, index) =>
        client({ type: 'M2M', ...rival(index) }, { name: `rival-${index}`, uid: `uid-${index}`, ...at(index) }),
      )
      const judge = judgeOf(rivals, { baseline: { allow: { customClientId: true, resourceServer: true } }, shards })
      // decides for all of them
      judge(rivals[0]!, throwing)
      asked = 0
      for (const one of rivals) judge(one, throwing)
      expect(asked / rivals.length).to.be.at.most(5)
    })

  for (const [what, stolen] of [
    ['id', { clientId: 'shop' }],
    ['identifier', { resourceServer: { identifier: 'urn:shop:api', scopes: [{ name: 'read' }] } }],
  ] as const)
    it(`K1 with the shards lost, a name stays with who may have it: nobody takes an ${what} by a spec that breaks a rule`, () => {
      const loaded = { replicas: { loaded: 3, total: 3 } }
      const spec = {
        type: 'M2M',
        clientId: 'shop',
        resourceServer: { identifier: 'urn:shop:api', scopes: [{ name: 'read' }] },
      } as const
      const labels = { team: 'shop' }
      const owner = { ...client(spec, { name: 'owner', labels, ...at(2) }), status: { ...loaded, clientId: 'shop' } }
      const never = { interval: '720h', window: { schedule: '0 0 30 2 *', duration: '1h' } }
      const thief: OIDCClient = {
        ...client({ type: 'M2M', rotation: never, ...stolen }, { name: 'thief', namespace: 'another', ...at(1) }),
        status: { ...loaded, clientId: 'clientId' in stolen ? 'shop' : 'another.thief' },
      }
      const open = policy('owners', {
        selector: { clients: { matchLabels: { team: 'shop' } } },
        allow: { customClientId: true, resourceServer: true },
      })
      const judge = judgeOf([owner, thief], { policies: [open], shards: { ...emptyShards, isUnheardOf: () => false } })
      expect(judge(thief, throwing).acceptance.kind).to.equal('invalid')
      expect(judge(owner, throwing).acceptance).to.deep.equal({ kind: 'accepted', wanted: 'shop' })
    })

  it('K1 with the shards lost, a name stays with who was served under it a moment ago, before the watch has that status', () => {
    const owner = client({ clientId: 'shop' }, { name: 'owner', ...at(2) })
    const older = client({ clientId: 'shop' }, { name: 'older', ...at(1) })
    const status = { clientId: 'shop', replicas: { loaded: 3, total: 3 } }
    const shards = { ...emptyShards, isUnheardOf: () => false }
    const latest = (one: OIDCClient) => (one === owner ? { ...owner, status } : one)
    const judge = judgeOf([older, owner], { baseline: custom, shards, latest })
    expect(judge(older, throwing).acceptance).to.include({ kind: 'conflict', holder: 'demo/owner' })
    expect(judge(latest(owner), throwing).acceptance.kind).to.equal('accepted')
  })

  it('K1 with the shards lost, one that only waits for a name has not been served under it', () => {
    const spec = { type: 'M2M', resourceServer: { identifier: 'urn:shop:api', scopes: [{ name: 'read' }] } } as const
    const loaded = { replicas: { loaded: 3, total: 3 } }
    const why = { type: 'Accepted', status: 'False', reason: 'ClientIDConflict', message: 'is taken' } as const
    const conditions = [{ ...why, observedGeneration: 1, lastTransitionTime: at(1).creationTimestamp }]
    const owner = { ...client(spec, { name: 'owner', ...at(2) }), status: { ...loaded, clientId: 'demo.owner' } }
    const waits = client(spec, { name: 'waits', ...at(1) })
    const waiting = { ...waits, status: { ...loaded, clientId: 'demo.waits', conditions } }
    const about = {
      baseline: { allow: { resourceServer: true } },
      shards: { ...emptyShards, isUnheardOf: () => false },
    }
    const judge = judgeOf([owner, waiting as OIDCClient], about)
    expect(judge(owner, throwing).acceptance.kind).to.equal('accepted')
    expect(judge(waiting as OIDCClient, throwing).acceptance).to.include({ kind: 'conflict', holder: 'demo/owner' })
  })

  it('K14 a policy that selects by labels holds, and opens nothing, while those of the namespace are unknown', () => {
    const ofTeam = { namespaces: { matchLabels: { team: 'shop' } } }
    const policies = [
      policy('strict', { selector: ofTeam, require: { par: true } }),
      policy('opens', { selector: ofTeam, allow: { customClientId: true } }),
    ]
    const restricted = client({ redirectURIs: ['https://a.example.com/cb'], type: 'Web' })
    const denied = judgeOf([restricted], { policies, labels: null })(restricted, throwing)
    expect(denied.violations.map(({ policy: by }) => by)).to.deep.equal(['strict'])
    expect([denied.serve.kind, denied.served], 'nothing of it was ever served').to.deep.equal(['carry', undefined])
    expect(judgeOf([restricted], { policies })(restricted, throwing).serve.kind).to.equal('desired')
    const wants = client({ clientId: 'shop', par: true, redirectURIs: ['https://a.example.com/cb'], type: 'Web' })
    const fields = (labels: Record<string, string> | null) =>
      judgeOf([wants], { policies, labels })(wants, throwing).violations.map(({ field }) => field)
    expect(fields(null)).to.deep.equal(['spec.clientId'])
    expect(fields({ team: 'shop' })).to.deep.equal([])
  })

  it('asks the policies whose selector matches, with the labels of the namespace', () => {
    const strict = policy('strict', {
      selector: { namespaces: { matchLabels: { team: 'shop' } } },
      require: { par: true },
    })
    const judged = (labels: Record<string, string>) =>
      judgeOf([client()], { policies: [strict], labels })(client(), throwing)
    expect(judged({ team: 'shop' }).violations.map(({ field }) => field)).to.deep.equal(['spec.par'])
    expect(judged({ team: 'web' }).policies).to.deep.equal(['baseline'])
  })

  it('K19 lets nobody move up to a place under a limit while the namespace is being deleted', () => {
    const [first, waiting] = [client({}, { name: 'a', ...at(1) }), client({}, { name: 'b', ...at(2) })]
    const limit = { baseline: { limits: { clientsPerNamespace: 1 } } }
    const serves = (clients: OIDCClient[], ending: boolean) =>
      judgeOf(clients, { ...limit, ending })(waiting, throwing).serve.kind
    expect(serves([first, waiting], false)).to.equal('carry')
    expect(serves([waiting], false)).to.equal('desired')
    expect(serves([waiting], true)).to.equal('carry')
  })

  it('K19 decides between 500 clients with one id once, not at each look at one of them', () => {
    const rivals = Array.from({ length: 500 }, (_, index) =>
      client({ clientId: 'shop' }, { name: `c${index}`, ...at(index) }),
    )
    const judge = judgeOf(rivals, { baseline: custom })
    const cpu = process.cpuUsage()
    const kinds = rivals.map((one) => judge(one, throwing).acceptance.kind)
    const { user, system } = process.cpuUsage(cpu)
    expect(kinds.filter((kind) => kind === 'accepted').length).to.equal(1)
    expect(kinds.indexOf('accepted')).to.equal(0)
    // each anew takes minutes
    expect((user + system) / 1e6).to.be.below(5)
  })

  it('refuses an object that makes the rules throw, and tells of it once', () => {
    const stumbles: unknown[] = []
    const index = createClientIndex()
    index.set('demo/app', client())
    const judge = createJudge({
      endings: { has: () => false },
      watch: {
        clients: index,
        policies: () => {
          throw new Error('cannot be read')
        },
        findCluster: () => undefined,
        namespaceLabels: () => ({}),
        readsNamespaces: true,
      },
      baseline: {},
      shards: emptyShards,
      follow: { config: () => undefined },
      clock: { now: () => 0 },
    })
    const { acceptance, serve } = judge(client(), (error) => stumbles.push(error))
    expect(acceptance).to.include({ kind: 'invalid', wanted: 'demo.app' })
    expect(serve).to.deep.equal({ kind: 'carry', until: undefined })
    expect(stumbles.length).to.equal(1)
  })

  it('refuses a client that is in no index: it was deleted while it was looked at', () => {
    const stumbles: unknown[] = []
    expect(judgeOf([])(client(), (error) => stumbles.push(error)).acceptance.kind).to.equal('invalid')
    expect(stumbles.length).to.equal(1)
  })
})
