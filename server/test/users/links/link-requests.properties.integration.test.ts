import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { createLinkMails } from '../../../src/users/links/link-mails.ts'
import { createLinkTries } from '../../../src/users/links/link-requests.ts'
import { freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'

const answers = statement<{ count: number }>(
  'test-answers',
  "SELECT count(*)::integer AS count FROM outbox WHERE once_key LIKE '%:' || $1",
)

type Mailbox = 'link to reset' | 'link to register' | 'already registered' | 'account elsewhere'
const mailboxes: readonly Mailbox[] = ['link to reset', 'link to register', 'already registered', 'account elsewhere']
const linksAndNotices = { 'link to reset': 3, 'link to register': 3, 'already registered': 1, 'account elsewhere': 1 }
const inAll = 12

/** Blocks of IPv4, and of IPv6 two networks with several each; undefined is everybody whose address is unknown. */
const strangers = [
  ...Array.from({ length: 5 }, (_, at) => `192.0.2.${at}`),
  ...['1', '2', '3', '4'].flatMap((block) => [
    `2001:db8:1:${block}::1`,
    `2001:db8:1:${block}::2`,
    `2001:db8:2:${block}::`,
  ]),
  undefined,
]
const owner = '198.51.100.7'

describe('mails that anybody can ask for', () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica({ sendsMail: true })
  })
  after(() => fresh.stop())

  /** @returns asks for a mail to a mailbox of this case alone, and says whether one was queued */
  async function newCase() {
    const id = randomUUID()
    for (const name of ['known', 'other'])
      await store.users.insert({ username: `${name}-${id}`, email: `${name}-${id}@example.com`, emailVerified: true })
    const sources = {
      load: (asked: { userId: string }) => store.accounts.load(asked),
      isReserved: async ({ email }: { email?: string | undefined }) => email?.startsWith('elsewhere') ?? false,
    }
    const linkMails = createLinkMails({ ...store, canChangePassword: () => true })
    const tries = createLinkTries({ ...store, sources, linkMails })
    const requests = {
      'link to reset': ['reset-request', { login: `known-${id}` }],
      'link to register': ['registration-request', { email: `new-${id}@example.com` }],
      'already registered': ['registration-request', { email: `other-${id}@example.com` }],
      'account elsewhere': ['registration-request', { email: `elsewhere-${id}@example.com` }],
    } as const
    return async (mailbox: Mailbox, asker: string | undefined): Promise<boolean> => {
      const [kind, what] = requests[mailbox]
      const payload = { ...what, asker, from: { address: asker }, languages: [], correlationId: 'c' }
      const work = { id: randomUUID(), kind, tries: 1, createdAt: new Date(), left: () => 0 }
      await tries[kind]({ ...work, open: () => payload })
      const [row] = await store.database.query(answers, [work.id])
      return row!.count === 1
    }
  }

  it('L6 one asker never uses up those of the others, and no number of askers floods a mailbox', async () => {
    const asks = fc.array(fc.record({ mailbox: fc.constantFrom(...mailboxes), asker: fc.constantFrom(...strangers) }), {
      minLength: 10,
      maxLength: 60,
    })
    await fc.assert(
      fc.asyncProperty(asks, async (all) => {
        const ask = await newCase()
        const counts = new Map<string, number>()
        const countOf = (key: string) => counts.get(key) ?? 0
        const expectAnswer = async (mailbox: Mailbox, asker: string | undefined) => {
          const groups = asker?.split(':')
          const block = `${mailbox} ${groups?.slice(0, 4).join(':')}`
          const network = `${mailbox} of ${groups?.slice(0, 3).join(':')}`
          const share = linksAndNotices[mailbox]
          let hasRoom = true
          for (const [key, most] of [
            [block, share],
            [network, 2 * share],
            [mailbox, inAll],
          ] as const) {
            hasRoom &&= countOf(key) < most
            if (hasRoom) counts.set(key, countOf(key) + 1)
          }
          expect(await ask(mailbox, asker), `${mailbox}, asked for from ${asker}`).to.equal(hasRoom)
        }
        for (const { mailbox, asker } of all) await expectAnswer(mailbox, asker)
        for (const mailbox of mailboxes) await expectAnswer(mailbox, owner)
      }),
      { numRuns: propertyRuns(8) },
    )
  })

  for (const mailbox of mailboxes)
    it(`L6 whatever one stranger does, the owner's first request is answered: ${mailbox}`, async () => {
      const ask = await newCase()
      for (let count = 0; count < 2 * inAll; count++) await ask(mailbox, `2001:db8:1:${count}::1`)
      expect(await ask(mailbox, owner)).to.equal(true)
    })
})
