import { expect } from 'chai'
import type { Browser } from '@nauthera/harness/browser'
import { addPerson } from '@nauthera/harness/server'
import { chosen, startMailSite } from '../mail/with-mail.ts'
import type { MailSite } from '../mail/with-mail.ts'
import { signInMember } from './members.ts'

describe('the help desk and mail', function () {
  this.timeout(60_000)
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

  it('offers no link to whoever has no address, or is disabled', async () => {
    const { users } = site.apps[0]!.store
    const { id } = await users.insert({ username: 'without-address' })
    const gone = await addPerson(site, 'gone')
    await users.setDisabled(gone, true, [])
    for (const person of [id, gone])
      expect((await agent.open(`/admin/people/${person}`)).body).not.to.contain('act-send-reset')
  })
})
