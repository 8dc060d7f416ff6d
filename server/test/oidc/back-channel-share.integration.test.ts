import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { createRegisteredClient } from '../../src/clients/registered-client.ts'
import { createTellLogout } from '../../src/oidc/artefacts/back-channel.ts'
import { createLogoutTurns } from '../../src/oidc/artefacts/logout-turns.ts'
import { createOutboxRunner } from '../../src/store/outbox/outbox-runner.ts'
import type { OutboxRunner } from '../../src/store/outbox/outbox-runner.ts'
import { outboxInsert } from '../../src/store/outbox/outbox-rows.ts'
import { statement } from '../../src/store/driver/database.ts'
import type { Store } from '../../src/store/store.ts'
import { keepLog } from '../http/harness.ts'
import { freshStore } from '../store/fresh-store.ts'
import type { FreshStore } from '../store/fresh-store.ts'

// One replica with its real outbox, and applications that never answer: nothing here ends by a time-out.

const insertRows = statement('test-share-insert', outboxInsert('$1'))
const width = 20
const share = 4

/** `hangs-1` is an application of the namespace `hangs`. */
const clientOf = (clientId: string) =>
  createRegisteredClient({
    clientId,
    uid: clientId,
    namespace: clientId.replace(/-.*/, ''),
    name: clientId,
    shard: 0,
    verifiers: [],
    version: renderVersion(
      create(ClientConfigSchema, { generation: 1n, backchannelLogoutUri: `https://${clientId}.test/` }),
    ),
    api: undefined,
    granted: [],
  })

describe('back-channel logout of many namespaces', () => {
  let fresh: FreshStore
  let store: Store
  let runner: OutboxRunner | undefined
  let free: () => void = () => undefined
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  afterEach(async () => {
    free()
    await runner?.stop()
  })
  after(() => fresh.stop())

  const end = (clientIds: readonly string[]) => {
    const rows = clientIds.map((clientId) => ({
      kind: 'backchannel-logout' as const,
      onceKey: randomUUID(),
      payload: { clientUid: clientId, clientId, userId: randomUUID(), sid: randomUUID() },
      giveUpAfterMs: 86_400_000,
    }))
    return store.database.query(insertRows, [store.outbox.workRows(rows)])
  }

  /** Begins to tell. Applications of namespaces that begin with `hangs` never answer. */
  function tell() {
    const asked: string[] = []
    let wasTold: () => void = () => undefined
    const told = new Promise<void>((resolve) => (wasTold = resolve))
    const held = new Promise<Response>((resolve) => (free = () => resolve(new Response(null, { status: 200 }))))
    const attempt = createTellLogout({
      clientOf,
      knowsAll: () => true,
      mint: async () => 'a-token',
      fetch: async (url) => {
        const { hostname } = new URL(String(url))
        asked.push(hostname.replace('.test', ''))
        if (hostname.startsWith('hangs')) return held
        wasTold()
        return new Response(null, { status: 200 })
      },
      turns: createLogoutTurns({ share, now: () => performance.now() }),
    })
    const { outbox } = store
    runner = createOutboxRunner({ outbox, tries: { 'backchannel-logout': attempt }, log: keepLog(), width })
    runner.start()
    return { asked, told }
  }

  it('L17 tells one session of an application while three other namespaces hang, each of which has its share', async () => {
    const hanging = ['hangs', 'hangs2', 'hangs3'].flatMap((namespace) =>
      Array.from({ length: 150 }, (_, at) => `${namespace}-${at % 30}`),
    )
    await end(hanging)
    await end(['answers-1'])
    const { asked, told } = tell()
    await told
    const before = asked.slice(0, asked.indexOf('answers-1')).map((clientId) => clientId.replace(/-.*/, ''))
    for (const namespace of ['hangs', 'hangs2', 'hangs3'])
      expect(before.filter((one) => one === namespace)).to.have.length(share)
    expect(before).to.have.length(3 * share)
  })
})
