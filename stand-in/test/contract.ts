import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { expect } from 'chai'
import { parseAllDocuments } from 'yaml'
import type { Rule } from '../src/http/rbac.ts'
import { operatorRules } from '../src/operator-rules.ts'
import type { Answer, Json, KubeClient } from '../src/kube-client.ts'

// What the operator and kubectl rely on in the Kubernetes API. It runs on the stand-in (npm test) and on a real API
// server (npm run e2e): so the stand-in cannot drift from the truth.

export interface Contract {
  readonly admin: KubeClient
  /** @returns a client of a new user who has these rights only, in force */
  userWith(rules: readonly Rule[], namespace: string): Promise<KubeClient>
  stop(): Promise<void>
}

const group = '/apis/auth.nauthera.io/v1alpha1'
const root = fileURLToPath(new URL('../..', import.meta.url))
const apply = 'application/apply-patch+yaml'
const merge = 'application/merge-patch+json'

const clientOf = (name: string, spec: object = {}, metadata: object = {}) => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCClient',
  metadata: { name, ...metadata },
  spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'], ...spec },
})
const secretOf = (name: string, data: Readonly<Record<string, string>> = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, ...metadata },
  data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
})

/** An object as kubectl sends it: a mark, and the bytes of the object in an envelope that says its kind. */
function protobufOf(kind: string, write: (writer: BinaryWriter) => void): Uint8Array {
  const object = new BinaryWriter()
  write(object)
  const envelope = new BinaryWriter()
  envelope.tag(1, WireType.LengthDelimited).fork()
  envelope.tag(1, WireType.LengthDelimited).string('v1')
  envelope.tag(2, WireType.LengthDelimited).string(kind)
  envelope.join()
  envelope.tag(2, WireType.LengthDelimited).bytes(object.finish())
  return Buffer.concat([Buffer.from('k8s\0', 'latin1'), envelope.finish()])
}

export function kubeContract(connect: () => Promise<Contract>): void {
  const namespace = `contract-${randomBytes(3).toString('hex')}`
  const clients = `${group}/namespaces/${namespace}/oidcclients`
  const secrets = `/api/v1/namespaces/${namespace}/secrets`
  let contract: Contract
  let api: KubeClient

  /** Creates, and fails the test when the API refuses. */
  const create = async (path: string, object: object): Promise<Json> => {
    const { status, body } = await api.call('POST', path, { body: object })
    expect(status, JSON.stringify(body)).to.equal(201)
    return body as Json
  }
  const applyTo = (path: string, manager: string, body: object, query: Record<string, string | boolean> = {}) =>
    api.call('PATCH', path, { query: { fieldManager: manager, ...query }, body, contentType: apply })
  const mergeInto = (path: string, body: object) => api.call('PATCH', path, { body, contentType: merge })
  const expectRefusal = (answer: Answer, code: number, reason: string) => {
    expect(answer.status, JSON.stringify(answer.body)).to.equal(code)
    expect(answer.body).to.include({ kind: 'Status', status: 'Failure', reason, code })
  }

  before(async function () {
    this.timeout(60_000)
    contract = await connect()
    api = contract.admin
    await create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  })
  after(async function () {
    this.timeout(60_000)
    await api.call('DELETE', `/api/v1/namespaces/${namespace}`)
    await contract.stop()
  })

  describe('lists', () => {
    before(async () => {
      for (let index = 0; index < 7; index++) {
        await create(
          clients,
          clientOf(`page-${index}`, {}, { labels: { set: 'pages', even: String(index % 2 === 0) } }),
        )
      }
    })

    it('come in pages that together are one state, whatever is written meanwhile', async () => {
      const query = { labelSelector: 'set=pages', limit: 3 }
      const first = await api.call('GET', clients, { query })
      expect(first.body.items).to.have.length(3)
      await create(clients, clientOf('page-9', {}, { labels: { set: 'pages' } }))
      const second = await api.call('GET', clients, { query: { ...query, continue: first.body.metadata.continue } })
      const third = await api.call('GET', clients, { query: { ...query, continue: second.body.metadata.continue } })
      const names = [first, second, third].flatMap(({ body }) => body.items.map((item: Json) => item.metadata.name))
      expect(names).to.deep.equal(['page-0', 'page-1', 'page-2', 'page-3', 'page-4', 'page-5', 'page-6'])
      expect(third.body.metadata.continue ?? '').to.equal('')
      expect(third.body.metadata.resourceVersion).to.equal(first.body.metadata.resourceVersion)
    })

    it('say which version they show, and are empty lists where there is nothing', async () => {
      const { status, body } = await api.call('GET', clients, { query: { labelSelector: 'set=nothing' } })
      expect(status).to.equal(200)
      expect(body).to.include({ kind: 'OIDCClientList', apiVersion: 'auth.nauthera.io/v1alpha1' })
      expect(body.items).to.deep.equal([])
      expect(body.metadata.resourceVersion).to.match(/^\d+$/)
    })

    it('are filtered by labels and by name', async () => {
      const named = async (query: Record<string, string>) =>
        (await api.call('GET', clients, { query })).body.items.map((item: Json) => item.metadata.name)
      expect(await named({ labelSelector: 'set=pages,even!=true,even' })).to.deep.equal(['page-1', 'page-3', 'page-5'])
      expect(await named({ labelSelector: 'even in (true),set' })).to.deep.equal([
        'page-0',
        'page-2',
        'page-4',
        'page-6',
      ])
      expect(await named({ fieldSelector: 'metadata.name=page-2' })).to.deep.equal(['page-2'])
    })

    it('refuse a continue token that they did not give', async () => {
      expectRefusal(await api.call('GET', clients, { query: { limit: 2, continue: 'nonsense' } }), 400, 'BadRequest')
    })
  })

  describe('watches', () => {
    it('go on after a list without a gap: each change once, in order', async () => {
      const list = await api.call('GET', secrets)
      const watch = await api.watch(secrets, {
        resourceVersion: list.body.metadata.resourceVersion,
        timeoutSeconds: 60,
      })
      await create(secrets, secretOf('watched', { a: '1' }, { labels: { watched: 'yes' } }))
      await mergeInto(`${secrets}/watched`, { data: { a: Buffer.from('2').toString('base64') } })
      await api.call('DELETE', `${secrets}/watched`)
      const events = [await watch.next(), await watch.next(), await watch.next()]
      watch.close()
      expect(events.map((event) => event?.type)).to.deep.equal(['ADDED', 'MODIFIED', 'DELETED'])
      const versions = events.map((event) => Number(event?.object.metadata.resourceVersion))
      expect(versions).to.deep.equal([...versions].sort((a, b) => a - b))
      expect(new Set(events.map((event) => event?.object.metadata.uid)).size).to.equal(1)
    })

    it('begin with what is there when no version is given', async () => {
      await create(secrets, secretOf('there', {}, { labels: { begin: 'yes' } }))
      const watch = await api.watch(secrets, { labelSelector: 'begin=yes', timeoutSeconds: 60 })
      const first = await watch.next()
      watch.close()
      expect(first?.type).to.equal('ADDED')
      expect(first?.object.metadata.name).to.equal('there')
    })

    it('show an object that no longer matches as deleted, and one that matches now as added', async () => {
      await create(secrets, secretOf('moving', {}, { labels: { side: 'left' } }))
      const { resourceVersion } = (await api.call('GET', secrets)).body.metadata
      const watch = await api.watch(secrets, { labelSelector: 'side=left', resourceVersion, timeoutSeconds: 60 })
      await mergeInto(`${secrets}/moving`, { metadata: { labels: { side: 'right' } } })
      await mergeInto(`${secrets}/moving`, { metadata: { labels: { side: 'left' } } })
      const types = [(await watch.next())?.type, (await watch.next())?.type]
      watch.close()
      expect(types).to.deep.equal(['DELETED', 'ADDED'])
    })

    it('carry bookmarks past what they do not show, and end without an error when the time is up', async function () {
      this.timeout(30_000)
      const { resourceVersion } = (await api.call('GET', clients)).body.metadata
      const labelSelector = 'set=nothing'
      const query = { resourceVersion, labelSelector, allowWatchBookmarks: true, timeoutSeconds: 5 }
      const watch = await api.watch(clients, query)
      const { metadata } = await create(clients, clientOf('unseen'))
      const events = []
      for (let event = await watch.next(); event; event = await watch.next()) events.push(event)
      expect(new Set(events.map(({ type }) => type))).to.deep.equal(new Set(['BOOKMARK']))
      expect(events[0]?.object).to.include({ kind: 'OIDCClient', apiVersion: 'auth.nauthera.io/v1alpha1' })
      expect(Number(events.at(-1)?.object.metadata.resourceVersion)).to.be.at.least(Number(metadata.resourceVersion))
    })

    it('begin with what is there and say where that ends, when they stand for a list', async () => {
      await create(secrets, secretOf('listed', {}, { labels: { listed: 'yes' } }))
      const query = { labelSelector: 'listed=yes', sendInitialEvents: true, resourceVersionMatch: 'NotOlderThan' }
      const watch = await api.watch(secrets, { ...query, allowWatchBookmarks: true, timeoutSeconds: 60 })
      const events = [await watch.next(), await watch.next()]
      const later = await create(secrets, secretOf('listed-later', {}, { labels: { listed: 'yes' } }))
      const next = await watch.next()
      watch.close()
      expect(events.map((event) => event?.type)).to.deep.equal(['ADDED', 'BOOKMARK'])
      expect(events[0]?.object.metadata.name).to.equal('listed')
      expect(events[1]?.object).to.include({ kind: 'Secret', apiVersion: 'v1' })
      expect(events[1]?.object.metadata.annotations).to.deep.equal({ 'k8s.io/initial-events-end': 'true' })
      expect(next?.object.metadata.uid).to.equal(later.metadata.uid)
    })

    it('refuse to stand for a list without saying of which version', async () => {
      expectRefusal(await api.call('GET', secrets, { query: { watch: true, sendInitialEvents: true } }), 422, 'Invalid')
      const query = { watch: true, resourceVersionMatch: 'NotOlderThan' }
      expectRefusal(await api.call('GET', secrets, { query }), 422, 'Invalid')
      expectRefusal(await api.call('GET', secrets, { query: { sendInitialEvents: true } }), 422, 'Invalid')
    })

    it('from a version that is forgotten end with 410', async () => {
      const watch = await api.watch(clients, { resourceVersion: 1, timeoutSeconds: 60 })
      const event = await watch.next()
      watch.close()
      expect(event?.type).to.equal('ERROR')
      expect(event?.object).to.include({ kind: 'Status', code: 410 })
      expect(event?.object.reason).to.be.oneOf(['Expired', 'Gone'])
    })
  })

  describe('writes', () => {
    it('create once: the second is AlreadyExists', async () => {
      const created = await create(secrets, secretOf('once', { a: '1' }))
      expect(created.metadata.uid).to.match(/^[0-9a-f-]{36}$/)
      expect(created.metadata.creationTimestamp).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      expect(created.type).to.equal('Opaque')
      expectRefusal(await api.call('POST', secrets, { body: secretOf('once') }), 409, 'AlreadyExists')
    })

    // Not of our kinds: nobody sends those so, and an API server of 1.37 drops the connection.
    it('take a Secret in the protobuf of kubectl', async () => {
      const contentType = 'application/vnd.kubernetes.protobuf'
      const body = protobufOf('Secret', (writer) => {
        writer.tag(1, WireType.LengthDelimited).fork()
        writer.tag(1, WireType.LengthDelimited).string('from-protobuf')
        writer.tag(11, WireType.LengthDelimited).fork()
        writer.tag(1, WireType.LengthDelimited).string('made')
        writer.tag(2, WireType.LengthDelimited).string('by-hand')
        writer.join().join()
        writer.tag(2, WireType.LengthDelimited).fork()
        writer.tag(1, WireType.LengthDelimited).string('token')
        writer.tag(2, WireType.LengthDelimited).bytes(Buffer.from('value'))
        writer.join()
        writer.tag(3, WireType.LengthDelimited).string('Opaque')
      })
      const created = await api.call('POST', secrets, { body, contentType })
      expect(created.status, JSON.stringify(created.body)).to.equal(201)
      const { body: secret } = await api.call('GET', `${secrets}/from-protobuf`)
      expect(secret.metadata.labels).to.deep.equal({ made: 'by-hand' })
      expect(secret).to.deep.include({ type: 'Opaque', data: { token: Buffer.from('value').toString('base64') } })
    })

    it('say NotFound for what is not there, and for a namespace that is not there', async () => {
      expectRefusal(await api.call('GET', `${secrets}/nothing`), 404, 'NotFound')
      expectRefusal(await mergeInto(`${secrets}/nothing`, { data: {} }), 404, 'NotFound')
      expectRefusal(await api.call('DELETE', `${secrets}/nothing`), 404, 'NotFound')
      const elsewhere = await api.call('POST', '/api/v1/namespaces/no-such/secrets', { body: secretOf('a') })
      expectRefusal(elsewhere, 404, 'NotFound')
    })

    it('merge, drop what is null, and keep the version when nothing changes', async () => {
      const created = await create(secrets, secretOf('merged', { a: '1', b: '2' }))
      const path = `${secrets}/merged`
      const patched = await mergeInto(path, { data: { a: null, c: 'Mw==' }, metadata: { annotations: { note: 'x' } } })
      expect(patched.body.data).to.deep.equal({ b: 'Mg==', c: 'Mw==' })
      expect(patched.body.metadata.annotations).to.deep.equal({ note: 'x' })
      expect(patched.body.metadata.resourceVersion).to.not.equal(created.metadata.resourceVersion)
      const same = await mergeInto(path, { data: { c: 'Mw==' } })
      expect(same.body.metadata.resourceVersion).to.equal(patched.body.metadata.resourceVersion)
    })

    it('with an old resourceVersion are a Conflict and change nothing', async () => {
      const { metadata } = await create(secrets, secretOf('guarded', { a: '1' }))
      const path = `${secrets}/guarded`
      const guarded = (value: string) =>
        mergeInto(path, { metadata: { resourceVersion: metadata.resourceVersion }, data: { a: value } })
      expect((await guarded('Mg==')).status).to.equal(200)
      expectRefusal(await guarded('Mw=='), 409, 'Conflict')
      expect((await api.call('GET', path)).body.data).to.deep.equal({ a: 'Mg==' })
    })

    it('delete only what the preconditions name', async () => {
      const { metadata } = await create(secrets, secretOf('doomed'))
      const remove = (preconditions: object) => api.call('DELETE', `${secrets}/doomed`, { body: { preconditions } })
      expectRefusal(await remove({ uid: '00000000-0000-0000-0000-000000000000' }), 409, 'Conflict')
      expectRefusal(await remove({ uid: metadata.uid, resourceVersion: '1' }), 409, 'Conflict')
      expect((await remove({ uid: metadata.uid, resourceVersion: metadata.resourceVersion })).status).to.equal(200)
      expectRefusal(await api.call('GET', `${secrets}/doomed`), 404, 'NotFound')
    })

    it('of a Secret turn stringData into data and refuse what is not base64', async () => {
      const created = await create(secrets, { ...secretOf('strings'), stringData: { a: 'plain' } })
      expect(created).to.not.have.property('stringData')
      expect(created.data).to.deep.equal({ a: Buffer.from('plain').toString('base64') })
      const damaged = await api.call('POST', secrets, { body: { ...secretOf('damaged'), data: { a: 'not base64!' } } })
      expect(damaged.status).to.be.oneOf([400, 422])
    })

    it('collect what only the deleted object owned', async function () {
      this.timeout(60_000)
      const owner = await create(clients, clientOf('owner'))
      const { apiVersion, kind, metadata } = owner
      const reference = { apiVersion, kind, name: 'owner', uid: metadata.uid, controller: true }
      await create(secrets, secretOf('owned', {}, { labels: { owned: 'yes' }, ownerReferences: [reference] }))
      const watch = await api.watch(secrets, { labelSelector: 'owned=yes', timeoutSeconds: 60 })
      expect((await watch.next())?.type).to.equal('ADDED')
      await api.call('DELETE', `${clients}/owner`)
      expect((await watch.next(45_000))?.type).to.equal('DELETED')
      watch.close()
    })
  })

  describe('server-side apply', () => {
    it('creates, then changes nothing when it is repeated', async () => {
      const first = await applyTo(`${clients}/applied`, 'one', clientOf('applied'))
      expect(first.status).to.equal(201)
      const second = await applyTo(`${clients}/applied`, 'one', clientOf('applied'))
      expect(second.status).to.equal(200)
      expect(second.body.metadata.resourceVersion).to.equal(first.body.metadata.resourceVersion)
      expect(second.body.metadata.generation).to.equal(1)
    })

    it('refuses to take a field from another manager, names both, and takes it by force', async () => {
      const path = `${clients}/contested`
      await applyTo(path, 'one', clientOf('contested', { displayName: 'One' }))
      const refused = await applyTo(path, 'two', clientOf('contested', { displayName: 'Two' }))
      expectRefusal(refused, 409, 'Conflict')
      expect(refused.body.message).to.include('.spec.displayName').and.to.include('"one"')
      expect(refused.body.details.causes[0]).to.include({ reason: 'FieldManagerConflict', field: '.spec.displayName' })
      const forced = await applyTo(path, 'two', clientOf('contested', { displayName: 'Two' }), { force: true })
      expect(forced.body.spec.displayName).to.equal('Two')
      expect((await applyTo(path, 'one', clientOf('contested', { displayName: 'One' }))).status).to.equal(409)
    })

    it('removes what its manager no longer says and nobody else owns; members of a set belong to whoever added them', async () => {
      const path = `${clients}/shared`
      await applyTo(path, 'one', clientOf('shared', { description: 'from one', scopes: ['openid', 'profile'] }))
      const both = await applyTo(path, 'two', {
        ...clientOf('shared'),
        spec: { type: 'Web', redirectURIs: ['https://app.example.com/callback'], scopes: ['openid', 'email'] },
      })
      expect(both.body.spec.scopes).to.have.members(['openid', 'profile', 'email'])
      const less = await applyTo(path, 'one', clientOf('shared'))
      expect(less.body.spec).to.not.have.property('description')
      expect(less.body.spec.scopes).to.have.members(['openid', 'email'])
    })

    it('needs a manager, and refuses a field that the schema does not know', async () => {
      const nameless = await api.call('PATCH', `${clients}/x`, { body: clientOf('x'), contentType: apply })
      expect(nameless.status).to.be.oneOf([400, 422])
      const unknown = await applyTo(`${clients}/x`, 'one', clientOf('x', { redirectUrls: [] }))
      expect(unknown.status).to.be.at.least(400)
      expect(unknown.body.message).to.include('redirectUrls')
    })

    it('of another uid or an old version is refused', async () => {
      const { metadata } = await create(clients, clientOf('renewed'))
      const other = clientOf('renewed', {}, { uid: '00000000-0000-0000-0000-000000000000' })
      expectRefusal(await applyTo(`${clients}/renewed`, 'one', other), 422, 'Invalid')
      await mergeInto(`${clients}/renewed`, { spec: { displayName: 'Renewed' } })
      const stale = clientOf('renewed', {}, { resourceVersion: metadata.resourceVersion })
      expectRefusal(await applyTo(`${clients}/renewed`, 'one', stale), 409, 'Conflict')
    })
  })

  describe('status', () => {
    const condition = (status: string, reason: string) => ({
      type: 'Ready',
      status,
      reason,
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    })
    const statusOf = (name: string, status: object) => ({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { name },
      status,
    })

    it('is written below /status only, by its own manager, and never touches spec or generation', async () => {
      const path = `${clients}/reported`
      const created = await create(clients, { ...clientOf('reported'), status: { observedGeneration: 99 } })
      expect(created).to.not.have.property('status')
      const status = statusOf('reported', { observedGeneration: 1, conditions: [condition('False', 'Waiting')] })
      const written = await applyTo(`${path}/status`, 'nauthera-operator-status', status, { force: true })
      expect(written.status, JSON.stringify(written.body)).to.equal(200)
      expect(written.body.metadata.generation).to.equal(1)
      expect(written.body.spec).to.deep.equal(created.spec)
      expect(written.body.status.conditions[0]).to.include({ type: 'Ready', status: 'False' })
      const entry = written.body.metadata.managedFields.find((one: Json) => one.manager === 'nauthera-operator-status')
      expect(entry).to.include({ operation: 'Apply', subresource: 'status' })

      const again = await applyTo(`${path}/status`, 'nauthera-operator-status', status, { force: true })
      expect(again.body.metadata.resourceVersion).to.equal(written.body.metadata.resourceVersion)

      const changed = await mergeInto(path, { spec: { displayName: 'Reported' }, status: { observedGeneration: 7 } })
      expect(changed.body.metadata.generation).to.equal(2)
      expect(changed.body.status.observedGeneration).to.equal(1)
    })

    it('of an object that is gone is NotFound; of one that changed since, a Conflict when the version is said', async () => {
      const missing = await applyTo(`${clients}/gone/status`, 'nauthera-operator-status', statusOf('gone', {}), {
        force: true,
      })
      expectRefusal(missing, 404, 'NotFound')
      const { metadata } = await create(clients, clientOf('second'))
      await mergeInto(`${clients}/second`, { spec: { displayName: 'Second' } })
      const write = (condition: object) => {
        const body = { ...statusOf('second', { observedGeneration: 1 }), metadata: { name: 'second', ...condition } }
        return applyTo(`${clients}/second/status`, 'nauthera-operator-status', body, { force: true })
      }
      expectRefusal(await write({ resourceVersion: metadata.resourceVersion }), 409, 'Conflict')
      // a trap of custom resources: below /status the API server does not look at the uid
      expect((await write({ uid: '00000000-0000-0000-0000-000000000000' })).status).to.equal(200)
    })

    it('with a condition that the schema refuses is Invalid', async () => {
      await create(clients, clientOf('strict-status'))
      const status = statusOf('strict-status', { conditions: [{ type: 'Ready' }] })
      const refused = await applyTo(`${clients}/strict-status/status`, 'nauthera-operator-status', status, {
        force: true,
      })
      expectRefusal(refused, 422, 'Invalid')
    })
  })

  describe('schemas', () => {
    it('fill in defaults', async () => {
      const created = await create(clients, clientOf('defaults'))
      expect(created.spec.serverName).to.equal('default')
    })

    it('refuse unknown fields when asked to be strict, else drop them with a warning', async () => {
      const unknown = clientOf('typo', { redirectUrls: ['https://app.example.com/'] })
      const strict = await api.call('POST', clients, { query: { fieldValidation: 'Strict' }, body: unknown })
      expectRefusal(strict, 400, 'BadRequest')
      expect(strict.body.message).to.include('unknown field "spec.redirectUrls"')
      const lenient = await api.call('POST', clients, { body: unknown })
      expect(lenient.status).to.equal(201)
      expect(lenient.headers['warning']).to.include('unknown field \\"spec.redirectUrls\\"')
      expect(lenient.body.spec).to.not.have.property('redirectUrls')
    })

    it('name every wrong field', async () => {
      const wrong = { ...clientOf('wrong'), spec: { type: 'Website', displayName: 7 } }
      const refused = await api.call('POST', clients, { body: wrong })
      expectRefusal(refused, 422, 'Invalid')
      const fields = refused.body.details.causes.map((cause: Json) => cause.field)
      expect(fields).to.include.members(['spec.type', 'spec.displayName'])
      expect(refused.body.message).to.include('Unsupported value: "Website"').and.to.include('"Web"')
    })

    it('keep what is immutable', async () => {
      await create(clients, clientOf('fixed'))
      const refused = await mergeInto(`${clients}/fixed`, { spec: { type: 'M2M', redirectURIs: null } })
      expectRefusal(refused, 422, 'Invalid')
      expect(refused.body.message).to.include('spec.type')
    })

    it('refuse names that are none', async () => {
      expectRefusal(await api.call('POST', clients, { body: clientOf('Not_A_Name') }), 422, 'Invalid')
    })
  })

  describe('examples', () => {
    for (const { file, objects } of manifests('examples/clients')) {
      it(`accepts ${file}`, async () => {
        for (const object of objects.filter(({ kind }) => kind === 'OIDCClient')) {
          const accepted = await api.call('POST', clients, {
            query: { dryRun: 'All', fieldValidation: 'Strict' },
            body: { ...object, metadata: { ...object.metadata, namespace } },
          })
          expect(accepted.status, JSON.stringify(accepted.body)).to.equal(201)
        }
      })
    }
    for (const { file, objects, expected } of manifests('examples/bad')) {
      if (expected.length === 0) continue
      it(`refuses ${file}: ${expected.map(({ path }) => path).join(', ')}`, async () => {
        const answers = []
        for (const object of objects) {
          const path = object.kind === 'OIDCPolicy' ? `${group}/oidcpolicies` : clients
          const metadata = object.kind === 'OIDCPolicy' ? object.metadata : { ...object.metadata, namespace }
          const query = { dryRun: 'All', fieldValidation: 'Strict' }
          answers.push(await api.call('POST', path, { query, body: { ...object, metadata } }))
        }
        const refused = answers.filter(({ status }) => status >= 400)
        expect(refused, 'nothing was refused').to.not.have.length(0)
        const text = refused.map(({ body }) => body.message).join('\n')
        for (const { path, message } of expected) {
          expect(text.includes(path) && text.includes(message), `${path}: ${message}\nis not in\n${text}`).to.equal(
            true,
          )
        }
      })
    }
  })

  describe('tables', () => {
    it('have the columns of the kind, wide ones marked', async () => {
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'
      const { body } = await api.call('GET', clients, { accept, query: { fieldSelector: 'metadata.name=page-0' } })
      expect(body.kind).to.equal('Table')
      const columns = body.columnDefinitions.map((one: Json) => [one.name, one.priority])
      expect(columns).to.deep.equal([
        ['Name', 0],
        ['TYPE', 0],
        ['CLIENT-ID', 0],
        ['SECRET', 0],
        ['LOADED', 0],
        ['NEXT-ROTATION', 0],
        ['READY', 0],
        ['AGE', 0],
        ['REASON', 1],
        ['POLICY', 1],
        ['ISSUER', 1],
      ])
      const [row] = body.rows
      expect(row.cells.slice(0, 2)).to.deep.equal(['page-0', 'Web'])
      expect(row.cells[7]).to.match(/^\d+[smh]/)
      expect(row.object.metadata.name).to.equal('page-0')
    })
  })

  describe('what the operator keeps beside', () => {
    it('a Lease: created once, replaced only from the version that was read', async () => {
      const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
      const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'operator' } }
      const spec = { holderIdentity: 'one', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' }
      const created = await create(leases, { ...body, spec })
      expectRefusal(await api.call('POST', leases, { body: { ...body, spec } }), 409, 'AlreadyExists')
      const put = (resourceVersion: string, holderIdentity: string) =>
        api.call('PUT', `${leases}/operator`, {
          body: { ...body, metadata: { name: 'operator', resourceVersion }, spec: { ...spec, holderIdentity } },
        })
      expect((await put(created.metadata.resourceVersion, 'two')).status).to.equal(200)
      expectRefusal(await put(created.metadata.resourceVersion, 'three'), 409, 'Conflict')
    })

    it('events: created, counted up by a patch, found by the object they speak of', async () => {
      const { metadata } = await create(clients, clientOf('eventful'))
      const events = `/api/v1/namespaces/${namespace}/events`
      const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
      await create(events, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'eventful.1', namespace },
        involvedObject: {
          apiVersion: 'auth.nauthera.io/v1alpha1',
          kind: 'OIDCClient',
          name: 'eventful',
          namespace,
          uid: metadata.uid,
        },
        type: 'Normal',
        reason: 'ClientAccepted',
        message: 'accepted',
        source: { component: 'nauthera-operator' },
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
      })
      expect((await mergeInto(`${events}/eventful.1`, { count: 2 })).body.count).to.equal(2)
      const query = { fieldSelector: `involvedObject.name=eventful,involvedObject.uid=${metadata.uid}` }
      expect((await api.call('GET', events, { query })).body.items).to.have.length(1)
    })

    it('an annotation on a pod, and nothing else of it', async () => {
      const pods = `/api/v1/namespaces/${namespace}/pods`
      await create(pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'server-0', labels: { 'app.kubernetes.io/component': 'server' } },
        spec: { containers: [{ name: 'server', image: 'localhost/none:1', imagePullPolicy: 'Never' }] },
      })
      const annotations = { 'auth.nauthera.io/clients-revision': 'c7f2' }
      const patched = await mergeInto(`${pods}/server-0`, { metadata: { annotations } })
      expect(patched.status).to.equal(200)
      expect(patched.body.metadata.annotations).to.include(annotations)
      const query = { labelSelector: 'app.kubernetes.io/component=server' }
      expect((await api.call('GET', pods, { query })).body.items).to.have.length(1)
    })
  })

  describe('rights', () => {
    let operator: KubeClient
    const forbidden = (answer: Answer, verb: string, resource: string) => {
      expectRefusal(answer, 403, 'Forbidden')
      expect(answer.body.message).to.include(`cannot ${verb} resource "${resource}"`)
    }

    before(async function () {
      this.timeout(60_000)
      await create(secrets, secretOf('readable', { a: '1' }))
      const rules = operatorRules({ mode: 'release', release: 'contract', namespace, nudge: true })
      operator = await contract.userWith(rules, namespace)
    })

    it('let the operator read a Secret by name, and never list or watch Secrets', async () => {
      expect((await operator.call('GET', `${secrets}/readable`)).status).to.equal(200)
      forbidden(await operator.call('GET', secrets), 'list', 'secrets')
      const watch = await operator.watch(secrets, { timeoutSeconds: 5 })
      expect((await watch.next())?.object).to.include({ code: 403 })
      watch.close()
    })

    it('let it write status and no spec', async () => {
      await create(clients, clientOf('limited'))
      const status = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', metadata: { name: 'limited' } }
      const written = await operator.call('PATCH', `${clients}/limited/status`, {
        query: { fieldManager: 'nauthera-operator-status', force: true },
        body: { ...status, status: { observedGeneration: 1 } },
        contentType: apply,
      })
      expect(written.status, JSON.stringify(written.body)).to.equal(200)
      const spec = await operator.call('PATCH', `${clients}/limited`, {
        body: { spec: { displayName: 'x' } },
        contentType: merge,
      })
      forbidden(spec, 'patch', 'oidcclients')
    })

    it('end at the namespace', async () => {
      forbidden(await operator.call('GET', '/api/v1/namespaces/default/secrets/readable'), 'get', 'secrets')
      forbidden(await operator.call('GET', `${group}/oidcclients`), 'list', 'oidcclients')
      forbidden(await operator.call('GET', '/api/v1/namespaces'), 'list', 'namespaces')
    })
  })
}

interface Manifest {
  readonly file: string
  readonly objects: readonly Json[]
  /** What the API server says, from the manifest's comments `# expect: PATH: MESSAGE`; none: only the operator refuses it. */
  readonly expected: readonly { path: string; message: string }[]
}

/** The YAML files of a directory; none when there is no such directory. */
function manifests(directory: string): Manifest[] {
  const path = `${root}${directory}`
  if (!existsSync(path)) return []
  return readdirSync(path)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const text = readFileSync(`${path}/${file}`, 'utf8')
      const objects = parseAllDocuments(text)
        .map((document) => document.toJS() as Json)
        .filter(Boolean)
      const isOurs = /^# refused by: operator/m.test(text)
      const promises = isOurs ? [] : [...text.matchAll(/^# expect: ([^:]+): (.+)$/gm)]
      const expected = promises.map(([, path, message]) => ({ path: path!.trim(), message: message!.trim() }))
      return { file: `${directory}/${file}`, objects, expected }
    })
}
