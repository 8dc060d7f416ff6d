import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { annotations } from '@nauthera/proto/names'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import { isRestored } from '../../src/decide/secret/restored.ts'
import { client as clientOf } from './clients.ts'

const day = 86_400_000
const now = Date.parse('2026-06-10T00:00:00Z')
const held = { id: '01234567', sha256: 'a'.repeat(64) }
const former = { uid: 'former', createdAt: now - 100 * day, restoredFrom: undefined }

const judged = (
  about: Partial<Parameters<typeof isRestored>[1]> = {},
  more: { annotation?: string; status?: OIDCClientStatus } = {},
) => {
  const base = clientOf(
    { type: 'M2M' },
    {
      uid: 'present',
      creationTimestamp: '2026-06-09T00:00:00Z',
      ...(more.annotation === undefined ? {} : { annotations: { [annotations.restored]: more.annotation } }),
    },
  )
  const client = more.status ? { ...base, status: more.status } : base
  return isRestored(client, { former, held, entry: undefined, bornAt: [], now, ...about })
}
const entry = (uid: string, notAfter?: number, sha256 = held.sha256) =>
  create(ShardEntrySchema, {
    uid,
    verifiers: [{ id: sha256.slice(0, 8), sha256, ...(notAfter ? { notAfter: timestampFromMs(notAfter) } : {}) }],
  })
const ready = (status: 'True' | 'False', lastTransitionTime: string) => ({
  conditions: [{ type: 'SecretReady', status, reason: '', message: '', lastTransitionTime }],
})

describe('isRestored', () => {
  it('F43 is true when the shard still has the earlier client, and the secret is valid there', () => {
    expect(judged({ entry: entry('former') })).to.equal(true)
    expect(judged({ entry: entry('former', now + 1) })).to.equal(true)
    expect(judged({ entry: entry('former'), held: { id: undefined, sha256: undefined } })).to.equal(true)
  })

  it('K22 is false when that secret has ended, or the shard has had another client since', () => {
    const bornAt = [now - day]
    expect(judged({ entry: entry('former', now), bornAt })).to.equal(false)
    expect(judged({ entry: entry('former', undefined, 'b'.repeat(64)), bornAt })).to.equal(false)
    expect(judged({ entry: entry('another'), bornAt })).to.equal(false)
  })

  it('F43 is true for a week after shard or namespace were made anew', () => {
    expect(judged({ bornAt: [now - day] })).to.equal(true)
    expect(judged({ bornAt: [now - 200 * day, now - day] })).to.equal(true)
    expect(judged({ bornAt: [now - day], entry: entry('present') }), 'servers know the client already').to.equal(true)
  })

  it('K22 is false where the end of the earlier client was seen, and after that week', () => {
    expect(judged()).to.equal(false)
    expect(judged({ bornAt: [now - 200 * day] })).to.equal(false)
    expect(judged({ bornAt: [now - 7 * day] })).to.equal(false)
  })

  it('is true when whoever writes the client says so', () => {
    expect(judged({}, { annotation: 'true' })).to.equal(true)
    expect(judged({}, { annotation: 'false' })).to.equal(false)
  })

  it('K22 is false for a client that has had a Secret, whatever anybody says', () => {
    const isTrue = { annotation: 'true' }
    expect(judged({}, { ...isTrue, status: ready('True', '2026-06-09T00:00:01Z') })).to.equal(false)
    expect(judged({}, { ...isTrue, status: ready('True', '2026-06-09T00:00:00Z') }), 'at once').to.equal(false)
    expect(judged({}, { ...isTrue, status: { secret: { activeId: '76543210' } } })).to.equal(false)
  })

  it('is not led astray by a status that was restored too', () => {
    const status = { ...ready('True', '2026-06-01T00:00:00Z'), secret: { activeId: held.id } }
    expect(judged({}, { annotation: 'true', status })).to.equal(true)
  })
})
