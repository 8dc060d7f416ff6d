import { createLog } from '@nauthera/runtime/log'
import { Secret } from '@nauthera/runtime/secret'
import { expect } from 'chai'
import { Redis } from 'ioredis'
import { startTcpProxy } from '../../../ci/faults/support/tcp-proxy.ts'
import type { TcpProxy } from '../../../ci/faults/support/tcp-proxy.ts'
import { startValkey } from '@nauthera/local/programs/valkey'
import type { Valkey } from '@nauthera/local/programs/valkey'
import { loadKeyRing } from '../../src/store/driver/envelope.ts'
import { parseCacheUrl } from '../../src/store/cache/cache-connection.ts'
import { createRedisCache } from '../../src/store/cache/redis-cache.ts'
import { send } from '@nauthera/harness/browser'
import { fetchCode, fetchTokens, introspect, redeem, refresh, revoke, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const count = 2
const everyReplica = Array.from({ length: count }, (_, replica) => replica)

describe('a cache that replicas share', () => {
  let valkey: Valkey
  let proxy: TcpProxy
  let replicas: ServerReplicas
  let raw: Redis
  async function start(timeout: string): Promise<void> {
    valkey = await startValkey()
    proxy = await startTcpProxy(valkey.port)
    replicas = await startReplicas({ count, cache: { url: `redis://127.0.0.1:${proxy.port}`, timeout } })
    await replicas.serve([
      entry('app.web', configs.web),
      entry('app.team', { ...configs.web, allowedGroups: ['team'] }),
    ])
    await addPerson(replicas, 'ada')
    raw = new Redis(valkey.url)
    raw.on('error', () => undefined)
  }
  async function stop(): Promise<void> {
    raw.disconnect()
    await replicas.stop()
    await proxy.stop()
    await valkey.stop()
  }

  const me = (access: string, replica = 0) =>
    send(replicas, { replica, path: '/userinfo', headers: { authorization: `Bearer ${access}` } })
  const admin = { event: 'admin.test', outcome: 'success' } as const

  async function roundTrips(work: () => Promise<unknown>): Promise<number> {
    const all = () => replicas.apps.reduce((sum, { store }) => sum + store.database.counters().roundTrips, 0)
    for (const { store } of replicas.apps) await store.audit.flush()
    const before = all()
    await work()
    return all() - before
  }

  /** Introspects on each replica until none of them asks PostgreSQL: each is connected, and the entry is there. */
  async function warm(access: string, withinMs = 10_000): Promise<void> {
    const end = performance.now() + withinMs
    for (const replica of everyReplica) {
      const ask = async () => {
        expect((await introspect(replicas, access, { replica })).json()['active']).to.equal(true)
      }
      while ((await roundTrips(ask)) > 0) {
        if (performance.now() > end) throw new Error(`replica ${replica} does not read the cache`)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  async function expectDead(access: string): Promise<void> {
    for (const replica of everyReplica) {
      expect((await introspect(replicas, access, { replica })).json(), `replica ${replica}`).to.deep.equal({
        active: false,
      })
      expect((await me(access, replica)).status, `replica ${replica}`).to.equal(401)
    }
  }

  describe('while it works', () => {
    before(async () => {
      // long, so that a busy machine does not look like a fault
      await start('5s')
    })
    after(stop)

    it('introspection and userinfo of a cached token need no database query, on any replica', async () => {
      const { access } = await fetchTokens(replicas)
      await warm(access)
      const trips = await roundTrips(async () => {
        for (const replica of everyReplica) {
          expect((await introspect(replicas, access, { replica })).json()['active']).to.equal(true)
          const answer = await me(access, replica)
          expect([answer.status, answer.json()['email']]).to.deep.equal([200, 'ada@example.com'])
        }
      })
      expect(trips).to.equal(0)
      for (const metrics of replicas.metrics) {
        const text = await metrics.render()
        expect(text).to.match(/nauthera_server_cache_reads_total\{outcome="hit",process="server"\} [1-9]/)
        expect(text).to.not.match(/nauthera_server_cache_failures_total\{.*\} [1-9]/)
      }
    })

    it('no entry stays for more than 10 s', async () => {
      const { access } = await fetchTokens(replicas)
      await warm(access)
      const keys = await raw.keys('nauthera:token-account:*')
      expect(keys).to.not.be.empty
      for (const key of keys)
        expect(await raw.pttl(key))
          .to.be.within(-2, 10_000)
          .and.not.equal(-1)
    })

    describe('I1 on every replica these are refused at once:', () => {
      it('a revoked token', async () => {
        for (const kind of ['access', 'refresh'] as const) {
          const tokens = await fetchTokens(replicas)
          await warm(tokens.access)
          expect((await revoke(replicas, tokens[kind])).status).to.equal(200)
          await expectDead(tokens.access)
        }
      })

      it('the tokens of a code that is used again', async () => {
        const code = await fetchCode(replicas)
        const { access } = tokensOf(await redeem(replicas, code))
        await warm(access)
        expect((await redeem(replicas, code, { replica: 1 })).status).to.equal(400)
        await expectDead(access)
      })

      it('the tokens of a family whose refresh token is used again', async () => {
        const first = await fetchTokens(replicas)
        const second = tokensOf(await refresh(replicas, first.refresh))
        const third = tokensOf(await refresh(replicas, second.refresh, { replica: 1 }))
        await warm(third.access)
        expect((await refresh(replicas, first.refresh)).status).to.equal(400)
        await expectDead(third.access)
      })

      it('the tokens of a session that ended by logout', async () => {
        const code = await fetchCode(replicas)
        const { access, id } = tokensOf(await redeem(replicas, code))
        await warm(access)
        const page = await code.browser.follow(
          `${replicas.issuer}/logout?${new URLSearchParams({ id_token_hint: id }).toString()}`,
        )
        await code.browser.submit(page, '/logout/confirm', { logout: 'yes' })
        await expectDead(access)
      })

      for (const [how, end] of [
        ['is disabled', (userId: string) => replicas.apps[0]!.store.users.setDisabled(userId, true, [admin])],
        ['is signed out everywhere', (userId: string) => replicas.apps[0]!.store.users.revokeSessions(userId, [admin])],
        [
          'gets another password',
          (userId: string) =>
            replicas.apps[0]!.store.credentials.set(userId, 'none', { changeRequired: false, audit: [admin] }),
        ],
      ] as const) {
        it(`T5 the tokens of a person who ${how}`, async () => {
          const username = `person-${how.replaceAll(' ', '-')}`
          const userId = await addPerson(replicas, username)
          const { access } = await fetchTokens(replicas, { username })
          await warm(access)
          await end(userId)
          await expectDead(access)
        })
      }

      it('T5 the tokens of a person who left the allowed group, until the person is in it again', async () => {
        const userId = await addPerson(replicas, 'grace', ['team'])
        const code = await fetchCode(replicas, { username: 'grace', parameters: { client_id: 'app.team' } })
        const { access } = tokensOf(await redeem(replicas, code, { clientId: 'app.team' }))
        const active = async (replica: number) =>
          (await introspect(replicas, access, { replica, clientId: 'app.team' })).json()['active']
        for (const replica of everyReplica) expect(await active(replica)).to.equal(true)
        await replicas.apps[0]!.store.groups.removeMember('team', userId, [admin])
        for (const replica of everyReplica) expect(await active(replica)).to.equal(false)
        await replicas.apps[0]!.store.groups.addMember('team', userId, [admin])
        for (const replica of everyReplica) expect(await active(replica)).to.equal(true)
      })

      it('T1 a refresh token that was replaced, though its access token is cached', async () => {
        const first = await fetchTokens(replicas)
        await warm(first.access)
        const second = tokensOf(await refresh(replicas, first.refresh))
        for (const replica of everyReplica) {
          expect((await introspect(replicas, first.refresh, { replica })).json()).to.deep.equal({ active: false })
          expect((await introspect(replicas, second.refresh, { replica })).json()['active']).to.equal(true)
        }
      })
    })

    describe('F7 PostgreSQL is asked instead when somebody else has changed the cache:', () => {
      const grantKeys = () => raw.keys('nauthera:token-account:*')
      const cases: readonly [string, (key: string, box: Buffer, another: Buffer) => Promise<unknown>][] = [
        ['all entries deleted', () => raw.flushall()],
        ['an entry cut in half', (key, box) => raw.set(key, box.subarray(0, box.length / 2))],
        ['an empty entry', (key) => raw.set(key, Buffer.alloc(0))],
        [
          'an entry with one changed bit',
          (key, box) => raw.set(key, Buffer.concat([box.subarray(0, -1), Buffer.of(box.at(-1)! ^ 1)])),
        ],
        ['the entry of another grant in its place', (key, _box, another) => raw.set(key, another)],
        [
          'an entry of another Redis type',
          async (key) => {
            await raw.del(key)
            await raw.lpush(key, 'x')
          },
        ],
        [
          'an entry of another release, with another format',
          async (key) => {
            const keys = loadKeyRing(replicas.keysDirectory).derive('cache')
            const log = createLog({ process: 'test', level: 'error', format: 'json' })
            const release = createRedisCache({
              connection: parseCacheUrl(new Secret(valkey.url)),
              keys,
              log,
              timeoutMs: 5000,
            })
            await release.settled()
            const id = key.slice('nauthera:token-account:'.length)
            await release.set({ purpose: 'token-account', id }, Buffer.from('{"version":2,"active":true}'), 10_000)
            expect((await release.get([{ purpose: 'token-account', id }]))[0]).to.not.equal(undefined)
            await release.stop()
          },
        ],
      ]
      for (const [what, write] of cases) {
        it(what, async () => {
          const dead = await fetchTokens(replicas)
          await warm(dead.access)
          const [deadKey] = await grantKeys()
          const another = (await raw.getBuffer(deadKey!))!
          await raw.flushall()
          const { access } = await fetchTokens(replicas)
          await warm(access)
          const [key] = await grantKeys()
          await write(key!, (await raw.getBuffer(key!))!, another)
          const trips = await roundTrips(async () => {
            expect((await introspect(replicas, access)).json()['active']).to.equal(true)
          })
          expect(trips, 'it was believed').to.equal(1)
          await raw.flushall()
          await warm(access)
          expect((await revoke(replicas, access)).status).to.equal(200)
          await expectDead(access)
        })
      }
    })
  })

  describe('F5 every flow works, and at most one call in a hundred waits, while the cache is', () => {
    before(async () => {
      await start('100ms')
    })
    after(stop)

    /** Each kind of flow, and what each must answer. */
    async function everyFlow(): Promise<void> {
      const code = await fetchCode(replicas)
      const first = tokensOf(await redeem(replicas, code))
      expect((await me(first.access)).status).to.equal(200)
      const second = tokensOf(await refresh(replicas, first.refresh))
      expect((await introspect(replicas, second.access)).json()['active']).to.equal(true)
      expect((await revoke(replicas, second.refresh)).status).to.equal(200)
      await expectDead(second.access)
    }

    /** How many calls to replica 0 waited for the cache until now, and got no answer from it. */
    async function waitedInVain(): Promise<number> {
      const text = await replicas.metrics[0]!.render()
      return Number(/cache_failures_total\{what="command",process="server"\} (\d+)/.exec(text)?.[1] ?? 0)
    }

    /** At least 800 times, for at least 3 s. */
    async function introspectOften(access: string): Promise<void> {
      const end = performance.now() + 3000
      for (let done = 0; done < 800 || performance.now() < end; done++)
        expect((await introspect(replicas, access)).json()['active']).to.equal(true)
    }

    const faults: readonly [string, () => Promise<() => Promise<void>>][] = [
      [
        'stopped',
        async () => {
          const { port } = valkey
          await valkey.stop()
          return async () => {
            valkey = await startValkey({ port })
          }
        },
      ],
      [
        'cut off by the network',
        async () => {
          proxy.cut()
          return async () => proxy.restore()
        },
      ],
      [
        'hung',
        async () => {
          process.kill(valkey.pid, 'SIGSTOP')
          return async () => void process.kill(valkey.pid, 'SIGCONT')
        },
      ],
    ]
    for (const [what, begin] of faults) {
      it(what, async function () {
        this.timeout(240_000)
        const { access } = await fetchTokens(replicas)
        await warm(access)
        const linesBefore = replicas.lines.length
        const vainBefore = await waitedInVain()
        const began = performance.now()
        const mend = await begin()
        try {
          await everyFlow()
          await introspectOften(access)
          expect((await waitedInVain()) - vainBefore, 'calls that waited, of at least 800').to.be.at.most(8)
          await everyFlow()
        } finally {
          await mend()
        }
        const said = replicas.lines.slice(linesBefore).filter((line) => line.includes('cache unavailable'))
        // each replica says it once in ten seconds
        expect(said.length).to.be.at.most(count * Math.ceil((performance.now() - began) / 10_000 + 1))
        await warm(access)
      })
    }
  })
})
