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
})
