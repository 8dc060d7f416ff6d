import { expect } from 'chai'
import { endingSecrets } from '../../src/decide/status/ending-secrets.ts'
import { settled } from './outcomes.ts'

const now = Date.parse('2026-06-01T12:00:00Z')
const [past, later] = ['2026-06-01T11:59:59Z', '2026-06-02T12:00:00Z']
const planOf = (activeId: string, ids: readonly string[] = [activeId]) => ({
  verifiers: ids.map((id) => ({ id, sha256: id })),
  report: { ...settled.report, activeId },
})
const accepted = { now, isRefused: () => false }
const status = (secret: object) => ({ secret: { name: 'app-oidc', ...secret } })

describe('secrets that have ended', () => {
  it('stay named while a server may accept them, and no longer', () => {
    const before = status({ activeId: 'new', previous: [{ id: 'old', expiresAt: later, lastUsed: past }] })
    expect(endingSecrets(before, planOf('new'), accepted)).to.deep.equal([
      { id: 'old', expiresAt: later, lastUsed: past },
    ])
    expect(endingSecrets(before, planOf('new'), { now, isRefused: (id) => id === 'old' })).to.deep.equal([])
  })

  it('are not those that the plan keeps', () => {
    const before = status({ activeId: 'new', previous: [{ id: 'old' }] })
    expect(endingSecrets(before, planOf('new', ['new', 'old']), accepted)).to.deep.equal([])
  })

  it('may have an end that is past: a server may not have heard that it was moved to an earlier time', () => {
    const before = status({ activeId: 'new', previous: [{ id: 'old', expiresAt: past }] })
    expect(endingSecrets(before, planOf('new'), accepted)).to.deep.equal([{ id: 'old', expiresAt: past }])
    const verifiers = [{ id: 'only', firstSeen: past, acceptedByAll: true, notAfter: past }]
    const carried = { ...planOf('new'), verifiers: [{ id: 'only', sha256: 'only', notAfter: Date.parse(past) }] }
    expect(endingSecrets({ verifiers }, carried, accepted), 'the plan carries it on').to.deep.equal([
      { id: 'only', expiresAt: past },
    ])
  })

  it('are a secret that was replaced and never became a previous one', () => {
    const { report, verifiers } = planOf('new')
    const plan = { verifiers, report: { ...report, lastUsed: { old: Date.parse(past) } } }
    expect(endingSecrets(status({ activeId: 'old' }), plan, accepted)).to.deep.equal([{ id: 'old', lastUsed: past }])
  })

  it('are the active one of a client that authenticates without a secret now', () => {
    const { activeId: _none, ...report } = settled.report
    const before = status({ activeId: 'old' })
    expect(endingSecrets(before, { verifiers: [], report }, accepted)).to.deep.equal([{ id: 'old' }])
    const kept = { verifiers: [{ id: 'old', sha256: 'old', notAfter: now + 1 }], report }
    expect(endingSecrets(before, kept, accepted), 'its overlap runs').to.deep.equal([])
  })

  it('are those that the client listed', () => {
    const verifiers = [
      { id: 'new', firstSeen: past, acceptedByAll: true },
      { id: 'old', firstSeen: past, acceptedByAll: true, notAfter: later },
    ]
    const before = { verifiers, ...status({ previous: [{ id: 'old', expiresAt: later }] }) }
    expect(endingSecrets(before, planOf('new'), accepted)).to.deep.equal([{ id: 'old', expiresAt: later }])
  })

  it('are not forgotten where nothing was decided, as of a version that breaks a rule', () => {
    const before = status({ activeId: 'new', previous: [{ id: 'old', expiresAt: later }] })
    expect(endingSecrets(before, undefined, accepted)).to.deep.equal([{ id: 'old', expiresAt: later }])
  })
})
