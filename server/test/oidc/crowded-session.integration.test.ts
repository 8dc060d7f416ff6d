import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { claimsOfJwt, redeem, refresh, request, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

const applications = Array.from({ length: 50 }, (_, n) => `app.of-a-team-with-a-long-name-${n}`)
const groups = Array.from({ length: 500 }, (_, n) => `department-with-a-long-name/team-${String(n).padStart(3, '0')}`)

describe('one session of a person with 500 groups at 50 applications', () => {
  let server: ServerReplicas
  const browser = () => new Browser(server)
  before(async () => {
    server = await startReplicas()
    await server.serve(applications.map((clientId) => entry(clientId, { ...configs.web, clientName: clientId })))
    await addPerson(server, 'ada', groups)
  })
  after(() => server?.stop())

  /** Bytes of the cookies that go to an address. */
  const cookieBytes = ({ jar }: Browser, isMeant: (name: string) => boolean = () => true) =>
    [...jar.values()]
      .filter(({ name }) => isMeant(name))
      .reduce((sum, { name, value }) => sum + Buffer.byteLength(`${name}=${value}; `), 0)

  it('L18 keeps its cookie below 2 KB, no request is too large, and every application gets all groups', async () => {
    const ada = browser()
    for (const [n, clientId] of applications.entries()) {
      const proof = pkce()
      const asked = request(proof, { client_id: clientId, scope: 'openid groups offline_access' })
      // who is not asked again after the first one has a session
      const url = authorizationUrl(server.issuer, { ...asked, ...(n === 0 ? {} : { prompt: 'none' }) })
      const back = n === 0 ? await ada.authorize(url, 'ada') : new URL((await ada.follow(url)).location!)
      const value = back.searchParams.get('code')
      if (value === null) throw new Error(`${clientId}: ${back.href}`)
      const tokens = tokensOf(await redeem(server, { value, proof }, { clientId }))
      expect(claimsOfJwt(tokens.id)['groups']).to.have.length(groups.length)
      expect((await refresh(server, tokens.refresh, { clientId })).status).to.equal(200)
      expect(cookieBytes(ada, (name) => name.includes('session'))).to.be.within(1, 2047)
      expect(cookieBytes(ada)).to.be.below(4096)
    }
    const pages = ['/account', '/account/applications', '/account/sessions', '/account/security', '/account/profile']
    for (const path of pages) expect((await ada.follow(path)).status, path).to.equal(200)
    let listed = ''
    for (let path: string | undefined = '/account/applications'; path !== undefined;) {
      const { body } = await ada.follow(path)
      listed += body
      path = /id="next" href="([^"]+)"/.exec(body)?.[1]
    }
    for (const clientId of applications) expect(listed).to.contain(clientId)
    const asked = await ada.follow('/logout')
    expect((await ada.submit(asked, '/logout/confirm', { logout: 'yes' })).status).to.equal(200)
    const silent = authorizationUrl(server.issuer, request(pkce(), { client_id: applications[0]!, prompt: 'none' }))
    expect((await ada.follow(silent)).location).to.contain('error=login_required')
  })
})
