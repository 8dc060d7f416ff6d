import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { UsageSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { usageMessage } from '@nauthera/server/clients/config-service'
import { createUsage } from '@nauthera/server/clients/usage'
import type { RegisteredClient } from '@nauthera/server/clients/registered-client'
import { Refusals } from '../../operator/src/status/refusals.ts'

// What a stranger's requests cost the API server: the counts of a server and the turns of an operator, by one clock.

const rate = 10_000
const key = 'apps/grafana'
const client = {
  namespace: 'apps',
  name: 'grafana',
  clientId: 'apps.grafana',
  uid: 'uid',
  config: { redirectUris: [], postLogoutRedirectUris: [], corsOrigins: [], audiences: [] },
} as unknown as RegisteredClient

describe('a stranger in the name of a client', () => {
  it(`costs one status in five minutes with ${rate} refused requests a second, and the next one counts them all`, () => {
    const clock = createManualClock()
    const usage = createUsage(clock)
    const counts: number[] = []
    const refusals: Refusals = new Refusals({
      clock,
      told: () =>
        refusals.published(key).known.map(({ code, by, count }) => ({ code, by, count, lastSeen: '', hint: '' })),
      wake: () => counts.push(refusals.published(key).known[0]!.count),
    })
    let cursor = 0
    const aSecond = () => {
      for (let request = 0; request < rate; request++)
        usage.countRefusal(client, { code: 'SECRET_WRONG', by: 'Anyone', from: '203.0.113.1' })
      const report = usage.since(cursor)
      cursor = report.cursor
      const { refusals: said } = create(UsageSchema, usageMessage(report))
      if (said.length > 0) refusals.record('server-0', said)
      clock.advance(1_000)
    }
    try {
      for (let second = 0; second < 300; second++) aSecond()
      expect(counts).to.have.length(1)
      aSecond()
      clock.advance(1_000)
      expect(counts).to.have.length(2)
      expect(counts[1]).to.be.at.least(300 * rate)
    } finally {
      refusals.stop()
    }
  })
})
