// A passkey made of software, which can also answer wrongly. Source: Web Authentication Level 3, sections 6.1 and 7.2.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()

export interface Answered {
  readonly challenge: string
  readonly origin?: string
  readonly rpId?: string
  readonly isVerified?: boolean
  readonly userId?: string
  readonly signCount?: number
  readonly frame?: PageFrame
}

/** What a browser says of a page that is framed by one of another origin. */
export interface PageFrame {
  readonly crossOrigin?: boolean | undefined
  readonly topOrigin?: string
}

/** @returns who vouches for the device. @param signed what is to be signed */
type Attest = (signed: Buffer, key: KeyObject) => { readonly format: string; readonly statement: Buffer }

const unattested: Attest = () => ({ format: 'none', statement: Buffer.of(0xa0) })

/** The key signs for itself (section 8.2.2 of the standard). */
export const selfAttested: Attest = (signed, key) => ({
  format: 'packed',
  statement: packed(sign('sha256', signed, key)),
})

/** @param chain DER, the first one is of the key */
export const attestedBy =
  (chain: readonly Buffer[], key: KeyObject): Attest =>
  (signed) => ({ format: 'packed', statement: packed(sign('sha256', signed, key), chain) })

/** CBOR: ES256, the signature, and perhaps certificates. */
function packed(signature: Buffer, chain: readonly Buffer[] = []): Buffer {
  const certificates =
    chain.length === 0 ? [] : [cborText('x5c'), Buffer.of(0x80 | chain.length), ...chain.map(cborBytes)]
  const size = Buffer.of(chain.length === 0 ? 0xa2 : 0xa3)
  return Buffer.concat([size, cborText('alg'), Buffer.of(0x26), cborText('sig'), cborBytes(signature), ...certificates])
}
const cborText = (text: string): Buffer => Buffer.concat([Buffer.of(0x60 | text.length), Buffer.from(text)])
const cborBytes = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0x59, bytes.length >> 8, bytes.length & 255), bytes])

export function softwarePasskey(home: { origin: string; rpId: string; userId: string }) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const id = randomBytes(32).toString('base64url')
  // COSE: EC2, ES256, P-256
  const head = Buffer.from('a5010203262001215820', 'hex')
  const cose = Buffer.concat([
    head,
    Buffer.from(x, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(y, 'base64url'),
  ])
  const clientDataOf = (type: string, challenge: string, origin: string, frame: PageFrame = {}): string =>
    Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false, ...frame })).toString('base64url')
  return {
    id,
    publicKey: cose,
    /** What a browser sends after `navigator.credentials.create`, without an attestation unless there is one. */
    register(challenge: string, frame?: PageFrame, attest: Attest = unattested): string {
      const rawId = Buffer.from(id, 'base64url')
      const noCounterNoModel = Buffer.alloc(4 + 16)
      const size = Buffer.from([rawId.length >> 8, rawId.length & 255])
      // present, unlocked, and with the new key
      const data = Buffer.concat([sha256(home.rpId), Buffer.from([0x45]), noCounterNoModel, size, rawId, cose])
      const clientData = clientDataOf('webauthn.create', challenge, home.origin, frame)
      const signed = Buffer.concat([data, sha256(Buffer.from(clientData, 'base64url'))])
      const { format, statement } = attest(signed, privateKey)
      const attestation = Buffer.concat([
        Buffer.of(0xa3),
        cborText('fmt'),
        cborText(format),
        cborText('attStmt'),
        statement,
        cborText('authData'),
        cborBytes(data),
      ])
      return JSON.stringify({
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData,
          attestationObject: attestation.toString('base64url'),
        },
      })
    },
    /** What a browser sends after `navigator.credentials.get`. */
    answer({ challenge, isVerified = true, signCount = 0, ...about }: Answered): string {
      const { origin, rpId, userId, frame } = { ...home, ...about }
      const clientData = clientDataOf('webauthn.get', challenge, origin, frame)
      const counter = Buffer.alloc(4)
      counter.writeUInt32BE(signCount)
      const data = Buffer.concat([sha256(rpId), Buffer.from([isVerified ? 0x05 : 0x01]), counter])
      const signature = sign('sha256', Buffer.concat([data, sha256(Buffer.from(clientData, 'base64url'))]), privateKey)
      return JSON.stringify({
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData,
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
          userHandle: Buffer.from(userId).toString('base64url'),
        },
      })
    },
  }
}
