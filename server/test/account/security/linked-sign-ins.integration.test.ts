import { expect } from 'chai'
import { addPerson, password } from '@nauthera/harness/server'
import { startMailbox } from '@nauthera/local/programs/mailbox'
import type { Mailbox } from '@nauthera/local/programs/mailbox'
import { createLinkingRoutes } from '../../../src/account/security/linked-sign-ins.ts'
import type { LinkingNeeds } from '../../../src/account/security/linking-needs.ts'
import type { PageRequest } from '../../../src/reply.ts'
import { statement } from '../../../src/store/driver/database.ts'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { seedIn, textOf } from '../../login/second-factor-flows.ts'
import { Traveller, moveOnOf, startParties } from '../../login/upstream/parties.ts'
import type { PageSeen, Parties } from '../../login/upstream/parties.ts'
import { outboxSettled } from '../../store/wait-for.ts'

const forgetPassword = statement('test-forget-password', 'DELETE FROM credentials WHERE user_id = $1')

describe('sign-ins at another provider in the account area', function () {
  let parties: Parties
  let box: Mailbox
  before(async () => {
    box = await startMailbox()
    const mail = { host: '127.0.0.1', port: box.port, from: 'Login <login@example.com>', tls: 'off' }
    // Corp says of everybody that they proved two factors
    const proofs = ['pwd', 'urn:nauthera:password'].map((from) => ({ from, amr: ['otp', 'mfa'] }))
    parties = await startParties({ upstream: { newPeople: false, proofs }, settings: { mail } })
  })
  after(async () => {
    await parties?.stop()
    await box?.stop()
  })

  const security = '/account/security'
  const start = `${security}/upstream/corp`
  let count = 0

  /** Somebody with an account at both, signed in here; they are called differently there. */
  async function person() {
    const name = `here${++count}`
    const there = `there${count}`
    const id = await addPerson(parties.down, name)
    await addPerson(parties.up, there)
    const traveller = new Traveller(parties)
    await traveller.down.submit(await traveller.down.follow('/account'), '/sign-in', { username: name, password })
    return { id, name, there, traveller }
  }
  type Someone = Awaited<ReturnType<typeof person>>

  const pathOf = ({ url }: { url: string }) => new URL(url, parties.down.issuer).pathname
  const open = ({ traveller }: Someone, path: string) => traveller.go(`${parties.down.issuer}${path}`)
  /** Goes to the provider and signs in there. @returns the page here that the person comes back to */
  async function round(who: Someone, username = who.there): Promise<PageSeen> {
    const away = await who.traveller.submit(await open(who, start), start)
    // who is signed in there already is asked whether to go on as that person
    if (away.body.includes('id="account-continue"'))
      return who.traveller.submit(away, '/account', { choice: 'continue' })
    return who.traveller.submit(away, '/sign-in', { username, password })
  }
  const confirm = (who: Someone, page: PageSeen) => who.traveller.submit(page, `${start}/back`)
  const links = (id: string) => parties.down.apps[0]!.store.upstreamLinks.of(id)
  async function eventsOf(userId: string, event: string) {
    const { audit } = parties.down.apps[0]!.store
    await audit.flush()
    return (await audit.search({ userId, event, limit: 10 })).map(({ outcome, reason }) => `${outcome} ${reason}`)
  }
  async function mailsTo(name: string): Promise<string> {
    await outboxSettled(parties.down.apps[0]!.store.outbox)
    return box.mails.flatMap(({ to, text }) => (to.includes(`${name}@example.com`) ? [text] : [])).join('\n')
  }

  it('L12 a person links one, sees before that who they are there, and signs in with it from then on', async () => {
    const who = await person()
    const page = await round(who)
    expect(textOf(page.body)).to.contain(`At Corp you are ${who.there}@example.com`)
    expect(await links(who.id)).to.deep.equal([])
    const done = await confirm(who, page)
    expect(textOf(done.body)).to.contain('The account is linked.').and.contain('Corp')
    expect(await eventsOf(who.id, 'account.linked')).to.deep.equal(['success corp'])
    expect(await mailsTo(who.name)).to.contain('was linked to yours')

    const other = new Traveller(parties, { up: who.traveller.up })
    const signIn = await other.go(`${parties.down.issuer}/account/profile`)
    const inside = await other.submit(signIn, '/upstream/corp')
    expect(inside.body).to.contain(`${who.name} Example`)
  })

  it('L12 an identity that leads to somebody else is refused, and nothing changes', async () => {
    const [owner, other] = [await person(), await person()]
    await confirm(owner, await round(owner))
    const refused = await round(other, owner.there)
    expect(textOf(refused.body)).to.contain(`${owner.there}@example.com at Corp is linked with another account here`)
    expect(refused.body).to.contain('id="link-continue"').and.not.contain('id="link-confirm"')
    expect(await links(other.id)).to.deep.equal([])
    expect(await links(owner.id)).to.have.length(1)
    expect(await eventsOf(other.id, 'account.linked')).to.deep.equal(['failure corp: linked-elsewhere'])
    expect(textOf((await round(owner)).body)).to.contain('is already linked with your account')
  })

  it('L12 two people who bring the same identity at once: one of them is linked, the other is told', async () => {
    const [one, two] = [await person(), await person()]
    const pages = [await round(one), await round(two, one.there)]
    const seen = await Promise.all([confirm(one, pages[0]!), confirm(two, pages[1]!)])
    expect((await links(one.id)).length + (await links(two.id)).length).to.equal(1)
    expect(seen.filter(({ body }) => body.includes('The account is linked.'))).to.have.length(1)
    expect(seen.filter(({ body }) => body.includes('is linked with another account here'))).to.have.length(1)
  })

  it('L12 an answer counts once, in the browser and for the person that was sent, and only with the form', async () => {
    const [who, other] = [await person(), await person()]
    const away = await who.traveller.submit(await open(who, start), start)
    const back = await who.traveller.submit(away, '/sign-in', { username: who.there, password }, (url) =>
      url.includes('/federation/corp/callback'),
    )
    const address = back.location ?? moveOnOf(back)!
    // somebody else in their own browser; and with the cookie of the first one in it
    const stolen = await other.traveller.go(address)
    expect(textOf(stolen.body)).to.contain('does not belong to this browser')
    for (const [key, cookie] of who.traveller.down.jar)
      if (cookie.name.endsWith('nauthera_linking')) other.traveller.down.jar.set(key, cookie)
    expect(textOf((await other.traveller.go(address)).body)).to.contain('does not belong to this browser')
    const page = await who.traveller.go(address)
    expect(page.body).to.contain('id="link-confirm"')
    // again: the cookie is gone
    expect(textOf((await who.traveller.go(address)).body)).to.contain('does not belong to this browser')
    // the hidden field of one person says nothing in the form of another
    const theirs = await other.traveller.submit(await open(other, start), start)
    expect(theirs.url).to.contain(parties.up.issuer)
    const field = /name="found" value="([^"]*)"/.exec(page.body)![1]!
    const own = /name="form_token" value="([^"]*)"/.exec((await open(other, start)).body)![1]!
    const sent = await other.traveller.down.follow(`${start}/back`, { form: { form_token: own, found: field } })
    expect(textOf(sent.body)).to.contain('does not belong to this browser')
    expect([await links(who.id), await links(other.id)]).to.deep.equal([[], []])
    // pressed twice
    await Promise.all([confirm(who, page), confirm(who, page)])
    expect(await links(who.id)).to.have.length(1)
    expect(await eventsOf(who.id, 'account.linked')).to.include('success corp')
  })

  it('L13 an address of somebody else leaves the linking under way as it was, and many of them are one audit row', async () => {
    const who = await person()
    const away = await who.traveller.submit(await open(who, start), start)
    for (const state of ['', '?state=made-up&code=x', '?state=made-up&error=access_denied'])
      expect(textOf((await open(who, `${start}/back${state}`)).body)).to.contain('does not belong to this browser')
    const page = await who.traveller.submit(away, '/sign-in', { username: who.there, password })
    expect(page.body).to.contain('id="link-confirm"')
    await confirm(who, page)
    expect(await links(who.id)).to.have.length(1)
    const { audit } = parties.down.apps[0]!.store
    await audit.flush()
    const rows = await audit.search({ userId: who.id, event: 'account.linked', limit: 10 })
    const failures = rows.filter(({ outcome }) => outcome === 'failure')
    expect(failures.map(({ reason, detail }) => [reason, detail?.['count']])).to.deep.equal([['corp: again', 3]])
  })

  it('a person unlinks one: this session goes on, all others end, and it leads nobody in any more', async () => {
    const who = await person()
    await confirm(who, await round(who))
    const elsewhere = new Traveller(parties, { up: who.traveller.up })
    await elsewhere.submit(await elsewhere.go(`${parties.down.issuer}/account`), '/upstream/corp')
    expect((await elsewhere.go(`${parties.down.issuer}/account`)).body).to.contain('nav-sign-out')
    const list = await open(who, security)
    const ask = await open(who, /href="([^"]*\/unlink\?id=[^"]*)"/.exec(list.body)![1]!)
    const done = await who.traveller.submit(ask, '/unlink')
    expect(textOf(done.body)).to.contain('The account is unlinked.')
    expect(await links(who.id)).to.deep.equal([])
    expect(await eventsOf(who.id, 'account.unlinked')).to.deep.equal(['success corp'])
    expect(await mailsTo(who.name)).to.contain('was removed from your account')
    expect(pathOf(await elsewhere.go(`${parties.down.issuer}/account`))).to.contain('/interaction/')
    const signIn = await elsewhere.go(`${parties.down.issuer}/account`)
    const refused = await elsewhere.submit(signIn, '/upstream/corp')
    expect(textOf(refused.body)).to.contain('no account here is linked with')
  })

  for (const keep of [false, true])
    it(`L9 what was linked by the password alone ${keep ? 'is kept on demand, and vouches for no second factor' : 'goes with the first second factor'}`, async () => {
      const who = await person()
      await confirm(who, await round(who))
      const byCorp = async (wanted: object) => {
        const other = new Traveller(parties, { up: who.traveller.up })
        const page = await other.submit(await other.begin({ ...wanted }), '/upstream/corp')
        // a sign-in at Corp of before the factor was set up does not count: Corp asks again, unless both were in one second
        return page.url.startsWith(`${parties.up.issuer}/interaction`) && page.body.includes('name="password"')
          ? other.submit(page, '/sign-in', { username: who.there, password })
          : page
      }
      const mfa = { acr_values: 'urn:nauthera:mfa' }
      expect((await byCorp(mfa)).body).to.contain('id="set-up"')
      const page = await open(who, `${security}/app`)
      expect(textOf(page.body)).to.contain('Keep the accounts linked at Corp')
      await who.traveller.submit(page, '/app', {
        code: codeAt(seedIn(page.body), Date.now()),
        ...(keep && { 'keep-links': 'yes' }),
      })
      expect(await links(who.id)).to.have.length(keep ? 1 : 0)
      expect(await eventsOf(who.id, 'account.unlinked')).to.deep.equal(keep ? [] : ['success first-factor'])
      expect((await mailsTo(who.name)).includes('was removed from your account')).to.equal(!keep)
      const seen = await byCorp({})
      if (keep) expect(seen.body).to.contain('id="second-factor"')
      else expect(textOf(seen.body)).to.contain('no account here is linked with')
    })

  it('L9 what was linked with a second factor stays, and vouches for one', async () => {
    const who = await person()
    const app = await open(who, `${security}/app`)
    await who.traveller.submit(app, '/app', { code: codeAt(seedIn(app.body), Date.now()) })
    await confirm(who, await round(who))
    const passkey = await open(who, `${security}/passkey`)
    expect(passkey.body).not.to.contain('keep-links')
    const other = new Traveller(parties, { up: who.traveller.up })
    const end = await other.submit(await other.begin({ acr_values: 'urn:nauthera:mfa' }), '/upstream/corp')
    expect(end.location).to.contain('code=')
  })

  it('the last way to sign in is never unlinked, by two forms at once either', async () => {
    const who = await person()
    const store = parties.down.apps[0]!.store
    await confirm(who, await round(who))
    const list = await open(who, security)
    const path = /href="([^"]*\/unlink\?id=[^"]*)"/.exec(list.body)![1]!
    const ask = await open(who, path)
    await store.database.query(forgetPassword, [who.id])
    const kept = await who.traveller.submit(ask, '/unlink')
    expect(textOf(kept.body)).to.contain('This is your only way to sign in').and.not.contain('Unlink')
    expect(textOf((await open(who, path)).body)).to.contain('This is your only way to sign in')

    const second = { upstream: 'corp', issuer: 'https://corp.example.com', subject: 'a-second', maxAgeMs: 60_000 }
    const proved = (await store.accounts.load({ userId: who.id }))!.standing
    await store.upstreamLinks.link(second, { userId: who.id, proved }, { audit: [] })
    const all = await store.upstreamLinks.of(who.id)
    const options = {
      ways: { upstreams: ['corp'], passkeys: true },
      keepSession: { uid: 'none', version: 1 },
      told: { audit: [] },
    }
    const { standing } = (await store.accounts.load({ userId: who.id }))!
    const own = { userId: who.id, standing }
    const gone = await Promise.all(all.map((link) => store.upstreamLinks.unlinkOwn(own, link, options)))
    expect(gone.filter(Boolean)).to.have.length(1)
    expect(await links(who.id)).to.have.length(1)
  })

  it('L9 both want a fresh sign-in, the page and the form alike', async () => {
    const toSignIn = { kind: 'redirect', location: '/authorize?prompt=login' } as const
    const gate = { requireFresh: async () => toSignIn, requirePerson: async () => expect.fail() }
    const rounds = { providers: [{ id: 'corp', name: 'Corp', maxAgeMs: 1 }] }
    // everything else is missing: it is not reached
    const needs = { gate, rounds, basePath: '' } as unknown as LinkingNeeds
    const routes = createLinkingRoutes(needs).filter(({ path }) => !path.endsWith('/back'))
    expect(routes.map(({ method, path }) => `${method} ${path}`)).to.deep.equal([
      `GET ${start}`,
      `POST ${start}`,
      `GET ${security}/unlink`,
      `POST ${security}/unlink`,
    ])
    for (const { handle } of routes) expect(await handle({} as PageRequest)).to.equal(toSignIn)
  })
})
