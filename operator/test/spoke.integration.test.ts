import { timestampMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import { machine } from '@nauthera/harness/operator/cluster'
import { joinedCluster } from '@nauthera/harness/operator/joined-cluster'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import type { RecordedRequest } from '@nauthera/stand-in/state'
import { reportsIn, rotating } from './spoke/reports.ts'

describe('a spoke', () => {
  let pair: Pair
  let operator: TestOperator

  const { condition, isReady, status, plain, begin, loseHub, returnHub } = reportsIn(() => pair)

  beforeEach(async () => {
    pair = await startPair()
    operator = pair.startSpoke()
    await operator.leading
  })
  afterEach(async () => {
    await pair.stop()
    expect(pair.violations).to.deep.equal([])
  })

  it('makes a client Ready once every replica of the hub accepts the secret that lies here', async () => {
    const from = pair.hub.api.requests.length
    await begin()
    expect(pair.acceptedBy('reports', plain()!)).to.deep.equal([true, true])
    expect(status()?.clientId).to.equal('edge_apps.reports')
    expect(condition('HubReachable')?.status).to.equal('True')
    const writes = pair.calls(from).filter((call) => call.endsWith('oidcclients') && !/^(list|watch)/.test(call))
    expect(writes).to.deep.equal(['create oidcclients'])
  })

  it('looks at every client again once the hub has listed its mirrors, though it answered all else before', async () => {
    await operator.stop()
    const back = pair.hub.api.faults.add({
      when: ({ verb, resource, user }) => verb === 'list' && resource?.plural === 'oidcclients' && user === 'edge',
      effect: { kind: 'reset' },
    })
    operator = pair.startSpoke()
    await operator.leading
    await pair.until(() => operator.log.told('the hub answers').length === 1, 'the hub answers')
    await pair.spoke.apply('reports', machine)
    await pair.until(() => condition('HubReachable')?.reason === 'WaitingForHub', 'the spoke waits for the list')
    back()
    await pair.pass(32_000)
    await pair.until(isReady, 'reports is Ready in the spoke')
  })

  it('is Ready again when an edit that was taken back on its way to the hub has come and gone', async () => {
    await begin()
    const from = pair.hub.api.requests.length
    const isWrite = ({ verb, resource, user }: Pick<RecordedRequest, 'verb' | 'resource' | 'user'>) =>
      verb === 'update' && resource?.plural === 'oidcclients' && user === 'edge'
    const writes = () => pair.hub.api.requests.slice(from).filter(isWrite).length
    pair.hub.api.faults.add({ when: isWrite, effect: { kind: 'delay', ms: 2_000 }, times: 1 })
    await pair.spoke.apply('reports', { ...machine, description: 'Taken back' })
    await pair.until(() => writes() === 1, 'the edit is being written')
    await pair.spoke.apply('reports', machine)
    const isSeen = () => status()?.observedGeneration === pair.spoke.client('reports')?.metadata.generation
    await pair.until(() => isReady() && isSeen(), 'reports is Ready')
    expect(writes(), 'the edit, and what it was before').to.equal(2)
  })

  it('writes what it could not while the hub was unusable for a moment', async () => {
    pair.hub.api.faults.add({
      when: ({ verb, resource, user }) => verb === 'create' && resource?.plural === 'oidcclients' && user === 'edge',
      effect: { kind: 'refuse', code: 401 },
      times: 1,
    })
    await pair.spoke.apply('reports', machine)
    await pair.until(() => operator.log.told('mirror not written').length === 1, 'the hub took nothing')
    await pair.pass(12_000)
    await pair.until(isReady, 'reports is Ready in the spoke')
  })

  it('T30 tells the hub when the namespaces of its ServiceAccounts were made', async () => {
    await operator.stop()
    const { store, resource } = pair.spoke.api
    const creationTimestamp = '2026-01-01T00:00:00Z'
    // older than the client
    const aged = store
      .dump()
      .map((one) => ({ ...one, object: { ...one.object, metadata: { ...one.object.metadata, creationTimestamp } } }))
    store.restore(aged, [resource('namespaces')])
    operator = pair.startSpoke()
    await operator.leading
    pair.hub.api.set(joinedCluster('edge', { serviceAccountKeys: true }, 2))
    const identities = [{ serviceAccount: { name: 'worker' } }]
    await pair.spoke.apply('reports', { type: 'M2M', auth: { method: 'federated_jwt', identities } })
    const told = () => pair.hub.stored('apps.reports', 'nauthera-cluster-edge')?.accountsSince['apps']
    await pair.until(() => told() !== undefined, 'the hub has the time')
    expect(timestampMs(told()!)).to.equal(Date.parse(creationTimestamp))
  })

  it('K26 sends the redirect URIs that follow routes here, and takes them back with the route', async () => {
    await operator.stop()
    const policy = { allow: { redirectHosts: ['.example.com'] } }
    operator = pair.startSpoke({ redirectURIsFrom: true, policy })
    await operator.leading
    const { api } = pair.spoke
    const metadata = { name: 'web', namespace: 'apps' }
    const spec = { tls: [{ hosts: ['app.example.com'] }] }
    const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }
    api.set({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata, spec, status })
    const redirectURIsFrom = [{ kind: 'Ingress', name: 'web', path: '/callback' }]
    await pair.spoke.apply('reports', { type: 'Web', redirectURIsFrom })
    await pair.until(isReady, 'reports is Ready in the spoke')
    expect(pair.mirror('reports')?.spec.redirectURIs).to.deep.equal(['https://app.example.com/callback'])
    expect(pair.mirror('reports')?.spec).not.to.have.property('redirectURIsFrom')
    const other = { name: 'web', namespace: 'auth' }
    api.set({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: other, spec, status })
    api.store.remove(api.resource('ingresses'), 'apps', 'web')
    await pair.until(() => !pair.mirror('reports')?.spec.redirectURIs?.length, 'the mirror has none')
    await pair.until(() => condition('Ready')?.reason === 'NoRedirectURI', 'the spoke says so')
  })

  it('rotates: the secret is published when every replica has it, and the one before ends after the overlap', async () => {
    await begin()
    const old = plain()!
    await pair.spoke.apply('reports', rotating('1'))
    await pair.until(() => plain() !== old, 'the new secret is published')
    await pair.until(() => status()?.secret?.previous?.length === 1, 'the status shows the previous one')
    expect(pair.acceptedBy('reports', old)).to.deep.equal([true, true])
    await pair.pass(125_000)
    await pair.until(() => !pair.acceptedBy('reports', old).includes(true), 'the old one is refused everywhere')
    expect(pair.acceptedBy('reports', plain()!)).to.deep.equal([true, true])
  })

  it('names a secret that is ended early until the last server of the hub refuses it', async () => {
    await begin()
    const old = plain()!
    const id = digestOf(old).slice(0, 8)
    const slow = pair.replicas[1]!
    const stop = pair.spoke.api.store.onChange(() => {
      if (plain() !== old) slow.hold()
    })
    await pair.spoke.apply('reports', rotating('1', { revokePrevious: 'leak' }))
    await pair.until(() => pair.acceptedBy('reports', old).join() === 'false,true', 'all but one server refuse it')
    await pair.until(() => pair.mirror('reports')?.status?.endedVerifiers?.includes(id), 'the hub has ended it')
    await pair.until(() => status()?.secret?.observedRevoke === 'leak', 'the spoke has obeyed')
    stop()
    expect(status()?.secret?.previous).to.deep.equal([{ id }])
    slow.release()
    await pair.until(() => status()?.secret?.previous === undefined, 'the status names it no more')
    expect(pair.acceptedBy('reports', old)).to.deep.equal([false, false])
  })

  it('F57 stays Ready while the hub is away, and says since when', async () => {
    await begin()
    const back = await loseHub()
    expect(condition('HubReachable')?.reason).to.equal('HubUnreachable')
    expect(condition('Ready')).to.include({ status: 'True' })
    expect(condition('Ready')?.message).to.match(/the hub does not answer; it was last heard at 20/)
    await returnHub(back)
    expect(condition('Ready')?.message).not.to.contain('hub')
  })

  it('F57 leaves a lost Secret lost while the hub is away, and revokes when it is back', async () => {
    await begin()
    const old = plain()!
    const back = await loseHub()
    const revoking = rotating('1', { revokePrevious: 'leak' })
    pair.spoke.api.store.remove(pair.spoke.api.resource('secrets'), 'apps', 'reports-oidc')
    await pair.spoke.apply('reports', revoking)
    await pair.until(() => condition('SecretReady')?.status === 'False', 'the status says that the Secret is lost')
    expect(condition('RotationHealthy')?.reason).to.equal('HubUnreachable')
    expect(pair.acceptedBy('reports', old)).to.deep.equal([true, true])
    await returnHub(back)
    await pair.until(() => plain() !== undefined, 'there is a Secret again')
    await pair.until(() => !pair.acceptedBy('reports', old).includes(true), 'the leaked one is refused everywhere')
  })

  it('F59 puts back a mirror that somebody edits or deletes', async () => {
    await begin()
    const before = pair.mirror('reports')!
    const clients = pair.hub.api.resource('oidcclients')
    const { name, namespace } = before.metadata
    await pair.hub.apply(name, { ...before.spec, scopes: ['stolen'] }, { namespace })
    await pair.until(() => pair.mirror('reports')?.spec.scopes?.[0] === 'reports.read', 'the edit is undone')
    pair.hub.api.store.remove(clients, namespace, name)
    await pair.until(() => pair.mirror('reports') !== undefined, 'the mirror is back')
    expect(pair.mirror('reports')?.spec.origin).to.deep.equal(before.spec.origin)
    await pair.until(() => pair.acceptedBy('reports', plain()!).every(Boolean), 'every replica takes the secret again')
  })

  it('F60 removes the mirror of a client that was deleted while the hub was away, once two lists agree', async () => {
    await begin()
    const back = await loseHub()
    await pair.spoke.remove('reports')
    const lists = () => pair.spoke.api.requests.filter(({ verb, user }) => verb === 'list' && user === 'operator-0')
    const from = lists().length
    back()
    await pair.pass(12_000)
    await pair.until(() => operator.log.told('the hub answers').length === 2, 'the hub is back')
    await pair.pass(70_000)
    await pair.until(() => pair.mirror('reports') === undefined, 'the mirror is removed')
    const seen = lists()
      .slice(from)
      .filter(({ resource }) => resource?.plural === 'oidcclients')
    expect(seen.length).to.be.at.least(2)
  })

  it('F60 removes no mirror while clients cannot be listed, or their definition is missing', async () => {
    await begin()
    const isList = ({ verb, resource }: { verb: string; resource?: { plural: string } }) =>
      verb === 'list' && resource?.plural === 'oidcclients'
    pair.spoke.api.faults.add({
      when: isList as never,
      effect: { kind: 'answer', code: 404, body: { kind: 'Status', reason: 'NotFound', code: 404 } },
    })
    await pair.spoke.remove('reports')
    await pair.pass(80_000)
    expect(operator.log.told('mirrors not swept').length).to.be.at.least(1)
    expect(pair.mirror('reports')).not.to.equal(undefined)
    pair.spoke.api.faults.clear()
    await pair.pass(70_000)
    await pair.until(() => pair.mirror('reports') === undefined, 'the mirror is removed')
  })

  it('F63 writes and deletes nothing while another cluster holds its name', async () => {
    await begin()
    pair.holdAs('uid-of-a-clone')
    await pair.pass(12_000)
    await pair.until(() => condition('HubReachable')?.reason === 'ClusterTaken', 'the spoke says so')
    const from = pair.hub.api.requests.length
    await pair.spoke.apply('reports', rotating('1'))
    await pair.spoke.apply('other', machine)
    await pair.pass(80_000)
    const writes = pair.calls(from).filter((call) => /^(create|update|patch|delete) oidcclients/.test(call))
    expect(writes).to.deep.equal([])
    // join --take-over
    pair.holdAs(undefined)
    await returnHub(() => {})
    await pair.until(() => pair.mirror('other') !== undefined, 'it writes again')
  })

  it('F61 mints anew after a restore of yesterday, for a secret that has ended never returns', async () => {
    await begin()
    const yesterday = plain()!
    const { metadata: _now, ...kept } = structuredClone(pair.spoke.secret('reports-oidc')!)
    const { annotations, labels } = pair.spoke.secret('reports-oidc')!.metadata
    const oldStatus = structuredClone(pair.spoke.client('reports')!.status)
    await pair.spoke.apply('reports', rotating('1', { revokePrevious: '1' }))
    await pair.until(() => plain() !== yesterday, 'a new secret is published')
    const today = plain()!
    await pair.until(() => !pair.acceptedBy('reports', yesterday).includes(true), 'the old one is refused everywhere')
    await pair.until(() => pair.mirror('reports')?.status?.endedVerifiers?.length === 1, 'the hub remembers it')
    await operator.stop()
    const secret = pair.spoke.secret('reports-oidc')!
    pair.allow(yesterday)
    pair.spoke.api.set({ ...kept, metadata: { ...secret.metadata, annotations, labels } } as never)
    pair.spoke.api.set({ ...pair.spoke.client('reports')!, status: oldStatus, spec: machine } as never)
    operator = pair.startSpoke()
    await operator.leading
    await pair.until(() => ![yesterday, today].includes(plain()!), 'a third secret is published')
    expect(pair.acceptedBy('reports', yesterday)).to.deep.equal([false, false])
    expect(pair.acceptedBy('reports', today)).to.deep.equal([true, true])
  })

  it('tells the policies of the hub: what they refuse is not Ready, with the words of the hub', async () => {
    await pair.spoke.apply('reports', { ...machine, resourceServer: { identifier: 'https://reports.example.com' } })
    await pair.until(() => condition('PolicyCompliant')?.status === 'False', 'the status says so')
    expect(condition('PolicyCompliant')?.message).to.contain('allow.resourceServer')
    expect(condition('Ready')?.status).to.equal('False')
    expect(plain()).to.equal(undefined)
    await begin()
  })

  it('refuses here what the hub could not take, and writes no mirror of it', async () => {
    const refused: readonly [field: string, name: string, spec: Record<string, unknown>][] = [
      [
        'spec.secret.existingSecretRef',
        'given',
        { ...machine, secret: { existingSecretRef: { name: 'a', key: 'b' } } },
      ],
    ]
    for (const [field, name, spec] of refused) {
      await pair.spoke.apply(name, spec)
      await pair.until(() => pair.spoke.condition(name, 'Accepted')?.message.startsWith(field), `${field} is refused`)
    }
    expect(pair.calls()).not.to.include('create oidcclients')
  })

  it('gives the hub no secret: a canary is in no object, no request and no line of it', async () => {
    await begin()
    const first = plain()!
    await pair.spoke.apply('reports', rotating('1'))
    await pair.until(() => plain() !== first, 'a new secret is published')
    const hub = JSON.stringify([pair.everStored, pair.hubOperator.log.lines])
    for (const canary of [first, plain()!]) expect(hub.includes(canary)).to.equal(false)
    expect(hub).to.contain(digestOf(first))
    // the lines of the spoke have none either
    expect(JSON.stringify(operator.log.lines)).not.to.contain(first)
  })
})
