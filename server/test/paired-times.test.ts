import { expect } from 'chai'
import { compareTimes } from './paired-times.ts'

/** A machine on which work takes its own time and what others do meanwhile: 0 to `noise` milliseconds, mostly little. */
function createMachine(noise: number) {
  let clock = 0
  let seed = 7
  const random = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647
  const work = (milliseconds: number) => async () => {
    clock += milliseconds + noise * random() ** 4
  }
  return { now: () => clock, work }
}

describe('compareTimes', () => {
  for (const noise of [0, 50, 400]) {
    it(`finds no difference where there is none, with up to ${noise} ms of noise`, async () => {
      const { now, work } = createMachine(noise)
      const { differences } = await compareTimes({ a: work(20), b: work(20), c: work(20.5) }, { withinMs: 5, now })
      for (const difference of Object.values(differences)) expect(Math.abs(difference)).to.be.below(5)
    })

    it(`finds the work that takes 20 ms less, with up to ${noise} ms of noise`, async () => {
      const { now, work } = createMachine(noise)
      const { differences } = await compareTimes({ a: work(20), b: work(40) }, { withinMs: 5, now })
      expect(differences['a - b']).to.be.below(-5)
    })
  }

  it('takes more rounds on a loud machine', async () => {
    const roundsWith = async (noise: number) => {
      const { now, work } = createMachine(noise)
      return (await compareTimes({ a: work(20), b: work(20) }, { withinMs: 5, now })).rounds
    }
    expect(await roundsWith(0)).to.equal(40)
    expect(await roundsWith(400)).to.be.greaterThan(60)
  })

  it('lets no kind always be the first, nor always follow the same one', async () => {
    const seen: string[] = []
    const kind = (name: string) => async () => void seen.push(name)
    await compareTimes({ a: kind('a'), b: kind('b'), c: kind('c') }, { withinMs: 5 })
    const orders = new Set<string>()
    for (let at = 0; at < seen.length; at += 3) orders.add(seen.slice(at, at + 3).join(''))
    expect([...orders].toSorted()).to.deep.equal(['abc', 'acb', 'bac', 'bca', 'cab', 'cba'])
  })
})
