import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { Browser, authorizationUrl, pkce } from '@nauthera/harness/browser'
import { request } from '@nauthera/harness/flows'
import { addPerson, configs, entry, password, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { expect } from 'chai'
import { outcomeOf } from './walk/walked.ts'

// max_age when the code is issued (OpenID Connect Core 3.1.2.1): the pages behind a sign-in may stand open for minutes.

describe('max_age, judged when the code is issued', () => {
  let replicas: ServerReplicas
  let ahead = 0
  before(async () => {
    replicas = await startReplicas({ clock: () => () => Date.now() + ahead })
    await replicas.serve([entry('app.web', { ...configs.web, consent: ConsentMode.EXPLICIT })])
    await addPerson(replicas, 'ada')
  })
  afterEach(() => (ahead = 0))
  after(() => replicas.stop())

  /** @returns what comes of a consent that is given so long after the sign-in */
  async function consentAfter(seconds: number, maxAge: string) {
    const browser = new Browser(replicas)
    const url = authorizationUrl(replicas.issuer, request(pkce(), { max_age: maxAge }))
    const signIn = async (page: Awaited<ReturnType<Browser['follow']>>) =>
      browser.submit(page, '/sign-in', { username: 'ada', password })
    const consent = await signIn(await browser.follow(url))
    expect(outcomeOf(consent)).to.equal('consent')
    ahead += seconds * 1000
    const outcome = await browser.submit(consent, '/consent', { decision: 'allow' })
    return { outcome, again: async () => browser.submit(await signIn(outcome), '/consent', { decision: 'allow' }) }
  }

  it('a consent in time gives a code', async () => {
    expect(outcomeOf((await consentAfter(100, '120')).outcome)).to.equal('code')
  })

  it('a consent that comes too late asks for the sign-in again, which then gives a code', async () => {
    const { outcome, again } = await consentAfter(130, '120')
    expect(outcomeOf(outcome)).to.equal('sign-in')
    expect(outcomeOf(await again())).to.equal('code')
  })

  it('a person has a minute for the pages, however short max_age is', async () => {
    expect(outcomeOf((await consentAfter(50, '1')).outcome)).to.equal('code')
    expect(outcomeOf((await consentAfter(70, '1')).outcome)).to.equal('sign-in')
  })
})
