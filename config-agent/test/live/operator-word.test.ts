import { expect } from 'chai'
import { createOperatorWords } from '../../src/live/operator-word.ts'

describe('createOperatorWords', () => {
  let now = 0
  const create = () => {
    now = 100
    return createOperatorWords(() => now)
  }

  it('counts the silence from the start of the agent', () => {
    expect(create().current()).to.deep.equal({ expected: undefined, lastWordAt: 100 })
  })

  it('remembers what an operator that is connected expects, and when it left', () => {
    const words = create()
    const stream = words.open()
    now = 200
    stream.says('aa')
    expect(words.current().expected).to.equal('aa')
    now = 900
    stream.gone()
    expect(words.current()).to.deep.equal({ expected: undefined, lastWordAt: 900 })
  })

  it('takes no word for an expectation from an operator that has rendered nothing yet', () => {
    const words = create()
    now = 5_000
    words.open().says('')
    expect(words.current()).to.deep.equal({ expected: undefined, lastWordAt: 100 })
  })

  it('follows the operator that spoke last, and falls back to the one that stays', () => {
    const words = create()
    const [old, next] = [words.open(), words.open()]
    old.says('aa')
    next.says('bb')
    expect(words.current().expected).to.equal('bb')
    old.says('cc')
    expect(words.current().expected).to.equal('cc')
    old.gone()
    expect(words.current().expected).to.equal('bb')
    expect(words.connected).to.equal(1)
  })
})
