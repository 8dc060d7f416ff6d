import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import type { EndedUse } from '../../../src/store/outbox/logouts.ts'
import { endDevices, logoutInsert } from '../../../src/store/outbox/logouts.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { addPerson, freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

const kinds = ['backchannel-logout']
const leaseMs = 60_000
const clearAll = statement('test-clear-logouts', 'DELETE FROM outbox')

interface Signed {
  readonly userId: string
  /** The two sessions of the person, each used for the clients a and b. */
  readonly sessions: readonly [string, string]
}

describe(endDevices.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())
  beforeEach(async () => {
    await store.database.query(clearAll)
  })

  async function signIn(): Promise<Signed> {
    const { id: userId } = await addPerson(store)
    const sessions = [randomUUID(), randomUUID()] as const
    for (const sessionUid of sessions) {
      const session = { sessionUid, userId, version: 1, authTime: new Date(), lifeMs: 60_000 }
      for (const client of ['a', 'b'])
        await store.signIns.finish({
          device: { ...session, clientUid: `uid-${client}`, clientId: `app.${client}`, sid: `${sessionUid}/${client}` },
          audit: [],
        })
    }
    return { userId, sessions }
  }

  const standingOf = async (userId: string) => (await store.accounts.load({ userId }))!.standing

  /** What is queued, as `<session>/<client>`. */
  async function queued(): Promise<string[]> {
    const claimed = await store.outbox.claim(kinds, 100, leaseMs)
    return claimed.map(({ open }) => (open() as EndedUse).sid).toSorted()
  }
  const both = ({ sessions }: Signed) => sessions.flatMap((uid) => [`${uid}/a`, `${uid}/b`]).toSorted()
  const ofFirst = ({ sessions: [first] }: Signed) => [`${first}/a`, `${first}/b`]
  const ofSecond = ({ sessions: [, second] }: Signed) => [`${second}/a`, `${second}/b`]

  const hash = '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g'

  // every way in which a session ends: the store's function, and who calls it
  const ways: readonly [string, (signed: Signed) => Promise<unknown>, (signed: Signed) => string[]][] = [
    [
      'a logout, at the page or begun by an application, and the sign-in of somebody else in the same browser',
      ({ sessions }) => store.devices.endSession(sessions[0]),
      ofFirst,
    ],
    [
      'a person who ends one of their sessions in the account area',
      ({ userId, sessions }) => store.devices.signOut({ sessionUid: sessions[0], userId }, []),
      ofFirst,
    ],
    [
      'sign out everywhere, sessions that the help desk ends, and `nauthera users revoke-sessions`',
      ({ userId }) => store.users.revokeSessions(userId, []),
      both,
    ],
    [
      'a person whom the help desk, the command line or an import disables',
      ({ userId }) => store.users.setDisabled(userId, true, []),
      both,
    ],
    ['a person who is deleted', ({ userId }) => store.users.remove(userId, []), both],
    [
      'a password that is set by mail, by the help desk or on the command line',
      ({ userId }) => store.credentials.set(userId, hash, { changeRequired: false, audit: [] }),
      both,
    ],
    [
      'a password that a person changes, in all sessions but that one',
      ({ userId, sessions }) =>
        store.credentials.set(userId, hash, {
          changeRequired: false,
          others: { keepSession: { uid: sessions[0], version: 1 } },
          audit: [],
        }),
      ofSecond,
    ],
    ['factors that the help desk or the command line removes', ({ userId }) => store.factors.reset(userId, []), both],
    [
      'an identity at another provider that is removed',
      async ({ userId }) => {
        const identity = { issuer: 'https://corp.test', subject: randomUUID(), upstream: 'corp', maxAgeMs: 60_000 }
        await store.upstreamLinks.link(identity, { userId, proved: await standingOf(userId) }, { audit: [] })
        await store.upstreamLinks.unlink(userId, 'corp', { audit: [] })
      },
      both,
    ],
  ]
  for (const [sentence, end, expected] of ways) {
    it(`queues what each client is to be told: ${sentence}`, async () => {
      const signed = await signIn()
      await end(signed)
      expect(await queued()).to.deep.equal(expected(signed))
    })
  }

  it('says whose session it was, which object the client was, and the sector of its newest grant', async () => {
    const { userId, sessions } = await signIn()
    const [sessionUid] = sessions
    for (const [id, clientUid, sector] of [
      ['first', 'uid-a', 'old.example.com'],
      ['second', 'uid-a', 'new.example.com'],
      ['third', 'uid-b', undefined],
    ] as const) {
      const payload = sector === undefined ? {} : { sector }
      const rest = { userId, sessionUid, offline: false, payload, lifeMs: 60_000 }
      await store.grants.insert({ id: `${sessionUid}-${id}`, clientUid, clientId: 'app.a', ...rest })
    }
    await store.devices.endSession(sessionUid)
    const works = await store.outbox.claim(kinds, 2, leaseMs)
    const told = works.map(({ open }) => open() as EndedUse).toSorted((one, other) => (one.sid < other.sid ? -1 : 1))
    expect(told).to.deep.equal([
      { userId, clientUid: 'uid-a', clientId: 'app.a', sid: `${sessionUid}/a`, sector: 'new.example.com' },
      { userId, clientUid: 'uid-b', clientId: 'app.b', sid: `${sessionUid}/b`, sector: '' },
    ])
    const [work] = works
    expect(work!.left()).to.be.within(86_400_000 - 60_000, 86_400_000)
  })

  it('knows no sector where nothing was granted', async () => {
    const { sessions } = await signIn()
    await store.devices.endSession(sessions[0])
    const [work] = await store.outbox.claim(kinds, 1, leaseMs)
    expect((work!.open() as EndedUse).sector).to.equal(undefined)
  })

  it('is not encrypted, so a new key-encryption key finds nothing to do', async () => {
    const signed = await signIn()
    await store.devices.endSession(signed.sessions[0])
    expect(await store.outbox.reencrypt()).to.deep.equal({ done: 0, left: [] })
    expect(await queued()).to.deep.equal(ofFirst(signed))
  })

  it('queues it once, however often and by whomever the session is ended', async () => {
    const { userId, sessions } = await signIn()
    const other = fresh.replica()
    await Promise.all([
      ...[store, other, store, other].map(({ devices }) => devices.endSession(sessions[0])),
      other.users.revokeSessions(userId, []),
      store.devices.signOut({ sessionUid: sessions[0], userId }, []),
    ])
    expect(await queued()).to.have.length(4)
  })

  it('queues nothing for what ends no session, and nothing where nothing ends', async () => {
    const { userId, sessions } = await signIn()
    await store.users.setDisabled(userId, false, [])
    await store.devices.signOut({ sessionUid: sessions[0], userId: randomUUID() }, [])
    await store.users.remove(randomUUID(), [])
    expect(await queued()).to.deep.equal([])
  })

  it('is the one place where a session ends: no other statement of the store does it', () => {
    const directory = new URL('../../../src/store/', import.meta.url)
    const ending = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
      (name) =>
        name.endsWith('.ts') &&
        /UPDATE devices SET (?!auth_time)|DELETE FROM devices/.test(readFileSync(new URL(name, directory), 'utf8')),
    )
    expect(ending).to.deep.equal(['outbox/logouts.ts'])
    expect(logoutInsert('ended')).to.include('FROM ended e')
  })
})
