import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { redeemCode } from '../../src/oidc/load-account.ts'
import type { RequestContext } from '../../src/oidc/request-context.ts'

type Request = Parameters<typeof redeemCode>[0] & Pick<RequestContext, 'spent'>

describe(redeemCode.name, () => {
  const code = { jti: 'j', expiresAt: new Date(), family: undefined }
  const away = new CodedError('STORE_UNAVAILABLE', { message: 'no answer' })
  const failed = async (request: Request, users: Parameters<typeof redeemCode>[1]) => {
    expect(await redeemCode(request, users, code).catch((error: unknown) => error)).to.equal(away)
    return request
  }
  const asked = (): Request => ({ artefact: { accountId: 'a', grantId: 'g' } })
  const whenDescribed = (spent: boolean) => ({
    redeem: async () => ({ spent, family: undefined, described: () => Promise.reject(away) }),
  })

  it('does not say that a code may be used up when only the source of its person does not answer', async () => {
    const request = await failed(asked(), whenDescribed(false))
    expect([request.spent, request.granted]).to.deep.equal([undefined, undefined])
  })

  it('says that it is used up also then', async () => {
    const { spent } = await failed(asked(), whenDescribed(true))
    expect(spent).to.deep.equal({ jti: 'j', outcome: { kind: 'spent' } })
  })

  it('says that it may be when the database does not answer', async () => {
    const { spent } = await failed(asked(), { redeem: () => Promise.reject(away) })
    expect(spent).to.deep.equal({ jti: 'j', outcome: undefined })
  })
})
