import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { createChanges } from '../../../src/store/cache/changes.ts'
import type { Store } from '../../../src/store/store.ts'
import { createUpstreamLinks, mostLinks } from '../../../src/store/factors/upstream-links.ts'
import { holdPerson } from '../../../src/store/people/hold-person.ts'
import type { UpstreamSignIn } from '../../../src/store/people/upstream-sign-ins.ts'
import { otherNames } from '../../../src/store/people/user-names.ts'
import { factorNotice } from '../../../src/users/factors/notice.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'
import { somebodyWaits } from '../wait-for.ts'

describe(createUpstreamLinks.name, () => {
  let fresh: FreshStore
  let stores: [Store, Store]
  before(async () => {
    fresh = await freshStore()
    stores = [fresh.replica(), fresh.replica()]
  })
  after(() => fresh.stop())

  let number = 0
  const signInOf = (
    person: Partial<UpstreamSignIn['person']> = {},
    more: Partial<UpstreamSignIn> = {},
  ): UpstreamSignIn => ({
    upstream: 'corp',
    issuer: 'https://corp.example.com',
    subject: `s-${++number}`,
    maxAgeMs: 60_000,
    person: {
      username: `person-${number}`,
      email: undefined,
      emailVerified: false,
      name: undefined,
      locale: undefined,
      profile: {},
      groups: [],
      ...person,
    },
    ...more,
  })
  const mark = () => ({ id: `mark-${++number}`, expiresAt: new Date(Date.now() + 60_000) })
  const created = { event: 'account.created', outcome: 'success' } as const
  async function create(signIn: UpstreamSignIn) {
    const made = await stores[0].upstreamLinks.create(signIn, [created])
    if (made.kind !== 'linked') throw new Error(made.what)
    return made.account
  }

  it('finds nobody before the first sign-in, and the same account after it', async () => {
    const signIn = signInOf({ groups: ['a', 'b'], email: 'p@example.com', emailVerified: true })
    expect(await stores[0].upstreamLinks.signIn(signIn, mark())).to.deep.equal({ kind: 'unknown' })
    const account = await create(signIn)
    expect(await stores[1].upstreamLinks.signIn(signIn, mark())).to.deep.equal({ kind: 'linked', account })
    const loaded = await stores[0].accounts.load({ userId: account.id })
    expect(loaded?.user).to.include({
      source: 'corp',
      sourceKey: `https://corp.example.com ${signIn.subject}`,
      email: 'p@example.com',
    })
    expect(loaded?.user.groups).to.deep.equal(['a', 'b'])
    expect(loaded?.user.groupOrigins).to.deep.equal({ corp: ['a', 'b'] })
    await stores[0].groups.addMember('b', account.id, [])
    await stores[0].groups.addMember('c', account.id, [])
    const both = (await stores[0].accounts.load({ userId: account.id }))!.user
    expect(both.groups).to.deep.equal(['a', 'b', 'c'])
    expect(both.groupOrigins).to.deep.equal({ postgres: ['b', 'c'], corp: ['a', 'b'] })
    expect(loaded?.user.describedUntil?.getTime()).to.be.greaterThan(Date.now())
  })

  it('says with the account which groups the person has now, here and at all providers, unless another source says so', async () => {
    const signIn = signInOf({ groups: ['there-before'] })
    const { id } = await create(signIn)
    await stores[0].groups.addMember('here', id, [])
    const elsewhere = signInOf({ groups: ['elsewhere'] }, { upstream: 'other', issuer: 'https://other.example.com' })
    const { standing: proved } = (await stores[0].accounts.load({ userId: id }))!
    await stores[0].upstreamLinks.link(elsewhere, { userId: id, proved }, { audit: [] })
    const again = await stores[1].upstreamLinks.signIn(
      { ...signIn, person: { ...signIn.person, groups: ['there'] } },
      mark(),
    )
    expect(again.kind === 'linked' && again.account.known).to.deep.equal({ groups: ['here', 'there'], factors: [] })
    const { user } = (await stores[0].accounts.load({ userId: id }))!
    expect(user.groups).to.deep.equal(['here', 'there'])
    // what their own provider says of them is not known here
    const other = await stores[1].upstreamLinks.signIn(elsewhere, mark())
    expect(other.kind === 'linked' && [other.account.id, other.account.known]).to.deep.equal([id, undefined])
  })

  it('L13 takes an answer once over all replicas', async () => {
    const signIn = signInOf()
    await create(signIn)
    const once = mark()
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => stores[index % 2 === 0 ? 0 : 1].upstreamLinks.signIn(signIn, once)),
    )
    expect(answers.filter(({ kind }) => kind === 'linked')).to.have.length(1)
    expect(answers.filter(({ kind }) => kind === 'spent')).to.have.length(19)
  })

  it('makes one account of twenty first sign-ins at once', async () => {
    const signIn = signInOf({ email: 'many@example.com', emailVerified: true })
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, index) => stores[index % 2 === 0 ? 0 : 1].upstreamLinks.create(signIn, [created])),
    )
    expect(new Set(made.map((one) => (one.kind === 'linked' ? one.account.id : one.what))).size).to.equal(1)
  })

  it('L12 never joins an account that has the name or the address', async () => {
    await stores[0].users.insert({ username: 'ada', email: 'ada@example.com' })
    const taken = async (person: Partial<UpstreamSignIn['person']>) =>
      stores[0].upstreamLinks.create(signInOf(person), [created])
    expect(await taken({ username: 'ADA' })).to.deep.equal({ kind: 'taken', what: 'username' })
    expect(await taken({ email: 'Ada@example.com', emailVerified: true })).to.deep.equal({
      kind: 'taken',
      what: 'email',
    })
    expect(await taken({ username: 'ada', email: 'ada@example.com' })).to.deep.equal({ kind: 'taken', what: 'email' })
    const error = await taken({ username: 'ada@other.example.com' }).catch((reason: unknown) => reason)
    expect(hasCode(error, 'USERNAME_INVALID')).to.equal(true)
  })

  it('takes over what the provider says later, but no name that somebody else has by now', async () => {
    const signIn = signInOf({ name: 'One', email: 'one@example.com', emailVerified: true, groups: ['old'] })
    const { id } = await create(signIn)
    const say = (person: Partial<UpstreamSignIn['person']>) =>
      stores[0].upstreamLinks.signIn({ ...signIn, person: { ...signIn.person, ...person } }, mark())
    await say({ name: 'Two', email: 'two@example.com', groups: ['new'], username: 'another' })
    const user = async () => (await stores[0].accounts.load({ userId: id }))!.user
    expect(await user()).to.deep.include({
      name: 'Two',
      email: 'two@example.com',
      username: signIn.person.username,
      groups: ['new'],
    })
    await stores[0].users.insert({ username: 'eve', email: 'eve@example.com' })
    expect((await say({ name: 'Three', email: 'eve@example.com', groups: [] })).kind).to.equal('linked')
    expect(await user()).to.deep.include({ name: 'Two', email: 'two@example.com', groups: [] })
    await say({ email: undefined, emailVerified: false })
    expect(await user()).to.include({ email: undefined, emailVerified: false })
  })

  it('L12 a second identity at the provider that brought a person neither describes them nor makes their account last longer', async () => {
    const signIn = signInOf({ name: 'First', email: 'first@example.com', emailVerified: true })
    const { id } = await create(signIn)
    const before = (await stores[0].accounts.load({ userId: id }))!
    const second = signInOf({ name: 'Second', email: 'second@example.com', emailVerified: true, groups: ['theirs'] })
    const longer = { ...second, maxAgeMs: 600_000 }
    await stores[0].upstreamLinks.link(longer, { userId: id, proved: before.standing }, { audit: [] })
    const again = await stores[1].upstreamLinks.signIn(longer, mark())
    expect(again.kind === 'linked' && again.account.id).to.equal(id)
    const { user } = (await stores[0].accounts.load({ userId: id }))!
    expect(user).to.deep.include({ name: 'First', email: 'first@example.com', groups: ['theirs'] })
    expect(user.describedUntil).to.deep.equal(before.user.describedUntil)
  })

  it('keeps a user name that is an address equal to the address, and gives another one when there is none any more', async () => {
    const signIn = signInOf({ username: 'x@example.com', email: 'x@example.com', emailVerified: true })
    const { id } = await create(signIn)
    const user = async () => (await stores[0].accounts.load({ userId: id }))!.user
    await stores[0].upstreamLinks.signIn({ ...signIn, person: { ...signIn.person, email: 'y@example.com' } }, mark())
    expect(await user()).to.include({ username: 'y@example.com', email: 'y@example.com' })
    await stores[0].upstreamLinks.signIn(
      { ...signIn, person: { ...signIn.person, username: 'x', email: undefined, emailVerified: false } },
      mark(),
    )
    const { username, email } = await user()
    expect({ username, email }).to.deep.equal({ username: otherNames('x', signIn).at(-1), email: undefined })
  })

  it('links an account that was proved, once, and not after its sessions were ended', async () => {
    const { id: userId } = await stores[0].users.insert({ username: 'lena', name: 'Lena', groups: ['own'] })
    const { standing } = (await stores[0].accounts.load({ userId }))!
    const signIn = signInOf({ name: 'Somebody', groups: ['there'] })
    const linked = { event: 'account.linked', outcome: 'success' } as const
    const link = (proved: string) => stores[0].upstreamLinks.link(signIn, { userId, proved }, { audit: [linked] })
    expect(await link('another')).to.equal(false)
    expect(await link(standing)).to.equal(true)
    expect(await link(standing)).to.equal(false)
    expect(await stores[1].upstreamLinks.lastOf(userId)).to.equal('corp')
    expect((await stores[1].upstreamLinks.signIn(signIn, mark())).kind).to.equal('linked')
    const { user } = (await stores[0].accounts.load({ userId }))!
    expect(user).to.deep.include({ source: 'postgres', name: 'Lena', groups: ['own', 'there'] })
    await stores[0].users.revokeSessions(userId, [])
    const other = signInOf()
    expect(await stores[0].upstreamLinks.link(other, { userId, proved: standing }, { audit: [linked] })).to.equal(false)
  })

  it('links no more accounts with one person than there may be', async () => {
    const { id: userId } = await stores[0].users.insert({ username: 'mona', name: undefined, groups: [] })
    const { standing } = (await stores[0].accounts.load({ userId }))!
    const link = () => stores[0].upstreamLinks.link(signInOf(), { userId, proved: standing }, { audit: [] })
    for (let n = 0; n < mostLinks; n++) expect(await link(), `link ${n}`).to.equal(true)
    expect(await link()).to.equal(false)
    expect(await stores[0].upstreamLinks.of(userId)).to.have.length(mostLinks)
  })

  it('links no more of them when many are linked at once', async () => {
    const { id: userId } = await stores[0].users.insert({ username: 'mara', name: undefined, groups: [] })
    const { standing } = (await stores[0].accounts.load({ userId }))!
    const link = () => stores[0].upstreamLinks.link(signInOf(), { userId, proved: standing }, { audit: [] })
    for (let n = 1; n < mostLinks; n++) await link()
    let links: Promise<boolean>[] = []
    await stores[1].database.transaction(async (held) => {
      await held.query(holdPerson, [userId])
      links = [link(), link(), link()]
      await somebodyWaits(stores[1], links.length)
    })
    expect((await Promise.all(links)).filter(Boolean)).to.have.length(1)
    expect(await stores[0].upstreamLinks.of(userId)).to.have.length(mostLinks)
  })

  it('L12 queues the mail about a link with the link, and none when nothing is linked', async () => {
    const store = fresh.replica({ sendsMail: true })
    const { id: userId } = await store.users.insert({ username: 'olga', email: 'olga@example.com' })
    const { user, standing } = (await store.accounts.load({ userId }))!
    const signIn = signInOf()
    for (const [proved, waiting] of [
      ['another', 0],
      [standing, 1],
      [standing, 1],
    ] as const) {
      const mail = factorNotice(user, { change: 'upstream-linked', now: 0 })
      await store.upstreamLinks.link(signIn, { userId, proved }, { audit: [], mail })
      expect(await store.outbox.waiting()).to.equal(waiting)
    }
  })

  it('L9 removes what a thief links at the same moment: the unlinking waits for it', async () => {
    const account = await create(signInOf())
    const { standing } = (await stores[0].accounts.load({ userId: account.id }))!
    const identity = { ...signInOf(), upstream: 'other' }
    let unlinked: Promise<number> = Promise.resolve(0)
    await stores[1].database.transaction(async (database) => {
      const links = createUpstreamLinks({
        ...stores[1],
        database: { ...stores[1].database, ...database, transaction: (inner) => inner(database) },
        changes: createChanges(undefined),
      })
      expect(await links.link(identity, { userId: account.id, proved: standing }, { audit: [] })).to.equal(true)
      unlinked = stores[0].upstreamLinks.unlink(account.id, undefined, { audit: [] })
      await somebodyWaits(stores[0])
    })
    expect(await unlinked).to.equal(1)
    expect((await stores[0].upstreamLinks.of(account.id)).map(({ upstream }) => upstream)).to.deep.equal(['corp'])
  })

  it('a passkey that is the last way to sign in is never removed, after an unlinking either', async () => {
    const store = stores[0]
    const { id: userId } = await store.users.insert({ username: 'nora' })
    const proved = async () => (await store.accounts.load({ userId }))!.standing
    const passkey = {
      name: 'key',
      credentialId: 'nora',
      publicKey: new Uint8Array([1]),
      signCount: 0,
      synced: false,
      transports: [],
    }
    const challenge = { id: 'nora', expiresAt: new Date(Date.now() + 60_000) }
    await store.factors.enrolPasskey({
      userId,
      standing: await proved(),
      passkey,
      challenge,
      recoveryCodes: [],
      audit: [],
    })
    const signIn = signInOf()
    await store.upstreamLinks.link(signIn, { userId, proved: await proved() }, { audit: [] })
    const id = (await store.factors.of(userId))[0]!.id
    const ways = { upstreams: ['corp'], passkeys: true }
    const keepSession = { uid: 'none', version: 1 }
    const person = async () => ({ userId, standing: await proved() })
    const now = await person()
    const told = { audit: [] }
    const early = { userId, standing: 'another' }
    expect(await store.upstreamLinks.unlinkOwn(early, signIn, { ways, keepSession, told })).to.equal(false)
    const gone = await Promise.all([
      store.upstreamLinks.unlinkOwn(now, signIn, { ways, keepSession, told }),
      stores[1].factors.remove(now, id, ways, { audit: [] }),
    ])
    expect(gone.filter(Boolean)).to.have.length(1)
    if (gone[0]) expect(await store.factors.remove(await person(), id, ways, { audit: [] })).to.equal(false)
    expect((await store.factors.of(userId)).length + (await store.upstreamLinks.of(userId)).length).to.equal(1)
  })

  it('counts no groups of a sign-in that is too old', async () => {
    const { id: userId } = await stores[0].users.insert({ username: 'mia', groups: ['own'] })
    const { standing } = (await stores[0].accounts.load({ userId }))!
    const signIn = signInOf({ groups: ['there'] }, { maxAgeMs: 0 })
    await stores[0].upstreamLinks.link(signIn, { userId, proved: standing }, { audit: [] })
    await stores[0].upstreamLinks.signIn(signIn, mark())
    expect((await stores[0].accounts.load({ userId }))!.user.groups).to.deep.equal(['own'])
  })
})
