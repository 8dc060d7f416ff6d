import { expect } from 'chai'
import type { Attempt, Step } from '../../src/login/attempt/attempt.ts'
import { createDispatch, guardForm } from '../../src/login/dispatch.ts'

const attempt = {} as Attempt
const ended: Step = { run: () => ({ kind: 'ended', location: '/authorize/u1' }) }

describe('createDispatch', () => {
  it('asks the steps in order, each with what the one before found, until one does not pass', async () => {
    const consent = { scopes: [], remember: false }
    const seen: (Attempt['consent'] | 'nobody asks it')[] = []
    const first: Step = { run: (at) => ({ kind: 'passed', attempt: { ...at, consent } }) }
    const second: Step = { run: (at) => (seen.push(at.consent), { kind: 'passed', attempt: at }) }
    const after: Step = { run: () => (seen.push('nobody asks it'), { kind: 'spent' }) }
    expect(await createDispatch([first, second, ended, after])(attempt)).to.deep.equal({
      kind: 'ended',
      location: '/authorize/u1',
    })
    expect(seen).to.deep.equal([consent])
  })

  it('fails when no step ends the sign-in, and does not let it through', async () => {
    const passes: Step = { run: (at) => ({ kind: 'passed', attempt: at }) }
    const outcome = await createDispatch([passes])(attempt).catch((error: unknown) => error)
    expect(outcome).to.be.instanceOf(TypeError)
  })
})

describe('guardForm', () => {
  const passes: Step = { run: (at) => ({ kind: 'passed', attempt: at }) }
  const form = () => ({ kind: 'over' }) as const

  it('L9 carries a form out only after every step before its own, and leads to the page otherwise', async () => {
    expect(await guardForm([passes, passes], form)(attempt)).to.deep.equal({ kind: 'over' })
    expect(await guardForm([passes, ended], form)(attempt)).to.deep.equal({ kind: 'unchanged' })
    expect(await guardForm([], form)(attempt)).to.deep.equal({ kind: 'over' })
  })
})
