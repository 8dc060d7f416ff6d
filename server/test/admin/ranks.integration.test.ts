import { expect } from 'chai'
import fc from 'fast-check'
import { formOf } from '@nauthera/harness/browser'
import type { Browser } from '@nauthera/harness/browser'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { addPerson } from '@nauthera/harness/server'
import { handleOf } from '../../src/account/endings.ts'
import { acts } from '../../src/admin/acts.ts'
import { statement } from '../../src/store/driver/database.ts'
import { chosen, startMailSite } from '../mail/with-mail.ts'
import type { MailSite } from '../mail/with-mail.ts'
import { signInMember } from './members.ts'

const link = statement(
  'test-link-identity',
  `INSERT INTO upstream_links (issuer, subject, user_id, upstream, groups, valid_until)
   VALUES ('https://hub.example.test', $1::text, $1::uuid, 'hub', $2, now() + interval '1 hour')`,
)

// A member of the help desk as an attacker: every way that was found to become an administrator, or to shut one out.
describe('ranks of the help desk', function () {
  let site: MailSite
  let agent: Browser
  let colleague: Browser
  let ordinary = ''
  const members: Record<string, string> = {}
  before(async () => {
    const capabilities = [{ group: 'readers', may: ['look'] }]
    const admin = {
      group: 'desk',
      capabilities,
      protectedGroups: ['admins'],
      assignableGroups: ['on-call', 'admins'],
      severeActsPerHour: 300,
      actsPerHour: 300,
      notify: 'team@example.com',
    }
    site = await startMailSite({ count: 2, settings: { admin } })
    ordinary = await addPerson(site, 'ordinary')
    for (const [name, group] of Object.entries({ agent: 'desk', colleague: 'desk', reader: 'readers' }))
      members[name] = await addPerson(site, name, [group])
    agent = await signInMember(site, 'agent')
    colleague = await signInMember(site, 'colleague')
  })
  after(() => site?.stop())

  const store = () => site.apps[1]!.store
  const pathOf = (id: string) => `/admin/people/${id}`
  const load = async (id: string) => (await store().accounts.load({ userId: id }))!

  /** Sends the form of an act as an attacker does: with a token from another page, whatever this page offers. */
  async function force(browser: Browser, id: string, act: string, about = '') {
    const page = await browser.follow('/account/sign-out-everywhere')
    const { fields } = formOf(page.body, '/sign-out-everywhere')
    return browser.open(`${pathOf(id)}/${act}`, { form: { ...fields, about, confirm: 'yes' } })
  }
  const requestsOf = (id: string) => store().desk.requests(id)
  /** Confirms what waits, as another member. */
  const confirm = async (browser: Browser, id: string, requestId: string) => force(browser, id, `requests/${requestId}`)

  /** Everything that an act could change. */
  async function everythingOf(id: string) {
    const { user, standing, factors } = await load(id)
    const [failures, links, sessions] = await Promise.all([
      store().attempts.failuresOf(id),
      store().upstreamLinks.of(id),
      store().devices.listOfUser(id),
    ])
    await site.settled()
    const mails = site.box.mails.filter((mail) => mail.to.includes(user.email!)).length
    return { user, standing, factors, failures, links, sessions: sessions.map(({ sessionUid }) => sessionUid), mails }
  }

  /** Somebody with everything that the acts are about. */
  async function withEverything(name: string, groups: readonly string[]) {
    const id = await addPerson(site, name, [...groups, 'readers'])
    // with a second factor and a session
    await signInMember(site, name)
    await store().groups.removeMember('readers', id, [])
    await store().database.query(link, [id, []])
    await store().factors.countWrongCode(id, { perAccount: 3, windowMs: 3_600_000, lockMs: 3_600_000 })
    return id
  }

  const aboutOf = async (id: string, act: string, group: string) =>
    act === 'end-session'
      ? handleOf((await store().devices.listOfUser(id))[0]!.sessionUid)
      : act.endsWith('-group')
        ? group
        : ''

  describe('alone, a member does nothing to', () => {
    const victims: readonly [string, readonly string[]][] = [
      ['an administrator', ['admins']],
      ['another member', ['desk']],
      ['a member who may only look', ['readers-of-reports', 'readers']],
    ]
    for (const [who, groups] of victims)
      it(`L44 ${who}: every act only asks a second member`, async () => {
        const name = `victim-${groups[0]!}`
        const id = await withEverything(name, groups)
        if (groups.includes('readers')) await store().groups.addMember('readers', id, [])
        const before = await everythingOf(id)
        // said of what has only one: it counts for nothing, and is no second request
        for (const about of ['', 'anything']) await force(agent, id, 'disable', about)
        for (const act of acts.filter((one) => one.id !== 'enable')) {
          const group = groups[0] === 'admins' && act.id === 'remove-group' ? 'admins' : 'on-call'
          await force(agent, id, act.id, await aboutOf(id, act.id, group))
        }
        expect(await everythingOf(id)).to.deep.equal(before)
        const asked = (await requestsOf(id)).map(({ act }) => act)
        expect(asked.filter((act) => act === 'disable')).to.have.length(1)
        expect(asked).to.include.members(['unlock', 'send-reset', 'sign-out', 'reset-factors', 'unlink', 'disable'])
        // nor by confirming it all alone
        for (const request of await requestsOf(id)) await confirm(agent, id, request.id)
        expect(await everythingOf(id)).to.deep.equal(before)
      })

    it('L44 an administrator who was disabled: they stay so', async () => {
      const id = await addPerson(site, 'former-chief', ['admins'])
      await store().users.setDisabled(id, true, [])
      await force(agent, id, 'enable')
      expect((await load(id)).user.disabled).to.equal(true)
    })

    it('L44 whoever an administrator has disabled, also once their groups are gone: they stay so', async () => {
      const id = await addPerson(site, 'dismissed-chief', ['admins'])
      await store().users.setDisabled(id, true, [])
      await store().groups.removeMember('admins', id, [])
      await force(agent, id, 'enable')
      expect((await load(id)).user.disabled).to.equal(true)
      const [request] = await requestsOf(id)
      await confirm(agent, id, request!.id)
      expect((await load(id)).user.disabled, 'nor by confirming it all alone').to.equal(true)
      await confirm(colleague, id, request!.id)
      expect((await load(id)).user.disabled, 'two members can').to.equal(false)
    })

    it('L44 whoever an administrator has disabled, whatever was done before, and whatever one member does then', async () => {
      type Step = 'disable' | 'enable' | 'sign-out' | 'remove-group' | 'add-group' | 'administrator enables'
      const alone = fc.constantFrom<Step>('disable', 'enable', 'sign-out', 'remove-group', 'add-group')
      const any = fc.oneof(alone, fc.constant<Step>('administrator enables'))
      const story = fc.record({
        before: fc.array(any, { maxLength: 4 }),
        after: fc.array(alone, { minLength: 1, maxLength: 5 }),
      })
      let person = 0
      await fc.assert(
        fc.asyncProperty(story, async ({ before, after }) => {
          const id = await addPerson(site, `someone-${person++}`)
          const step = async (one: Step) => {
            if (one === 'administrator enables') await store().users.setDisabled(id, false, [])
            else await force(agent, id, one, one.endsWith('group') ? 'on-call' : '')
          }
          for (const one of before) await step(one)
          await store().users.setDisabled(id, true, [])
          for (const one of after) await step(one)
          expect((await load(id)).user.disabled).to.equal(true)
        }),
        { numRuns: propertyRuns(5) },
      )
    })

    it('L44 whoever two members have disabled', async () => {
      const id = await addPerson(site, 'chief-of-two', ['admins'])
      await force(agent, id, 'disable')
      await confirm(colleague, id, (await requestsOf(id))[0]!.id)
      await store().groups.removeMember('admins', id, [])
      await force(colleague, id, 'enable')
      expect((await load(id)).user.disabled).to.equal(true)
    })

    it('L44 whoever a member had disabled, once an administrator did so too', async () => {
      const id = await addPerson(site, 'disabled-twice')
      await force(agent, id, 'disable')
      await force(agent, id, 'enable')
      expect((await load(id)).user.disabled, 'before').to.equal(false)
      await force(agent, id, 'disable')
      await store().users.setDisabled(id, true, [])
      await force(agent, id, 'enable')
      expect((await load(id)).user.disabled).to.equal(true)
    })

    it('L44 somebody whom another provider has called an administrator', async () => {
      const id = await addPerson(site, 'chief-elsewhere')
      await store().database.query(link, [id, ['admins']])
      await force(agent, id, 'disable')
      expect((await load(id)).user.disabled).to.equal(false)
    })

    it('L44 somebody who became an administrator after the page was shown', async () => {
      const id = await addPerson(site, 'promoted')
      const page = await agent.follow(`${pathOf(id)}/disable`)
      expect(page.body).not.to.contain('id="second"')
      await store().groups.addMember('admins', id, [])
      const answer = await agent.submit(page, '/disable', { confirm: 'yes' })
      expect(answer.body).to.contain('Another member of the help desk has to confirm it now')
      expect((await load(id)).user.disabled).to.equal(false)
    })
  })

  describe('a member becomes no administrator', () => {
    const gained = async (name: string) => (await load(members[name] ?? '')).user.groups

    it('L44 by a group for themselves', async () => {
      for (const group of ['on-call', 'admins', 'desk', 'readers'])
        await force(agent, members['agent']!, 'add-group', group)
      expect(await gained('agent')).to.deep.equal(['desk'])
    })

    const groups: readonly [string, readonly string[]][] = [
      ['on-call', ['on-call']],
      ['admins', []],
      ['desk', []],
      ['readers', []],
      ['unheard-of', []],
      ['', []],
      ['\u0000admins\uD800', []],
    ]
    for (const [group, got] of groups)
      it(`L44 by the group ${JSON.stringify(group)} for somebody else: they get ${got.length === 0 ? 'nothing' : 'what may be given'}`, async () => {
        const id = await addPerson(site, `puppet-${group.replaceAll(/[^a-z-]/g, '')}-${group.length}`)
        await force(agent, id, 'add-group', group)
        expect((await load(id)).user.groups).to.deep.equal(got)
        for (const request of await requestsOf(id)) await confirm(agent, id, request.id)
        expect((await load(id)).user.groups).to.deep.equal(got)
      })

    it('L44 by a group for somebody of a directory', async () => {
      const { user } = await store().users.adopt(
        {
          source: 'staff',
          key: 'k1',
          person: {
            username: 'of-staff',
            email: undefined,
            emailVerified: false,
            name: undefined,
            locale: undefined,
            profile: {},
            disabled: false,
            groups: [],
          },
        },
        [],
      )
      await force(agent, user.id, 'add-group', 'on-call')
      expect((await load(user.id)).user.groups).to.deep.equal([])
    })

    it('L44 by an invitation with a group, or to somebody who has an account', async () => {
      const page = await agent.follow('/admin/invite')
      const sent = await agent.submit(page, '/invite', {
        email: 'puppet@example.net',
        group: 'admins',
        groups: 'admins',
      })
      expect(sent.body).to.contain('The invitation is on its way')
      const path = await site.linkTo('puppet@example.net')
      const other = agent.copy()
      await other.submit(await other.follow(path), path, chosen)
      expect((await store().users.findByLogin('puppet@example.net'))!.groups).to.deep.equal([])
      const again = await agent.submit(await agent.follow('/admin/invite'), '/invite', { email: 'AGENT@example.com' })
      expect(again.body).to.contain('Somebody has an account')
    })
  })

  describe('a second member', () => {
    /** What the agent has asked for. */
    async function asked(name: string, act = 'disable', groups: readonly string[] = ['admins']) {
      const id = await addPerson(site, name, groups)
      await force(agent, id, act)
      const [request] = await requestsOf(id)
      return { id, request: request! }
    }

    it('confirms by pages that say who asked; both are in the audit log, and the team gets a mail', async () => {
      const { id } = await asked('chief')
      expect((await site.newest('team@example.com'))!.text)
        .to.contain('asks another member')
        .and.contain('agent')
      expect((await colleague.follow('/admin')).body).to.contain('id="requests"')
      const person = await colleague.open(pathOf(id))
      expect(person.body).to.contain('Look and confirm').and.contain('id="protected"')
      expect((await agent.follow(pathOf(id))).body)
        .to.contain('id="requests"')
        .and.not.contain('Look and confirm')
      const [, path = ''] = /href="([^"]*\/requests\/[^"]*)"/.exec(person.body) ?? []
      const page = await colleague.follow(path)
      expect(page.body).to.contain('agent has asked for this')
      const done = await colleague.submit(page, path, { confirm: 'yes' })
      expect(done.body).to.contain('The account is disabled')
      expect((await load(id)).user.disabled).to.equal(true)
      expect((await site.newest('team@example.com'))!.text)
        .to.contain('did this: Disable')
        .and.contain('colleague')
      const { audit } = store()
      for (const app of site.apps) await app.store.audit.flush()
      const [row] = await audit.search({ userId: id, event: 'account.disabled', limit: 1 })
      expect(row).to.deep.include({ actor: 'colleague', target: 'chief' })
      expect(row!.detail).to.deep.equal({ by: members['colleague'], askedBy: members['agent'] })
      const [first] = await audit.search({ userId: members['agent']!, event: 'admin.desk.ask.disable', limit: 1 })
      expect(first).to.deep.include({ actor: 'agent', target: 'chief', outcome: 'success' })
      const log = await colleague.open(`${pathOf(id)}/audit`)
      expect(log.body).to.contain('account.disabled').and.contain('<bdi class="value">colleague</bdi>')
    })

    it('L44 cannot be the member who asked, who may only look, or whom it is about', async () => {
      const reader = await signInMember(site, 'reader')
      const { id, request } = await asked('chief-two')
      for (const browser of [agent, agent.copy(), reader]) await confirm(browser, id, request.id)
      const { request: own } = await askedAbout('colleague')
      await confirm(colleague, members['colleague']!, own.id)
      for (const one of [id, members['colleague']!]) expect((await load(one)).user.disabled).to.equal(false)
      await site.apps[0]!.store.audit.flush()
      const refusals = await store().audit.search({ event: 'admin.desk.disable', outcome: 'failure', limit: 20 })
      expect(refusals.map(({ reason }) => reason)).to.include.members(['own-request', 'no-capability', 'own-account'])
    })

    async function askedAbout(name: string) {
      await force(agent, members[name]!, 'disable')
      return { request: (await requestsOf(members[name]!)).find(({ act }) => act === 'disable')! }
    }

    it('L44 confirms nothing of a member who has left meanwhile, and no request of another person', async () => {
      members['leaver'] = await addPerson(site, 'leaver', ['desk'])
      const leaver = await signInMember(site, 'leaver')
      const id = await addPerson(site, 'chief-three', ['admins'])
      await force(leaver, id, 'disable')
      const [request] = await requestsOf(id)
      await store().groups.removeMember('desk', members['leaver'], [])
      await confirm(colleague, id, request!.id)
      expect((await load(id)).user.disabled).to.equal(false)
      const { id: other, request: theirs } = await asked('chief-four')
      await confirm(colleague, ordinary, theirs.id)
      for (const one of [other, ordinary]) expect((await load(one)).user.disabled).to.equal(false)
    })

    it('L44 confirms what was asked for, no other act', async () => {
      const { id, request } = await asked('chief-five', 'sign-out')
      const answer = await confirm(colleague, id, request.id)
      expect(answer.status).to.equal(303)
      expect((await load(id)).user.disabled).to.equal(false)
      expect((await requestsOf(id)).length).to.equal(0)
    })
  })

  it('L45 does so many severe acts in an hour, however many come at once, and tells the member', async () => {
    const eager = await addPerson(site, 'eager', ['desk'])
    const browser = await signInMember(site, 'eager')
    const full = `INSERT INTO attempts (key, count, until) VALUES ('d:severe:' || $1::uuid, 298, now() + interval '1 hour')`
    await store().database.query(statement('test-full-quota', full), [eager])
    const ids = await Promise.all([1, 2, 3, 4, 5].map((n) => addPerson(site, `one-of-many-${n}`)))
    await Promise.all(ids.map((id) => force(browser, id, 'disable')))
    const people = await Promise.all(ids.map(load))
    expect(people.filter(({ user }) => user.disabled)).to.have.length(2)
    const left = ids[people.findIndex(({ user }) => !user.disabled)]!
    const page = await browser.follow(`${pathOf(left)}/disable`)
    expect((await browser.submit(page, '/disable', { confirm: 'yes' })).body).to.contain('your limit of acts')
    // a lock is lifted all the same
    await store().factors.countWrongCode(left, { perAccount: 3, windowMs: 3_600_000, lockMs: 3_600_000 })
    expect((await browser.follow(pathOf(left))).body).to.contain('act-unlock')
    await force(browser, left, 'unlock')
    expect((await store().attempts.failuresOf(left)).codes).to.equal(undefined)
  })

  it('does an act once, when several members press at the same time', async () => {
    const id = await addPerson(site, 'pressed')
    const browsers = [agent, colleague, agent.copy(), colleague.copy()]
    await Promise.all(browsers.map((browser) => force(browser, id, 'disable')))
    for (const app of site.apps) await app.store.audit.flush()
    expect(await store().audit.search({ userId: id, event: 'account.disabled', limit: 9 })).to.have.length(1)
  })

  it('goes on when members act on each other at the same time', async () => {
    const [one, other] = [members['agent']!, members['colleague']!]
    const answers = await Promise.all(
      [1, 2, 3].flatMap(() => [force(agent, other, 'reset-factors'), force(colleague, one, 'reset-factors')]),
    )
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 303))
    for (const id of [one, other]) expect((await load(id)).factors).to.deep.equal(['totp'])
  })

  it('ends one session, and leaves the others', async () => {
    const id = await addPerson(site, 'two-sessions', ['readers'])
    await signInMember(site, 'two-sessions')
    await store().groups.removeMember('readers', id, [])
    const [first] = await store().devices.listOfUser(id)
    const copy = statement(
      'test-copy-session',
      `INSERT INTO devices SELECT (jsonb_populate_record(d, '{"session_uid": "another"}')).* FROM devices d WHERE session_uid = $1 AND client_uid = ''`,
    )
    await store().database.query(copy, [first!.sessionUid])
    await force(agent, id, 'end-session', handleOf(first!.sessionUid))
    const left = (await store().devices.listOfUser(id)).map(({ sessionUid }) => sessionUid)
    expect([...new Set(left)]).to.deep.equal(['another'])
  })

  it('shows a member who may only look the pages, and lets them do nothing', async () => {
    members['onlooker'] = await addPerson(site, 'onlooker', ['readers'])
    const onlooker = await signInMember(site, 'onlooker')
    const page = await onlooker.open(pathOf(ordinary))
    expect(page.status).to.equal(200)
    expect(page.body).not.to.match(/id="act-|id="add-group"/)
    expect((await onlooker.open('/admin')).body).not.to.contain('invite-link')
    expect((await onlooker.open('/admin/invite')).status).to.equal(404)
    for (const act of acts) {
      const answer = await onlooker.follow(`${pathOf(ordinary)}/${act.id}`)
      expect(new URL(answer.url).pathname).to.equal(pathOf(ordinary))
    }
  })
})
