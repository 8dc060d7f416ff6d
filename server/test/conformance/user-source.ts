// What every source of people must do, wherever it keeps them.
import { randomUUID } from 'node:crypto'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import type { LoadedAccount } from '../../src/store/sessions/accounts.ts'
import type { Store } from '../../src/store/store.ts'
import type { SignInOutcome } from '../../src/users/sources/try-password.ts'
import type { UserSources } from '../../src/users/sources/user-sources.ts'
import { beginFamily } from '../store/fresh-store.ts'

/** People whom a source says something about. */
export interface PeopleUnderTest {
  /** Two replicas on the same records with this one source. */
  readonly replicas: readonly [UserSources, UserSources]
  /** A source for the same people that does not answer. */
  readonly away: UserSources
  readonly store: Store
  /** Milliseconds, as the source states it. */
  readonly maxAgeMs: number
  /** Whether a person keeps the user name that they got here first, whatever the source calls them later. */
  readonly keepsUsernames?: boolean
  /** Adds a person who has signed in once, so that there is a record. @returns the person's id */
  addPerson(person: NewPerson): Promise<string>
  /** This and the next two change the person in the source. */
  change(userId: string, changes: { username: string; groups: string[] }): Promise<void>
  disable(userId: string): Promise<void>
  remove(userId: string): Promise<void>
  /** Moves the clock of the source. */
  pass(milliseconds: number): void | Promise<void>
  /** Where a source is asked at a sign-in alone: another one. Without it a person is nobody after the maximum age. */
  signInAgain?(userId: string): Promise<void>
  end(): Promise<void>
}

/** Both replicas have a limit of `perAccount` attempts. */
export interface UserSourceUnderTest extends PeopleUnderTest {
  readonly perAccount: number
  /** Clears the counters, as a finished sign-in does. */
  clear(attempt: Extract<SignInOutcome, { kind: 'passed' }>['attempt']): Promise<void>
}

export interface NewPerson {
  readonly username: string
  readonly email: string
  readonly password: string
  readonly groups: readonly string[]
}

const password = 'correct horse battery staple'

/** Of a source that checks passwords.
 *  @param options.changesPasswords whether the source can change passwords */
export function userSourceConformance(
  name: string,
  open: () => Promise<UserSourceUnderTest>,
  options: { changesPasswords: boolean },
): void {
  describeSource(name, open, (under, person) => {
    letsPeopleIn(under, person)
    locksAccounts(under, person)
    if (options.changesPasswords) changesPasswords(under, person)
    loadsPeople(under, person)
    servesManyAtOnce(under, person)
    goesAwayAndNobodyPays(under, person)
  })
}

/** Of a source that says who people are, and has no passwords of them. */
export function peopleConformance(name: string, open: () => Promise<PeopleUnderTest>): void {
  describeSource(name, open, loadsPeople)
}

function describeSource<Under extends PeopleUnderTest>(
  name: string,
  open: () => Promise<Under>,
  itsTests: (under: () => Under, person: AddPerson) => void,
): void {
  describe(`${name} as a source of people`, () => {
    let under: Under
    before(async () => {
      under = await open()
    })
    after(() => under.end())
    itsTests(
      () => under,
      () => addPerson(under),
    )
  })
}

type Under = () => UserSourceUnderTest
type AddPerson = () => Promise<{ id: string; username: string }>

async function addPerson(under: PeopleUnderTest) {
  const username = `user-${randomUUID().slice(0, 8)}`
  const person = { username, email: `${username}@example.test`, password, groups: ['ops', 'dev'] }
  return { id: await under.addPerson(person), username }
}

let address = 0
const attemptAt =
  (under: Under) =>
  (login: string, secret: string, replica: 0 | 1 = 0): Promise<SignInOutcome> =>
    under().replicas[replica].tryPassword(login, secret, { address: `198.51.100.${++address % 250}` })
const said = (outcome: SignInOutcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind)

function letsPeopleIn(under: Under, person: AddPerson): void {
  const attempt = attemptAt(under)

  it('lets a person in by user name and by e-mail address, in any spelling, with groups', async () => {
    const { id, username } = await person()
    for (const login of [username, ` ${username.toUpperCase()}`, `${username}@EXAMPLE.test`]) {
      const outcome = await attempt(login, password)
      if (outcome.kind !== 'passed') throw new Error(said(outcome))
      expect(outcome.user).to.include({ id, username, passwordChangeRequired: false })
      expect(outcome.user.groups).to.deep.equal(['dev', 'ops'])
      expect(outcome.amr).to.deep.equal(['pwd'])
      expect(JSON.parse(JSON.stringify(outcome.attempt))).to.deep.equal(outcome.attempt)
      await under().clear(outcome.attempt)
    }
  })

  it('refuses a wrong password, an unknown person and an empty password, each with its own reason', async () => {
    const { id, username } = await person()
    expect(await attempt(username, 'wrong password')).to.deep.equal({
      kind: 'refused',
      reason: 'wrong-password',
      userId: id,
    })
    expect(await attempt(username, '')).to.deep.equal({ kind: 'refused', reason: 'wrong-password', userId: id })
    expect(await attempt(`nobody-${randomUUID()}`, password)).to.deep.equal({
      kind: 'refused',
      reason: 'unknown-user',
      userId: undefined,
    })
    expect(said(await attempt('', password))).to.equal('unknown-user')
  })

  it('T5 refuses a disabled person', async () => {
    const { id, username } = await person()
    await under().disable(id)
    expect(await attempt(username, password)).to.deep.equal({ kind: 'refused', reason: 'disabled', userId: id })
    expect(said(await attempt(username, 'wrong password'))).to.equal('wrong-password')
  })

  it('T5 refuses the password of somebody who was removed', async () => {
    const { id, username } = await person()
    await under().remove(id)
    await under().pass(under().maxAgeMs)
    expect(said(await attempt(username, password))).to.equal('unknown-user')
  })

  it('lets a person in by a new name, as the same account', async () => {
    const { id } = await person()
    const username = `renamed-${randomUUID().slice(0, 8)}`
    await under().change(id, { username, groups: ['crew'] })
    await under().pass(under().maxAgeMs)
    const outcome = await attempt(username, password)
    expect(outcome.kind === 'passed' && outcome.user).to.include({ id, username })
  })

  it('E8 L11 treats hostile user names as plain text', async () => {
    for (const login of ["' OR 1=1 --", '*)(uid=*', 'a\u0000b', '\ud800', '__proto__', '%', '\\']) {
      expect(said(await attempt(login, password)), login).to.equal('unknown-user')
    }
  })
}

function locksAccounts(under: Under, person: AddPerson): void {
  const attempt = attemptAt(under)

  it('L5 L7 locks an account after its limit on both replicas, whatever the spelling, the right password included', async () => {
    const { username } = await person()
    const spellings = [username, username.toUpperCase(), ` ${username}`, `${username}@example.test`]
    for (let turn = 0; turn < under().perAccount; turn++) {
      expect(said(await attempt(spellings[turn % 4]!, 'wrong password', (turn % 2) as 0 | 1))).to.equal(
        'wrong-password',
      )
    }
    expect(said(await attempt(username, password, 0))).to.equal('locked')
    expect(said(await attempt(username, password, 1))).to.equal('locked')
  })

  it('L7 checks exactly as many parallel guesses as the limit allows, over both replicas together', async () => {
    const { username } = await person()
    const guesses = Array.from({ length: under().perAccount * 4 }, (_, turn) =>
      attempt(username, `guess number ${turn}`, (turn % 2) as 0 | 1),
    )
    const outcomes = (await Promise.all(guesses)).map(said)
    expect(outcomes.filter((outcome) => outcome === 'wrong-password')).to.have.length(under().perAccount)
    expect(outcomes.filter((outcome) => outcome === 'locked')).to.have.length(under().perAccount * 3)
  })

  it('L4 locks an unknown user name in the same way as a known one', async () => {
    const login = `nobody-${randomUUID()}`
    for (let turn = 0; turn < under().perAccount; turn++)
      expect(said(await attempt(login, 'wrong password'))).to.equal('unknown-user')
    expect(said(await attempt(login, 'wrong password'))).to.equal('locked')
  })

  it('forgets failed attempts once a sign-in is finished', async () => {
    const { username } = await person()
    for (let round = 0; round < 3; round++) {
      for (let turn = 0; turn < under().perAccount - 1; turn++) await attempt(username, 'wrong password')
      const outcome = await attempt(username, password)
      if (outcome.kind !== 'passed') throw new Error(`round ${round}: ${said(outcome)}`)
      await under().clear(outcome.attempt)
    }
  })
}

function changesPasswords(under: Under, person: AddPerson): void {
  const attempt = attemptAt(under)

  it('changes a password only by the rules, and the new one works on every replica', async () => {
    const { id, username } = await person()
    const event = { event: 'password.changed', outcome: 'success', userId: id } as const
    const change = (next: string) => under().replicas[0].changePassword({ userId: id, next, event })
    const short = await change('short')
    expect(short.kind === 'refused' && short.faults.map(({ code }) => code)).to.deep.equal(['too-short'])
    const same = await change(password)
    expect(same.kind === 'refused' && same.faults.map(({ code }) => code)).to.deep.equal(['same'])
    expect((await change('another horse battery staple')).kind).to.equal('changed')
    expect(said(await attempt(username, password, 1))).to.equal('wrong-password')
    expect(said(await attempt(username, 'another horse battery staple', 1))).to.equal('passed')
  })
}

function loadsPeople(under: () => PeopleUnderTest, person: AddPerson): void {
  const load = (userId: string, replica: 0 | 1 = 0) => under().replicas[replica].load({ userId })
  const seen = (loaded: LoadedAccount | undefined) => loaded && [loaded.user.username, loaded.user.groups.join()]

  it('loads a person with their session, grant and consent', async () => {
    const { id: userId, username } = await person()
    const client = { clientUid: 'uid', clientId: 'app' }
    const session = { uid: randomUUID(), version: 1, authTime: new Date() }
    const grantId = randomUUID()
    const common = { userId, ...client, lifeMs: 60_000, sessionUid: session.uid }
    await under().store.signIns.finish({
      device: { ...common, ...session, sid: 'sid' },
      consent: { userId, ...client, scopes: ['openid'], payload: {} },
      grant: { ...common, id: grantId, offline: false, payload: {} },
      audit: [],
    })
    const loaded = await under().replicas[1].load({ userId, session, clientUid: client.clientUid })
    expect(loaded?.user).to.include({ id: userId, username, email: `${username}@example.test`, disabled: false })
    expect(loaded?.user.groups).to.deep.equal(['dev', 'ops'])
    expect([loaded?.sessionLive, loaded?.consent?.scopes]).to.deep.equal([true, ['openid']])
    for (const way of ['loadGranted', 'loadForToken'] as const) {
      const granted = await under().replicas[1][way]({ userId, session, grantId })
      expect(granted?.user, way).to.deep.equal(loaded?.user)
      expect([granted?.sessionLive, granted?.grant?.id], way).to.deep.equal([true, grantId])
    }
  })

  it('makes a successor of a refresh token at once only where the source has nothing more to say', async () => {
    const { id: userId } = await person()
    const { store } = under()
    const grantId = randomUUID()
    const about = { userId, clientUid: 'uid', clientId: 'app', sessionUid: undefined, offline: true, payload: {} }
    await store.grants.insert({ id: grantId, ...about, lifeMs: 60_000 })
    await beginFamily(store, grantId)
    const terms = { clientUid: 'uid', sector: undefined, allowedGroups: [], strictGroups: [] }
    const renewed = await store.renewals.renew({ userId, grantId, seq: 1, idleTtlMs: 60_000, terms })
    const account = await under().replicas[1].describe(renewed?.account)
    const loaded = await load(userId, 1)
    expect([account?.user, account?.grant?.id]).to.deep.equal([loaded?.user, grantId])
    expect(renewed?.family?.seq).to.equal(loaded?.user.source === 'postgres' ? 2 : undefined)
  })

  it('E8 finds nobody by an unknown id', async () => {
    for (const id of [randomUUID(), 'ada', '', "' OR 1=1 --", '\u0000']) expect(await load(id), id).to.equal(undefined)
  })

  it('T5 shows that a person is disabled at the latest after its maximum age, on every replica', async () => {
    const { id } = await person()
    for (const replica of [0, 1] as const) expect((await load(id, replica))?.user.disabled).to.equal(false)
    await under().disable(id)
    await under().pass(under().maxAgeMs)
    await under().signInAgain?.(id)
    for (const replica of [0, 1] as const) expect((await load(id, replica))?.user.disabled).to.equal(true)
  })

  it('T5 finds a removed person no longer than its maximum age', async () => {
    const { id } = await person()
    for (const replica of [0, 1] as const) await load(id, replica)
    await under().remove(id)
    await under().pass(under().maxAgeMs)
    for (const replica of [0, 1] as const) expect(await load(id, replica)).to.equal(undefined)
  })

  it('says nothing that is older than its maximum age: a new name and new groups, or nobody; the id stays', async () => {
    const { id, username } = await person()
    const { keepsUsernames = false, maxAgeMs } = under()
    for (const replica of [0, 1] as const) await load(id, replica)
    await under().pass(maxAgeMs)
    if (under().signInAgain) {
      for (const replica of [0, 1] as const) expect(await load(id, replica)).to.equal(undefined)
      await under().signInAgain?.(id)
    }
    const renamed = `renamed-${randomUUID().slice(0, 8)}`
    await under().change(id, { username: renamed, groups: ['crew'] })
    if (!under().signInAgain) await under().pass(maxAgeMs)
    const now = [keepsUsernames ? username : renamed, 'crew']
    for (const replica of [0, 1] as const) expect(seen(await load(id, replica))).to.deep.equal(now)
  })

  it('never mixes old and new data of a person while both are changed', async () => {
    const { id, username } = await person()
    const renamed = `renamed-${randomUUID().slice(0, 8)}`
    const some = () => Array.from({ length: 10 }, (_, n) => load(id, (n % 2) as 0 | 1))
    const [before, , during] = await Promise.all([
      Promise.all(some()),
      under().change(id, { username: renamed, groups: ['crew'] }),
      Promise.all(some()),
    ])
    const either = [
      [username, 'dev,ops'],
      [under().keepsUsernames ? username : renamed, 'crew'],
    ]
    for (const loaded of [...before, ...during]) expect(either).to.deep.include(seen(loaded))
  })

  it('F1 F8 throws STORE_UNAVAILABLE while it does not answer, and never says that there is nobody', async () => {
    const { id } = await person()
    await under().pass(under().maxAgeMs)
    const error = await under()
      .away.load({ userId: id })
      .catch((reason: unknown) => reason)
    expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
  })
}

function servesManyAtOnce(under: Under, person: AddPerson): void {
  const attempt = attemptAt(under)

  it('lets many in at once on both replicas, each as themselves, and refuses those who guess meanwhile', async () => {
    const people = await Promise.all(Array.from({ length: 6 }, person))
    const outcomes = await Promise.all(
      people.flatMap(({ username }, n) => [
        attempt(username, password, (n % 2) as 0 | 1),
        attempt(`${username}@example.test`, 'wrong password', ((n + 1) % 2) as 0 | 1),
        attempt(`nobody-${username}`, password, 0),
      ]),
    )
    for (const [n, { id }] of people.entries()) {
      const [right, wrong, unknown] = outcomes.slice(3 * n)
      expect(right!.kind === 'passed' && right!.user.id).to.equal(id)
      expect([said(wrong!), said(unknown!)]).to.deep.equal(['wrong-password', 'unknown-user'])
    }
  })

  it('lets one person in many times at once, on both replicas, as one account', async () => {
    const { id, username } = await person()
    const turns = Array.from({ length: under().perAccount }, (_, n) => attempt(username, password, (n % 2) as 0 | 1))
    const ids = (await Promise.all(turns)).map((outcome) =>
      outcome.kind === 'passed' ? outcome.user.id : said(outcome),
    )
    expect(new Set(ids)).to.deep.equal(new Set([id]))
  })

  it('T5 lets nobody in any more once they are disabled, whatever was under way', async () => {
    const { id, username } = await person()
    const [first] = await Promise.all([
      attempt(username, password, 0),
      under().disable(id),
      attempt(username, password, 1),
    ])
    expect(said(first)).to.be.oneOf(['passed', 'disabled'])
    for (const replica of [0, 1] as const) expect(said(await attempt(username, password, replica))).to.equal('disabled')
  })
}

function goesAwayAndNobodyPays(under: Under, person: AddPerson): void {
  it('F1 F8 throws STORE_UNAVAILABLE while it does not answer, never says "unknown" or "wrong password", and counts nothing', async () => {
    const { username } = await person()
    const { away } = under()
    await under().pass(under().maxAgeMs)
    const failed = (work: Promise<unknown>) =>
      work.then(
        () => 'answered',
        (error: unknown) => hasCode(error, 'STORE_UNAVAILABLE'),
      )
    for (let turn = 0; turn <= under().perAccount; turn++) {
      expect(await failed(away.tryPassword(username, password, { address: '198.51.100.251' }))).to.equal(true)
      expect(await failed(away.tryPassword('nobody', password, { address: '198.51.100.251' }))).to.equal(true)
    }
    expect(said(await attemptAt(under)(username, password))).to.equal('passed')
  })

  it('F1 F8 an outage that one replica sees holds up no sign-in at the others, and counts against nobody there', async () => {
    const { id, username } = await person()
    const { away, perAccount, clear } = under()
    await under().pass(under().maxAgeMs)
    const turns = Array.from({ length: 2 * perAccount }, (_, n) => n)
    const meetTheOutage = async () => {
      for (const n of turns) {
        const secret = n % 2 === 0 ? password : 'wrong password'
        const error: unknown = await away
          .tryPassword(username, secret, { address: `198.51.100.${n}` })
          .catch((reason: unknown) => reason)
        expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
      }
    }
    const signInElsewhere = async () => {
      for (const n of turns) {
        const outcome = await attemptAt(under)(username, password, (n % 2) as 0 | 1)
        expect(outcome.kind === 'passed' ? outcome.user.id : said(outcome)).to.equal(id)
        if (outcome.kind === 'passed') await clear(outcome.attempt)
      }
    }
    await Promise.all([meetTheOutage(), signInElsewhere()])
    expect(said(await attemptAt(under)(username, password))).to.equal('passed')
  })
}
