import { expect } from 'chai'
import { createLeapClock } from '@nauthera/harness/operator/clocks'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'
import { createRecordedLog } from '@nauthera/harness/operator/recorded-log'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import { createWatch } from '../../src/intake/watch.ts'
import { apiTimeouts, createConnection } from '../../src/kubernetes/connection.ts'
import { loadCredentials } from '../../src/kubernetes/credentials.ts'

const edge = 'nauthera-cluster-edge'
const uid = '0f6c2a58-6d0e-4f4e-9a3b-2f1f7f1f0c11'

describe('createWatch', function () {
  this.timeout(40_000)

  it('looks at every rival of a client that moves, also at those that the move does not name', async () => {
    const api = await startKubeApi({ namespaces: ['auth', edge, 'shop', 'team'] })
    const clock = createLeapClock()
    const connection = createConnection({
      credentials: loadCredentials({ KUBECONFIG: writeKubeconfig(api.adminConfig) }, clock),
      userAgent: 'test',
      timeouts: { ...apiTimeouts, requestMs: 15_000 },
    })
    const put = (namespace: string, name: string, spec: object) =>
      api.set({
        apiVersion: 'auth.nauthera.io/v1alpha1',
        kind: 'OIDCClient',
        metadata: { name, namespace, generation: 1 },
        spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'], ...spec },
      } as never)
    put(edge, 'shop.web', { origin: { namespace: 'shop', name: 'web', uid } })
    put('shop', 'web', { clientId: 'edge_shop.web' })
    put('team', 'third', { clientId: 'edge_shop.web' })
    put('team', 'other', {})
    api.set(joinedCluster('edge'))
    const watch = createWatch({
      settings: {
        release: 'nauthera',
        namespace: 'auth',
        serverName: 'default',
        watch: { mode: 'cluster', namespaces: [] },
        mode: 'hub',
        policy: {},
        redirectURIsFrom: false,
      },
      connection,
      clock,
      random: () => 0.5,
      log: createRecordedLog().log,
      knownKeys: new Map(),
    })
    try {
      const told = Promise.withResolvers<readonly string[]>()
      const nothing = () => {}
      await watch.start({ onClients: (keys) => told.resolve([...keys]), onResync: nothing, onPods: nothing })
      const to = { namespace: 'shop', name: 'web', uid: watch.clients.find('shop/web')!.metadata.uid }
      const moved = [{ clientId: 'edge_shop.web', from: { namespace: edge, name: 'shop.web' }, to }]
      api.set(joinedCluster('edge', { moved }, 2))
      expect(await told.promise).to.have.members([`${edge}/shop.web`, 'shop/web', 'team/third'])
    } finally {
      await watch.stop()
      connection.stop()
      await api.stop()
    }
  })
})
