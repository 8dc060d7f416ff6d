import { expect } from 'chai'
import type { User } from '../../../src/store/people/user.ts'
import { createLinkTries } from '../../../src/users/links/link-requests.ts'

describe(createLinkTries.name, () => {
  const ada = { id: '1', username: 'ada', email: 'ada@example.com', disabled: false } as User

  /** @returns what is sent, then what the audit log has of it */
  async function asked(
    kind: 'reset-request' | 'registration-request',
    at: { found?: User; isReserved?: boolean; isRefused?: boolean } = {},
  ) {
    const done: unknown[] = []
    const tries = createLinkTries({
      users: { findByLogin: async () => at.found },
      sources: {
        load: async () =>
          at.found && { user: at.found, standing: '', factors: [], consent: undefined, sessionLive: true },
        isReserved: async () => at.isReserved ?? false,
      },
      linkMails: {
        sendReset: async ({ username }) => {
          done.push(`reset ${username}`)
          return at.isRefused ? { kind: 'refused', reason: 'disabled' } : { kind: 'sent', path: '/reset/token' }
        },
        sendRegistration: async (email) => {
          done.push(`registration ${email}`)
          return !at.isRefused
        },
      },
      mailLinks: { notify: async ({ template, to }) => void done.push(`${template} ${to}`) },
      audit: { record: ({ reason, userId }) => void done.push(reason, userId) },
    })
    const payload = { login: 'ada', email: 'new@example.com', from: {}, languages: [], correlationId: 'c' }
    const times = { tries: 1, createdAt: new Date(0), left: () => 0 }
    await tries[kind]({ id: 'row', kind, ...times, open: () => payload })
    return done
  }

  it('sends a link to set a new password to whoever is known, and says in the audit log why it sent none', async () => {
    expect(await asked('reset-request', { found: ada })).to.deep.equal(['reset ada'])
    expect(await asked('reset-request', { found: ada, isRefused: true })).to.deep.equal(['reset ada', 'disabled', '1'])
    expect(await asked('reset-request')).to.deep.equal(['unknown-user', undefined])
  })

  it('sends a link to register to an address that nobody has', async () => {
    expect(await asked('registration-request')).to.deep.equal(['registration new@example.com'])
    const limited = await asked('registration-request', { isRefused: true })
    expect(limited).to.deep.equal(['registration new@example.com', 'limited', undefined])
  })

  it('tells whoever has an account, here or in a directory, and nobody else', async () => {
    const here = await asked('registration-request', { found: ada, isReserved: true })
    expect(here).to.deep.equal(['email-taken', '1', 'already-registered ada@example.com'])
    const elsewhere = await asked('registration-request', { isReserved: true })
    expect(elsewhere).to.deep.equal(['email-taken', undefined, 'account-elsewhere new@example.com'])
  })

  it('mails nobody who is disabled or has no address', async () => {
    for (const found of [
      { ...ada, disabled: true },
      { ...ada, email: undefined },
    ])
      expect(await asked('registration-request', { found })).to.deep.equal(['email-taken', '1'])
  })
})
