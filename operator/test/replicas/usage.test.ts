import { expect } from 'chai'
import { Usage } from '../../src/replicas/usage.ts'

const use = (secretId: string, seconds?: number) => ({
  namespace: 'apps',
  name: 'reports',
  secretId,
  lastUsed: seconds === undefined ? undefined : { seconds: BigInt(seconds) },
})

describe('Usage', () => {
  it('keeps the latest use of a secret at any replica, in milliseconds', () => {
    const usage = new Usage()
    usage.note([use('a', 100), use('b', 50)])
    usage.note([use('a', 90), use('b', 60)])
    expect(usage.lastUsed('apps/reports', 'a')).to.equal(100_000)
    expect(usage.lastUsed('apps/reports', 'b')).to.equal(60_000)
  })

  it('knows nothing of a secret that no replica named, nor of a use without a time', () => {
    const usage = new Usage()
    usage.note([use('a')])
    expect(usage.lastUsed('apps/reports', 'a')).to.equal(undefined)
    expect(usage.lastUsed('apps/other', 'a')).to.equal(undefined)
  })
})
