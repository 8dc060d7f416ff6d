import { expect } from 'chai'
import { createFileSigner, isSignedBy } from '../src/file-signature.ts'

const secret = Buffer.alloc(32, 7)
const signer = createFileSigner(secret)
const file = { name: '07.json.gz', digest: 'a'.repeat(64) }
const signature = signer.sign(file)

describe('the signature of a file', () => {
  it('is made by the same key after each start', () => {
    expect(createFileSigner(Buffer.alloc(32, 7)).publicKey).to.deep.equal(signer.publicKey)
    expect(signer.publicKey).to.have.length(32)
    expect(isSignedBy(signer.publicKey, file, signature)).to.equal(true)
  })

  for (const [sentence, key, signed, given] of [
    ['of another key', createFileSigner(Buffer.alloc(32, 8)).publicKey, file, signature],
    ['of a file of another name', signer.publicKey, { ...file, name: '08.json.gz' }, signature],
    ['of another content', signer.publicKey, { ...file, digest: 'b'.repeat(64) }, signature],
    ['that is cut', signer.publicKey, file, signature.subarray(1)],
    ['that is not there', signer.publicKey, file, undefined],
    ['where no key is named', new Uint8Array(), file, signature],
    ['where something else is named as the key', Buffer.from('key'), file, signature],
  ] as const)
    it(`${sentence} is none`, () => expect(isSignedBy(key, signed, given)).to.equal(false))
})
