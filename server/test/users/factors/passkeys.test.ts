import { createPrivateKey } from 'node:crypto'
import { createCertificate } from '@nauthera/harness/certificates'
import { expect } from 'chai'
import { relyingParty, verifyNew, verifyUse } from '../../../src/users/factors/passkeys.ts'
import { attestedBy, selfAttested, softwarePasskey } from './software-passkey.ts'
import type { PageFrame } from './software-passkey.ts'

describe(relyingParty.name, () => {
  for (const [issuer, wanted] of [
    ['https://login.example.com', { rpId: 'login.example.com', origin: 'https://login.example.com' }],
    ['https://example.com:8443/sign-in', { rpId: 'example.com', origin: 'https://example.com:8443' }],
    ['http://localhost:3000', { rpId: 'localhost', origin: 'http://localhost:3000' }],
    ['http://127.0.0.1:3000', undefined],
    ['http://[::1]:3000', undefined],
  ] as const)
    it(`${issuer} ${wanted ? `has passkeys of ${wanted.rpId}` : 'has no passkeys: WebAuthn wants a name'}`, () => {
      expect(relyingParty(new URL(issuer), 'Title')).to.deep.equal(wanted && { ...wanted, title: 'Title' })
    })
})

describe(verifyUse.name, () => {
  const party = { rpId: 'login.example.com', origin: 'https://login.example.com', title: 'Example' }
  const userId = 'person'
  const challenge = Buffer.from('challenge').toString('base64url')
  const passkey = softwarePasskey({ ...party, userId })
  const stored = { credentialId: passkey.id, publicKey: passkey.publicKey, signCount: 0, userId }
  const frames: [string, PageFrame, boolean][] = [
    ['in a window of its own', { crossOrigin: false }, true],
    ['of a browser that says nothing of frames', { crossOrigin: undefined }, true],
    ['in a frame of another origin', { crossOrigin: true }, false],
    ['in a frame of an origin that is named', { crossOrigin: true, topOrigin: 'https://evil.test' }, false],
    ['in a frame that says it is none', { crossOrigin: false, topOrigin: 'https://evil.test' }, false],
  ]
  for (const [where, frame, isTaken] of frames)
    it(`L21 ${isTaken ? 'takes' : 'refuses'} a passkey, and a new one, of a page ${where}`, async () => {
      const used = await verifyUse(party, challenge, passkey.answer({ challenge, frame }), stored)
      const added = await verifyNew(party, challenge, passkey.register(challenge, frame))
      expect([used !== undefined, added !== undefined]).to.deep.equal([isTaken, isTaken])
    })
})

describe(verifyNew.name, () => {
  const party = { rpId: 'login.example.com', origin: 'https://login.example.com', title: 'Example' }
  const challenge = Buffer.from('challenge').toString('base64url')
  const answer = JSON.parse(softwarePasskey({ ...party, userId: 'person' }).register(challenge))
  const withTransports = (transports: unknown) =>
    JSON.stringify({ ...answer, response: { ...answer.response, transports } })

  it('keeps how the browser says that it reaches the passkey', async () => {
    expect(await verifyNew(party, challenge, withTransports(['usb']))).to.have.deep.property('transports', ['usb'])
    expect(await verifyNew(party, challenge, JSON.stringify(answer))).to.have.deep.property('transports', [])
  })

  it('refuses an answer in which a part has another form, though its signature is right', async () => {
    expect(await verifyNew(party, challenge, withTransports('usb'))).to.equal(undefined)
    expect(await verifyNew(party, challenge, JSON.stringify({ ...answer, response: [] }))).to.equal(undefined)
  })

  it('takes a key that signs for itself, and refuses certificates that vouch for it, before anybody reads them', async () => {
    const device = softwarePasskey({ ...party, userId: 'person' })
    expect(await verifyNew(party, challenge, device.register(challenge, {}, selfAttested))).to.have.property(
      'credentialId',
      device.id,
    )
    const { der, keyPem } = await createCertificate({
      subject: [{ C: ['XX'] }, { O: ['Example'] }, { OU: ['Authenticator Attestation'] }, { CN: ['Device'] }],
    })
    const attest = attestedBy([der], createPrivateKey(keyPem))
    expect(await verifyNew(party, challenge, device.register(challenge, {}, attest))).to.equal(undefined)
  })
})
