import { expect } from 'chai'
import { acts } from '../../src/admin/acts.ts'
import type { ActNeeds } from '../../src/admin/acts.ts'
import type { PersonState } from '../../src/admin/person-state.ts'
import type { Sent } from '../../src/users/links/link-mails.ts'

describe('acts of the help desk', () => {
  const sendReset = acts.find(({ id }) => id === 'send-reset')!
  const answers: readonly (readonly [string, Sent | undefined, boolean])[] = [
    ['a mail was sent', { kind: 'sent', path: '/reset/x' }, true],
    ['the account was disabled in the meantime', { kind: 'refused', reason: 'disabled' }, false],
    ['no mail is sent here', undefined, false],
  ]
  for (const [what, sent, isDone] of answers)
    it(`a link for a new password is ${isDone ? '' : 'not '}on its way when ${what}`, async () => {
      const linkMails = sent && { sendReset: async () => sent }
      const needs = { linkMails } as unknown as ActNeeds
      const state = { user: {} } as PersonState
      expect(await sendReset.carryOut(needs, { state, about: '', audit: [], isByTwo: false })).to.equal(isDone)
    })
})
