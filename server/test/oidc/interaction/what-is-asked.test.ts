import { expect } from 'chai'
import { questions } from '../../../src/oidc/interaction/what-is-asked.ts'
import type { AuthorizationState } from '../../../src/oidc/interaction/what-is-asked.ts'

const idToken = (sub: string) => `head.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.signature`
const nothing = { scopes: [], resources: {} }
const fine: AuthorizationState = {
  client: { config: { allowedGroups: ['engineers'] } as never },
  sessionAccountId: 'ada',
  hasAccount: true,
  uncheckedHint: undefined,
  groups: ['engineers'],
  consent: () => ({ allowed: nothing, open: undefined }),
}

/** The first question with a reason, as the library would find it. */
const askedOf = (state: AuthorizationState) =>
  questions
    .map(({ prompt, reasons }) => [prompt, ...reasons.filter(({ holds }) => holds(state)).map(({ name }) => name)])
    .find((found) => found.length > 1)

describe('questions', () => {
  it('come in this order', () =>
    expect(questions.map(({ prompt }) => prompt)).to.deep.equal(['select_account', 'login', 'access', 'consent']))

  for (const [sentence, more, wanted] of [
    ['a person who may go on is asked nothing', {}, undefined],
    ['nobody yet: the library has its own reason', { sessionAccountId: undefined, hasAccount: false }, undefined],
    ['a session that has ended', { hasAccount: false }, ['login', 'session_ended']],
    ['a hint of the same person', { uncheckedHint: idToken('ada') }, undefined],
    ['a hint of another person', { uncheckedHint: idToken('bob') }, ['login', 'id_token_hint_of_another']],
    ['a person in none of the groups', { groups: ['guests'] }, ['access', 'not_allowed']],
    ['something left to agree to', { consent: () => ({ allowed: nothing, open: nothing }) }, ['consent', 'not_agreed']],
    [
      'a person in none of the groups is not asked to agree',
      { groups: [], consent: () => ({ allowed: nothing, open: nothing }) },
      ['access', 'not_allowed'],
    ],
  ] as const satisfies readonly (readonly [string, Partial<AuthorizationState>, readonly string[] | undefined])[]) {
    it(sentence, () => expect(askedOf({ ...fine, ...more })).to.deep.equal(wanted))
  }
})
