import { create } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { expect } from 'chai'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { annotations } from '@nauthera/proto/names'
import type { OIDCClientStatus } from '../../src/api/client-status.ts'
import { restoreFacts, restoreVerdict } from '../../src/decide/secret/restored.ts'
import type { RestoreFacts } from '../../src/decide/secret/restored.ts'
import { client as clientOf } from './clients.ts'

const day = 86_400_000
const now = Date.parse('2026-06-10T00:00:00Z')
const held = { id: '01234567', sha256: 'a'.repeat(64) }
const former = { uid: 'former', createdAt: now - 100 * day, restoredFrom: undefined }
type Seen = Parameters<typeof restoreFacts>[1]

const factsOf = (
  about: Partial<Seen> = {},
  more: { readonly annotation?: string; readonly status?: OIDCClientStatus } = {},
) => {
  const base = clientOf(
    { type: 'M2M' },
    {
      uid: 'present',
      creationTimestamp: '2026-06-09T00:00:00Z',
      ...(more.annotation === undefined ? {} : { annotations: { [annotations.restored]: more.annotation } }),
    },
  )
  const nothing: Seen = {
    former,
    held,
    entry: undefined,
    isLeaving: false,
    endedIds: [],
    endedUids: [],
    isLeftover: false,
    restoredFrom: undefined,
    hasWritten: false,
    namespaceBornAt: undefined,
    shardBornAt: undefined,
    now,
  }
  return restoreFacts(more.status ? { ...base, status: more.status } : base, { ...nothing, ...about })
}
const entry = (
  uid: string,
  more: { notAfter?: number; sha256?: string; restoredFrom?: string; ended?: string } = {},
) => {
  const { sha256 = held.sha256, notAfter, restoredFrom = '', ended } = more
  return create(ShardEntrySchema, {
    uid,
    restoredFrom,
    ended: ended === undefined ? {} : { [ended]: 20_000 },
    verifiers: [{ id: sha256.slice(0, 8), sha256, ...(notAfter ? { notAfter: timestampFromMs(notAfter) } : {}) }],
  })
}
const ready = (status: 'True' | 'False', lastTransitionTime: string) => ({
  conditions: [{ type: 'SecretReady', status, reason: '', message: '', lastTransitionTime }],
})

describe('restoreFacts', () => {
  it('tells whose entry the shard has', () => {
    const whose = (about: Partial<Seen>) => factsOf(about).entry
    expect(whose({})).to.equal('none')
    expect(whose({ entry: entry('former') })).to.equal('same-client')
    expect(whose({ entry: entry('former'), isLeaving: true })).to.equal('leaving')
    expect(whose({ entry: entry('present'), isLeaving: true }), 'it is being put back').to.equal('own')
    expect(whose({ entry: entry('present') })).to.equal('own')
    expect(whose({ entry: entry('present', { restoredFrom: 'former' }) })).to.equal('same-client')
    const first = { former: { ...former, restoredFrom: 'first' } }
    expect(whose({ ...first, entry: entry('between', { restoredFrom: 'first' }) })).to.equal('same-client')
    expect(whose({ entry: entry('another') })).to.equal('other')
  })

  it('tells what servers know of the secret', () => {
    const value = (about: Partial<Seen>) => factsOf(about).value
    expect(value({ entry: entry('former') })).to.equal('live')
    expect(value({ entry: entry('former', { notAfter: now + 1 }) })).to.equal('live')
    expect(value({ entry: entry('former', { notAfter: now }) })).to.equal('ended')
    const another = 'b'.repeat(64)
    expect(value({ entry: entry('former', { sha256: another, ended: held.id }) })).to.equal('ended')
    expect(value({ endedIds: [held.id] })).to.equal('ended')
    expect(value({ entry: entry('former', { sha256: another }) })).to.equal('unknown')
    expect(value({})).to.equal('unknown')
    expect(value({ held: { id: undefined, sha256: undefined } }), 'it has none').to.equal('live')
  })

  it('calls a place lost for a week, when it is younger than the earlier client', () => {
    const isLost = (at: number | undefined) => {
      const { isNamespaceLost, isShardLost } = factsOf({ namespaceBornAt: at, shardBornAt: at })
      expect(isNamespaceLost).to.equal(isShardLost)
      return isNamespaceLost
    }
    expect([now - day, now - 7 * day + 1].map(isLost)).to.deep.equal([true, true])
    expect([now - 7 * day, now - 200 * day, undefined].map(isLost)).to.deep.equal([false, false, false])
  })

  it('K22 tells whether the client has had a secret, and is not led astray by a status that was restored too', () => {
    const had = (status: OIDCClientStatus) => factsOf({}, { status }).hadSecret
    expect(had(ready('True', '2026-06-09T00:00:00Z')), 'at once').to.equal(true)
    expect(had(ready('False', '2026-06-09T00:00:01Z'))).to.equal(false)
    expect(had({ secret: { activeId: '76543210' } })).to.equal(true)
    expect(had({ ...ready('True', '2026-06-01T00:00:00Z'), secret: { activeId: held.id } })).to.equal(false)
    expect(factsOf({ hasWritten: true }).hadSecret).to.equal(true)
  })

  it('takes the annotation at its word', () => {
    expect(['true', 'false', 'TRUE'].map((annotation) => factsOf({}, { annotation }).isSaid)).to.deep.equal([
      true,
      false,
      false,
    ])
  })
})

/** Every case that there is. */
function* allFacts(): Generator<RestoreFacts> {
  const both = [false, true]
  for (const entry of ['none', 'leaving', 'same-client', 'own', 'other'] as const)
    for (const value of ['live', 'ended', 'unknown'] as const)
      for (let bits = 0; bits < 256; bits++) {
        const bit = (at: number) => both[(bits >> at) & 1]!
        const [isProven, isLeftover, isEndSeen, isNamespaceLost] = [bit(0), bit(1), bit(2), bit(3)]
        const [isShardLost, isOtherAlready, isSaid, hadSecret] = [bit(4), bit(5), bit(6), bit(7)]
        const known = {
          isProven,
          isLeftover,
          isEndSeen,
          isNamespaceLost,
          isShardLost,
          isOtherAlready,
          isSaid,
          hadSecret,
        }
        yield { entry, value, ...known }
      }
}

describe('restoreVerdict', () => {
  const base: RestoreFacts = { ...factsOf() }
  const verdicts: readonly (readonly [sentence: string, facts: Partial<RestoreFacts>, verdict: string])[] = [
    ['F43 the shard still has the earlier client, and its secret', { entry: 'same-client', value: 'live' }, 'restored'],
    ['F43 the shard has another secret of it', { entry: 'same-client' }, 'restored-without-secret'],
    ['F43 its namespace was lost', { isNamespaceLost: true }, 'restored'],
    ['F43 its namespace was lost, and the client is served', { isNamespaceLost: true, entry: 'own' }, 'restored'],
    ['F43 the same, with a secret of its own', { isNamespaceLost: true, entry: 'own', hadSecret: true }, 'restored'],
    ['F43 its namespace ends just now', { isNamespaceLost: true, entry: 'leaving', isEndSeen: true }, 'restored'],
    ['F43 its shard was lost', { isShardLost: true }, 'restored'],
    ['F43 the same, and it has a secret of its own', { isShardLost: true, entry: 'own', hadSecret: true }, 'restored'],
    ['K22 its shard is as young, and its end was seen', { isShardLost: true, isEndSeen: true }, 'left'],
    ['K22 it was deleted and made again at once', { isLeftover: true, entry: 'leaving' }, 'written-again'],
    ['K22 the same, whatever anybody says', { isLeftover: true, isSaid: true, isNamespaceLost: true }, 'written-again'],
    ['K22 somebody puts it back while the shard is not written', { entry: 'leaving', isSaid: true }, 'left'],
    ['K22 the shard has had another client since', { entry: 'other', isNamespaceLost: true }, 'left'],
    ['K22 nothing was lost', {}, 'left'],
    [
      'F43 nothing was lost, and it was put over what the client has',
      { entry: 'own', hadSecret: true },
      'written-again',
    ],
    [
      'F43 the same, and its owner says that it was restored',
      { entry: 'own', hadSecret: true, isSaid: true },
      'restored',
    ],
    ['F43 its owner says so of one that ended', { isSaid: true, value: 'ended' }, 'restored-without-secret'],
    ['K22 nothing proves it', { isProven: false, isSaid: true, isNamespaceLost: true }, 'left'],
    ['F43 nothing proves it, and the client had another', { isProven: false, hadSecret: true }, 'written-again'],
  ]
  for (const [sentence, facts, verdict] of verdicts)
    it(`${sentence}: ${verdict}`, () => {
      expect(restoreVerdict({ ...base, ...facts })).to.equal(verdict)
    })

  it('K22 F43 holds in every case: what is not proven, has ended or was seen to end is never taken, and what was had is never left', () => {
    let cases = 0
    for (const facts of allFacts()) {
      const verdict = restoreVerdict(facts)
      const isTaken = verdict === 'restored' || verdict === 'restored-without-secret'
      const about = JSON.stringify(facts)
      if (!facts.isProven) expect(isTaken, about).to.equal(false)
      if (facts.isLeftover) expect(isTaken, about).to.equal(false)
      if (facts.value === 'ended') expect(verdict, about).not.to.equal('restored')
      if (facts.isEndSeen && !facts.isNamespaceLost && !facts.isSaid && facts.entry !== 'same-client')
        expect(isTaken, about).to.equal(false)
      if (facts.hadSecret) expect(verdict, 'it would have no Secret that servers take').not.to.equal('left')
      if (verdict === 'left') expect(facts.hadSecret, about).to.equal(false)
      cases++
    }
    expect(cases).to.equal(3840)
  })
})
