import { expect } from 'chai'
import { interactionPolicy } from 'oidc-provider'
import { runInRequest } from '../../../src/oidc/library/current-request.ts'
import { createPrompts } from '../../../src/oidc/library/prompts.ts'

const ofLibrary = ['essential_acrs', 'essential_acr']
const clients = { registered: () => ({ config: { allowedGroups: [], requiredAcr: [] } }) } as never
const login = () =>
  createPrompts(clients, {
    secondFactor: { policy: 'optional', requiredGroups: [], enrolment: 'password' },
    subjectOf: (_client, id) => id,
    now: () => 0,
  }).find(({ name }) => name === 'login')!

describe(createPrompts.name, () => {
  it('leaves out the library’s own reasons about acr, which the library still has', () => {
    const has = (prompt: interactionPolicy.Prompt) => ofLibrary.map((reason) => prompt.checks.get(reason) !== undefined)
    expect(has(interactionPolicy.base().get('login')!)).to.deep.equal([true, true])
    expect(has(login())).to.deep.equal([false, false])
    for (const reason of ['no_session', 'max_age', 'id_token_hint', 'acr_not_reached'])
      expect(login().checks.get(reason), reason).to.not.equal(undefined)
  })

  it('an acr that the request needs leads to a sign-in once; when that does not bring it, the request fails', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:example:stronger' } } })
    const session = { accountId: 'ada', acr: 'urn:nauthera:password' }
    const { check } = login().checks.get('acr_not_reached')!
    const holds = (result?: object) =>
      runInRequest({} as never, () =>
        check({ oidc: { client: {}, params: { claims }, session, entities: {}, result } } as never),
      )
    expect(holds()).to.equal(true)
    expect(holds({ consent: {} })).to.equal(true)
    expect(() => holds({ login: { accountId: 'ada' } })).to.throw('unmet_authentication_requirements')
  })
})
