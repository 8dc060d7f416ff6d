import { expect } from 'chai'
import type { AddedForEmail } from '../../../src/store/people/mail-links.ts'
import { createLinkMails } from '../../../src/users/links/link-mails.ts'

describe(createLinkMails.name, () => {
  for (const [outcome, isSent] of [
    ['added', true],
    ['sent-before', true],
    ['limited', false],
    ['has-account', false],
  ] as const satisfies readonly (readonly [AddedForEmail, boolean])[])
    it(`says ${isSent ? 'that a registration is on its way' : 'that none was sent'} when its link is ${outcome}`, async () => {
      const mailLinks = {
        addForEmail: () => Promise.resolve(outcome),
        addForPerson: () => Promise.reject(new Error('not asked')),
      }
      const mails = createLinkMails({ mailLinks, canChangePassword: () => true })
      const by = { onceKey: 'registration:1', limit: { most: 1, windowMs: 1 }, audit: [] }
      expect(await mails.sendRegistration('ada@example.com', by)).to.equal(isSent)
    })

  it('invites with a name of up to 200 characters', async () => {
    const mailLinks = {
      addForEmail: () => Promise.resolve('added' as const),
      addForPerson: () => Promise.reject(new Error('not asked')),
    }
    const mails = createLinkMails({ mailLinks, canChangePassword: () => true })
    const invite = (length: number) =>
      mails.invite({ email: 'ada@example.com', name: 'a'.repeat(length) }, { audit: [] }).then(
        () => 'invited',
        ({ code }: { readonly code: string }) => code,
      )
    expect([await invite(200), await invite(201)]).to.deep.equal(['invited', 'USERNAME_INVALID'])
  })
})
