// The issuer and keys of this cluster's ServiceAccount tokens, as pushed by the agent: one immutable value.
import { fromJsonString } from '@bufbuild/protobuf'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { digestOf } from '@nauthera/proto/digest'
import { PlatformIssuerSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { jwksFaults } from '@nauthera/rules/jwks'

/** Keys of one issuer. */
export interface IssuerKeys {
  readonly issuer: string
  readonly keys: readonly { readonly jwk: Readonly<Record<string, unknown>>; readonly notAfter?: number }[]
}

export interface ClusterIssuerKeys {
  current(): IssuerKeys | undefined
  /** SHA-256 of the last applied file, hex; empty before the first. */
  digest(): string
  /** @returns the applied change
   *  @throws Error for an unusable file; the live keys stay */
  apply(file: Uint8Array): { readonly change: string; readonly keys: number; readonly issuer: string }
}

export function createClusterIssuer(): ClusterIssuerKeys {
  let live: { readonly digest: string; readonly issuer: IssuerKeys } | undefined
  return {
    current: () => live?.issuer,
    digest: () => live?.digest ?? '',
    apply: (file) => {
      const { issuer, keys, change } = fromJsonString(PlatformIssuerSchema, Buffer.from(file).toString('utf8'), {
        ignoreUnknownFields: true,
      })
      if (issuer === '') throw new Error('names no issuer')
      const usable = keys.flatMap(({ jwk, notAfter }) =>
        jwk === undefined || jwksFaults({ keys: [jwk] }).length > 0
          ? []
          : [{ jwk, ...(notAfter ? { notAfter: timestampMs(notAfter) } : {}) }],
      )
      if (usable.length === 0) throw new Error('has no key that can verify a signature')
      live = { digest: digestOf(file), issuer: { issuer, keys: usable } }
      return { change, issuer, keys: usable.length }
    },
  }
}
