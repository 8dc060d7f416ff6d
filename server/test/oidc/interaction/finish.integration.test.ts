import { CodedError } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { Replicas } from '@nauthera/harness/server'

describe('the end of a sign-in', () => {
  let replicas: Replicas
  before(async () => {
    replicas = await startReplicas({ count: 1 })
    await replicas.serve([entry('app.web', configs.web)])
    await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  for (const [when, isStored, then] of [
    ['was lost after everything was stored', true, { status: 400, says: 'INTERACTION_SPENT' }],
    ['was lost before anything was stored', false, { status: 303, says: undefined }],
  ] as const)
    it(`whose answer ${when}: the form gets 503 with Retry-After, and sent again it gets ${then.status}`, async () => {
      const { signIns } = replicas.apps[0]!.store
      const { finish } = signIns
      const browser = new Browser(replicas)
      const page = await browser.follow(authorizationUrl(replicas.issuer, request(pkce())))
      const send = () => browser.submit(page, '/sign-in', { username: 'ada', password })
      // one answer alone is lost: PostgreSQL is back when the browser asks again
      signIns.finish = async (sent) => {
        signIns.finish = finish
        if (isStored) await finish(sent)
        throw new CodedError('STORE_UNAVAILABLE', { message: 'the answer was lost' })
      }
      const lost = await send()
      expect([lost.status, lost.headers['retry-after']]).to.deep.equal([503, '2'])
      const again = await send()
      expect(again.status).to.equal(then.status)
      if (then.says === undefined) expect(again.headers.location).to.match(/^https:\/\/app\.example\.com\/.*code=/)
      else expect(again.body).to.contain(then.says)
    })
})
