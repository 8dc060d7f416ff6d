// A passkey made of software, which can also answer wrongly. Source: Web Authentication Level 3, sections 6.1 and 7.2.
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

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
    /** What a browser sends after `navigator.credentials.create`, without an attestation. */
    register(challenge: string, frame?: PageFrame): string {
      const rawId = Buffer.from(id, 'base64url')
      const noCounterNoModel = Buffer.alloc(4 + 16)
      const size = Buffer.from([rawId.length >> 8, rawId.length & 255])
      // present, unlocked, and with the new key
      const data = Buffer.concat([sha256(home.rpId), Buffer.from([0x45]), noCounterNoModel, size, rawId, cose])
      // CBOR: fmt "none", an empty attStmt, authData
      const statement = Buffer.from('a363666d74646e6f6e656761747453746d74a068617574684461746159', 'hex')
      const attestation = Buffer.concat([statement, Buffer.from([data.length >> 8, data.length & 255]), data])
      return JSON.stringify({
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientDataOf('webauthn.create', challenge, home.origin, frame),
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
