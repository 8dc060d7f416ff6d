import { expect } from 'chai'
import { askedFrom } from '../../../src/describe-agent.ts'
import { factorNotice } from '../../../src/users/factors/notice.ts'

describe(factorNotice.name, () => {
  const person = { email: 'ada@example.com', name: undefined, username: 'ada', locale: 'de' }
  const about = { change: 'totp-added', now: 0, asked: askedFrom({ address: '203.0.113.9' }) }

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
