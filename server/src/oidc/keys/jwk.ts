// A JSON Web Key from outside or from the database (RFC 7517): its members have the types that jose wants.
import type { JWK } from 'jose'
import { hasShape } from '@nauthera/runtime/json'

const shape = {
  optional: {
    kty: 'string',
    alg: 'string',
    kid: 'string',
    use: 'string',
    crv: 'string',
    x: 'string',
    y: 'string',
    n: 'string',
    e: 'string',
    k: 'string',
    d: 'string',
    p: 'string',
    q: 'string',
    dp: 'string',
    dq: 'string',
    qi: 'string',
    key_ops: 'strings',
    x5c: 'strings',
  },
} as const

export const isJwk = (value: unknown): value is JWK => hasShape(value, shape)
