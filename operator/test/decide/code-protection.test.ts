import { expect } from 'chai'
import type { Condition } from '../../src/api/client-status.ts'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import {
  codesLack,
  hasFault,
  lacksProtection,
  scopesLeftOut,
  secretIsTwice,
  showsTwice,
  unlistedScopes,
} from '../../src/decide/status/code-protection.ts'
import type { CodeUse } from '../../src/decide/status/observations.ts'
import { client as clientOf } from './clients.ts'

const hour = 3_600_000
const faultAt = Date.parse('2026-11-30T12:00:00Z')
const codes = (change: Partial<CodeUse>): CodeUse => ({
  protectedAt: 0,
  unprotectedAt: 0,
  wholeAt: 0,
  secretOnceAt: 0,
  secretTwiceAt: 0,
  leftOut: new Map(),
  ...change,
})
/** Its status says this of codes and scopes, of its generation 1. */
const client = (
  ...said: readonly (readonly [type: string, status: Condition['status'], generation?: number])[]
): OIDCClient => ({
  ...clientOf(),
  status: {
    conditions: said.map(([type, status, observedGeneration = 1]) => ({
      type,
      status,
      reason: 'Said',
      message: 'before',
      lastTransitionTime: '2026-11-30T12:00:00Z',
      observedGeneration,
    })),
  },
})

describe('codes with neither PKCE nor a nonce', () => {
  it('count until a protected one is two hours younger', () => {
    expect(lacksProtection(codes({}))).to.equal(false)
    const at = (protectedAt: number) => lacksProtection(codes({ unprotectedAt: faultAt, protectedAt }))
    expect([at(0), at(faultAt + 2 * hour - 1), at(faultAt + 2 * hour)]).to.deep.equal([true, true, false])
  })

  it('are known from reports, or else from the status', () => {
    const unsafe = client(['CodeProtected', 'False'])
    expect(codesLack(client(), undefined), 'nobody said anything').to.equal(undefined)
    expect(codesLack(client(), codes({ protectedAt: faultAt })), 'every code was protected').to.equal(undefined)
    expect(codesLack(client(), codes({ unprotectedAt: faultAt }))).to.equal(true)
    expect(codesLack(client(['CodeProtected', 'True']), undefined)).to.equal(false)
    expect(codesLack(unsafe, undefined), 'it stays while nothing is reported').to.equal(true)
    expect(codesLack(unsafe, codes({ protectedAt: faultAt + hour }))).to.equal(true)
    expect(codesLack(unsafe, codes({ protectedAt: faultAt + 2 * hour }))).to.equal(false)
  })
})

describe('a secret in header and body', () => {
  it('counts until it came in one place two hours later, by reports or else by the status', () => {
    expect(showsTwice(codes({}))).to.equal(false)
    const at = (secretOnceAt: number) => showsTwice(codes({ secretTwiceAt: faultAt, secretOnceAt }))
    expect([at(0), at(faultAt + 2 * hour - 1), at(faultAt + 2 * hour)]).to.deep.equal([true, true, false])
    const told = client(['SecretShownOnce', 'False'])
    expect(secretIsTwice(client(), codes({ secretOnceAt: faultAt })), 'always once').to.equal(undefined)
    expect(secretIsTwice(told, undefined), 'it stays while nothing is reported').to.equal(true)
    expect(secretIsTwice(told, codes({ secretOnceAt: faultAt + 2 * hour }))).to.equal(false)
    expect(secretIsTwice(client(['SecretShownOnce', 'True']), undefined)).to.equal(false)
  })
})

describe('scopes that a version does not list', () => {
  it('count until a request without them is two hours younger, whatever else it lacks', () => {
    const at = (wholeAt: number, emailAt: number) =>
      scopesLeftOut(
        codes({
          wholeAt,
          leftOut: new Map([
            ['groups', faultAt],
            ['email', emailAt],
          ]),
        }),
      )
    expect(at(0, faultAt)).to.deep.equal(['groups', 'email'])
    expect(at(faultAt + 2 * hour, 0)).to.deep.equal([])
    expect(at(0, faultAt + 2 * hour)).to.deep.equal(['email'])
    expect(at(faultAt + 2 * hour, faultAt + hour)).to.deep.equal(['email'])
  })

  it('are none once the version lists them', () => {
    const asked = codes({ wholeAt: faultAt, leftOut: new Map([['groups', faultAt]]) })
    expect(unlistedScopes(client(), asked, [])).to.deep.equal(['groups'])
    expect(unlistedScopes(client(), asked, ['groups'])).to.deep.equal([])
  })

  it('stay as the status says while replicas report none', () => {
    const [good, bad] = [client(['ScopesListed', 'True']), client(['ScopesListed', 'False'])]
    expect(unlistedScopes(client(), codes({}), [])).to.equal(undefined)
    expect(unlistedScopes(good, undefined, [])).to.equal(good.status?.conditions?.[0])
    expect(unlistedScopes(bad, undefined, [])).to.equal(bad.status?.conditions?.[0])
    expect(unlistedScopes(bad, codes({ wholeAt: faultAt + hour }), [])).to.equal(bad.status?.conditions?.[0])
    expect(unlistedScopes(bad, codes({ wholeAt: faultAt + 2 * hour }), []), 'it is mended').to.deep.equal([])
    expect(unlistedScopes(client(['ScopesListed', 'False', 0]), undefined, []), 'of another version').to.equal(
      undefined,
    )
  })
})

describe(hasFault.name, () => {
  const asked = codes({ leftOut: new Map([['groups', faultAt]]) })
  const rows: readonly (readonly [string, OIDCClient, CodeUse | undefined, boolean])[] = [
    ['nothing is known', client(), undefined, false],
    ['a code lacked protection', client(), codes({ unprotectedAt: faultAt }), true],
    ['a secret came in two places', client(), codes({ secretTwiceAt: faultAt }), true],
    ['it came in one place for two hours', client(), codes({ secretTwiceAt: 1, secretOnceAt: faultAt }), false],
    ['a scope was left out', client(), asked, true],
    ['the status says that scopes were left out', client(['ScopesListed', 'False']), undefined, true],
    ['the status says that none was', client(['ScopesListed', 'True']), undefined, false],
  ]
  for (const [sentence, of, use, expected] of rows)
    it(`is ${expected} when ${sentence}`, () => expect(hasFault(of, use, [])).to.equal(expected))

  it('is false once the scope is listed', () => expect(hasFault(client(), asked, ['groups'])).to.equal(false))
})
