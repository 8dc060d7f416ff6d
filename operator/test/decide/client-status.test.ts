import { expect } from 'chai'
import { describeOutcome } from '../../src/decide/client-status.ts'
import { now, outcome, settled } from './outcomes.ts'

describe('describeOutcome', () => {
  it('shows what the columns print', () => {
    const { status } = describeOutcome(
      outcome({ rotation: { ...settled, report: { ...settled.report, nextRotation: now + 3_600_000 } } }),
    )
    expect(status).to.deep.include({
      clientId: 'demo.app',
      replicas: { loaded: 3, total: 3, summary: '3/3' },
      servedBy: 'auth/nauthera',
      observedGeneration: 4,
    })
    expect(status.secret).to.include({ name: 'app-oidc', activeId: 'aaaaaaaa', nextRotation: '2026-01-01T01:00:00Z' })
    expect(status.effective).to.deep.include({
      authMethod: 'client_secret',
      rotation: { interval: '2h', overlap: '1h' },
    })
  })
})
