import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import type { StoredVerifier } from '../../src/decide/secret/rotation-terms.ts'
import type { ClientForShard } from '../../src/shards/client-entry.ts'
import { afterEvent, isPresentIn, isRestrainedIn, nextWrite } from '../../src/spoke/mirror-record.ts'
import type { ClientToday, MirrorEvent, MirrorRecord, MirrorWish } from '../../src/spoke/mirror-record.ts'
import type { Mirror } from '../../src/spoke/mirror.ts'
import { client } from '../decide/clients.ts'

const now = Date.parse('2026-06-01T12:00:00Z')
const verifier = (name: string): StoredVerifier => ({ id: digestOf(name).slice(0, 8), sha256: digestOf(name) })
const { uid } = client({}).metadata
const refusal = { reason: 'HubRefused', message: 'not here' } as const
const ask = (verifiers: readonly StoredVerifier[] = [verifier('a')]): MirrorEvent => {
  const asked: ClientForShard = {
    namespace: 'demo',
    name: 'app',
    uid,
    clientId: 'demo.app',
    createdAt: 0,
    namespaceBytes: 0,
    accountsSince: {},
    verifiers,
    verdict: { kind: 'carry' },
    granted: undefined,
    forbidsEarlier: false,
    restraint: undefined,
    standing: { of: undefined, is: 'unknown' },
  }
  return { kind: 'asked', client: asked }
}
const today = (spec: Partial<OIDCClientSpec> = {}, isValid = true): ClientToday => ({
  client: client({ type: 'M2M', ...spec }),
  isValid,
  about: { namespaceLabels: undefined, namespaceBornAt: () => undefined, now },
})
const happen = (record: MirrorRecord, ...events: readonly MirrorEvent[]): MirrorRecord =>
  events.reduce(afterEvent, record)
const wishOf = (record: MirrorRecord, at: ClientToday): MirrorWish => {
  const next = nextWrite(record, at)
  if (next.kind !== 'write') throw new Error(`nothing is to be written: ${next.kind}`)
  return next.wish
}
let generation = 0
/** The hub has what is written. */
const mirrorOf = ({ wanted }: MirrorWish): Mirror => ({
  ...wanted,
  metadata: { ...client({}).metadata, name: 'demo.app', uid: 'of-mirror', generation: ++generation },
})
/** Writes what is next, and the hub takes it. */
const write = (record: MirrorRecord, at: ClientToday): MirrorRecord => {
  const wish = wishOf(record, at)
  return happen(record, { kind: 'begun', wish }, { kind: 'taken', mirror: mirrorOf(wish) })
}
/** The hub refuses what is next. */
const refuse = (record: MirrorRecord, at: ClientToday): MirrorRecord =>
  happen(
    record,
    { kind: 'begun', wish: wishOf(record, at) },
    { kind: 'refused', refusal, generation: at.client.metadata.generation },
  )
const served = write(happen({}, ask()), today())
const settled = (isPresent: boolean) => ({ kind: 'settled', isPresent })

describe(nextWrite.name, () => {
  it('is nothing before anybody asked, and of an object that was asked for and is another one', () => {
    expect(nextWrite({}, today())).to.deep.equal({ kind: 'nothing' })
    const other = { ...today(), client: client({ type: 'M2M' }, { uid: 'made again' }) }
    expect(nextWrite(happen({}, ask()), other)).to.deep.equal({ kind: 'nothing' })
    expect(nextWrite(served, other)).to.deep.equal({ kind: 'nothing' })
  })

  it('is the present version, and nothing once the hub has it', () => {
    expect(wishOf(happen({}, ask()), today()).kind).to.equal('present')
    expect(nextWrite(served, today())).to.deep.equal(settled(true))
  })

  it('is the last good version with what stops the client, while the present one is invalid here', () => {
    const stopped = today({ scopes: ['other'], suspended: true }, false)
    const wish = wishOf(served, stopped)
    expect(wish).to.deep.include({ kind: 'restrained' })
    expect(wish.wanted.spec.restraint).to.deep.equal({ suspended: true })
    expect(wish.wanted.spec).not.to.have.property('scopes')
    expect(nextWrite(write(served, stopped), stopped)).to.deep.equal(settled(false))
  })

  it('is nothing for a client that was never taken: there is no version to stop', () => {
    expect(nextWrite(happen({}, ask()), today({ suspended: true }, false))).to.deep.equal({ kind: 'nothing' })
  })

  it('is what stops the client after the hub has refused its version, and the version again when it is due', () => {
    const at = today({ scopes: ['other'], suspended: true })
    const refused = refuse(served, at)
    expect(wishOf(refused, at).kind).to.equal('restrained')
    const restrained = write(refused, at)
    expect(nextWrite(restrained, at)).to.deep.equal(settled(false))
    expect(wishOf(happen(restrained, { kind: 'due' }), at).kind).to.equal('present')
  })

  it('is the version at once when it is another one than the refused', () => {
    const refused = refuse(served, today({ scopes: ['other'] }))
    expect(wishOf(refused, today({ scopes: ['third'] })).kind).to.equal('present')
  })

  it('ends a secret while the version is refused', () => {
    const two = write(happen({}, ask([verifier('b'), verifier('a')])), today())
    const cut = happen(two, ask([verifier('b')]))
    const { wanted } = wishOf(cut, today({ scopes: ['other'] }, false))
    expect(wanted.spec.restraint).to.deep.equal({ endedVerifiers: [verifier('a').id] })
    expect(wanted.spec.secret?.verifiers).to.deep.equal([{ sha256: verifier('b').sha256 }])
  })

  it('is what stops the client after a version that the hub does not answer to', () => {
    const at = today({ scopes: ['other'], suspended: true })
    const failed = happen(served, { kind: 'begun', wish: wishOf(served, at) }, { kind: 'failed' })
    expect(wishOf(failed, at).kind).to.equal('restrained')
    expect(wishOf(write(failed, at), at).kind, 'and then the version again').to.equal('present')
  })

  it('lifts a stop that is taken back while the version is refused', () => {
    const at = today({ scopes: ['other'], suspended: true }, false)
    const stopped = write(served, at)
    const { wanted } = wishOf(stopped, today({ scopes: ['other'] }, false))
    expect(wanted.spec).not.to.have.property('restraint')
  })
})

describe(afterEvent.name, () => {
  const stored = served.stored!
  const older: Mirror = { ...stored, metadata: { ...stored.metadata, generation: stored.metadata.generation - 1 } }

  it('takes no older version from a watch, and any from a read', () => {
    expect(afterEvent(served, { kind: 'seen', mirror: older }).stored).to.equal(stored)
    expect(afterEvent(served, { kind: 'read', mirror: older }).stored).to.equal(older)
    expect(afterEvent(served, { kind: 'read', mirror: undefined })).not.to.have.property('stored')
  })

  it('believes the deletion of the mirror that it knows alone', () => {
    expect(afterEvent(served, { kind: 'deleted', uid: 'another' }).stored).to.equal(stored)
    const gone = afterEvent(served, { kind: 'deleted', uid: stored.metadata.uid })
    expect(gone).not.to.have.property('stored')
    expect(nextWrite(gone, today())).to.deep.include({ kind: 'write' })
  })

  it('keeps of a forgotten client what the hub has, and of a client and a hub without anything nothing', () => {
    expect(Object.keys(afterEvent(served, { kind: 'forgotten' })).toSorted()).to.deep.equal(['sent', 'stored'])
    expect(happen({}, ask(), { kind: 'held' }, { kind: 'forgotten' })).to.deep.equal({})
  })

  it('forgets a refusal with the version that the hub takes, and with one that is taken back', () => {
    const at = today({ scopes: ['other'] })
    const refused = refuse(served, at)
    expect(refused.refused).to.include({ ...refusal, isDue: false })
    expect(write(happen(refused, { kind: 'due' }), at)).not.to.have.property('refused')
    expect(afterEvent(refused, { kind: 'settled', isPresent: true })).not.to.have.property('refused')
    expect(afterEvent(refused, { kind: 'settled', isPresent: false })).to.have.property('refused')
  })

  it('remembers why the hub does not take what stops the client until it does', () => {
    const at = today({ suspended: true }, false)
    const refused = refuse(served, at)
    expect(refused.unrestrained).to.deep.equal(refusal)
    expect(write(refused, at)).not.to.have.property('unrestrained')
  })

  it('knows of a write that is under way what it writes over: neither version nor stop count meanwhile', () => {
    const at = today({ suspended: true }, false)
    const wish = wishOf(served, at)
    const writing = afterEvent(served, { kind: 'begun', wish })
    expect([isPresentIn(writing, today()), isRestrainedIn(writing, at)]).to.deep.equal([false, false])
    const taken = afterEvent(writing, { kind: 'taken', mirror: mirrorOf(wish) })
    expect([isPresentIn(taken, today()), isRestrainedIn(taken, at)]).to.deep.equal([false, true])
    expect(isPresentIn(happen(writing, { kind: 'overtaken' }), today())).to.equal(true)
  })
})
