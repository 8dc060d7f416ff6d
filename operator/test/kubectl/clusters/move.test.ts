import { expect } from 'chai'
import { kubectlGives, kubectlRefuses, runPlugin } from '../plugin.ts'

const edge = 'nauthera-cluster-edge'
const client = (namespace: string, name: string, more: { clientId?: string; spec?: object; uid?: string } = {}) => ({
  kind: 'OIDCClient',
  metadata: { namespace, name, uid: more.uid ?? `uid of ${name}` },
  spec: { type: 'Web', ...more.spec },
  status: more.clientId === undefined ? {} : { clientId: more.clientId },
})
const origin = (name: string, uid = `origin of ${name}`) => ({ namespace: 'shop', name, uid })
const web = client(edge, 'shop.web', { clientId: 'edge_shop.web', spec: { origin: origin('web') } })
const api = client(edge, 'shop.api', { clientId: 'edge_shop.api', spec: { origin: origin('api') } })
const here = client('shop', 'web', { spec: { clientId: 'edge_shop.web' }, uid: 'of-web' })

/** @param world.here clients by namespace of this cluster */
async function run(
  args: readonly string[],
  world: { clients?: readonly ReturnType<typeof client>[]; moved?: readonly object[]; cluster?: false } = {},
) {
  const patches: { name: string; patch: { metadata: object; spec: { moved: readonly object[] } } }[] = []
  const answer = await runPlugin(['cluster', 'move', ...args], {
    kubectl: (called) => {
      const [verb, kind, name = ''] = called
      if (verb === 'patch') {
        patches.push({ name, patch: JSON.parse(called[called.indexOf('--patch') + 1]!) })
        return kubectlGives({})
      }
      if (kind?.startsWith('oidcclusters')) {
        const spec = { moved: world.moved ?? [] }
        if (world.cluster === false) return kubectlRefuses('NotFound')
        return kubectlGives({ kind: 'OIDCCluster', metadata: { name, resourceVersion: '7' }, spec })
      }
      const namespace = called[called.indexOf('--namespace') + 1]
      const items = (world.clients ?? [web, api, here]).filter(({ metadata }) => metadata.namespace === namespace)
      return kubectlGives({ items })
    },
  })
  return { ...answer, patches }
}
const toHere = {
  clientId: 'edge_shop.web',
  from: { namespace: edge, name: 'shop.web' },
  to: { namespace: 'shop', name: 'web', uid: 'of-web' },
}

describe('kubectl nauthera cluster move', () => {
  it('lists the move in the OIDCCluster beside those of before, and says what is left to do', async () => {
    const other = {
      clientId: 'edge_shop.other',
      from: { namespace: edge, name: 'shop.other' },
      to: { namespace: 'x', name: 'y', uid: 'z' },
    }
    const { code, out, patches } = await run(['edge:shop/web', 'shop'], { moved: [other, { ...toHere, from: {} }] })
    expect(code).to.equal(0)
    expect(patches).to.deep.equal([
      { name: 'edge', patch: { metadata: { resourceVersion: '7' }, spec: { moved: [other, toHere] } } },
    ])
    expect(out).to.include('in the cluster edge: kubectl -n shop delete oidcclient web')
  })

  it('moves to a joined cluster the object of the team: its uid there, its list at that cluster', async () => {
    const far = 'nauthera-cluster-far'
    const there = client(far, 'shop.site', { spec: { clientId: 'edge_shop.web', origin: origin('site', 'of-site') } })
    const { code, patches } = await run(['edge:shop/web', 'far:shop/site'], { clients: [web, there] })
    expect(code).to.equal(0)
    expect(patches[0]?.name).to.equal('far')
    expect(patches[0]?.patch.spec.moved).to.deep.equal([
      { ...toHere, to: { namespace: far, name: 'shop.site', uid: 'of-site' } },
    ])
  })

  it('moves what is ready of a whole namespace, and says for the others what to apply first', async () => {
    const { code, error, patches } = await run(['edge:shop', 'shop'])
    expect(code).to.equal(1)
    expect(patches[0]?.patch.spec.moved).to.deep.equal([toHere])
    expect(error).to.include('first apply OIDCClient shop/api here with spec.clientId: edge_shop.api')
  })

  it('changes nothing where there is no such cluster, client or place', async () => {
    for (const [args, world] of [
      [['edge:shop/web', 'shop'], { cluster: false }],
      [['edge:shop/nobody', 'shop'], {}],
      [['shop/web', 'other/web'], {}],
      [['edge:shop', 'shop/web'], {}],
      [['Edge/shop/web', 'shop'], {}],
    ] as const) {
      const { code, error, patches } = await run(args, world)
      expect([code === 0, error === '', patches.length], args.join(' ')).to.deep.equal([false, false, 0])
    }
  })
})
