import { expect } from 'chai'
import type { NewFactor } from '../../../src/store/factors/needs.ts'
import type { LoadedAccount } from '../../../src/store/sessions/accounts.ts'
import { storeNewFactor } from '../../../src/users/factors/new-factor.ts'
import { ada, now } from '../../login/browser.ts'

describe(storeNewFactor.name, () => {
  const account: LoadedAccount = { user: ada, sessionLive: true, standing: 's1', factors: [], consent: undefined }
  const factor = { userId: ada.id, standing: 's1', kind: 'passkey', methods: ['hwk', 'user'] } as const
  const by = { event: { event: 'factor.enrolled', outcome: 'success', userId: ada.id } } as const
  const since = new Date(now + 1000)

  const store = async (found: LoadedAccount | undefined, codesStored = true) => {
    const inserted: NewFactor[] = []
    const needs = { store: { accounts: { load: async () => found } }, now: () => now }
    const outcome = await storeNewFactor(needs, factor, by, async (made) => {
      inserted.push(made)
      return { standing: 's2', since, codesStored }
    })
    return { outcome, inserted }
  }

  it('shows ten recovery codes to whoever has none that works', async () => {
    const { outcome, inserted } = await store(account)
    expect(outcome).to.deep.include({ kind: 'enrolled', standing: 's2', since, methods: ['hwk', 'user'] })
    expect(outcome).to.have.property('recoveryCodes').with.lengthOf(10)
    expect(inserted[0]).to.have.property('recoveryCodes').with.lengthOf(10)
    expect((await store(account, false)).outcome).to.deep.include({ recoveryCodes: [] })
  })

  const ended: readonly [who: string, found: LoadedAccount | undefined][] = [
    ['has another standing by now', { ...account, standing: 's2' }],
    ['is disabled', { ...account, user: { ...ada, disabled: true } }],
    ['is gone', undefined],
  ]
  for (const [who, found] of ended)
    it(`I1 stores nothing for a person who ${who}`, async () => {
      expect(await store(found)).to.deep.equal({ outcome: { kind: 'ended' }, inserted: [] })
    })
})
