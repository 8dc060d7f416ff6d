import { expect } from 'chai'
import { onReplicaEnded, onUsesTold, startOfHearing } from '../../src/replicas/heard-uses.ts'

describe('HeardUses: since when every use is known', () => {
  const told = (heard: ReturnType<typeof startOfHearing>, now: number, coverMs: number) =>
    onUsesTold(heard, 'uid-a', { now, coverMs })

  it('begins when the operator begins, though a replica has counted for longer: another one may have gone unheard', () => {
    expect(told(startOfHearing(100), 110, 1_000).since).to.equal(100)
  })

  it('begins anew when a replica joins, at the start of its server', () => {
    expect(told(startOfHearing(100), 200, 20).since).to.equal(180)
  })

  it('goes on when a replica was not heard for a while and its server counted all the time', () => {
    const heard = told(startOfHearing(100), 110, 50)
    expect(told(heard, 500, 440).since).to.equal(100)
  })

  it('begins anew when its server has restarted meanwhile: what that one saw at the end nobody told', () => {
    const heard = told(startOfHearing(100), 110, 50)
    expect(told(heard, 500, 30).since).to.equal(470)
  })

  it('begins anew when a replica is gone, and never moves back', () => {
    const heard = onReplicaEnded(told(startOfHearing(100), 110, 50), 'uid-a', 300)
    expect(heard.since).to.equal(300)
    expect(told(heard, 310, 1_000).since).to.equal(300)
  })
})
