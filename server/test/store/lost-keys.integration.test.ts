import { expect } from 'chai'
import { statement } from '../../src/store/driver/database.ts'
import { deleteLost } from '../../src/store/lost-keys.ts'
import { addPerson, freshStore } from './fresh-store.ts'
import type { FreshStore } from './fresh-store.ts'

describe(deleteLost.name, function () {
  this.timeout(30_000)
  let fresh: FreshStore
  before(async () => {
    fresh = await freshStore()
  })
  after(() => fresh.stop())

  it('F51 deletes what no key of the ring opens, and the recovery codes of those who have no other factor', async () => {
    const store = fresh.replica()
    const { database } = store
    const people = await Promise.all([addPerson(store), addPerson(store), addPerson(store)])
    const [lost, both, kept] = people.map(({ id }) => id)
    await database.query(
      statement(
        'test-lost',
        `WITH k AS (INSERT INTO keys (id, use, alg, secret, encrypted_by, active_at) VALUES ('a', 'sig', 'x', 'x', 'gone', now()), ('b', 'sig', 'x', 'x', 'here', now()), ('c', 'file', 'x', '', '', now())),
         a AS (INSERT INTO factors (id, user_id, kind, name, secret, encrypted_by, last_step)
           SELECT gen_random_uuid(), id, 'totp', 'x', 'x', CASE WHEN id = $3::uuid THEN 'here' ELSE 'gone' END, 0 FROM unnest(ARRAY[$1, $2, $3]::uuid[]) id),
         p AS (INSERT INTO factors (id, user_id, kind, name, credential_id, public_key, sign_count, synced) VALUES (gen_random_uuid(), $2, 'passkey', 'x', 'x', 'x', 0, false)),
         o AS (INSERT INTO outbox (id, kind, once_key, payload, encrypted_by, give_up_at) VALUES ($1, 'mail', 'x', 'x', 'gone', now()))
         INSERT INTO recovery_codes (user_id, code_hash) SELECT id, 'x' FROM unnest(ARRAY[$1, $2, $3]::uuid[]) id`,
      ),
      [lost, both, kept],
    )
    expect(await deleteLost({ database, audit: store.audit }, ['here'], [])).to.deep.equal({
      keys: 1,
      apps: 2,
      mails: 1,
    })
    const left = statement<{ keys: string[]; codes: string[] }>(
      'test-lost-left',
      `SELECT (SELECT array_agg(id ORDER BY id) FROM keys) AS keys, (SELECT array_agg(user_id::text) FROM recovery_codes) AS codes`,
    )
    const [row] = await database.query(left)
    expect(row!.keys).to.deep.equal(['b', 'c'])
    expect(row!.codes).to.have.members([both, kept])
  })
})
