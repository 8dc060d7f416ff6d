import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { describeGranted, grantQueryOf, loadAccount, loadAccountOfArtefact } from '../../src/oidc/load-account.ts'
import type { RequestContext } from '../../src/oidc/request-context.ts'
import type { GrantedAccount, LoadedAccount } from '../../src/store/sessions/accounts.ts'

const artefact = { accountId: 'a', grantId: 'g', sessionUid: 's', authTime: 1_767_225_600 }
const found = { user: { disabled: false }, sessionLive: true, grant: undefined } as unknown as GrantedAccount
const asked = (): Pick<RequestContext, 'artefact' | 'granted'> => ({ artefact })

describe(loadAccount.name, () => {
  const accountOf = (account: object | undefined) =>
    loadAccount({}, { load: async () => account as LoadedAccount | undefined }, { userId: 'a' })

  it('has nobody who is disabled or deleted', async () => {
    expect(await accountOf({ user: { disabled: false } })).to.deep.equal({ user: { disabled: false } })
    expect(await accountOf({ user: { disabled: true } })).to.equal(undefined)
    expect(await accountOf(undefined)).to.equal(undefined)
  })
})

describe(loadAccountOfArtefact.name, () => {
  it('asks about nobody for a token without a person or without a grant', async () => {
    const loads = () => expect.fail('nobody is asked about')
    for (const request of [{}, { artefact: { accountId: 'a' } }, { artefact: { grantId: 'g' } }])
      expect(await loadAccountOfArtefact(request, { loadGranted: loads, loadForToken: loads })).to.equal(undefined)
  })
})

describe(describeGranted.name, () => {
  it('keeps the account with what its source says, for all who ask later in the request', async () => {
    const request = asked()
    const said = { ...found, grantFrom: [{ clientUid: 'u', clientId: 'c' }] }
    expect(await describeGranted(request, { describe: async <Account>() => said as Account }, found)).to.equal(said)
    const loads = () => expect.fail('nobody is asked again')
    expect(await loadAccountOfArtefact(request, { loadGranted: loads, loadForToken: loads })).to.equal(said)
  })

  it('keeps nothing where the source does not answer', async () => {
    const request = asked()
    const away = new CodedError('STORE_UNAVAILABLE', { message: 'no answer' })
    const failure = describeGranted(request, { describe: () => Promise.reject(away) }, found)
    expect(await failure.catch((error: unknown) => error)).to.equal(away)
    expect(request.granted).to.equal(undefined)
  })

  it('has nobody where the session has ended', async () => {
    const ended = { ...found, sessionLive: false, grant: { offline: false } } as unknown as GrantedAccount
    expect(await describeGranted(asked(), { describe: async (account) => account }, ended)).to.equal(undefined)
  })
})

describe(grantQueryOf.name, () => {
  it('asks about the session in any version, where it and the time of its sign-in are known', () => {
    const session = { uid: 's', version: 2_147_483_647, authTime: new Date('2026-01-01T00:00:00Z') }
    expect(grantQueryOf(artefact)).to.deep.equal({ userId: 'a', grantId: 'g', session })
    expect(grantQueryOf({ accountId: 'a', grantId: 'g', sessionUid: 's' }).session).to.equal(undefined)
  })
})
