import { expect } from 'chai'
import { questions } from '../../../src/oidc/interaction/what-is-asked.ts'
import type { AuthorizationState } from '../../../src/oidc/interaction/what-is-asked.ts'

const idToken = (sub: string) => `head.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.signature`
const nothing = { scopes: [], resources: {} }
const fine: AuthorizationState = {
  client: { config: { allowedGroups: ['engineers'] } as never },
  sessionAccountId: 'ada',
  sessionSubject: 'ada',
  hasAccount: true,
  uncheckedHint: undefined,
  acr: 'urn:nauthera:password',
  neededAcr: () => ({ kind: 'any' }),
  signInAge: 30,
  maxAge: undefined,
  groups: ['engineers'],
  consent: () => ({ allowed: nothing, open: undefined }),
}

/** The first question with a reason, as the library would find it. */
const requestedOf = (state: AuthorizationState) =>
  questions
    .map(({ prompt, reasons }) => [prompt, ...reasons.filter(({ holds }) => holds(state)).map(({ name }) => name)])
    .find((found) => found.length > 1)

describe('questions', () => {
  it('come in a fixed order', () =>
    expect(questions.map(({ prompt }) => prompt)).to.deep.equal(['select_account', 'login', 'access', 'consent']))

  for (const [sentence, more, wanted] of [
    ['a person with a valid session and consent is asked nothing', {}, undefined],
    [
      'without a session the reason to sign in is the library’s own',
      { sessionAccountId: undefined, hasAccount: false },
      undefined,
    ],
    ['a session that has ended leads to a sign-in', { hasAccount: false }, ['login', 'session_ended']],
    ['an id_token_hint of the same person changes nothing', { uncheckedHint: idToken('ada') }, undefined],
    [
      'an id_token_hint of the same person with a pairwise subject changes nothing',
      { uncheckedHint: idToken('pair'), sessionSubject: 'pair' },
      undefined,
    ],
    [
      'an id_token_hint with the id of the account is none of a client with pairwise subjects',
      { uncheckedHint: idToken('ada'), sessionSubject: 'pair' },
      ['login', 'id_token_hint_of_another'],
    ],
    [
      'an id_token_hint of another person leads to a sign-in',
      { uncheckedHint: idToken('bob') },
      ['login', 'id_token_hint_of_another'],
    ],
    [
      'an acr that the session has is enough',
      { neededAcr: () => ({ kind: 'one-of', values: ['urn:other', 'urn:nauthera:password'] }) },
      undefined,
    ],
    [
      'a session without the acr that the request needs leads to a sign-in',
      { neededAcr: () => ({ kind: 'one-of', values: ['urn:other'] }) },
      ['login', 'acr_not_reached'],
    ],
    ['a sign-in that is as old as the request allows is enough', { signInAge: 120, maxAge: 120 }, undefined],
    [
      'a sign-in that became too old while its pages were open is asked for again',
      { signInAge: 121, maxAge: 120 },
      ['login', 'sign_in_too_old'],
    ],
    ['a person has a minute for the pages behind a sign-in', { signInAge: 60, maxAge: 1 }, undefined],
    ['a person in no allowed group is told so', { groups: ['guests'] }, ['access', 'not_allowed']],
    [
      'a missing consent is asked for',
      { consent: () => ({ allowed: nothing, open: nothing }) },
      ['consent', 'not_agreed'],
    ],
    [
      'a person in no allowed group is not asked for consent',
      { groups: [], consent: () => ({ allowed: nothing, open: nothing }) },
      ['access', 'not_allowed'],
    ],
  ] as const satisfies readonly (readonly [string, Partial<AuthorizationState>, readonly string[] | undefined])[]) {
    it(sentence, () => expect(requestedOf({ ...fine, ...more })).to.deep.equal(wanted))
  }
})
