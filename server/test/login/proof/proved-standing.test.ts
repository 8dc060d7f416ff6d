import { expect } from 'chai'
import { createLoginLinkForm } from '../../../src/login/proof/login-link.ts'
import { createPasskeyForm } from '../../../src/login/proof/passkey.ts'
import type { Attempt, Form } from '../../../src/login/attempt/attempt.ts'

// All sessions of the person are ended right after the proof is used up: the account is loaded with a later standing than the proof has.

describe('a proof without a password', () => {
  const proved = { userId: 'ada', standing: 'before' }
  const account = { user: { id: 'ada', username: 'ada', groups: [] }, standing: 'after', factors: [] }
  const needs = {
    users: { load: async () => account },
    loginLinks: { consume: async () => proved },
    passkeys: { check: async () => ({ kind: 'passed', ...proved, methods: ['hwk'] }) },
    secondFactor: { requiredGroups: [] },
    audit: { record: () => undefined },
    now: () => 0,
  } as never
  const attempt = {
    request: { form: new URLSearchParams(), headers: {}, peer: { address: '192.0.2.1', userAgent: '' } },
    interaction: { uid: 'u', client: { own: true }, loginHint: 'login-link:token', progress: {} },
  } as unknown as Attempt
  const standingAfter = async (form: Form) => {
    const outcome = await form(attempt)
    return outcome.kind === 'go-on' ? outcome.progress.signedIn?.standing : outcome.kind
  }

  it('L20 by a link signs in with the standing of the link', async () =>
    expect(await standingAfter(createLoginLinkForm(needs))).to.equal('before'))

  it('L21 by a passkey signs in with the standing that the passkey was used with', async () =>
    expect(await standingAfter(createPasskeyForm(needs))).to.equal('before'))
})
