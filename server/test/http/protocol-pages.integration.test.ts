import { expect } from 'chai'
import { Browser } from '@nauthera/harness/browser'
import { getCode, redeem, tokensOf } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { Replicas } from '@nauthera/harness/server'

describe('createProtocolPages', function () {
  this.timeout(60_000)
  let server: Replicas
  before(async () => {
    server = await startReplicas()
    await server.serve([entry('app.web', configs.web)])
    await addPerson(server, 'ada')
  })
  after(async () => {
    await server?.stop()
  })

  const headingOf = (body: string): string => /<h1>(.*)<\/h1>/.exec(body)?.[1] ?? ''
  const askToLeave = (browser: Browser, query: Record<string, string> = {}) =>
    browser.follow(`${server.issuer}/session/end?${new URLSearchParams(query).toString()}`)

  it('says to a person who signed out that they are signed out', async () => {
    const { browser } = await getCode(server)
    const left = await browser.submit(await askToLeave(browser), '/session/end/confirm', { logout: 'yes' })
    expect(headingOf(left.body)).to.equal('You are signed out')
  })

  it('says to a person who did not want to sign out that they are still signed in', async () => {
    const { browser, value, proof } = await getCode(server)
    const { id } = tokensOf(await redeem(server, { value, proof }))
    for (const query of [{}, { id_token_hint: id }]) {
      const stayed = await browser.submit(await askToLeave(browser, query), '/session/end/confirm')
      expect(headingOf(stayed.body)).to.equal('You are still signed in')
    }
  })

  it('says to somebody without a session that they are signed out', async () => {
    const answer = await new Browser(server).follow(`${server.issuer}/session/end/success`)
    expect(headingOf(answer.body)).to.equal('You are signed out')
  })
})
