import { expect } from 'chai'
import { create } from '@bufbuild/protobuf'
import { renderVersion } from '@nauthera/proto/client-version'
import { ShardEntrySchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { activityOf } from '../../src/decide/status/activity.ts'
import { renderConfig } from '../../src/decide/client/metadata.ts'
import { client, judged } from './clients.ts'

describe(activityOf.name, () => {
  const { uid } = client().metadata
  const entry = (more: object): ShardEntry => create(ShardEntrySchema, { uid, ...more })
  const desired = renderVersion(renderConfig(client()))
  const accepted = renderVersion(renderConfig(client({ suspended: true })))
  const carried = judged({ serve: { kind: 'carry', until: undefined } })
  const ended = judged({ serve: { kind: 'nothing' } })
  const stopped = judged({ client: client({ suspended: true }), serve: { kind: 'carry', until: undefined } })
  const rows: [sentence: string, about: Partial<Parameters<typeof activityOf>[0]>, kind: string, behind: string[]][] = [
    ['a client is active', { entry: entry({ desired }) }, 'active', []],
    ['a new one that is yet to be stored is not', {}, 'not-served', []],
    [
      'one whose only version every replica rejects is not',
      { isRejected: true, entry: entry({ desired }) },
      'not-served',
      [],
    ],
    [
      'a replica takes what another rejects',
      { isRejected: true, isLoaded: true, entry: entry({ desired }) },
      'active',
      [],
    ],
    ['a refused one that never was served is not', { judgement: carried }, 'not-served', []],
    [
      'one that policies ended is not, once replicas have read it',
      { judgement: ended, behind: ['b'] },
      'not-served',
      ['b'],
    ],
    [
      'one that is yet to leave its shard is served by all',
      { judgement: ended, entry: entry({ desired }) },
      'not-served',
      ['a', 'b'],
    ],
    [
      'a stop that is not stored stops nobody yet',
      { judgement: stopped, entry: entry({ accepted: desired }) },
      'suspended',
      ['a', 'b'],
    ],
    [
      'a stop beside the version that is carried',
      { judgement: stopped, entry: entry({ accepted: desired, restraint: { suspended: true } }), behind: ['a'] },
      'suspended',
      ['a'],
    ],
    [
      'the version that is carried is suspended',
      { judgement: carried, entry: entry({ accepted }) },
      'suspended-before',
      [],
    ],
    [
      'replicas fall back to a suspended version',
      { isRejected: true, entry: entry({ desired, accepted }) },
      'suspended-before',
      [],
    ],
    ['an entry without a version serves nothing', { entry: entry({}) }, 'not-served', []],
    [
      'an entry of an earlier object of that name says nothing',
      { judgement: carried, entry: entry({ uid: 'other', desired }) },
      'not-served',
      [],
    ],
  ]
  for (const [sentence, about, kind, behind] of rows) {
    it(`says ${kind}: ${sentence}`, () => {
      const base = {
        judgement: judged(),
        entry: undefined,
        isRejected: false,
        isLoaded: false,
        all: ['a', 'b'],
        behind: [],
      }
      expect(activityOf({ ...base, ...about })).to.deep.equal({ kind, behind })
    })
  }
})
