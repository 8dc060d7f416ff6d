import { generateKeyPairSync } from 'node:crypto'
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'

const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 })
const pairs = {
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: rsa,
  PS256: rsa,
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const satisfies Record<SigningAlgorithm, () => unknown>

/** A private JWK, as other programs make them. */
export const privateKey = (alg: SigningAlgorithm, kid?: string): Record<string, unknown> => ({
  ...pairs[alg]().privateKey.export({ format: 'jwk' }),
  alg,
  ...(kid === undefined ? {} : { kid }),
})

export const setOf = (...keys: readonly object[]): string => JSON.stringify({ keys })
