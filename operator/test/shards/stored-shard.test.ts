import { create } from '@bufbuild/protobuf'
import { GrantedSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { expect } from 'chai'
import {
  isBehind,
  nothingStored,
  onShardLoaded,
  onShardRead,
  onShardWritten,
  seqToExceed,
} from '../../src/shards/stored-shard.ts'
import { everybody, home, names, secretWith, version, wanted, written } from './wanted.ts'

const [first, second, third] = names as [string, string, string]
const seqsOf = (stored: ReturnType<typeof onShardLoaded>, name: string) => {
  const entry = stored.entries.get(`apps/${name}`)
  return entry && [entry.entrySeq, entry.configSeq]
}
const damaged = secretWith(Buffer.from('nothing of ours'))

describe('onShardLoaded', () => {
  it('takes what is stored, each client as brought by its seq', () => {
    const stored = onShardLoaded(nothingStored(home), written([wanted(first)], 100n).secret, everybody)
    expect(stored.content?.seq).to.equal(101n)
    expect(seqsOf(stored, first)).to.deep.equal([101, 101])
  })

  for (const [sentence, secret] of [
    ['none', undefined],
    ['a damaged one', damaged],
    ['that of another shard', { metadata: { name: 'x' }, data: {} }],
  ] as const) {
    it(`counts ${sentence} as lost, and remembers what to write upon`, () => {
      expect(onShardLoaded(nothingStored(home), secret, everybody)).to.deep.equal({ ...nothingStored(home), secret })
    })
  }
})

describe('onShardRead', () => {
  const known = onShardLoaded(nothingStored(home), written([wanted(first), wanted(second)], 100n).secret, everybody)

  it('finds the same one, whatever else has changed about its Secret', () => {
    const { secret } = written([wanted(first), wanted(second)], 100n)
    const found = onShardRead({ ...known, damaged: true }, secret, everybody.isOurs)
    expect(found.kind).to.equal('same')
    expect(found.stored).to.include({ secret, damaged: false, digest: known.digest })
  })

  it('takes over a newer one, and names the clients that differ, gone ones included', () => {
    const newer = written([wanted(first, version('edited')), wanted(third)], 200n)
    const found = onShardRead(known, newer.secret, everybody.isOurs)
    if (found.kind !== 'newer') throw new Error(`found ${found.kind}`)
    expect([...found.changed].sort()).to.deep.equal([first, second, third].map((name) => `apps/${name}`).sort())
    expect(found.stored).to.include({ secret: newer.secret, digest: newer.digest, damaged: false })
  })

  it('takes over whatever is there while nothing is known', () => {
    expect(onShardRead(nothingStored(home), known.secret, everybody.isOurs).kind).to.equal('newer')
  })

  for (const [what, secret] of [
    ['none', undefined],
    ['damaged', damaged],
    ['another', written([wanted(third)], 50n).secret],
  ] as const) {
    it(`keeps what is known when it finds ${what}, and no longer counts it as stored`, () => {
      const found = onShardRead(known, secret, everybody.isOurs)
      expect(found).to.include({ kind: 'lost', what })
      expect(found.stored).to.deep.equal({ ...known, secret, damaged: true })
    })
  }
})

describe('onShardWritten', () => {
  const known = onShardLoaded(nothingStored(home), written([wanted(first), wanted(second)], 100n).secret, everybody)

  it('counts another access to APIs as another version: a client is live only when replicas have it', () => {
    const given = create(GrantedSchema, { apis: [{ identifier: 'urn:a' }] })
    const next = written([wanted(first, { granted: given }), wanted(second)], 200n)
    const { stored } = onShardWritten(known, next, false)
    expect(seqsOf(stored, first)).to.deep.equal([201, 201])
    expect(seqsOf(stored, second)).to.deep.equal([101, 101])
  })

  it('gives its seq to the clients that it changed, and to no other', () => {
    const rotated = { verifiers: [{ id: '00000000', sha256: '0'.repeat(64) }] }
    const next = onShardWritten(known, written([wanted(first), wanted(second, rotated)], 200n), false)
    expect(next.changed).to.deep.equal([`apps/${second}`])
    expect(seqsOf(next.stored, first)).to.deep.equal([101, 101])
    expect(seqsOf(next.stored, second)).to.deep.equal([201, 101])
  })

  it('knows of each secret which seq brought it, whatever else changes', () => {
    const secret = (digit: string, notAfter?: number) => ({
      id: digit.repeat(8),
      sha256: digit.repeat(64),
      ...(notAfter === undefined ? {} : { notAfter }),
    })
    const seqsAfter = (stored: typeof known) => stored.entries.get(`apps/${first}`)?.verifierSeqs
    const one = onShardWritten(known, written([wanted(first, { verifiers: [secret('a')] })], 200n), false)
    expect(seqsAfter(one.stored)).to.deep.equal({ aaaaaaaa: 201 })
    const two = onShardWritten(
      one.stored,
      written([wanted(first, { verifiers: [secret('b'), secret('a', 5_000)], ...version('edited') })], 300n),
      false,
    )
    expect(seqsAfter(two.stored)).to.deep.equal({ bbbbbbbb: 301, aaaaaaaa: 201 })
    const again = written([wanted(first, { verifiers: [secret('a')], uid: 'another' })], 400n)
    expect(seqsAfter(onShardWritten(two.stored, again, false).stored), 'another object').to.deep.equal({
      aaaaaaaa: 401,
    })
    const same = written([wanted(first, { verifiers: [secret('a')] })], 500n)
    expect(seqsAfter(onShardWritten(one.stored, same, true).stored), 'another history').to.deep.equal({ aaaaaaaa: 501 })
  })

  it('gives its seq to all when what replicas have is of another history', () => {
    const next = onShardWritten(known, written([wanted(first), wanted(second)], 200n), true)
    expect(next.changed.length).to.equal(2)
    expect(seqsOf(next.stored, first)).to.deep.equal([201, 201])
  })

  it('gives a re-created client nothing of the earlier one', () => {
    const next = onShardWritten(known, written([wanted(first, { uid: 'other' }), wanted(second)], 200n), false)
    expect(seqsOf(next.stored, first)).to.deep.equal([201, 201])
  })
})

describe('seqToExceed', () => {
  const known = onShardLoaded(nothingStored(home), written([wanted(first)], 100n).secret, everybody)
  for (const [sentence, stored, seen, seq] of [
    ['is what replicas have seen', known, 90n, 90n],
    ['is above the stored one when a replica has seen more', known, 500n, 500n],
    ['is above the stored one when that is damaged', { ...known, damaged: true }, 90n, 102n],
    ['is what replicas have seen when that is more than the damaged one', { ...known, damaged: true }, 500n, 500n],
  ] as const) {
    it(sentence, () => expect(seqToExceed(stored, seen)).to.equal(seq))
  }
})

describe('isBehind', () => {
  const known = onShardLoaded(nothingStored(home), written([wanted(first)], 100n).secret, everybody)
  it('is true when a replica has seen more than we have', () => {
    expect(isBehind(known, 101n)).to.equal(false)
    expect(isBehind(known, 102n)).to.equal(true)
    expect(isBehind(nothingStored(home), 102n)).to.equal(false)
  })
})
