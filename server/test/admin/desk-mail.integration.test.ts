import { expect } from 'chai'
import type { Browser } from '@nauthera/harness/browser'
import { addPerson } from '@nauthera/harness/server'
import { createLinkMails } from '../../src/users/links/link-mails.ts'
import { chosen, startMailSite } from '../mail/with-mail.ts'
import type { MailSite } from '../mail/with-mail.ts'
import { signInMember } from './members.ts'

describe('the help desk and mail', function () {
  let site: MailSite
  let agent: Browser
  before(async () => {
    site = await startMailSite({ settings: { admin: { group: 'desk' } } })
    await addPerson(site, 'agent', ['desk'])
    agent = await signInMember(site, 'agent')
  })
  after(() => site?.stop())

  it('sends a person a link for a new password; the member never sees it', async () => {
    const ada = await addPerson(site, 'ada')
    const path = `/admin/people/${ada}`
    expect((await agent.open(path)).body).to.contain('act-send-reset')
    const done = await agent.submit(await agent.follow(`${path}/send-reset`), '/send-reset', { confirm: 'yes' })
    expect(done.body).to.contain('The link is on its way')
    const link = await site.linkTo('ada@example.com')
    expect(done.body).not.to.contain(link.split('/').at(-1))
    const { credentials, audit } = site.apps[0]!.store
    const before = await credentials.find(ada)
    const other = agent.copy()
    await other.submit(await other.follow(link), link, chosen)
    expect(await credentials.find(ada)).not.to.equal(before)
    await audit.flush()
    const events = (await audit.search({ userId: ada, limit: 20 })).map(({ event }) => event)
    expect(events).to.include.members(['password.reset_requested', 'password.reset'])
  })

  it('sends a person at most five links in an hour, and says so', async () => {
    const id = await addPerson(site, 'forgetful')
    const path = `/admin/people/${id}/send-reset`
    const send = async () => (await agent.submit(await agent.follow(path), '/send-reset', { confirm: 'yes' })).body
    for (let sent = 0; sent < 5; sent++) expect(await send()).to.contain('The link is on its way')
    expect(await send()).to.contain('Nothing was done')
  })

  it('tells every member of a severe act, and nobody else', async () => {
    await addPerson(site, 'second-member', ['desk'])
    await site.apps[0]!.store.users.setDisabled(await addPerson(site, 'former-member', ['desk']), true, [])
    const path = `/admin/people/${await addPerson(site, 'eve')}/disable`
    await agent.submit(await agent.follow(path), '/disable', { confirm: 'yes' })
    await site.settled()
    const told = site.box.mails.filter(({ subject }) => subject?.includes('Important action')).flatMap(({ to }) => to)
    expect(told).to.have.members(['agent@example.com', 'second-member@example.com'])
    expect((await site.newest('agent@example.com'))!.text)
      .to.contain('did this: Disable')
      .and.contain('eve')
  })

  it('offers no link to whoever has no address, or is disabled', async () => {
    const { users } = site.apps[0]!.store
    const { id } = await users.insert({ username: 'without-address' })
    const gone = await addPerson(site, 'gone')
    await users.setDisabled(gone, true, [])
    for (const person of [id, gone])
      expect((await agent.open(`/admin/people/${person}`)).body).not.to.contain('act-send-reset')
  })

  describe('an invitation', () => {
    const invite = async (fields: Record<string, string>) =>
      agent.submit(await agent.follow('/admin/invite'), '/invite', fields)

    it('reaches the mailbox, becomes an account, and is in the audit log of the member', async () => {
      expect((await agent.open('/admin')).body).to.contain('id="invite-link"')
      const done = await invite({ email: 'new@example.net', name: 'New One', locale: 'de' })
      expect([new URL(done.url).pathname, done.body.includes('The invitation is on its way')]).to.deep.equal([
        '/admin',
        true,
      ])
      const link = await site.linkTo('new@example.net')
      expect((await site.newest('new@example.net'))!.subject).to.match(/Einladung/)
      expect(done.body).not.to.contain(link.split('/').at(-1))
      const other = agent.copy()
      const page = await other.follow(link)
      expect(page.body).to.contain('value="New One"')
      await other.submit(page, link, { ...chosen, name: 'New One' })
      const { users, audit } = site.apps[0]!.store
      const user = (await users.findByLogin('new@example.net'))!
      expect(user).to.deep.include({ name: 'New One', locale: 'de', groups: [], emailVerified: true })
      await audit.flush()
      const [row] = await audit.search({ event: 'admin.desk.invite', limit: 1 })
      expect(row).to.deep.include({ detail: { email: 'new@example.net' }, address: '127.0.0.1' })
      expect(row!.userId).to.equal((await users.findByLogin('agent'))!.id)
    })

    it('gives nobody a group, whatever the form says', async () => {
      await invite({ email: 'sly@example.net', groups: 'desk', group: 'desk' })
      const link = await site.linkTo('sly@example.net')
      const other = agent.copy()
      await other.submit(await other.follow(link), link, chosen)
      expect((await site.apps[0]!.store.users.findByLogin('sly@example.net'))!.groups).to.deep.equal([])
    })

    const openAs = async (link: string) => (await agent.copy().follow(link)).status

    it('L43 does not take the place of one of an administrator that brings groups', async () => {
      const { mailLinks } = site.apps[0]!.store
      const linkMails = createLinkMails({ mailLinks, canChangePassword: () => true })
      const event = { event: 'admin.users.invite', outcome: 'success' } as const
      await linkMails.invite({ email: 'staff@example.net', groups: ['staff'] }, { audit: [event] })
      const link = await site.linkTo('staff@example.net')
      const refused = await invite({ email: 'STAFF@example.net' })
      expect([
        refused.status,
        refused.body.includes('An administrator has already invited this address'),
      ]).to.deep.equal([200, true])
      expect(await openAs(link)).to.equal(200)
      const other = agent.copy()
      await other.submit(await other.follow(link), link, chosen)
      expect((await site.apps[0]!.store.users.findByLogin('staff@example.net'))!.groups).to.deep.equal(['staff'])
    })

    it('takes the place of one without groups', async () => {
      await invite({ email: 'again@example.net' })
      const link = await site.linkTo('again@example.net')
      expect((await invite({ email: 'again@example.net' })).body).to.contain('The invitation is on its way')
      expect(await openAs(link)).to.equal(400)
    })

    it('L43 is sent to one address three times in an hour, however it is written', async () => {
      for (const email of ['often@example.net', 'Often@example.net', 'OFTEN@example.net'])
        expect((await invite({ email })).body).to.contain('The invitation is on its way')
      expect((await invite({ email: 'often@EXAMPLE.net' })).body).to.contain('invited several times in the last hour')
      expect((await invite({ email: 'seldom@example.net' })).body).to.contain('The invitation is on its way')
    })

    const mistakes: [string, Record<string, string>, string][] = [
      ['no address', { email: 'nobody' }, 'Enter an e-mail address'],
      ['the address of somebody who is here', { email: 'AGENT@example.com' }, 'Somebody has an account'],
      [
        'a name that nobody can read',
        { email: 'odd@example.net', name: 'A\u200bB' },
        'characters that cannot be used here',
      ],
    ]
    for (const [what, fields, text] of mistakes)
      it(`is not sent to ${what}, and the form keeps what was typed`, async () => {
        const { status, body } = await invite({ name: 'Kept Name', ...fields })
        expect(status).to.equal(200)
        expect(body).to.contain(text).and.contain(`value="${fields['email']}"`).and.contain('value="')
      })
  })
})
