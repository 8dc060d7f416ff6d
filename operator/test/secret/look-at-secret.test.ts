import { expect } from 'chai'
import type { OIDCClient } from '../../src/api/oidc-client.ts'
import { createLookAtSecret } from '../../src/secret/look-at-secret.ts'
import { createOneClient } from './one-client.ts'

describe('createLookAtSecret', () => {
  /** Looks at a client. @returns which Secrets were read */
  async function readAt(
    options: { status?: OIDCClient['status']; isUnheardOf?: boolean; rivals?: 'one'; reportsUnfinished?: boolean } = {},
  ) {
    const { status, isUnheardOf = true, rivals, reportsUnfinished = false } = options
    const one = createOneClient(status ? { status } : {})
    const rival = { ...one.client, metadata: { ...one.client.metadata, name: 'rival', uid: 'rival' } }
    const named = { ...rival, spec: { ...rival.spec, secret: { name: 'app-oidc' } } }
    const { look } = createLookAtSecret({
      ...one.needs,
      shards: { ...one.needs.shards, isUnheardOf: () => isUnheardOf },
      sharing: () => (rivals ? [one.client, named] : [one.client]),
      wouldReportUnfinished: () => reportsUnfinished,
    })
    const { key, judgement, granted, log } = one.work()
    await look({ key, judgement, granted, log })
    return one.secrets.calls
  }

  it('reads no Secret of a client that nobody has worked on', async () => {
    expect(await readAt()).to.deep.equal([])
  })

  it('reads the Secret of a client that has a status, that is stored, or whose name another client wants', async () => {
    for (const known of [{ status: {} }, { isUnheardOf: false }, { rivals: 'one' }] as const)
      expect(await readAt(known), JSON.stringify(known)).to.include('read app-oidc')
  })

  it('reads the Secret once before the status says that it is not there yet', async () => {
    expect(await readAt({ reportsUnfinished: true })).to.deep.equal(['read app-oidc'])
  })

  it('remembers since when a secret has been ending, until every replica refuses it', async () => {
    const one = createOneClient({ status: { secret: { previous: [{ id: '11111111' }] } } })
    let isRefused = false
    const { look, memories } = createLookAtSecret({
      ...one.needs,
      follow: { ...one.needs.follow, refuses: () => isRefused },
      sharing: () => [one.client],
      wouldReportUnfinished: () => false,
    })
    const { key, judgement, granted, log } = one.work()
    const lookAgain = async () => await look({ key, judgement, granted, log })
    const began = one.clock.now()
    await lookAgain()
    one.clock.advance(60_000)
    await lookAgain()
    expect(memories.countEndingSince(began)).to.equal(0)
    expect(memories.countEndingSince(began + 1)).to.equal(1)
    isRefused = true
    await lookAgain()
    expect(memories.countEndingSince(one.clock.now() + 1)).to.equal(0)
  })
})
