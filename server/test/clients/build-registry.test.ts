import { create, equals } from '@bufbuild/protobuf'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { maxVersionBytes } from '@nauthera/rules/limits'
import { expect } from 'chai'
import { buildRegistry, rejectionsOf } from '../../src/clients/build-registry.ts'
import { createRegistryHolder } from '../../src/clients/registry.ts'
import type { Registry } from '../../src/clients/registry.ts'
import { endedId, systemClocks } from '../../src/clients/verifiers.ts'
import {
  applyAll,
  configOf,
  createCheck,
  entryOf,
  inputOf,
  namesIn,
  sha256,
  shardInput,
  spread,
  verifierOf,
} from './shards.ts'

const [first, second, third] = namesIn(3, 3) as [string, string, string]
const [elsewhere] = namesIn(5, 1) as [string]
const idOf = (key: string) => key.replace('/', '.')
const idsIn = (registry: Registry) => [...registry.clients.values()].map(({ clientId }) => clientId).toSorted()
const bad = configOf({ clientName: 'bad', generation: 2n })

describe(buildRegistry.name, () => {
  it('adds, changes and removes the clients of one shard and touches no other', async () => {
    const { registry: one } = await applyAll([
      shardInput(3, 1n, [entryOf(first), entryOf(second)]),
      shardInput(5, 1n, [entryOf(elsewhere)]),
    ])
    expect(idsIn(one)).to.deep.equal([first, second, elsewhere].map(idOf).toSorted())
    const changed = entryOf(first, { desired: configOf({ clientName: 'renamed', generation: 2n }) })
    const { registry: two } = await applyAll([shardInput(3, 2n, [changed, entryOf(third)])], createCheck(), one)
    expect(idsIn(two)).to.deep.equal([first, third, elsewhere].map(idOf).toSorted())
    expect(two.find(idOf(first))?.config.clientName).to.equal('renamed')
    expect(two.find(idOf(elsewhere))).to.equal(one.find(idOf(elsewhere)))
    expect(one.find(idOf(second)), 'the old registry is untouched').to.not.equal(undefined)
  })

  it('F43 knows a restored client by the uid that it had before, and any other by its own', async () => {
    const entries = [entryOf(first, { uid: 'new', restoredFrom: 'old' }), entryOf(second, { uid: 'own' })]
    const { registry } = await applyAll([shardInput(3, 1n, entries)])
    expect([registry.find(idOf(first))?.uid, registry.find(idOf(second))?.uid]).to.deep.equal(['old', 'own'])
  })

  it('checks only what changed and keeps the very objects of the others', async () => {
    const check = createCheck()
    const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first), entryOf(second)])], check)
    check.asked.length = 0
    const changed = entryOf(second, { desired: configOf({ clientName: 'renamed', generation: 2n }) })
    const { registry: two } = await applyAll([shardInput(3, 2n, [entryOf(first), changed])], check, one)
    expect(check.asked).to.deep.equal([idOf(second)])
    expect(two.find(idOf(first))).to.equal(one.find(idOf(first)))
    expect(two.find(idOf(second))).to.not.equal(one.find(idOf(second)))
  })

  it('gives the config that the operator wrote, jwks and unknown corners included', async () => {
    const config = create(ClientConfigSchema, {
      type: 'Web',
      generation: 2n ** 60n,
      clientName: 'Grüße \u{1f511}',
      redirectUris: ['https://a.example.test/cb', 'https://b.example.test/cb'],
      jwks: { keys: [{ kty: 'EC', x: 'abc', nested: { list: [1, null, true] } }] },
      defaultMaxAge: 0,
      resourceServer: { identifier: 'urn:api', scopes: ['read'] },
      claims: [{ name: 'roles', fromGroups: [{ group: 'ops', values: ['Admin'] }], join: 'CSV' }],
    })
    const { registry } = await applyAll([shardInput(3, 1n, [entryOf(first, { desired: config })])])
    const client = registry.find(idOf(first))!
    expect(equals(ClientConfigSchema, client.config, config)).to.equal(true)
    const held = client.config
    expect(client.config, 'the same object while it is held').to.equal(held)
    expect(registry.findApi('urn:api')).to.equal(client)
  })

  describe('a version of more than 16 KiB', () => {
    const large = configOf({ clientName: 'x'.repeat(maxVersionBytes), generation: 2n })

    it('is rejected, and what is live or was accepted is served', async () => {
      const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first)])])
      const grown = shardInput(3, 2n, [
        entryOf(first, { desired: large }),
        entryOf(second, { desired: large, accepted: configOf({ clientName: 'before' }) }),
      ])
      const { registry: two, rejected } = await applyAll([grown], createCheck(), one)
      expect(two.find(idOf(first))?.config.clientName).to.equal('good')
      expect(two.find(idOf(second))?.config.clientName).to.equal('before')
      for (const { field, message } of rejected) {
        expect(field).to.equal('spec')
        expect(message).to.match(/^must take at most 16 KiB, and takes 17 KiB; shorten/)
      }
      expect(rejected.length).to.equal(2)
    })
    it('that was accepted before there was a limit is served on', async () => {
      const { registry } = await applyAll([
        shardInput(3, 1n, [entryOf(first, { desired: undefined, accepted: large })]),
      ])
      expect(registry.find(idOf(first))?.config.clientName).to.equal(large.clientName)
    })
  })

  it('changes verifiers without a check of the client', async () => {
    const check = createCheck()
    const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first, { secrets: ['old'] })])], check)
    check.asked.length = 0
    const rotated = entryOf(first, { secrets: ['new', verifierOf('old', Date.now() + 60_000)] })
    const { registry: two } = await applyAll([shardInput(3, 2n, [rotated])], check, one)
    expect(check.asked).to.deep.equal([])
    expect(two.find(idOf(first))?.verifiers.map(({ id }) => id)).to.deep.equal([
      verifierOf('new').id,
      verifierOf('old').id,
    ])
    expect(two.find(idOf(first))?.version).to.deep.equal(one.find(idOf(first))?.version)
  })

  it('K26 adds redirect URIs to whatever version is served, and takes them away, without a check of the client', async () => {
    const check = createCheck()
    const own = 'https://own.example.com/callback'
    const web = configOf({ redirectUris: [own] })
    const followed = ['https://a.example.com/callback', 'https://b.example.com/callback']
    let registry = (await applyAll([shardInput(3, 1n, [entryOf(first, { desired: web })])], check)).registry
    for (const [seq, redirectUris, versions] of [
      [2n, followed, { desired: web }],
      [3n, followed.slice(1), { desired: bad, accepted: web }],
      [4n, [own], { desired: undefined, accepted: web }],
      [5n, [], { desired: web }],
    ] as const) {
      const entry = entryOf(first, { ...versions, redirectUris })
      registry = (await applyAll([shardInput(3, seq, [entry])], check, registry)).registry
      expect(registry.find(idOf(first))?.config.redirectUris).to.deep.equal([...new Set([own, ...redirectUris])])
    }
    expect(check.asked, 'for each version once').to.deep.equal([idOf(first), idOf(first)])
  })

  it('T13 changes what a client may have at APIs without a new version, and without a check of the client', async () => {
    const check = createCheck()
    const named = { desired: bad, accepted: configOf() }
    let registry = (await applyAll([shardInput(3, 1n, [entryOf(first, { granted: ['read'] }), entryOf(second)])]))
      .registry
    const before = registry.find(idOf(first))!
    for (const [seq, about, scopes] of [
      [2n, { granted: ['read', 'write'] }, ['read', 'write']],
      [3n, { granted: [] }, []],
      [4n, { granted: ['write'], ...named }, ['write']],
      [5n, {}, []],
    ] as const) {
      const shard = shardInput(3, seq, [entryOf(first, about), entryOf(second)])
      registry = (await applyAll([shard], check, registry)).registry
      const client = registry.find(idOf(first))!
      expect(client.granted.flatMap((api) => api.scopes)).to.deep.equal(scopes)
      expect(client.version).to.deep.equal(before.version)
    }
    expect(check.asked, 'only for the version that is refused').to.deep.equal([idOf(first)])
    const same = shardInput(3, 6n, [entryOf(first), entryOf(second)])
    const again = await applyAll([same], check, registry)
    expect(again.registry.find(idOf(first))).to.equal(registry.find(idOf(first)))
  })

  describe('an entry without a verifier', () => {
    const confidential = (about: Parameters<typeof configOf>[0] = {}) =>
      create(ClientConfigSchema, { ...configOf(about), tokenEndpointAuthMethod: 'client_secret_basic' })
    const start = async (secrets: NonNullable<Parameters<typeof entryOf>[1]>['secrets']) =>
      (await applyAll([shardInput(3, 1n, [entryOf(first, { desired: confidential(), ...(secrets && { secrets }) })])]))
        .registry
    const idsAfter = async (secrets: string[], about: Parameters<typeof entryOf>[1]) => {
      const { registry } = await applyAll(
        [shardInput(3, 2n, [entryOf(first, { desired: confidential(), secrets: [], ...about })])],
        createCheck(),
        await start(secrets),
      )
      return registry.find(idOf(first))?.verifiers.map(({ id }) => id)
    }

    it('keeps those that are live, with the old version and with a new one', async () => {
      const held = [verifierOf('secret').id]
      expect(await idsAfter(['secret'], {})).to.deep.equal(held)
      expect(await idsAfter(['secret'], { desired: confidential({ clientName: 'renamed' }) })).to.deep.equal(held)
    })

    it('does not keep one whose time is over', async () => {
      const registry = await start([verifierOf('new'), verifierOf('old', Date.now() - 1_000)])
      const next = shardInput(3, 2n, [entryOf(first, { desired: confidential(), secrets: [] })])
      const { registry: after } = await applyAll([next], createCheck(), registry)
      expect(after.find(idOf(first))?.verifiers.map(({ id }) => id)).to.deep.equal([verifierOf('new').id])
    })

    it('keeps none for a client that no longer authenticates with a secret, nor for another object of the name', async () => {
      const open = create(ClientConfigSchema, { ...configOf(), tokenEndpointAuthMethod: 'none' })
      expect(await idsAfter(['secret'], { desired: open })).to.deep.equal([])
      expect(await idsAfter(['secret'], { uid: 'another' })).to.deep.equal([])
    })
  })

  const rejections: [string, ReturnType<typeof entryOf>, string | undefined, boolean][] = [
    ['keeps what is live when the new version is rejected', entryOf(first, { desired: bad }), 'good', true],
    [
      'prefers what is live to accepted',
      entryOf(first, { desired: bad, accepted: configOf({ clientName: 'earlier' }) }),
      'good',
      true,
    ],
    [
      'keeps what is live when the check throws',
      entryOf(first, { desired: configOf({ clientName: 'throws' }) }),
      'good',
      true,
    ],
    ['removes the client when the operator gives no version', entryOf(first, { desired: undefined }), undefined, false],
    [
      'serves accepted when the operator denies the current version',
      entryOf(first, { desired: undefined, accepted: configOf({ clientName: 'earlier' }) }),
      'earlier',
      false,
    ],
    [
      'keeps nothing of an object that was re-created under the same name',
      entryOf(first, { uid: 'another', desired: bad }),
      undefined,
      true,
    ],
    [
      'keeps what is live of an object that was restored under another uid',
      entryOf(first, { uid: 'another', restoredFrom: entryOf(first).uid, desired: bad }),
      'good',
      true,
    ],
    ['keeps nothing under another client id', entryOf(first, { clientId: 'custom', desired: bad }), undefined, true],
  ]
  for (const [sentence, entry, expected, rejectedToo] of rejections) {
    it(sentence, async () => {
      const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first), entryOf(second)])])
      const { registry: two, rejected } = await applyAll(
        [shardInput(3, 2n, [entry, entryOf(second)])],
        createCheck(),
        one,
      )
      expect(two.find(entry.clientId)?.config.clientName).to.equal(expected)
      expect(rejected.map(({ clientId }) => clientId)).to.deep.equal(rejectedToo ? [entry.clientId] : [])
      expect(two.find(idOf(second))).to.equal(one.find(idOf(second)))
    })
  }

  it('serves accepted on a replica that starts after the rejection, as the others serve it', async () => {
    const entry = entryOf(first, { desired: bad, accepted: configOf() })
    const { registry, rejected } = await applyAll([shardInput(3, 7n, [entry])])
    expect(registry.find(idOf(first))?.config.clientName).to.equal('good')
    expect(rejected).to.have.length(1)
  })

  it('knows by the entry which secrets have ended, also in a process that has just begun', async () => {
    const today = Math.floor(Date.now() / 86_400_000)
    const entry = entryOf(first, { secrets: ['new'] })
    entry.ended = { [sha256('old').slice(0, 8)]: today - 29, [sha256('ancient').slice(0, 8)]: today - 31 }
    const { registry } = await applyAll([shardInput(3, 1n, [entry])])
    const client = registry.find(entry.clientId)!
    expect(endedId('old', client)).to.equal(sha256('old').slice(0, 8))
    for (const other of ['ancient', 'wrong']) expect(endedId(other, client), other).to.equal(undefined)
  })

  it('rotates secrets of a client whose new version is rejected', async () => {
    const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first, { secrets: ['old'] })])])
    const rotated = entryOf(first, { desired: bad, secrets: ['new'] })
    const { registry: two } = await applyAll([shardInput(3, 2n, [rotated])], createCheck(), one)
    expect(two.find(idOf(first))?.config.clientName).to.equal('good')
    expect(two.find(idOf(first))?.verifiers.map(({ id }) => id)).to.deep.equal([verifierOf('new').id])
  })

  it('says field, code, reason and generation of a rejection', async () => {
    const { rejected } = await applyAll([shardInput(3, 1n, [entryOf(first, { desired: bad })])])
    expect(rejected).to.deep.equal([
      {
        namespace: 'team',
        name: first.slice(5),
        clientId: idOf(first),
        shard: 3,
        field: 'spec.auth.jwks',
        code: 'CLIENT_METADATA_INVALID',
        message: 'is no JWK set',
        generation: 2n,
      },
    ])
  })

  it('K8 rejects a version that is much too long, without decoding it, and no other client', async () => {
    const long = entryOf(first)
    long.desired = { ...long.desired!, config: `{"jwks":{"keys":[${'1,'.repeat(2_000_000)}1]}}` }
    const broken = entryOf(second)
    broken.desired = { ...broken.desired!, config: '{"type":' }
    const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first)])])
    const { registry: two, rejected } = await applyAll(
      [shardInput(3, 2n, [long, broken, entryOf(third)])],
      createCheck(),
      one,
    )
    expect(rejected.map(({ clientId, code }) => [clientId, code])).to.deep.equal([
      [idOf(first), 'CLIENT_METADATA_INVALID'],
      [idOf(second), 'CLIENT_METADATA_INVALID'],
    ])
    expect(rejected[0]?.message).to.match(/^must take at most 16 KiB/)
    expect(two.find(idOf(first)), 'what was live').to.equal(one.find(idOf(first)))
    expect(idsIn(two)).to.deep.equal([first, third].map(idOf).toSorted())
  })

  it('keeps what is live when an entry has only an accepted version, and that cannot be read', async () => {
    const { registry: one } = await applyAll([shardInput(3, 1n, [entryOf(first)])])
    const broken = entryOf(first)
    broken.accepted = { ...broken.desired!, generation: 9n, config: '{"type":' }
    delete (broken as { desired?: unknown }).desired
    const { registry: two } = await applyAll([shardInput(3, 2n, [broken])], createCheck(), one)
    expect(two.find(idOf(first))).to.equal(one.find(idOf(first)))
  })

  it('touches no other when one of 1,000 clients is poison, whatever the poison does', async () => {
    const poisons = ['bad', 'throws']
    const good = spread(1n, 1000, (key) => entryOf(key))
    const { registry: one } = await applyAll(good)
    for (const [index, clientName] of poisons.entries()) {
      const poisoned = spread(BigInt(index + 2), 1000, (key) =>
        entryOf(key, key === 'team/app-500' ? { desired: configOf({ clientName, generation: 9n }) } : {}),
      )
      const { registry: two } = await applyAll(poisoned, createCheck(), one)
      expect(two.size).to.equal(1000)
      expect(rejectionsOf(two).map(({ clientId }) => clientId)).to.deep.equal(['team.app-500'])
      for (const client of one.clients.values()) expect(two.find(client.clientId)).to.equal(client)
    }
    const { registry: cold } = await applyAll(
      spread(1n, 1000, (key) => entryOf(key, key === 'team/app-500' ? { desired: bad } : {})),
    )
    expect(cold.size).to.equal(999)
  })

  it('K1 lets who has a client id keep it; the other waits and takes over when it is free', async () => {
    const owner = entryOf(first, { clientId: 'shared' })
    const thief = entryOf(elsewhere, { clientId: 'shared' })
    const { registry: one, rejected } = await applyAll([shardInput(3, 1n, [owner]), shardInput(5, 1n, [thief])])
    expect(one.find('shared')?.name).to.equal(owner.name)
    expect(rejected.map(({ code, field }) => [code, field])).to.deep.equal([['CLIENT_ID_CONFLICT', 'spec.clientId']])
    const { registry: same } = await applyAll([shardInput(3, 2n, [owner])], createCheck(), one)
    expect(same.find('shared')).to.equal(one.find('shared'))
    const { registry: free } = await applyAll([shardInput(3, 3n, [])], createCheck(), same)
    expect(free.find('shared')?.name).to.equal(thief.name)
    expect(rejectionsOf(free)).to.deep.equal([])
  })

  it('K1 keeps the id with its owner when the other comes first in the same shard', async () => {
    const [early, late] = [first, second].toSorted() as [string, string]
    const owner = entryOf(late, { clientId: 'shared' })
    const { registry: one } = await applyAll([shardInput(3, 1n, [owner])])
    const { registry: two } = await applyAll(
      [shardInput(3, 2n, [entryOf(early, { clientId: 'shared' }), owner])],
      createCheck(),
      one,
    )
    expect(two.find('shared')).to.equal(one.find('shared'))
  })

  it('K1 finds the client that is an API by its identifier; another one that claims it waits', async () => {
    const api = configOf({ api: 'https://api.example.test' })
    const { registry, rejected } = await applyAll([
      shardInput(3, 1n, [entryOf(first, { desired: api, clientId: 'b' })]),
      shardInput(5, 1n, [entryOf(elsewhere, { desired: api, clientId: 'a' })]),
    ])
    expect(registry.findApi('https://api.example.test')?.clientId).to.equal('b')
    expect(rejected.map(({ field }) => field)).to.deep.equal(['spec.resourceServer.identifier'])
    expect(registry.find('a')).to.equal(undefined)
    expect(registry.findApi('https://other.example.test')).to.equal(undefined)
  })

  it('names the documents of sectors that its clients name, each once', async () => {
    const of = (key: string, sectorIdentifierUri: string) =>
      entryOf(key, { desired: { ...configOf(), sectorIdentifierUri } })
    const sector = 'https://sector.test/list'
    const { registry } = await applyAll([shardInput(3, 1n, [of(first, sector), of(second, ''), of(third, sector)])])
    expect(registry.sectors()).to.deep.equal([sector])
    // of all clients, each minute: none is decoded for it
    for (const client of registry.clients.values()) {
      Object.defineProperty(client, 'config', { get: () => expect.fail('is decoded') })
    }
    expect(registry.sectors()).to.deep.equal([sector])
  })

  it('E9 takes __proto__ and constructor as names like any other', async () => {
    const names = ['__proto__', 'constructor', 'toString']
    const entries = names.map((clientId) => entryOf(namesIn(3, 9)[names.indexOf(clientId)]!, { clientId }))
    const { registry } = await applyAll([shardInput(3, 1n, entries)])
    expect(names.map((clientId) => registry.find(clientId)?.clientId)).to.deep.equal(names)
    expect(registry.find('hasOwnProperty')).to.equal(undefined)
  })

  it('gives requests their turn while it checks a full load', async () => {
    const check = createCheck()
    const slow: typeof check = Object.assign(
      (...call: Parameters<typeof check>) => {
        const end = performance.now() + 0.5
        while (performance.now() < end);
        return check(...call)
      },
      { asked: check.asked },
    )
    let turns = 0
    let done = false
    const request = () => {
      turns++
      if (!done) setImmediate(request)
    }
    setImmediate(request)
    try {
      await applyAll(
        spread(1n, 400, (key) => entryOf(key)),
        slow,
      )
    } finally {
      done = true
    }
    // 200 ms of checking in slices of 4 ms
    expect(turns).to.be.greaterThan(20)
  })

  it('swaps 5,000 clients 5 times while they are looked up, and no look-up misses', async () => {
    const holder = createRegistryHolder()
    const swap = async (seq: bigint) => {
      for (const shard of spread(seq, 5000, (key) => entryOf(key, { desired: configOf({ clientName: `v${seq}` }) }))) {
        const built = await buildRegistry(holder.current(), inputOf(shard), {
          checkClient: createCheck(),
          clocks: systemClocks,
        })
        holder.swap(built.registry)
        // as between two messages of the agent, a request gets its turn
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await swap(1n)
    let lookups = 0
    let misses = 0
    let done = false
    const lookUp = () => {
      for (let turn = 0; turn < 50; turn++) {
        lookups++
        if (holder.current().find(`team.app-${(lookups * 7) % 5000}`) === undefined) misses++
      }
      if (!done) setImmediate(lookUp)
    }
    lookUp()
    try {
      for (const seq of [2n, 3n, 4n, 5n, 6n]) await swap(seq)
    } finally {
      done = true
    }
    expect(misses).to.equal(0)
    expect(lookups).to.be.greaterThan(1000)
    expect(holder.current().find('team.app-4999')?.config.clientName).to.equal('v6')
  })
})
