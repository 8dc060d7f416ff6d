import { expect } from 'chai'
import { finished, placeOf, withLibraryPart, withProgress } from '../../../src/oidc/interaction/held.ts'
import type { LibraryPart } from '../../../src/oidc/interaction/library-part.ts'

const payload: LibraryPart = {
  prompt: { name: 'login', reasons: [] },
  params: { client_id: 'app' },
  returnTo: 'https://login.example.com/authorize/u',
  exp: 700,
}
const begun = withLibraryPart(undefined, payload, { now: 100, clientUid: 'uid-1' })

describe('withLibraryPart', () => {
  it('begins with the client that is registered now', () => {
    expect(begun).to.deep.equal({ begun: 100, until: 700, client: 'app', clientUid: 'uid-1', payload })
  })
  it('keeps of the question only what is read again: the library repeats a whole id_token_hint beside it', () => {
    const prompt = { name: 'login', reasons: ['id_token_hint'], details: { id_token_hint: 'x'.repeat(700) } }
    const held = withLibraryPart(undefined, { ...payload, prompt }, { now: 100, clientUid: 'uid-1' })
    expect(held.payload!.prompt).to.deep.equal({ name: 'login', reasons: ['id_token_hint'] })
  })

  it('keeps the start time, the client and the progress of a running interaction', () => {
    const before = { ...begun, progress: { switching: true } }
    const next = withLibraryPart(before, { ...payload, exp: 900 }, { now: 200, clientUid: 'uid-2' })
    expect(next).to.deep.equal({ ...before, until: 900, payload: { ...payload, exp: 900 } })
  })
})

describe('withProgress', () => {
  it('stores how far the person has come', () =>
    expect(withProgress(begun, { switching: true })).to.deep.equal({ ...begun, progress: { switching: true } }))
  it('stores nothing for an interaction that is over', () =>
    expect(withProgress(finished(begun), { switching: true })).to.equal(undefined))
})

describe('finished', () => {
  it('keeps only what tells where to start again', () => {
    const left = finished({ ...begun, progress: { switching: true } })
    expect(left).to.deep.equal({ begun: 100, until: 700, client: 'app', clientUid: 'uid-1' })
  })
})

describe('placeOf', () => {
  it('is the pages while the person is asked, and the resume endpoint once there is a result', () => {
    expect(placeOf(begun)).to.equal('pages')
    expect(placeOf({ ...begun, payload: { ...payload, result: { error: 'access_denied' } } })).to.equal('resume')
    expect(placeOf(finished(begun))).to.equal('pages')
  })
})
