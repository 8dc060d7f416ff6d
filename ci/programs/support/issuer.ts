// The issuer that programs are tried with.
import { quietLog as log } from '@nauthera/harness/kept-log'
import { createKeyRing } from '@nauthera/server/oidc/keys/ring'
import { keyPolicy } from '@nauthera/server/oidc/lifetimes'
import { startGiven } from '../../test/support/given-secret.ts'
import type { Given, SecretData } from '../../test/support/given-secret.ts'

const algorithms = ['ES256', 'RS256'] as const

/** The issuer that programs are tried with. */
export interface TrialIssuer extends Given {
  /** Rotates the secret of a client: its program signs in with the one of before, takes the new one, and signs in when that alone is valid. */
  rotateSecret(
    client: string,
    program: { take(secret: SecretData): Promise<unknown>; signIn(): Promise<unknown> },
  ): Promise<void>
  /** New signing keys. What the old ones signed stays valid.
   *  @param publishBefore how long they are published before they sign. Not at all is less time than a rotation of the product gives any program. */
  rotateSigningKeys(publishBefore?: number): Promise<void>
  /** How often a program has refreshed. */
  refreshed(): number
}

export async function startTrialIssuer(): Promise<TrialIssuer> {
  const given = await startGiven()
  const kids = async (): Promise<string[]> => {
    const { keys } = (await (await fetch(`${given.replicas.issuer}/jwks`)).json()) as { keys: { kid: string }[] }
    return keys.map(({ kid }) => kid)
  }
  return {
    ...given,
    refreshed: () => given.replicas.lines.filter((line) => line.includes('"token.refreshed"')).length,
    async rotateSecret(client, program) {
      const rotated = await given.rotate(client)
      await program.signIn()
      await program.take(rotated)
      await given.retire(client)
      await program.signIn()
    },
    async rotateSigningKeys(publishBefore = 0) {
      const before = new Set(await kids())
      const ring = createKeyRing({
        keys: given.replicas.apps[0]!.store.keys,
        algorithms,
        policy: keyPolicy({ algorithms, publishBefore, rotateEvery: 30 * 86_400_000 }),
        now: Date.now,
        log,
      })
      await ring.rotate().finally(() => ring.stop())
      // the message of PostgreSQL reaches the server within moments
      while ((await kids()).filter((kid) => !before.has(kid)).length < 2) await new Promise(setImmediate)
    },
  }
}
