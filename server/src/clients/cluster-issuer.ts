// The issuers and keys of ServiceAccount tokens, of this cluster and of joined ones, as pushed by the agent: one immutable value.
import { fromJsonString } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { digestOf } from '@nauthera/proto/digest'
import type { ClusterKeys, PlatformIssuer } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { PlatformIssuerSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { isSoundKey } from '@nauthera/rules/jwks'

/** Keys of one issuer. */
export interface IssuerKeys {
  readonly issuer: string
  readonly keys: readonly { readonly jwk: Readonly<Record<string, unknown>>; readonly notAfter?: number }[]
}

export interface ClusterIssuerKeys {
  /** Those of this cluster. */
  current(): IssuerKeys | undefined
  /** @param cluster name of a joined cluster */
  ofCluster(cluster: string): IssuerKeys | undefined
  /** SHA-256 of the last applied file, hex; empty before the first. */
  digest(): string
  /** @returns the applied change
   *  @throws Error for an unusable file; the live keys stay */
  apply(file: Uint8Array): { readonly change: string; readonly keys: number; readonly issuer: string }
}

interface LiveIssuers {
  readonly digest: string
  readonly own: IssuerKeys | undefined
  readonly joined: ReadonlyMap<string, IssuerKeys>
}

export function createClusterIssuer(): ClusterIssuerKeys {
  let live: LiveIssuers | undefined
  return {
    current: () => live?.own,
    ofCluster: (cluster) => live?.joined.get(cluster),
    digest: () => live?.digest ?? '',
    apply: (file) => {
      const message = fromJsonString(PlatformIssuerSchema, Buffer.from(file).toString('utf8'), {
        ignoreUnknownFields: true,
      })
      const joined = joinedOf(message)
      const own = issuerKeysOf(message)
      // the operator takes the last keys away by a file that names its change
      const isEmpty = message.keys.length === 0 && joined.size === 0 && message.change === ''
      if (message.issuer === '' && (isEmpty || message.keys.length > 0)) throw new Error('names no issuer')
      if (own === undefined && message.issuer !== '') throw new Error('has no key that can verify a signature')
      live = { digest: digestOf(file), own, joined }
      return { change: message.change, issuer: message.issuer, keys: own?.keys.length ?? 0 }
    },
  }
}

/** @returns undefined without an issuer, or without a key that can verify a signature */
function issuerKeysOf({ issuer, keys }: Pick<ClusterKeys, 'issuer' | 'keys'>): IssuerKeys | undefined {
  const usable = keys.flatMap(({ jwk, notAfter }) =>
    isSoundKey(jwk) ? [{ jwk, ...(notAfter ? { notAfter: timestampMs(notAfter) } : {}) }] : [],
  )
  return issuer === '' || usable.length === 0 ? undefined : { issuer, keys: usable }
}

/** One that cannot be used is left out: what one cluster publishes never takes the keys of another away. */
const joinedOf = ({ clusters }: PlatformIssuer): ReadonlyMap<string, IssuerKeys> =>
  new Map(
    clusters.flatMap((one) => {
      const keys = issuerKeysOf(one)
      return keys === undefined || one.cluster === '' ? [] : [[one.cluster, keys] as const]
    }),
  )
