import { expect } from 'chai'
import { createConsents } from '../../../src/store/people/consents.ts'
import type { Transactional } from '../../../src/store/outbox/in-transaction.ts'

describe('createConsents', () => {
  it('T5 tells the cache about the person whose consent was revoked: tokens of its grants are not used from there', async () => {
    const told: string[] = []
    const connection = { query: async () => [] }
    const database = {
      transaction: (work: (on: object) => unknown) => work(connection),
    } as unknown as Transactional['database']
    const audit = { rows: () => '[]', lines: () => undefined }
    const changes = { report: async (...ids: readonly string[]) => void told.push(...ids) }
    await createConsents({ database, audit, changes }).revoke('ada', 'uid-of-web', [])
    expect(told).to.deep.equal(['ada'])
  })
})
