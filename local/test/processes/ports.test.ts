import { expect } from 'chai'
import { freePort } from '../../src/processes/ports.ts'

describe('freePort', () => {
  it('gives each port once, and none of the range from which outgoing connections get theirs', async () => {
    const ports: number[] = []
    for (let count = 0; count < 50; count++) ports.push(await freePort())
    expect(new Set(ports).size).to.equal(ports.length)
    expect(Math.max(...ports)).to.be.lessThan(32_768)
    expect(Math.min(...ports)).to.be.greaterThan(1_023)
  })
})
