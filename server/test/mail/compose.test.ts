import { expect } from 'chai'
import { localesDirectory } from '../../src/files.ts'
import { readTexts } from '../../src/http/branding/texts.ts'
import { composeMail } from '../../src/mail/compose.ts'
import type { ChangedFactor, Mail } from '../../src/mails.ts'
import { sampleMails } from './sample-mails.ts'

const texts = readTexts(localesDirectory)
const english = texts.choose(['en'])
const sender = { title: 'Example & Sons', issuer: 'https://login.example.com/path' }

describe(composeMail.name, () => {
  for (const language of texts.languages) {
    for (const mail of sampleMails) {
      it(`writes ${mail.template} in ${language}, as text and as HTML, with every value filled in`, () => {
        const { subject, text, html } = composeMail(mail, texts.choose([language]), sender)
        for (const part of [subject, text, html]) expect(part).to.not.match(/\{\w+\}|mail\.[a-z-]+\.|undefined/)
        expect(subject).to.contain(sender.title)
        expect(html).to.contain(`<html lang="${language}">`)
        const { path } = mail.data as { path?: string }
        if (path !== undefined) for (const part of [text, html]) expect(part).to.contain(`${sender.issuer}${path}`)
      })
    }
  }

  const changes: Readonly<Record<ChangedFactor, string>> = {
    'totp-added': 'An authenticator app was added to your account.',
    'totp-removed': 'The authenticator app was removed from your account.',
    'passkey-added': 'A passkey was added to your account.',
    'passkey-removed': 'A passkey was removed from your account.',
    'recovery-codes-new': 'New recovery codes were made for your account. The old ones do not work any more.',
    'recovery-code-used': 'A recovery code was used to sign in to your account.',
    'factors-reset': 'An administrator removed the second step from your account.',
    'upstream-linked': 'An account at another provider was linked to yours: anyone who can use it can sign in here.',
    'upstream-unlinked': 'An administrator removed the sign-in at another provider from your account.',
    'address-moved': 'Another e-mail address was set for your account.',
    'upstream-removed': 'A linked sign-in at another provider was removed from your account.',
  }
  for (const [change, words] of Object.entries(changes))
    it(`says of ${change} what has changed, in every language`, () => {
      const mail = { template: 'factor-changed', data: { person: 'ada', change, at: '2026-01-02T03:04:05Z' } } as const
      expect(composeMail(mail, english, sender).text).to.contain(words)
      const said = texts.languages.map((language) => composeMail(mail, texts.choose([language]), sender).text)
      for (const text of said) expect(text).to.not.contain('mail.factor-changed')
      expect(new Set(said)).to.have.length(texts.languages.length)
    })

  it('names time, address and browser of a sign-in', () => {
    const mail = sampleMails.find(({ template }) => template === 'new-device')!
    const { text, html } = composeMail(mail, english, sender)
    for (const part of [text, html]) {
      expect(part).to.match(/January 2, 2026|2 January 2026/)
      expect(part).to.contain('198.51.100.7')
      expect(part).to.contain('Firefox on Linux')
    }
  })

  it('L15 a name with markup and line breaks is text, in both forms', () => {
    const person = '<img src="https://evil.test/x">\r\nPassword: send it to evil@evil.test\u202E'
    const mail: Pick<Mail, 'template' | 'data'> = { template: 'verify', data: { person, path: '/v/1', minutes: 30 } }
    const { text, html } = composeMail(mail, english, sender)
    expect(html).to.not.contain('<img').and.not.contain('\u202E')
    expect(html).to.contain('&lt;img src=&quot;https://evil.test/x&quot;&gt; Password:')
    expect(text.split('\n').filter((line) => line.startsWith('Password:'))).to.deep.equal([])
  })

  it('fetches nothing when it is opened', () => {
    for (const mail of sampleMails) {
      const { html } = composeMail(mail, english, sender)
      expect(html).to.not.match(/<(img|link|script|iframe|object|video|audio)\b|url\(|@import|src=/i)
    }
  })
})
