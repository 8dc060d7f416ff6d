import { expect } from 'chai'
import { manifestFile } from '@nauthera/proto/names'
import { planComplete } from '../../src/push/plan-complete.ts'
import { parseManifest } from '../../src/mount/parse-files.ts'
import type { Ref } from '../../src/snapshot.ts'
import { buildClients, buildVolume } from '@nauthera/harness/agent/make-shards'

describe('planComplete', () => {
  const volume = buildVolume(buildClients(5), { seq: 7n })
  const manifest = parseManifest(volume.files.get(manifestFile)!)
  const applied = (more: Partial<Ref> & { shard?: number } = {}, count = 16) =>
    new Map<number, Ref>(
      Array.from({ length: count }, (_, shard) => {
        const ref = { shard, seq: 7n, digest: volume.digests.get(shard)! }
        return [shard, shard === more.shard ? { ...ref, ...more } : ref]
      }),
    )
  const base = {
    manifest,
    live: applied(),
    serverManifestDigest: '',
    word: { expected: undefined, lastWordAt: 1_000 },
    now: 2_000,
    wordlessMs: 10_000,
  }
  const expecting = (expected: string | undefined) => ({ word: { expected, lastWordAt: 1_000 } })

  const rows: [string, Partial<Parameters<typeof planComplete>[0]>, string][] = [
    ['sends nothing without a manifest', { manifest: undefined }, 'nothing'],
    ['sends nothing while a shard is not applied', { live: applied({}, 15), ...expecting(manifest.digest) }, 'nothing'],
    [
      'sends nothing while a shard is older',
      { live: applied({ shard: 3, seq: 6n }), ...expecting(manifest.digest) },
      'nothing',
    ],
    [
      'sends nothing while a shard has another digest',
      { live: applied({ shard: 3, digest: 'other' }), ...expecting(manifest.digest) },
      'nothing',
    ],
    ['sends nothing that the server holds already', { serverManifestDigest: manifest.digest }, 'nothing'],
    ['sends what the operator expects at once', expecting(manifest.digest), 'send'],
    [
      'sends it too when a shard is newer already',
      { live: applied({ shard: 3, seq: 8n, digest: 'newer' }), ...expecting(manifest.digest) },
      'send',
    ],
    ['holds back what the operator does not expect', expecting('other'), 'hold'],
    ['holds it back however long that lasts', { ...expecting('other'), now: 10_000_000 }, 'hold'],
    [
      'tells a server that is ready already of every new set',
      { serverManifestDigest: 'before', ...expecting('other') },
      'send',
    ],
    ['holds back for 10 s without a word', { now: 10_999 }, 'hold'],
    ['sends any complete set after 10 s without a word', { now: 11_000 }, 'send'],
  ]
  for (const [title, state, kind] of rows) {
    it(title, () => void expect(planComplete({ ...base, ...state }).kind).to.equal(kind))
  }

  it('says until when it holds back', () => {
    expect(planComplete(base)).to.deep.equal({ kind: 'hold', until: 11_000, expected: undefined })
    expect(planComplete({ ...base, ...expecting('other') })).to.deep.equal({
      kind: 'hold',
      until: undefined,
      expected: 'other',
    })
  })
})
