import { kubectl } from './kubernetes.ts'
import type { InstalledProduct } from './product.ts'

/** A rotation of signing keys that takes minutes: begun in one file, looked at in a later one. */
export interface SigningRotation {
  /** Of the key that signs ID tokens next. */
  readonly kid: string
  /** From when on it signs, epoch milliseconds. */
  readonly activeAt: number
}

let begun: Promise<SigningRotation> | undefined

export const nautheraKeys = ({ release }: InstalledProduct, ...args: string[]): Promise<string> =>
  kubectl('-n', release.namespace, 'exec', 'deploy/nauthera-server', '-c', 'server', '--', 'nauthera', 'keys', ...args)

/** `nauthera keys rotate --now`, once. */
export const beginSigningRotation = (product: InstalledProduct): Promise<SigningRotation> => (begun ??= begin(product))

/** @returns undefined when nobody has begun one */
export const begunSigningRotation = (): Promise<SigningRotation> | undefined => begun

async function begin(product: InstalledProduct): Promise<SigningRotation> {
  const made = await rotateKeys(product, '--now')
  const key = made.find(({ alg }) => alg === 'RS256')!
  return { kid: key.id, activeAt: Date.parse(key.activeAt) }
}

/** @returns the keys that were made */
export async function rotateKeys(
  product: InstalledProduct,
  ...options: string[]
): Promise<{ id: string; alg: string; activeAt: string }[]> {
  return JSON.parse(await nautheraKeys(product, 'rotate', ...options, '--output', 'json')) as never
}

/** @returns names of the keys in /jwks, as the servers know them */
export async function publishedKeys(product: InstalledProduct): Promise<string[]> {
  const keys = JSON.parse(await nautheraKeys(product, 'list', '--output', 'json')) as {
    id: string
    use: string
    state: string
  }[]
  return keys
    .filter(({ use, state }) => use === 'sig' && state !== 'removed')
    .map(({ id }) => id)
    .toSorted()
}
