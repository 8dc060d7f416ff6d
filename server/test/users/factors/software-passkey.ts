import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

// A passkey made of software, which can also answer wrongly. Source: Web Authentication Level 3, sections 6.1 and 7.2.

const sha256 = (data: string | Buffer): Buffer => createHash('sha256').update(data).digest()

export interface Answered {
  readonly challenge: string
  readonly origin?: string
  readonly rpId?: string
  readonly isVerified?: boolean
  readonly userId?: string
  readonly signCount?: number
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
  return {
    id,
    publicKey: cose,
    /** What a browser sends after `navigator.credentials.get`. */
    answer({ challenge, isVerified = true, signCount = 0, ...about }: Answered): string {
      const { origin, rpId, userId } = { ...home, ...about }
      const clientData = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge, origin, crossOrigin: false }))
      const counter = Buffer.alloc(4)
      counter.writeUInt32BE(signCount)
      const data = Buffer.concat([sha256(rpId), Buffer.from([isVerified ? 0x05 : 0x01]), counter])
      const signature = sign('sha256', Buffer.concat([data, sha256(clientData)]), privateKey)
      return JSON.stringify({
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: clientData.toString('base64url'),
          authenticatorData: data.toString('base64url'),
          signature: signature.toString('base64url'),
          userHandle: Buffer.from(userId).toString('base64url'),
        },
      })
    },
  }
}
