import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { redeemCode, renewAccountOfArtefact } from '../../src/oidc/load-account.ts'
import type { RequestContext } from '../../src/oidc/request-context.ts'

type Request = Pick<RequestContext, 'artefact' | 'granted' | 'spent' | 'mayHaveRotated'>

const away = new CodedError('STORE_UNAVAILABLE', { message: 'no answer' })
const asked = (): Request => ({ artefact: { accountId: 'a', grantId: 'g' } })

describe(redeemCode.name, () => {
  const client = { uid: 'uid-1', sector: undefined, allowedGroups: [] }
  const code = { jti: 'j', expiresAt: new Date(), client, family: undefined }
  const failed = async (request: Request, users: Parameters<typeof redeemCode>[1]) => {
    expect(await redeemCode(request, users, code).catch((error: unknown) => error)).to.equal(away)
    return request
  }
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

describe(renewAccountOfArtefact.name, () => {
  const token = { seq: 1, idleTtlMs: 1000, atOnce: undefined }
  const made = { seq: 2, rotatedAt: 0, expiresAt: 1 }
  const failed = async (users: Parameters<typeof renewAccountOfArtefact>[1]) => {
    const request = asked()
    const error: unknown = await renewAccountOfArtefact(request, users, token).catch((thrown: unknown) => thrown)
    expect([error, request.granted]).to.deep.equal([away, undefined])
    return request.mayHaveRotated
  }
  const described = () => Promise.reject(away)

  it('says whether there is a successor also when the source of the person does not answer', async () => {
    expect(await failed({ renew: async () => ({ family: undefined, described }) })).to.equal(false)
    expect(await failed({ renew: async () => ({ family: made, described }) })).to.equal(true)
  })

  it('says that there may be one when the database does not answer', async () => {
    expect(await failed({ renew: () => Promise.reject(away) })).to.equal(true)
  })
})
