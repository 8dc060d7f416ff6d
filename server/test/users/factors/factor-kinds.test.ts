import { expect } from 'chai'
import type { CodeOutcome } from '../../../src/users/factors/second-factors.ts'
import { appOnPage, checkProof, proofs, setUps } from '../../../src/users/factors/factor-kinds.ts'

const never = async (): Promise<never> => {
  throw new Error('was asked')
}

describe('setUps', () => {
  const needs = { secondFactors: { enrolApp: never }, passkeys: { offerNew: never, enrol: never } }
  const answer = (fields: Record<string, string>, seed?: string) => ({
    fields: new URLSearchParams(fields),
    agent: undefined,
    userId: 'person',
    standing: 'now',
    boundTo: 'session',
    seed,
    changeOf: () => ({ event: { event: 'factor.enrolled', outcome: 'success' } as const, languages: [] }),
  })

  it('asks for the code of an app when it is missing, and keeps the name that was typed', async () => {
    const mistake = { key: 'code-missing', control: 'code' }
    const asked = await setUps.app(needs, answer({ code: ' ', name: 'My phone' }, 'seed'))
    expect(asked).to.deep.equal({ kind: 'mistaken', mistake, name: 'My phone' })
  })

  it('takes no code of an app whose page was not shown', async () =>
    expect(await setUps.app(needs, answer({ code: '123456' }))).to.deep.equal({ kind: 'not-shown' }))
})

describe(checkProof.name, () => {
  const recorded: object[] = []
  beforeEach(() => recorded.splice(0))
  const check = (form: string, typed: string, outcome?: CodeOutcome) => {
    const answers = async () => outcome ?? (await never())
    const needs = {
      secondFactors: { checkCode: answers, consumeRecoveryCode: answers },
      passkeys: { offer: never, check: never },
      audit: { record: (event: object) => void recorded.push(event) },
    }
    const fields = new URLSearchParams({ code: typed, 'recovery-code': typed })
    return checkProof(needs, proofs[form]!, { fields, userId: 'person', boundTo: 'session', about: {}, languages: [] })
  }

  it('records no failure when nothing was typed, and says so at the field', async () => {
    for (const [form, control] of Object.entries({ 'second-factor': 'code', 'recovery-code': 'recovery-code' })) {
      const mistake = { key: `${control}-missing`, control }
      expect(await check(form, ' ')).to.deep.equal({ kind: 'refused', mistake })
    }
    expect(recorded).to.deep.equal([])
  })

  it('says for how many minutes codes are locked, rounded up', async () => {
    const mistake = { key: 'codes-locked', control: 'code', values: { minutes: 2 } }
    const outcome = await check('second-factor', '123456', { kind: 'locked', seconds: 61 })
    expect(outcome).to.deep.equal({ kind: 'refused', reason: 'locked', mistake })
    expect(recorded).to.have.length(1)
  })

  it('records why a code was wrong, at the person', async () => {
    await check('second-factor', '123456', { kind: 'wrong', reason: 'used-code' })
    const failure = { userId: 'person', event: 'factor.failure', outcome: 'failure', reason: 'used-code' }
    expect(recorded).to.deep.equal([failure])
  })
})

describe(appOnPage.name, () => {
  it('shows the seed in groups of four, as people type it', () =>
    expect(appOnPage('ABCDEFGHIJ', 'Example', { username: 'ada' }).secret).to.equal('ABCD EFGH IJ'))
})
