import { expect } from 'chai'
import { describeOutcome } from '../../src/decide/status/client-status.ts'
import { renderVersion } from '@nauthera/proto/client-version'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { client } from './clients.ts'
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

  it('has no object of a secret where there is nothing to say of one: the API server refuses null', () => {
    const { status } = describeOutcome(outcome({ secret: { kind: 'elsewhere', name: undefined }, rotation: undefined }))
    expect(status).to.not.have.property('secret')
  })

  it('shows when a secret was last used, and keeps it while nobody tells', () => {
    const used = (lastUsed?: number) => ({
      ...settled,
      report: { ...settled.report, ...(lastUsed && { lastUsed: { aaaaaaaa: lastUsed } }) },
    })
    const { status } = describeOutcome(outcome({ rotation: used(now - 60_000) }))
    expect(status.secret).to.include({ lastUsed: '2025-12-31T23:59:00Z' })
    for (const rotation of [used(), used(now - 120_000), undefined]) {
      const again = describeOutcome(outcome({ rotation, client: { ...client(), status } })).status
      expect(again.secret).to.include({ lastUsed: '2025-12-31T23:59:00Z' })
    }
  })

  it('shows what really holds: what the servers give where client and policies say nothing', () => {
    const { status } = describeOutcome(outcome())
    expect(status.effective?.tokens).to.deep.equal({
      accessTTL: '5m',
      idTTL: '10m',
      refreshTTL: '720h',
      format: 'opaque',
    })
    expect(status.effective?.signing).to.deep.equal({ idToken: 'ES256' })
    expect(status.effective).not.to.have.property('apis')
  })

  it('keeps what was known while no server has told', () => {
    const { status } = describeOutcome(outcome())
    const again = describeOutcome(outcome({ defaults: undefined, client: { ...client(), status } })).status
    expect(again.effective?.tokens).to.deep.equal(status.effective?.tokens)
    expect(describeOutcome(outcome({ defaults: undefined })).status.effective?.tokens).to.deep.equal({
      format: 'opaque',
    })
  })

  it('shows no ID token and no refresh token of a client that gets none', () => {
    const config = renderConfig(client({ type: 'M2M', audiences: ['https://api.example.com'] }))
    const serve = { kind: 'desired', config, version: renderVersion(config) } as const
    const { status } = describeOutcome(outcome({ serve }))
    expect(status.effective?.tokens).to.deep.equal({ accessTTL: '5m', format: 'jwt' })
    expect(status.effective).not.to.have.property('signing')
  })

  it('shows the ID token of a client that signs people in and asks for tokens of its own besides', () => {
    const config = { ...renderConfig(client()), grantTypes: ['authorization_code', 'client_credentials'] }
    const serve = { kind: 'desired', config, version: renderVersion(config) } as const
    const { status } = describeOutcome(outcome({ serve }))
    expect(status.effective?.tokens).to.deep.equal({ accessTTL: '5m', idTTL: '10m', format: 'opaque' })
    expect(status.effective?.signing).to.deep.equal({ idToken: 'ES256' })
  })
})
