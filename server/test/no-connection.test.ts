import dns from 'node:dns'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { Socket } from 'node:net'
import { createCertificate, x509 } from '@nauthera/harness/certificates'
import type { Made } from '@nauthera/harness/certificates'
import { SettingsService } from '@simplewebauthn/server'
import { expect } from 'chai'
import { CompactSign } from 'jose'
import { judgeChain, tryFacts } from '../src/oidc/certificates/chain.ts'
import { verifyForeign, verifySigned } from '../src/oidc/keys/jwt.ts'
import { verifyNew } from '../src/users/factors/passkeys.ts'
import { attestedBy, softwarePasskey } from './users/factors/software-passkey.ts'

// What strangers send names addresses, and libraries read it. All of Node's ways out lead through one method of a socket, through a look-up of a
// name, or through fetch: while a library reads, each of them throws.

describe('what a stranger sends', () => {
  const tried: string[] = []
  const refuse = (way: string) => () => {
    tried.push(way)
    throw new Error(`a library tried to reach the network by ${way}`)
  }
  const { fetch } = globalThis
  const { connect } = Socket.prototype
  const { lookup } = dns
  beforeEach(() => {
    tried.length = 0
    globalThis.fetch = refuse('fetch')
    Socket.prototype.connect = refuse('a socket')
    dns.lookup = Object.assign(refuse('a look-up'), { __promisify__: lookup.__promisify__ })
  })
  afterEach(() => {
    globalThis.fetch = fetch
    Socket.prototype.connect = connect
    dns.lookup = lookup
    expect(tried).to.deep.equal([])
  })

  const address = 'http://127.0.0.1:1/latest/meta-data'
  const naming = [
    new x509.CRLDistributionPointsExtension([address]),
    new x509.AuthorityInfoAccessExtension({ caIssuers: address, ocsp: address }),
  ]
  let authority: Made
  let leaf: Made
  before(async () => {
    authority = await createCertificate({ name: 'authority', authority: true, extensions: naming })
    leaf = await createCertificate({
      issuer: authority,
      subject: [{ C: ['XX'] }, { O: ['Example'] }, { OU: ['Authenticator Attestation'] }, { CN: ['Device'] }],
      extensions: naming,
    })
  })

  const party = { rpId: 'login.example.com', origin: 'https://login.example.com', title: 'Example' }
  const challenge = Buffer.from('challenge').toString('base64url')
  for (const format of ['packed', 'fido-u2f', 'tpm', 'android-key', 'android-safetynet', 'apple', 'none'] as const)
    it(`makes nobody ask the addresses of a certificate: a passkey that is attested by ${format}, by an authority that the library knows`, async () => {
      const known = SettingsService.getRootCertificates({ identifier: format })
      SettingsService.setRootCertificates({ identifier: format, certificates: [authority.pem] })
      const vouch = attestedBy([leaf.der], createPrivateKey(leaf.keyPem))
      const device = softwarePasskey({ ...party, userId: 'person' })
      const answer = device.register(challenge, {}, (signed, key) => ({ ...vouch(signed, key), format }))
      expect(await verifyNew(party, challenge, answer)).to.equal(undefined)
      SettingsService.setRootCertificates({ identifier: format, certificates: known })
    })

  it('makes nobody ask the addresses of a certificate: one that proves a client', () => {
    const known = { certificate: authority.certificate, facts: tryFacts(authority.certificate)! }
    expect(judgeChain({ leaf: leaf.certificate, between: [] }, [known], Date.now()).kind).to.equal('trusted')
    expect(judgeChain({ leaf: leaf.certificate, between: [authority.certificate] }, [], Date.now()).kind).to.not.equal(
      'trusted',
    )
  })

  for (const [what, header] of Object.entries({
    jku: { jku: address },
    x5u: { x5u: address },
    'jku, and a kid that nobody has': { jku: address, kid: 'other' },
    'x5c and jwk': { x5u: address, x5c: ['AAAA'], jwk: { kty: 'EC', jku: address } },
  }))
    it(`makes nobody ask the addresses of a JWT: its header has ${what}`, async () => {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }
      const token = await new CompactSign(Buffer.from('{"sub":"ada"}'))
        .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header } as never)
        .sign(privateKey)
      await verifyForeign(token, [jwk])
      const ours = { issuer: party.origin, type: 'at+jwt', clockTolerance: 5, now: new Date() }
      expect(await verifySigned(token, { ...ours, keys: [jwk] })).to.equal(undefined)
    })
})
