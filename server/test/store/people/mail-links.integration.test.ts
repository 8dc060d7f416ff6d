import { expect } from 'chai'
import { mintLinkToken } from '../../../src/store/people/link-token.ts'
import { freshStore } from '../fresh-store.ts'
import type { FreshStore } from '../fresh-store.ts'

describe('createMailLinks', () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('L20 of invitations to one mailbox that are made at one moment over two replicas, one holds', async () => {
    const replicas = [fresh.replica(), fresh.replica()] as const
    for (let round = 0; round < 25; round++) {
      const to = `person-${round}@example.test`
      const tokens = Array.from({ length: 4 }, mintLinkToken)
      const made = tokens.map((token, at) =>
        replicas[at % 2 === 0 ? 0 : 1].mailLinks.addForEmail(to, {
          token,
          kind: 'invitation',
          lifeMs: 60_000,
          mail: { onceKey: `${round}-${at}`, to, template: 'invitation', languages: [], data: {} } as never,
          audit: [],
        }),
      )
      expect(await Promise.all(made)).to.deep.equal(Array(4).fill('added'))
      const live = await Promise.all(tokens.map(({ plain }) => replicas[0].mailLinks.find('invitation', plain)))
      expect(live.filter((one) => one !== undefined)).to.have.length(1)
    }
  })

  it('takes 300 requests of unknown addresses together in one while, whatever one address may, and no more', async () => {
    const { mailLinks, outbox } = fresh.replica()
    const ask = (at: number, address: string | undefined) =>
      mailLinks.request(
        { kind: 'reset-request', onceKey: `unknown-${at}`, payload: {}, giveUpAfterMs: 3_600_000 },
        { address, most: 1, windowMs: 3_600_000 },
      )
    const waitedBefore = await outbox.waiting()
    const taken = await Promise.all(Array.from({ length: 300 }, (_, at) => ask(at, undefined)))
    expect(taken.filter((one) => !one)).to.deep.equal([])
    expect(await ask(300, undefined)).to.equal(false)
    expect(await outbox.waiting()).to.equal(waitedBefore + 300)
    // a known address is counted apart
    expect([await ask(301, '192.0.2.1'), await ask(302, '192.0.2.1')]).to.deep.equal([true, false])
  })
})
