import { expect } from 'chai'
import { askedFrom } from '../../../src/describe-agent.ts'
import { factorNotice, unlinkedNotice } from '../../../src/users/factors/notice.ts'

describe(factorNotice.name, () => {
  const person = { email: 'ada@example.com', name: undefined, username: 'ada', locale: 'de' }
  const about = { change: 'totp-added' as const, now: 0, asked: askedFrom({ address: '203.0.113.9' }) }

  it('goes to the person in their language, and says what changed, when and from where', () => {
    const { onceKey, ...mail } = factorNotice(person, about)!
    expect(onceKey).not.to.equal(factorNotice(person, about)!.onceKey)
    expect(mail).to.deep.equal({
      to: 'ada@example.com',
      template: 'factor-changed',
      languages: ['de'],
      data: { person: 'ada', change: 'totp-added', at: '1970-01-01T00:00:00.000Z', asked: about.asked },
    })
  })

  it('is in a language of the request when the person has none', () => {
    const languages = ['fr', 'de']
    expect(factorNotice(person, { ...about, languages })!.languages).to.deep.equal(['de', 'fr', 'de'])
    expect(factorNotice({ ...person, locale: undefined }, { ...about, languages })!.languages).to.deep.equal(languages)
    const chosen = { ...person, preferences: { language: 'en' } }
    expect(factorNotice(chosen, { ...about, languages })!.languages).to.deep.equal(['en', 'fr', 'de'])
  })

  it('goes to nobody who has no address', () =>
    expect(factorNotice({ ...person, email: undefined }, about)).to.equal(undefined))
})

describe(unlinkedNotice.name, () => {
  it('tells the person and the audit log that linked sign-ins are gone with the first factor', () => {
    const person = { email: 'ada@example.com', name: 'Ada', username: 'ada', locale: undefined }
    const event = { event: 'factor.enrolled', outcome: 'success', userId: '1' } as const
    const { audit, mail } = unlinkedNotice(person, event, { now: 0 })
    expect(audit).to.deep.equal([{ ...event, event: 'account.unlinked', reason: 'first-factor' }])
    expect(mail).to.have.property('to', 'ada@example.com')
    expect(mail!.data).to.deep.include({ person: 'Ada', change: 'upstream-removed' })
  })
})
