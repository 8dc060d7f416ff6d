import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { redeemCode, renewAccountOfArtefact } from '../../src/oidc/load-account.ts'
import type { RequestContext } from '../../src/oidc/request-context.ts'

const away = new CodedError('STORE_UNAVAILABLE', { message: 'no answer' })
const asked = (): Pick<RequestContext, 'artefact' | 'granted'> => ({ artefact: { accountId: 'a', grantId: 'g' } })
const described = () => Promise.reject(away)
const failure = (work: Promise<unknown>) => work.catch((error: unknown) => error)

describe(redeemCode.name, () => {
  const terms = { clientUid: 'uid-1', sector: undefined, allowedGroups: [], strictGroups: [] }
  const code = { jti: 'j', expiresAt: new Date(), terms, family: undefined }

  it('says whether the code is used up also when the source of its person does not answer', async () => {
    for (const spent of [false, true]) {
      const request = asked()
      const users = { redeem: async () => ({ spent, family: undefined, described }) }
      const redeemed = await redeemCode(request, users, code)
      expect([redeemed.spent, await failure(redeemed.account()), request.granted]).to.deep.equal([
        spent,
        away,
        undefined,
      ])
    }
  })

  it('fails when the database does not answer', async () =>
    expect(await failure(redeemCode(asked(), { redeem: () => Promise.reject(away) }, code))).to.equal(away))
})

describe(renewAccountOfArtefact.name, () => {
  const token = { seq: 1, idleTtlMs: 1000, terms: undefined }
  const made = { seq: 2, rotatedAt: 0, expiresAt: 1 }

  it('says whether there is a successor also when the source of the person does not answer', async () => {
    for (const family of [undefined, made]) {
      const request = asked()
      const renewed = await renewAccountOfArtefact(request, { renew: async () => ({ family, described }) }, token)
      expect([renewed.family, await failure(renewed.account()), request.granted]).to.deep.equal([
        family,
        away,
        undefined,
      ])
    }
  })

  it('fails when the database does not answer', async () =>
    expect(await failure(renewAccountOfArtefact(asked(), { renew: () => Promise.reject(away) }, token))).to.equal(away))
})
