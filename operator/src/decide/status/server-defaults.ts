// What a client gets that leaves it open, as the servers say: operator and server may be of different versions.

export interface ServerDefaults {
  /** Seconds. */
  readonly accessTokenTtl: number
  readonly idTokenTtl: number
  /** Of a refresh token that is not used. */
  readonly refreshTokenTtl: number
  readonly idTokenSignedResponseAlg: string
}

/** @returns what holds at some replica at most; while two versions run, the longer life. Undefined: none has told */
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
