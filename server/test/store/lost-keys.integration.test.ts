import { randomBytes, randomUUID } from 'node:crypto'
import { expect } from 'chai'
import { statement } from '../../src/store/driver/database.ts'
import { createKeyRing } from '../../src/store/driver/envelope.ts'
import { deleteLost, findLost } from '../../src/store/lost-keys.ts'
import type { Store } from '../../src/store/store.ts'
import { addPerson, freshStore } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'

const cutMark = statement(
  'test-cut-mark',
  `INSERT INTO keys (id, use, alg, secret, encrypted_by, active_at, retire_at) VALUES ('cut', 'file', 'ES256', '', 'gone', now(), now())`,
)
const passkey = statement(
  'test-passkey',
  `INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced)
   VALUES (gen_random_uuid(), $1, 'passkey', 'x', 'x', 'x', 0, false)`,
)
const strongLinks = statement(
  'test-strong-links',
  `INSERT INTO upstream_links (issuer, subject, user_id, upstream, valid_until, is_strong)
   SELECT 'https://corp.example.com', id::text, id, 'corp', now(), true FROM unnest($1::uuid[]) id`,
)
const strongOf = statement<{ user_id: string }>('test-strong-of', 'SELECT user_id FROM upstream_links WHERE is_strong')
const codesOf = statement<{ user_id: string }>('test-codes', 'SELECT DISTINCT user_id FROM recovery_codes')

/** A signing key, the authenticator app of a person, and a mail, each encrypted with the ring of this replica. */
async function fill(store: Store, name: string): Promise<string> {
  const times = { activeAt: new Date(), retireAt: undefined, removeAt: undefined }
  await store.keys.underLock((keys) =>
    keys.insert({ id: name, use: 'sig', alg: 'ES256', publicJwk: undefined, secret: Buffer.from('x'), ...times }),
  )
  const { id: userId } = await addPerson(store)
  const { standing } = (await store.accounts.load({ userId }))!
  const app = { name: '', seed: 'JBSWY3DP', lastStep: 1 }
  await store.factors.enrolApp({ userId, standing, app, recoveryCodes: [`code of ${name}`], audit: [] })
  const mail = {
    template: 'password-changed',
    to: 'ada@example.com',
    languages: [],
    data: { person: 'ada', at: '' },
  } as const
  await store.outbox.enqueue({ ...mail, onceKey: randomUUID() })
  return userId
}

describe(deleteLost.name, () => {
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('F51 deletes what no key of the ring opens, by its bytes and not by its id, and what the last factor of a person leaves: recovery codes, and links that count for two factors', async () => {
    const [bytes, gone] = [randomBytes(32), randomBytes(32)]
    const ringOf = (id: string, key: Buffer) => createKeyRing(new Map([[id, key]]), id)
    const replica = (id: string, key: Buffer) => fresh.replica({ ring: ringOf(id, key), sendsMail: true })
    const here = replica('here', bytes)
    const kept = await fill(here, 'kept')
    const lone = await fill(replica('gone', gone), 'lost')
    const both = await fill(replica('here', gone), 'twin')
    await here.database.query(passkey, [both])
    await here.database.query(strongLinks, [[kept, lone, both]])
    await here.database.query(cutMark)

    const lost = await findLost(here)
    expect(lost.keys.map(({ id }) => id)).to.have.members(['lost', 'twin'])
    expect(await deleteLost(here, lost, [])).to.deep.equal({ keys: 2, apps: 2, mails: 2 })
    // a key of a file that was cut off is not forgotten with its ring
    expect((await here.keys.summaries()).map(({ id }) => id)).to.have.members(['kept', 'cut'])
    expect((await here.database.query(codesOf)).map(({ user_id: user }) => user)).to.have.members([kept, both])
    const strong = (await here.database.query(strongOf)).map(({ user_id: user }) => user)
    expect(strong).to.have.members([kept, both])
    expect(await findLost(here)).to.deep.equal({ keys: [], apps: [], mails: [] })
  })
})
