import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { releaseNamespace } from '@nauthera/local/product/stack'
import type { Stack, StackOptions } from '@nauthera/local/product/stack'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { readBackup } from '@nauthera/stand-in/backup'
import type { Backup } from '@nauthera/stand-in/backup'
import type { KubeObject } from '@nauthera/stand-in/objects'
import { Drill, applicationsOf, apps, clientOf, count, fill, untilReady } from './support/drill-site.ts'
import type { DrillCounts, Held } from './support/drill-site.ts'

// Something is lost for good, leaks, or is set back, and is brought back as docs/runbooks/restore.md says, with real processes. Each drill counts
// what people and programs can do then; the table is on that page.

const hasName =
  (...names: readonly string[]) =>
  ({ metadata }: KubeObject) =>
    names.includes(metadata.name)

describe('a disaster', function () {
  this.timeout(240_000)
  let drill: Drill
  let held: Held
  let usual: DrillCounts
  let objects: Backup
  let file: string
  let ring: string

  const isOfApps = ({ metadata }: KubeObject) => [metadata.namespace, metadata.name].includes(apps)
  const key = () => drill.at('recipient.key')
  const secretNamed = (name: string) => objects.find(hasName(name)) as KubeObject & { data: Record<string, string> }
  /** A mounted Secret. */
  const mount = (path: string, data: Readonly<Record<string, string>>): string => {
    mkdirSync(path, { recursive: true })
    for (const [name, value] of Object.entries(data)) writeFileSync(join(path, name), Buffer.from(value, 'base64'))
    return path
  }
  const newRing = (name: string) =>
    mount(drill.at(name), { new: randomBytes(32).toString('base64'), current: Buffer.from('new').toString('base64') })
  const secretOf = (directory: string): KubeObject => {
    const content = readdirSync(directory)
    const read = (name: string) => readFileSync(join(directory, name)).toString('base64')
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'nauthera-keys', namespace: releaseNamespace },
      type: 'Opaque',
      data: Object.fromEntries(content.map((name) => [name, read(name)])),
    } as unknown as KubeObject
  }
  /** What `nauthera backup secrets` prints, as kubectl would apply it. */
  const sealedSecrets = async (): Promise<Backup> => {
    const printed = await drill.runOn('aside', ring, ['backup', 'secrets', '--from', file, '--key', key()])
    const { items } = parse(printed) as { items: KubeObject[] }
    return items.map((item) => ({ ...item, metadata: { ...item.metadata, namespace: releaseNamespace } }) as KubeObject)
  }
  const backUp = ['backup', '--recipient', 'recipient.pub', '--secrets', 'secrets', '--to']
  const backUpTo = (directory: string) => {
    mkdirSync(drill.at(directory))
    return backUp.map((word) => (/^(recipient|secrets)/.test(word) ? drill.at(word) : word)).concat(drill.at(directory))
  }
  const onlyFileIn = (directory: string) => join(drill.at(directory), readdirSync(drill.at(directory))[0]!)
  const withSite = async <T>(name: string, work: (stack: Stack) => Promise<T>, options?: Partial<StackOptions>) => {
    const stack = await drill.startSite(name, options)
    try {
      return await work(stack)
    } finally {
      await stack.stop()
    }
  }
  const countOn = (name: string, column: string): Promise<DrillCounts> =>
    withSite(name, async (stack) => {
      await untilReady(stack)
      const { counts } = await count(stack, held)
      drill.columns[column] = counts
      return counts
    })

  before(async () => {
    drill = await Drill.open()
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    writeFileSync(key(), pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    writeFileSync(drill.at('recipient.pub'), pair.publicKey.export({ type: 'spki', format: 'pem' }))
    await withSite('before', async (stack) => {
      const filled = await fill(stack)
      objects = readBackup(stack.api, [apps, releaseNamespace])
      ring = mount(drill.at('ring'), secretNamed('nauthera-keys').data)
      mount(drill.at('secrets/nauthera-clients-proof'), secretNamed('nauthera-clients-proof').data)
      await drill.run(stack.serverSettings, backUpTo('hour-old'))
      file = onlyFileIn('hour-old')
      // the hour: every refresh token is used, and people sign in
      const counted = await count(stack, filled)
      drill.columns['before'] = usual = counted.counts
      held = counted.held
    })
  })
  after(() => void process.stdout.write(drill.table()))

  it('F27 the database comes back from an hour-old backup: what was issued ends, and changes of that hour are gone', async () => {
    const name = 'hour'
    drill.copyDatabase('before', name)
    const consent = ['consents', 'revoke', 'person-3', `${apps}.web-0`]
    const acts = [['users', 'disable', 'person-1'], ['users', 'add', 'late', '--no-password'], consent]
    await drill.runOn(name, ring, ...acts)
    const restored = 'an hour-old backup'
    await drill.runOn('restored', ring, ['restore', '--from', file, '--key', key()])
    await drill.writeObjects('restored', objects)
    expect(await countOn('restored', restored)).to.deep.equal({
      ...usual,
      'sessions that live, asked at each application': '0/24',
      'refreshes that succeed': '0/24',
      'access tokens that are active': '0/21',
      'answers of /token and /introspect': '27 x 200, 24 x 400',
    })
    const people = JSON.parse(await drill.runOn('restored', ring, ['users', 'list', '-o', 'json'])) as {
      username: string
      disabled: boolean
    }[]
    expect(people.map(({ username }) => username)).to.not.include('late')
    expect(people.filter(({ disabled }) => disabled)).to.deep.equal([])
  })

  it('F51 the key-encryption ring is lost: the one of the backup brings all of it back', async () => {
    const name = 'ring-lost'
    drill.copyDatabase('before', name)
    const listed = await drill.runOn(name, newRing('other-ring'), ['keys', 'list', '-o', 'json'])
    const keys = JSON.parse(listed) as { opens: boolean }[]
    expect(keys.filter(({ opens }) => opens)).to.deep.equal([])
    const [sealed] = (await sealedSecrets()).filter(hasName('nauthera-keys'))
    await drill.writeObjects(name, [...objects.filter((one) => !hasName('nauthera-keys')(one)), sealed!])
    expect(await countOn(name, 'the ring lost, sealed in a backup')).to.deep.equal(usual)
  })

  it('F51 without a backup of it sessions, tokens and authenticator apps are lost, and people stay', async () => {
    const name = 'ring-gone'
    drill.copyDatabase('before', name)
    const other = newRing('next-ring')
    await drill.runOn(name, other, ['keys', 'give-up', '--yes'])
    await drill.writeObjects(name, [...objects.filter((one) => !hasName('nauthera-keys')(one)), secretOf(other)])
    expect(await countOn(name, 'the ring lost for good')).to.deep.include({
      'OIDCClients that are Ready': '8/8',
      'programs that get a token with the secret of before': '3/3',
      'people who sign in with a password': '4/4',
      'people who sign in with a second factor': '0/2',
      'sessions that live, asked at each application': '0/24',
      // those of people who sign in
      'consents that stand': '16/24',
      'refreshes that succeed': '0/24',
      'access tokens that are active': '0/21',
    })
  })

  it('F52 the ring leaked: after the steps of docs/keys.md the thief opens nothing, and nothing that was issued is valid', async () => {
    const name = 'ring-leaked'
    drill.copyDatabase('before', name)
    const both = mount(drill.at('both-rings'), {
      ...secretNamed('nauthera-keys').data,
      new: randomBytes(32).toString('base64'),
      current: Buffer.from('new').toString('base64'),
    })
    await drill.runOn(name, both, ['keys', 'reencrypt'], ['keys', 'rotate', '--now', '--cut', 'all', '--yes'])
    const seen = await drill.runOn(name, ring, ['keys', 'list', '-o', 'json'])
    expect((JSON.parse(seen) as { opens: boolean }[]).filter(({ opens }) => opens)).to.deep.equal([])
    const only = mount(drill.at('only-new'), { current: Buffer.from('new').toString('base64') })
    cpSync(join(both, 'new'), join(only, 'new'))
    await drill.writeObjects(name, [...objects.filter((one) => !hasName('nauthera-keys')(one)), secretOf(only)])
    expect(await countOn(name, 'the ring leaked')).to.deep.equal({
      ...usual,
      'sessions that live, asked at each application': '0/24',
      'refreshes that succeed': '0/24',
      'access tokens that are active': '0/21',
      'answers of /token and /introspect': '27 x 200, 24 x 400',
    })
  })

  it('F53 the certificates of operator and agents are lost with their CA: nothing is lost with them', async () => {
    const name = 'link-lost'
    drill.copyDatabase('before', name)
    await drill.writeObjects(
      name,
      objects.filter((one) => !hasName('nauthera-link')(one)),
    )
    expect(await countOn(name, 'the link lost')).to.deep.equal(usual)
  })

  it('F54 the database is lost for good: clients and their programs go on, people and all of theirs are gone', async () => {
    const name = 'database-lost'
    await drill.writeObjects(name, objects)
    expect(await countOn(name, 'the database lost for good')).to.deep.include({
      'OIDCClients that are Ready': '8/8',
      'programs that get a token with the secret of before': '3/3',
      'people who sign in with a password': '0/4',
      'people who sign in with a second factor': '0/2',
      'sessions that live, asked at each application': '0/24',
      'consents that stand': '0/24',
      'refreshes that succeed': '0/24',
      'access tokens that are active': '0/21',
    })
  })

  it("F43 the release's namespace is lost with all its Secrets: those sealed in the backup bring all of it back", async () => {
    const name = 'namespace-lost'
    drill.copyDatabase('before', name)
    await drill.writeObjects(name, [...objects.filter(isOfApps), ...(await sealedSecrets())])
    expect(await countOn(name, "the release's namespace lost")).to.deep.equal(usual)
  })

  it('F55 a move to another cluster with the same issuer loses nothing: servers stop, a backup is taken and restored with --move', async () => {
    drill.copyDatabase('before', 'old-cluster')
    await drill.runOn('old-cluster', ring, backUpTo('move'))
    const restore = ['restore', '--move', '--from', onlyFileIn('move'), '--key', key()]
    await drill.runOn('new-cluster', ring, restore)
    await drill.writeObjects('new-cluster', objects)
    expect(await countOn('new-cluster', 'a move')).to.deep.equal(usual)
  })

  it('F56 etcd is set back to yesterday: its clients go on, and a secret of today is refused', async () => {
    const today = 'etcd-today'
    drill.copyDatabase('before', today)
    const state = (site: string) => drill.at(`${site}/kube-objects.json`)
    cpSync(state('before'), state(today))
    const rotated = await withSite(today, async (stack) => {
      await untilReady(stack)
      const { api } = stack
      const client = clientOf(stack, 'machine-0')!
      const annotations = { ...client.metadata.annotations, 'auth.nauthera.io/rotate': 'today' }
      api.set({ ...client, metadata: { ...client.metadata, annotations } })
      const secretBefore = held.applications.get('machine-0')!.clientSecret
      const place = { namespace: apps, name: 'machine-0-oidc' }
      const isOther = () => applicationsOf(stack).get('machine-0')!.clientSecret !== secretBefore
      await waitForObject(api, 'secrets', place, isOther, 60_000)
      const spec = { type: 'M2M', audiences: ['https://late.example.com'] }
      const late = { apiVersion: 'auth.nauthera.io/v1alpha1', kind: 'OIDCClient', spec }
      api.set({ ...late, metadata: { name: 'late', namespace: apps } } as unknown as KubeObject)
      await waitForObject(api, 'oidcclients', { namespace: apps, name: 'late' }, isReady, 60_000)
      return applicationsOf(stack).get('machine-0')!
    })
    const name = 'etcd-yesterday'
    drill.copyDatabase(today, name)
    cpSync(state('before'), state(name))
    held = { ...held, applications: new Map([...held.applications, ['machine-0', rotated]]) }
    expect(await countOn(name, 'etcd of yesterday')).to.deep.equal({
      ...usual,
      // the secret of today, which etcd does not know any more
      'programs that get a token with the secret of before': '2/3',
      'answers of /token and /introspect': '50 x 200, 1 x 401',
    })
  })
})
