import { expect } from 'chai'
import { createCeiling } from '../../../src/users/passwords/ceiling.ts'

describe('createCeiling', () => {
  it('asks to wait for the rest of the minute when too many sign-ins were refused in it', () => {
    let now = 0
    const ceiling = createCeiling({ now: () => now, most: 3 })
    for (let turn = 0; turn < 3; turn++) {
      expect(ceiling.wait()).to.equal(undefined)
      ceiling.count()
      now += 10_000
    }
    expect(ceiling.wait()).to.equal(30)
    now += 29_999
    expect(ceiling.wait()).to.equal(1)
    now += 1
    expect(ceiling.wait()).to.equal(undefined)
  })

  it('counts anew in the next minute', () => {
    let now = 0
    const ceiling = createCeiling({ now: () => now, most: 2 })
    for (let minute = 0; minute < 3; minute++) {
      ceiling.count()
      expect(ceiling.wait()).to.equal(undefined)
      now += 60_000
    }
  })

  it('begins a minute with the first one after the last minute', () => {
    let now = 0
    const ceiling = createCeiling({ now: () => now, most: 2 })
    for (const at of [0, 60_000, 70_000]) {
      now = at
      ceiling.count()
    }
    expect(ceiling.wait()).to.equal(50)
  })
})
