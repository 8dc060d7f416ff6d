// Signing keys in a Secret that the values name, and the values of the last installation of the run: nothing rolls once more for them.
import { generateKeyPairSync } from 'node:crypto'
import type { Json } from '@nauthera/stand-in/kube-client'
import { hardenedValues } from './hardened.ts'
import { applyObjects } from './kubernetes.ts'
import { canKill } from './pods.ts'
import type { Release } from './release.ts'

const secret = { name: 'signing', key: 'set.json' }

const key = (alg: 'ES256' | 'RS256', kid: string): Json => {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...pair.privateKey.export({ format: 'jwk' }), alg, kid }
}

/** Those that are there from the start, and one that comes. */
export const ownKeys = {
  first: [key('ES256', 'own-1'), key('RS256', 'own-rsa')],
  second: key('ES256', 'own-2'),
} as const

export const writeOwnKeys = ({ namespace }: Release, ...keys: readonly Json[]): Promise<string> =>
  applyObjects([
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret.name, namespace },
      stringData: { [secret.key]: JSON.stringify({ keys }) },
    },
  ])

let written: Promise<string> | undefined

/** `profile: hardened` where it can be, and the first signing keys, which are written when nobody has yet. */
export async function lastValues(release: Release): Promise<object> {
  await (written ??= writeOwnKeys(release, ...ownKeys.first))
  return {
    ...(canKill ? await hardenedValues() : {}),
    signing: { algorithms: ['ES256', 'RS256'], existingJwksSecret: secret },
  }
}
