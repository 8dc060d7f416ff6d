import { expect } from 'chai'
import { Crowd } from '../../src/intake/crowd.ts'

describe('Crowd', () => {
  it('is there from 200 clients that wait on, and says once that it is over', () => {
    const crowd = new Crowd()
    expect([crowd.record(199), crowd.isThere]).to.deep.equal([false, false])
    expect([crowd.record(200), crowd.isThere]).to.deep.equal([false, true])
    expect([crowd.record(199), crowd.isThere]).to.deep.equal([true, false])
    expect([crowd.record(0), crowd.isThere]).to.deep.equal([false, false])
  })
})
