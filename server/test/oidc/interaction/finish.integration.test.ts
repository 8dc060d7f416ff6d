import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { mintLinkToken } from '../../../src/store/people/link-token.ts'
import { codeAt } from '../../../src/users/factors/totp.ts'
import { afterPassword, setUpApp, submit } from '../../login/second-factor-flows.ts'

describe('the end of a sign-in whose answer PostgreSQL did not give', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas({ count: 1, settings: { secondFactor: { requiredGroups: ['admins'] } } })
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  /** One answer alone is lost: PostgreSQL is back when the browser asks for itself. */
  const loseOne = ({ isStored }: { isStored: boolean }) => {
    const { signIns } = replicas.apps[0]!.store
    const { finish } = signIns
    signIns.finish = async (sent) => {
      signIns.finish = finish
      if (isStored) await finish(sent)
      throw new CodedError('STORE_UNAVAILABLE', { message: 'the answer was lost' })
    }
  }
  const begin = async () => {
    const browser = new Browser(replicas)
    const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
    return { browser, signIn: () => browser.submit(page, '/sign-in', { username: 'ada', password }) }
  }
  const leadsBack = /^https:\/\/app\.example\.com\/.*code=/

  it('leads to the application all the same when nothing was stored, as the browser asks again by itself', async () => {
    const { signIn } = await begin()
    loseOne({ isStored: false })
    expect((await signIn()).headers.location).to.match(leadsBack)
  })

  it('is 503 with Retry-After when all was stored, on a page that says whose fault it is and leads to a new begin', async () => {
    const { signIn } = await begin()
    loseOne({ isStored: true })
    const lost = await signIn()
    expect([lost.status, lost.headers['retry-after']]).to.deep.equal([503, '2'])
    expect(lost.body).to.contain('This sign-in got lost').and.to.contain('SIGN_IN_LOST')
    expect(lost.body).not.to.contain('id="try-again"')
    expect((await (await begin()).signIn()).headers.location).to.match(leadsBack)
  })

  it('uses nothing up twice: who proved it by an app, a recovery code or a link is led to the application', async () => {
    const enrolled = async (username: string) => {
      await addPerson(replicas, username)
      const begun = await afterPassword(replicas, { username, parameters: { acr_values: 'urn:nauthera:mfa' } })
      return setUpApp(replicas, begun)
    }
    const { seed } = await enrolled('bea')
    const withApp = await afterPassword(replicas, { username: 'bea' })
    loseOne({ isStored: false })
    expect((await submit(withApp, '/second-factor', { code: codeAt(seed, Date.now()) })).page.location).to.match(
      leadsBack,
    )

    const { recoveryCodes } = await enrolled('cem')
    const withCode = await afterPassword(replicas, { username: 'cem' })
    loseOne({ isStored: false })
    const recovered = await submit(withCode, '/recovery-code', { 'recovery-code': recoveryCodes[0]! })
    expect(recovered.page.location).to.match(leadsBack)

    const token = mintLinkToken()
    await replicas.apps[0]!.store.loginLinks.create(await addPerson(replicas, 'dia'), {
      token,
      lifeMs: 600_000,
      audit: [],
    })
    const browser = new Browser(replicas)
    const page = await browser.follow(`/login-link/${token.plain}`)
    loseOne({ isStored: false })
    expect((await browser.submit(page, '/login-link', { use: 'yes' })).status).to.equal(200)
  })
})
