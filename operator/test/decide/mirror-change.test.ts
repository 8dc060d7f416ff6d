import { expect } from 'chai'
import type { OIDCClientSpec } from '../../src/api/oidc-client.ts'
import { mirrorChange } from '../../src/decide/status/mirror-change.ts'
import { client } from './clients.ts'

const verifier = (letter: string) => ({ sha256: letter.repeat(64) })
const mirror = (change: Record<string, unknown>) => client(change as Partial<OIDCClientSpec>)
const web = mirror({ redirectURIs: ['https://a.example/cb'], secret: { verifiers: [verifier('a')] } })

describe(mirrorChange.name, () => {
  it('is none while verifiers and redirect URIs stay, whatever else changes', () => {
    expect(mirrorChange({ ...web, spec: { ...web.spec, suspended: true } }, web)).to.equal(undefined)
  })

  it('names the verifiers of a new one, and its URIs', () => {
    expect(mirrorChange(web, undefined)).to.deep.equal({
      verifiers: '->aaaaaaaa',
      redirectURIs: ['+https://a.example/cb'],
    })
  })

  it('names verifiers alone when only they change', () => {
    const rotated = mirror({
      redirectURIs: web.spec.redirectURIs,
      secret: { verifiers: [verifier('b'), verifier('a')] },
    })
    expect(mirrorChange(rotated, web)).to.deep.equal({ verifiers: 'aaaaaaaa->bbbbbbbb,aaaaaaaa' })
  })

  it('names the URIs that came and went when only they change, those after a logout too', () => {
    const moved = mirror({
      redirectURIs: ['https://b.example/cb'],
      postLogoutRedirectURIs: ['https://b.example/'],
      secret: web.spec.secret,
    })
    expect(mirrorChange(moved, web)).to.deep.equal({
      redirectURIs: ['+https://b.example/cb', '+https://b.example/', '-https://a.example/cb'],
    })
  })

  it('names ten URIs at most, of 200 characters each', () => {
    const uris = Array.from({ length: 12 }, (_, index) => `https://${index}.example/${'x'.repeat(300)}`)
    const { redirectURIs } = mirrorChange(mirror({ redirectURIs: uris }), undefined)!
    expect(redirectURIs!.map(({ length }) => length)).to.deep.equal(Array.from({ length: 10 }, () => 200))
  })

  it('reads a spec of any shape, as one that breaks a rule may have', () => {
    const odd = mirror({
      redirectURIs: 'https://a.example/cb',
      secret: { verifiers: [null, 'text', {}, { sha256: 7 }] },
    })
    expect(mirrorChange(odd, undefined)).to.deep.equal({ verifiers: '->,,,7' })
  })
})
