import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { acrOf, acrValues, neededAcr } from '../../../src/oidc/acr.ts'
import { termsOf } from '../../../src/oidc/artefacts/standing-grant.ts'
import { accessOf, acrWanted } from '../../../src/oidc/clients/access.ts'
import type { OidcClient } from '../../../src/oidc/clients/oidc-client.ts'
import { questions } from '../../../src/oidc/interaction/what-is-asked.ts'
import { mayServe } from '../../../src/store/tokens/what-counts.ts'
import { isRequired } from '../../../src/users/factors/policy.ts'

const groupNames = ['staff', 'finance', 'board']
const groups = fc.subarray(groupNames)
const levels = ['urn:nauthera:password', 'urn:nauthera:mfa']
const client = fc
  .record({ allowedGroups: groups, requiredAcr: fc.subarray(levels) })
  .map((config) => ({ config }) as unknown as OidcClient)
const policy = fc.record({
  policy: fc.constantFrom('off' as const, 'optional' as const, 'required' as const),
  requiredGroups: groups,
})
const amr = fc.constantFrom(undefined, ['pwd'], ['link'], ['pwd', 'otp', 'mfa'], ['ext'])
const state = fc.record({ client, policy, amr, groups })

describe('accessOf', () => {
  it('a token stands exactly where a request that wants nothing of its own would be asked nothing more about the person', () => {
    fc.assert(
      fc.property(state, ({ client, policy, amr, groups }) => {
        const acr = acrOf(amr)
        const asked = questions
          .flatMap(({ reasons }) => reasons)
          .filter(({ name }) => name === 'acr_not_reached' || name === 'not_allowed')
          .filter(({ holds }) =>
            holds({
              client,
              sessionAccountId: 'ada',
              sessionSubject: 'ada',
              hasAccount: true,
              uncheckedHint: undefined,
              acr,
              signInAge: 0,
              maxAge: undefined,
              groups,
              neededAcr: () =>
                neededAcr({
                  claims: {},
                  acrValues: undefined,
                  ...acrWanted(client, isRequired(policy, groups)),
                  reachable: acrValues({ policy: policy.policy }),
                }),
              consent: () => ({ open: undefined }) as never,
            }),
          )
        expect(accessOf(client, { groups, acr }, policy).kind).to.equal(asked.length === 0 ? 'allowed' : 'refused')
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  it('a person whom the terms of a client let in is one who may use it', () => {
    fc.assert(
      fc.property(state, ({ client, policy, amr, groups }) => {
        const acr = acrOf(amr)
        const terms = termsOf(client, acr, policy)
        const isServed = terms !== undefined && mayServe({ user: { groups, disabled: false } }, terms)
        expect(isServed).to.equal(accessOf(client, { groups, acr }, policy).kind === 'allowed')
      }),
      { numRuns: propertyRuns(300) },
    )
  })

  for (const [allowedGroups, groups, kind] of [
    [[], [], 'allowed'],
    [['a'], ['a', 'b'], 'allowed'],
    [['a', 'b'], ['b'], 'allowed'],
    [['a'], [], 'refused'],
    [['a'], ['A'], 'refused'],
  ] as const)
    it(`a person in ${JSON.stringify(groups)} is ${kind} when allowedGroups is ${JSON.stringify(allowedGroups)}`, () => {
      const one = { config: { allowedGroups, requiredAcr: [] } } as unknown as OidcClient
      expect(accessOf(one, { groups, acr: undefined }, { policy: 'optional', requiredGroups: [] }).kind).to.equal(kind)
    })
})
