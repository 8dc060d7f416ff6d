// WebAuthn: builds options for the browser and verifies its answers. A passkey is always discoverable and user-verified, so it counts as
// two factors.
import { isIP } from 'node:net'
import type * as WebAuthn from '@simplewebauthn/server'
import type * as WebAuthnHelpers from '@simplewebauthn/server/helpers'
import { hasShape, parseJsonRecord } from '@nauthera/runtime/json'
import type { Shaped } from '@nauthera/runtime/json'

let loaded: Promise<typeof WebAuthn & Pick<typeof WebAuthnHelpers, 'decodeAttestationObject'>> | undefined
/** Loaded with the first passkey, since it is a tenth of all code; then kept, since `import()` of a loaded module is slow. */
const library = () =>
  (loaded ??= Promise.all([import('@simplewebauthn/server'), import('@simplewebauthn/server/helpers')])
    .then(([main, { decodeAttestationObject }]) => ({ ...main, decodeAttestationObject }))
    .catch((error: unknown) => {
      // the next one asks again
      loaded = undefined
      throw error
    }))

/** EdDSA, ES256, RS256 (COSE). */
const supportedAlgorithmIDs = [-8, -7, -257]

/** For whom passkeys are: they work at this origin alone. */
export interface RelyingParty {
  readonly rpId: string
  readonly origin: string
  /** The name of this service. */
  readonly title: string
}

export interface VerifiedPasskey {
  readonly credentialId: string
  /** COSE key. */
  readonly publicKey: Uint8Array
  readonly signCount: number
  /** Whether it is on several devices of its owner, as the authenticator says. */
  readonly synced: boolean
  readonly transports: readonly string[]
}

/** @returns undefined when the issuer's host is an IP address: WebAuthn needs a name */
export function relyingParty(issuer: URL, title: string): RelyingParty | undefined {
  const { hostname, origin } = issuer
  return isIP(hostname.replace(/^\[|\]$/g, '')) > 0 ? undefined : { rpId: hostname, origin, title }
}

/** @param challenge base64url @returns JSON, for the script of the page */
export async function requestOptions({ rpId }: RelyingParty, challenge: string): Promise<string> {
  const { generateAuthenticationOptions } = await library()
  const options = await generateAuthenticationOptions({
    rpID: rpId,
    challenge: Buffer.from(challenge, 'base64url'),
    userVerification: 'required',
  })
  return JSON.stringify(options)
}

/** @param about.existing credential ids that the person has: a device makes no second passkey beside them
 *  @returns JSON, for the script of the page */
export async function creationOptions(
  { rpId, title }: RelyingParty,
  challenge: string,
  about: { userId: string; username: string; name?: string | undefined; existing: readonly string[] },
): Promise<string> {
  const { generateRegistrationOptions } = await library()
  const options = await generateRegistrationOptions({
    rpName: title,
    rpID: rpId,
    userID: Uint8Array.from(Buffer.from(about.userId)),
    userName: about.username,
    userDisplayName: about.name ?? about.username,
    challenge: Buffer.from(challenge, 'base64url'),
    attestationType: 'none',
    excludeCredentials: about.existing.map((id) => ({ id })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs,
  })
  return JSON.stringify(options)
}

/** @param answer JSON of the browser @returns undefined for every answer that is not right */
export async function verifyNew(
  { rpId, origin }: RelyingParty,
  challenge: string,
  answer: string,
): Promise<VerifiedPasskey | undefined> {
  const { verifyRegistrationResponse } = await library()
  const { verified, registrationInfo } = await orRefused(async () => {
    const read = parseJsonRecord(answer)
    if (!hasShape(read, answerShape) || !hasShape(read.response, registrationShape)) return refused
    const { clientDataJSON, attestationObject, transports = [] } = read.response
    if (isEmbedded(clientDataJSON) || !(await isUnattested(attestationObject))) return refused
    return verifyRegistrationResponse({
      response: { ...credentialOf(read), response: { clientDataJSON, attestationObject, transports: [...transports] } },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
      supportedAlgorithmIDs,
    })
  })
  if (!verified) return undefined
  const { credential, credentialDeviceType } = registrationInfo
  return {
    credentialId: credential.id,
    publicKey: credential.publicKey,
    signCount: credential.counter,
    synced: credentialDeviceType === 'multiDevice',
    transports: credential.transports ?? [],
  }
}

/** @param answer JSON of the browser @returns the id of the passkey that it is about; undefined when there is none in it */
export function credentialIdOf(answer: string): string | undefined {
  const id = parseJsonRecord(answer)?.['id']
  return typeof id === 'string' && id.length <= 1400 ? id : undefined
}

/** @param passkey as stored, with the person whom it belongs to
 *  @returns the new counter of uses; undefined for every answer that is not right */
export async function verifyUse(
  { rpId, origin }: RelyingParty,
  challenge: string,
  answer: string,
  passkey: Pick<VerifiedPasskey, 'credentialId' | 'publicKey' | 'signCount'> & { readonly userId: string },
): Promise<number | undefined> {
  const { verifyAuthenticationResponse } = await library()
  const { verified, authenticationInfo } = await orRefused(async () => {
    const read = parseJsonRecord(answer)
    if (!hasShape(read, answerShape) || !hasShape(read.response, useShape)) return refused
    const { clientDataJSON, authenticatorData, signature, userHandle } = read.response
    if (userHandle !== undefined && Buffer.from(userHandle, 'base64url').toString() !== passkey.userId) return refused
    if (isEmbedded(clientDataJSON)) return refused
    return verifyAuthenticationResponse({
      response: { ...credentialOf(read), response: { clientDataJSON, authenticatorData, signature } },
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: rpId,
      requireUserVerification: true,
      credential: {
        id: passkey.credentialId,
        publicKey: Uint8Array.from(passkey.publicKey),
        counter: passkey.signCount,
      },
    })
  })
  return verified ? authenticationInfo?.newCounter : undefined
}

const answerShape = { required: { id: 'string', rawId: 'string', type: 'string', response: 'record' } } as const
const registrationShape = {
  required: { clientDataJSON: 'string', attestationObject: 'string' },
  optional: { transports: 'strings' },
} as const
const useShape = {
  required: { clientDataJSON: 'string', authenticatorData: 'string', signature: 'string' },
  optional: { userHandle: 'string' },
} as const

/** @throws for what is no public key */
function credentialOf({ id, rawId, type }: Shaped<typeof answerShape>) {
  if (type !== 'public-key') throw new TypeError('not a public key')
  return { id, rawId, type, clientExtensionResults: {} } as const
}

/** Whether the page was framed by one of another origin. No page of ours may be framed, so that page is not ours. The
 *  library looks at `crossOrigin` only beside `topOrigin`, which not every browser sends.
 *  Source: Web Authentication Level 3, section 5.8.1. */
function isEmbedded(clientDataJSON: string): boolean {
  const data = parseJsonRecord(Buffer.from(clientDataJSON, 'base64url').toString())
  return data === undefined || (data['crossOrigin'] ?? false) !== false || data['topOrigin'] !== undefined
}

/** Whether no certificates vouch for the device. We ask for none, so browsers send none. The library would check a chain, and ask
 *  the addresses in it for revocation lists, whoever wrote them.
 *  @throws for what is no attestation object */
async function isUnattested(attestationObject: string): Promise<boolean> {
  const { decodeAttestationObject } = await library()
  const object = decodeAttestationObject(Uint8Array.from(Buffer.from(attestationObject, 'base64url')))
  const format = object.get('fmt')
  return format === 'none' || (format === 'packed' && object.get('attStmt').get('x5c') === undefined)
}

interface Verification {
  readonly verified: false
  readonly registrationInfo?: undefined
  readonly authenticationInfo?: undefined
}
const refused: Verification = { verified: false }

/** The library throws for what is wrong in an answer, and everything in it comes from outside. */
async function orRefused<Verified>(verify: () => Promise<Verified>): Promise<Verified | Verification> {
  try {
    return await verify()
  } catch {
    return refused
  }
}
