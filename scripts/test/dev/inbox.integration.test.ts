import { expect } from 'chai'
import { holdFreePort } from '@nauthera/local/processes/ports'
import { createSmtp } from '@nauthera/server/mail/smtp'
import { renderInbox, startInbox } from '../../dev/inbox.ts'

describe(startInbox.name, () => {
  it('shows a mail that came by SMTP, with a link that works', async () => {
    const inbox = await startInbox(await holdFreePort())
    try {
      expect(await (await fetch(inbox.url)).text()).to.contain('No mail yet')
      const link = 'http://localhost:8080/reset/token'
      const message = {
        messageId: '<1@localhost>',
        to: 'ada@example.com',
        subject: 'Hello',
        text: link,
        html: '<p>Hello</p>',
      }
      expect(await createSmtp(inbox.mail).send(message)).to.deep.equal({ kind: 'done' })
      const page = await (await fetch(inbox.url)).text()
      expect(page).to.contain('Hello').and.to.contain('to ada@example.com').and.to.contain(`<a href="${link}">`)
    } finally {
      await inbox.stop()
    }
  })
})

describe(renderInbox.name, () => {
  it('L15 shows markup as text, and no other scheme as a link', () => {
    const text = '<script>alert(1)</script>\njavascript:alert(1)\nhttp://x.test/"onclick="y'
    const page = renderInbox([{ at: new Date(), to: ['<b>'], subject: '<i>', text }])
    expect(page).to.not.match(/<(script|b|i)>|href="javascript|"onclick/)
  })
})
