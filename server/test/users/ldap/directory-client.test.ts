import { keptLog } from '@nauthera/harness/kept-log'
import { hasCode } from '@nauthera/runtime/coded-error'
import { expect } from 'chai'
import { DirectoryClient } from '../../../src/users/ldap/directory-client.ts'

describe(DirectoryClient.name, () => {
  it('logs one line in ten seconds while the directory is away', async () => {
    let clock = 0
    const { lines, log } = keptLog('warn')
    const client = new DirectoryClient({
      id: 'directory',
      servers: { urls: ['ldaps://localhost:1'] },
      log,
      monotonicNow: () => clock,
    })
    const ask = async (at: number) => {
      clock = at
      const error = await client.checkPassword('uid=ada', 'secret').catch((reason: unknown) => reason)
      expect(hasCode(error, 'STORE_UNAVAILABLE')).to.equal(true)
      return lines.length
    }
    expect([await ask(0), await ask(5_000), await ask(10_000), await ask(15_000)]).to.deep.equal([1, 1, 2, 2])
  })
})
