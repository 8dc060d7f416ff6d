import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { labels, linkSecretName } from '@nauthera/proto/names'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { release, releaseNamespace, startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { callReplica, requestToken } from '@nauthera/local/product/token'
import type { MachineCredentials } from '@nauthera/local/product/token'
import { isReady, statusOf, waitForObject } from '@nauthera/local/product/wait-for'
import { createChainClients, namespace } from './support/chain-clients.ts'
import type { ChainClients } from './support/chain-clients.ts'
import { machine } from './support/chain.ts'
import { tell } from './support/tell.ts'

// What a status says of rotations, policies and Secrets, and what the processes do. Two things take a minute of real time; they begin with
// the first tests and are looked at in the last ones.

const root = fileURLToPath(new URL('../..', import.meta.url))
const linkName = linkSecretName(release)
/** What somebody writes into a Secret, and nobody minted. */
const planted = Buffer.from('a value that nobody minted, of forty bytes').toString('base64')

describe('what a status says as time goes by, of real processes', function () {
  this.timeout(120_000)
  let stack: Stack
  let clients: ChainClients
  let kube: KubeClient
  /** What `edited` had before somebody wrote into its Secret. */
  let editedBefore: MachineCredentials
  /** Epoch milliseconds; nobody edits `used` from then on. */
  let usedAt = 0

  const client = (name: string) => stack.api.store.find(stack.api.resource('oidcclients'), namespace, name) as Json
  const secret = (name: string) => stack.api.store.find(stack.api.resource('secrets'), namespace, name) as Json
  const until = (name: string, holds: (object: KubeObject | undefined) => boolean) =>
    waitForObject(stack.api, 'oidcclients', { namespace, name }, holds, 90_000)
  const conditionOf = (object: KubeObject | undefined, type: string) =>
    statusOf(object).conditions?.find((one) => one.type === type)
  const has = (name: string, type: string, wanted: { status: string; reason?: string }) =>
    until(name, (object) => {
      const found = conditionOf(object, type)
      return found?.status === wanted.status && [undefined, found.reason].includes(wanted.reason)
    })
  const loaded = (name: string) => (client(name).status as Json).replicas?.summary as string
  const token = (name: string, port = stack.pods[0]!.port) => requestToken(port, clients.credentials(name))
  /** @throws AssertionError when the replica takes the secret for 20 s more */
  const untilRefused = async (port: number, held: MachineCredentials) => {
    const deadline = performance.now() + 20_000
    let status = 200
    while (status === 200 && performance.now() < deadline) ({ status } = await requestToken(port, held))
    expect(status).to.equal(401)
  }
  const label = (name: string) => clients.patch(name, { metadata: { labels: { test: name } } })
  /** A policy for the client with this name as its label. */
  const limit = async (name: string, spec: object) => {
    const selector = { clients: { matchLabels: { test: name } } }
    const body = {
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCPolicy',
      metadata: { name },
      spec: { selector, ...spec },
    }
    const path = '/apis/auth.nauthera.io/v1alpha1/oidcpolicies'
    const answer = await kube.call('POST', path, { body, contentType: 'application/json' })
    expect(answer.status, JSON.stringify(answer.body)).to.equal(201)
  }

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/faults-'))
    chmodSync(directory, 0o711)
    reapDirectory(directory)
    stack = await startStack({ directory, replicas: 2, namespaces: [namespace] })
    kube = createKubeClient(stack.api.adminConfig)
    clients = createChainClients(stack, kube, new Set())
    const rotation = { overlap: '10m', retire: 'AfterOverlap' }
    await Promise.all([
      ...['used', 'waiting'].map((name) => clients.applyAndWait(name, { ...machine, rotation })),
      ...['edited', 'limited', 'graced', 'holder', 'renamed', 'linked', 'resting'].map((name) =>
        clients.applyAndWait(name, machine),
      ),
    ])
    await Promise.all(['limited', 'graced'].map(label))
  })
  after(() => stack?.stop())

  it('says that a second rotation waits, and until when', async () => {
    const held = clients.credentials('used')
    await Promise.all(
      ['used', 'waiting'].map(async (name) => {
        const from = clients.secretId(name)
        await clients.rotate(name)
        await clients.published(name, from)
      }),
    )
    usedAt = Math.floor(Date.now() / 1000) * 1000
    // somebody goes on with what it read before
    expect((await requestToken(stack.pods[1]!.port, held)).status).to.equal(200)
    editedBefore = clients.credentials('edited')
    const path = `/api/v1/namespaces/${namespace}/secrets/edited-oidc`
    const body = { data: { client_secret: planted } }
    const answer = await kube.call('PATCH', path, { body, contentType: 'application/merge-patch+json' })
    expect(answer.status).to.equal(200)

    const first = clients.secretId('waiting')
    await clients.patch('waiting', { spec: { rotation: { trigger: 'second' } } })
    await has('waiting', 'RotationHealthy', { status: 'True', reason: 'Waiting' })
    expect(conditionOf(client('waiting') as KubeObject, 'RotationHealthy')?.message).to.match(/20\d\d-/)
    expect(clients.secretId('waiting'), 'nothing is published yet').to.equal(first)
  })

  it('says that a client is suspended, while every replica refuses it, and that it is not any more', async () => {
    await clients.patch('resting', { spec: { suspended: true } })
    await has('resting', 'Active', { status: 'False', reason: 'Suspended' })
    await clients.ready('resting')
    for (const { port } of stack.pods) expect((await token('resting', port)).status).to.be.oneOf([400, 401, 403])
    await clients.patch('resting', { spec: { suspended: null } })
    await has('resting', 'Active', { status: 'True' })
    await clients.ready('resting')
    for (const { port } of stack.pods) expect((await token('resting', port)).status).to.equal(200)
  })

  it('says that the document of a sector does not list a client, once somebody wanted to sign in, and is Ready all the same', async () => {
    const spec = {
      type: 'Web',
      redirectURIs: ['https://a.example.com/callback', 'https://b.example.org/callback'],
      subjectType: 'pairwise',
      sectorIdentifierURI: 'https://127.0.0.1:1/sector.json',
    }
    await clients.applyAndWait('survey', spec)
    await has('survey', 'SectorListed', { status: 'Unknown', reason: 'NotRead' })
    const asked = { client_id: clients.credentials('survey').clientId, response_type: 'code' }
    const url = `${stack.issuer}/authorize?${new URLSearchParams(asked)}`
    expect((await callReplica({ port: stack.pods[1]!.port, url })).status).to.equal(400)
    await has('survey', 'SectorListed', { status: 'False', reason: 'NotListed' })
    const said = conditionOf(client('survey') as KubeObject, 'SectorListed')?.message
    expect(said).to.contain('https://127.0.0.1:1/sector.json cannot be read')
    await clients.ready('survey')
    // another version: nobody knows
    await clients.patch('survey', { spec: { displayName: 'Survey' } })
    await has('survey', 'SectorListed', { status: 'Unknown', reason: 'NotRead' })
    expect(conditionOf(client('holder') as KubeObject, 'SectorListed')).to.equal(undefined)
  })

  it('binds a client that says nothing to the limits of a policy, in its tokens and in its status', async () => {
    await limit('limited', { limits: { tokens: { access: '1m' } } })
    const accessTTL = (object: KubeObject | undefined) => (object?.['status'] as Json)?.effective?.tokens?.accessTTL
    await until('limited', (object) => accessTTL(object) === '1m' && isReady(object))
    for (const { port } of stack.pods) {
      const { access_token: text } = JSON.parse((await token('limited', port)).body) as { access_token: string }
      const { exp, iat } = decodeJwt(text)
      expect(exp! - iat!).to.equal(60)
    }
  })

  it('says until when a refused client is served, and then that nothing serves it; the policy names it', async function () {
    this.timeout(180_000)
    const told = clients.credentials('graced')
    await limit('graced', { enforcement: 'Deny', grace: '45s', allow: { types: ['Web'] } })
    await has('graced', 'PolicyCompliant', { status: 'False' })
    expect(conditionOf(client('graced') as KubeObject, 'PolicyCompliant')?.message).to.match(/is served until 20\d\d-/)
    await until('graced', () => loaded('graced') === '2/2')
    expect((await requestToken(stack.pods[0]!.port, told)).status, 'within the grace').to.equal(200)
    await has('graced', 'SecretReady', { status: 'False', reason: 'NotServed' })
    await until('graced', () => loaded('graced') === '0/2')
    for (const { port } of stack.pods) expect((await requestToken(port, told)).status).to.equal(401)
    const holds = (policy: KubeObject | undefined) => {
      const [report] = ((policy?.['status'] as Json)?.releases as Json[] | undefined) ?? []
      return report?.violating?.some(({ name }: Json) => name === 'graced') === true
    }
    // cluster-scoped
    await waitForObject(stack.api, 'oidcpolicies', { namespace: undefined as never, name: 'graced' }, holds)
  })

  it('K2 of two clients that are to have one Secret only its owner is Ready, and a free name moves the secret', async () => {
    const value = clients.credentials('renamed').clientSecret
    // the name is free for a moment, and is nobody else's for that
    stack.api.store.remove(stack.api.resource('secrets'), namespace, 'holder-oidc')
    await clients.patch('renamed', { spec: { secret: { name: 'holder-oidc' } } })
    await has('renamed', 'Ready', { status: 'False', reason: 'NameTaken' })
    const isHolders = (object: KubeObject | undefined) => object?.metadata.labels?.[labels.client] === 'holder'
    await waitForObject(stack.api, 'secrets', { namespace, name: 'holder-oidc' }, isHolders)
    await has('holder', 'Ready', { status: 'True' })
    for (const { port } of stack.pods) expect((await token('holder', port)).status).to.equal(200)
    await clients.patch('renamed', { spec: { secret: { name: 'free' } } })
    await clients.ready('renamed')
    expect(Buffer.from(secret('free').data.client_secret as string, 'base64').toString()).to.equal(value)
    await waitForObject(stack.api, 'secrets', { namespace, name: 'renamed-oidc' }, (object) => object === undefined)
  })

  it('moves the secret to the key that spec.secret.keys names now', async () => {
    const { clientSecret } = clients.credentials('holder')
    await clients.patch('holder', { spec: { secret: { keys: { client_secret: 'PASSWORD' } } } })
    const holds = (object: KubeObject | undefined) => {
      const data = object?.['data'] as Record<string, string> | undefined
      return (
        data?.['client_secret'] === undefined &&
        Buffer.from(data?.['PASSWORD'] ?? '', 'base64').toString() === clientSecret
      )
    }
    await waitForObject(stack.api, 'secrets', { namespace, name: 'holder-oidc' }, holds)
    await clients.ready('holder')
  })

  it('F17 a deleted link Secret is made again when a pod comes: clients become Ready, and a revocation reaches every replica', async () => {
    const from = performance.now()
    const old = clients.credentials('linked')
    const oldId = clients.secretId('linked')
    stack.api.store.remove(stack.api.resource('secrets'), releaseNamespace, linkName)
    const late = await stack.addPod()
    await stack.pods[0]!.stop()
    await late.whenReady()
    await clients.apply('newcomer', machine)
    await clients.ready('newcomer', 60_000)
    await clients.patch('linked', { spec: { rotation: { trigger: '1', revokePrevious: '1' } } })
    await clients.published('linked', oldId, 60_000)
    await clients.ready('linked', 60_000)
    const held = clients.credentials('linked')
    for (const { port } of stack.pods.slice(1)) {
      expect((await requestToken(port, held)).status).to.equal(200)
      await untilRefused(port, old)
    }
    tell('F17', { linkMs: performance.now() - from })
  })

  it('K7 an edited Secret is seen within a minute or two, the value in it never works, and the client is Ready again', async () => {
    const holds = (object: KubeObject | undefined) => {
      const value = (object?.['data'] as Record<string, string> | undefined)?.['client_secret'] ?? ''
      return value !== planted
    }
    await waitForObject(stack.api, 'secrets', { namespace, name: 'edited-oidc' }, holds, 90_000)
    await clients.ready('edited', 60_000)
    const restored = clients.credentials('edited')
    expect(restored.clientSecret).not.to.equal(editedBefore.clientSecret)
    for (const { port } of stack.pods.slice(1)) {
      expect((await requestToken(port, restored)).status).to.equal(200)
      expect((await requestToken(port, editedBefore)).status, 'for the overlap').to.equal(200)
    }
  })

  it('shows when a previous secret was last used, though nobody edits anything', async () => {
    const lastUsed = (object: KubeObject | undefined) =>
      ((object?.['status'] as Json)?.secret?.previous as Json[] | undefined)?.[0]?.lastUsed as string | undefined
    await until('used', (object) => Date.parse(lastUsed(object) ?? '') >= usedAt)
  })
})
