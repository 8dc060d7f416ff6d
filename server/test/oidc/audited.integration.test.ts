import { expect } from 'chai'
import { ConsentMode } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { fetchTokens, refresh, revoke } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('the audit log of a sign-in and its tokens', () => {
  let replicas: ServerReplicas
  let ada: string
  before(async () => {
    replicas = await startReplicas()
    await replicas.serve([entry('app.web', { ...configs.web, consent: ConsentMode.EXPLICIT })])
    ada = await addPerson(replicas, 'ada')
  })
  after(() => replicas.stop())

  it('tells of sign-in, consent, token, refresh and revocation, each with its client and address', async () => {
    const parameters = { scope: 'openid email offline_access' }
    const tokens = await fetchTokens(replicas, { parameters })
    await refresh(replicas, tokens.refresh!)
    await revoke(replicas, tokens.refresh!)
    const { audit } = replicas.apps[0]!.store
    await audit.flush()
    const rows = (await audit.search({ clientId: 'app.web', limit: 99 })).toReversed()
    const events = ['signin.success', 'consent.granted', 'token.issued', 'token.refreshed', 'token.revoked']
    expect(rows.map(({ event }) => event)).to.include.members(events)
    for (const row of rows.filter(({ event }) => events.includes(event))) {
      expect(row.outcome, row.event).to.equal('success')
      expect(row.address, row.event).to.equal('127.0.0.1')
      expect(row.correlationId, row.event).to.be.a('string')
    }
    for (const event of ['signin.success', 'consent.granted', 'token.issued', 'token.refreshed'])
      expect(rows.find((row) => row.event === event)!.userId, event).to.equal(ada)
  })
})
