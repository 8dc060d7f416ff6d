// The defaults that servers report: operator and server may have different versions.

export interface ServerDefaults {
  /** Seconds. */
  readonly accessTokenTtl: number
  readonly idTokenTtl: number
  /** Of a refresh token that is not used. */
  readonly refreshTokenTtl: number
  readonly idTokenSignedResponseAlg: string
}

/** @returns the longest of all replicas; undefined before any report */
export function defaultsOf(
  replicas: readonly { readonly defaults: ServerDefaults | undefined }[],
): ServerDefaults | undefined {
  const [first, ...others] = replicas.flatMap(({ defaults }) => defaults ?? [])
  if (!first) return undefined
  const most = (field: 'accessTokenTtl' | 'idTokenTtl' | 'refreshTokenTtl') =>
    Math.max(first[field], ...others.map((one) => one[field]))
  return {
    accessTokenTtl: most('accessTokenTtl'),
    idTokenTtl: most('idTokenTtl'),
    refreshTokenTtl: most('refreshTokenTtl'),
    idTokenSignedResponseAlg: first.idTokenSignedResponseAlg,
  }
}
