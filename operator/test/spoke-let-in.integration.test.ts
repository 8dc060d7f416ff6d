import { expect } from 'chai'
import { startPair } from '@nauthera/harness/operator/pair'
import type { Pair } from '@nauthera/harness/operator/pair'
import type { TestOperator } from '@nauthera/harness/operator/test-operator'
import { reportsIn, rotating } from './spoke/reports.ts'

const minute = 60_000

describe('a spoke that its hub does not let in', () => {
  let pair: Pair
  let operator: TestOperator
  const { condition, plain, isAccepted, begin, rotate, returnHub } = reportsIn(() => pair)

  const start = async () => {
    operator = pair.startSpoke()
    await operator.leading
  }
  beforeEach(async () => {
    pair = await startPair()
    await start()
  })
  afterEach(async () => {
    await pair.stop()
    expect(pair.violations).to.deep.equal([])
  })

  const untilReason = (reason: string) =>
    pair.until(() => condition('HubReachable')?.reason === reason, `the spoke says ${reason}`)

  it('F64 says when its token is taken no more, serves on, and goes on with the one that somebody puts there', async () => {
    const secret = await begin()
    pair.revokeToken()
    await pair.pass(12_000)
    await untilReason('CredentialRefused')
    expect(condition('HubReachable')?.message).to.contain('cluster join')
    await pair.spoke.apply('reports', rotating('1'))
    await pair.pass(minute)
    expect(plain()).to.equal(secret)
    expect(isAccepted(secret)).to.equal(true)
    expect(condition('Ready')?.status).not.to.equal('False')
    await returnHub(pair.joinAgain)
    await pair.until(() => plain() !== secret, 'the rotation goes on')
    expect(operator.fatal()).to.equal(undefined)
  })

  it('F64 says when its operator starts without its Secret, and goes on with the one that somebody puts there', async () => {
    const secret = await begin()
    await operator.stop()
    pair.loseCredential()
    await start()
    await untilReason('CredentialRefused')
    expect(condition('HubReachable')?.message).to.contain('cluster join')
    expect([condition('Ready')?.status, plain()]).to.deep.equal(['True', secret])
    expect(await operator.hearsHub()).to.equal(false)
    await returnHub(pair.joinAgain)
    expect([await operator.hearsHub(), operator.fatal()]).to.deep.equal([true, undefined])
    await rotate('1')
  })

  it('F64 says when its rights in the hub are gone though it answers, and goes on when they are back', async () => {
    const secret = await begin()
    const back = pair.loseRights()
    await pair.pass(12_000)
    await untilReason('NotJoined')
    await pair.spoke.apply('reports', rotating('1'))
    await pair.pass(minute)
    expect([plain(), isAccepted(secret)]).to.deep.equal([secret, true])
    await returnHub(back)
    await pair.until(() => plain() !== secret, 'the rotation goes on')
  })
})
