import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { expect } from 'chai'
import { annotations } from '@nauthera/proto/names'
import { createOwnerProof } from '../../src/decide/secret/owner-proof.ts'

const proofOf = (key: string) => createOwnerProof((text) => createHmac('sha256', key).update(text).digest('base64url'))
const proof = proofOf('ours')
const owner = { namespace: 'apps', client: 'app', secret: 'app-oidc', uid: 'u', createdAt: 1_767_225_600_000 }
const said = {
  [annotations.clientUid]: 'u',
  [annotations.restoredFrom]: 'first',
  [annotations.secretId]: '01234567',
  [annotations.rotatedAt]: '2026-01-01T00:00:00.000Z',
  [annotations.verifiers]: '[]',
  [annotations.observed]: '{}',
  [annotations.fence]: '76543210',
}

describe('createOwnerProof', () => {
  const written = { ...said, ...proof.write(owner, said), other: 'one of somebody else' }

  it('tells whose Secret it is, and since when', () => {
    expect(proof.read(owner, written)).to.deep.equal({ uid: 'u', createdAt: owner.createdAt, restoredFrom: 'first' })
  })

  it('K22 proves nothing in another place, under another key, or without the annotation', () => {
    for (const field of ['namespace', 'client', 'secret'] as const)
      expect(proof.read({ ...owner, [field]: 'another' }, written), field).to.equal(undefined)
    expect(proofOf('theirs').read(owner, written)).to.equal(undefined)
    expect(proof.read(owner, said)).to.equal(undefined)
    expect(proof.read(owner, undefined)).to.equal(undefined)
    expect(proof.read(owner, proof.write(owner, {})), 'it names nobody').to.equal(undefined)
  })

  it('K22 proves nothing when anything of it was changed, added or taken away', () => {
    const names = [...Object.keys(said), annotations.proof]
    const change = fc.tuple(fc.constantFrom(...names), fc.option(fc.string(), { nil: undefined }))
    fc.assert(
      fc.property(change, ([name, value]) => {
        fc.pre(value !== (written as Record<string, string>)[name])
        const { [name]: _was, ...rest } = written as Record<string, string>
        expect(proof.read(owner, value === undefined ? rest : { ...rest, [name]: value })).to.equal(undefined)
      }),
    )
  })
})
