import { expect } from 'chai'
import { createConsents } from '../../../src/store/people/consents.ts'
import type { Connection } from '../../../src/store/driver/database.ts'

describe('createConsents', () => {
  it('T5 tells the cache about the person whose consent was revoked: tokens of its grants are not used from there', async () => {
    const told: string[] = []
    const database: Connection = { query: async () => [] }
    const audit = { rows: () => '[]', lines: () => undefined }
    const changes = { report: async (...ids: readonly string[]) => void told.push(...ids) }
    await createConsents({ database, audit, changes }).revoke('ada', 'uid-of-web', [])
    expect(told).to.deep.equal(['ada'])
  })
})
