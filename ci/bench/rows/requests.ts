// The rows about one kind of request: what a server and its database spend on it, in units of the least that a token can cost.
import { get, introspect, machineToken, clientOf, refresh, signIn, userinfo } from '../load/flows.ts'
import type { LoadTokens } from '../load/flows.ts'
import type { ClientRole, LoadedProduct } from '../load/product.ts'
import { width } from '../cost/compare.ts'

/** What is done again and again. Throws on a wrong answer. @param worker which of those that work side by side */
export type Operation = (worker: number) => Promise<unknown>

export interface RequestRow {
  readonly title: string
  /** Makes what the operation needs, such as people who have signed in. */
  readonly prepare: (product: LoadedProduct) => Promise<Operation>
  /** At most so many u of the server, and of its database. */
  readonly target: { readonly server?: number; readonly database?: number }
  /** A bare GET, divided by ours: at least this. */
  readonly ofBareGet?: number
  /** Who else can do it; ours always can. */
  readonly stock: boolean
  /** Whether it is measured with the hash of passwords as it is. Where not, a hash costs next to nothing. */
  readonly hash?: boolean
}

const token =
  (role: ClientRole) =>
  async (product: LoadedProduct): Promise<Operation> => {
    const client = clientOf(product, role)
    return () => machineToken(product, client)
  }

/** One after the other, for all workers together. */
function takeTurns<T>(values: readonly T[]): () => T {
  let turn = 0
  return () => values[turn++ % values.length]!
}

/** Signs people in. @returns the tokens of each */
async function signedIn(product: LoadedProduct, role: ClientRole, count: number): Promise<LoadTokens[]> {
  const client = clientOf(product, role)
  const person = takeTurns(product.people)
  const tokens: LoadTokens[] = []
  const work = async () => {
    while (tokens.length < count) tokens.push(await signIn(product, client, person()))
  }
  await Promise.all([work(), work()])
  return tokens
}

const introspection =
  (role: ClientRole) =>
  async (product: LoadedProduct): Promise<Operation> => {
    const client = clientOf(product, role)
    const next = takeTurns(await signedIn(product, role, 64))
    return () => introspect(product, client, next().access)
  }

const rotation =
  (role: ClientRole) =>
  async (product: LoadedProduct): Promise<Operation> => {
    const client = clientOf(product, role)
    const held = await signedIn(product, role, width)
    return async (worker) => {
      held[worker] = await refresh(product, client, held[worker]!.refresh ?? '')
    }
  }

const signingIn =
  (role: ClientRole) =>
  async (product: LoadedProduct): Promise<Operation> => {
    const client = clientOf(product, role)
    const person = takeTurns(product.people)
    return () => signIn(product, client, person())
  }

const getting =
  (path: 'discovery' | 'jwks') =>
  async (product: LoadedProduct): Promise<Operation> => {
    const { [path]: at } = product.paths
    return () => get(product, at)
  }

/** A day of a company: mostly machines and what checks their tokens, a few people. */
async function mixed(product: LoadedProduct): Promise<Operation> {
  const operations: Readonly<Record<keyof typeof mix, Operation>> = {
    token: await token('machine')(product),
    introspect: await introspection('web')(product),
    refresh: await rotation('web')(product),
    userinfo: await asking(product),
    signIn: await signingIn('web')(product),
    jwks: await getting('jwks')(product),
  }
  let turn = 0
  return (worker) => operations[deck(turn++)](worker)
}

/** Of 100 operations. */
export const mix = { token: 50, introspect: 25, refresh: 10, userinfo: 5, signIn: 5, jwks: 5 } as const
const cards = Object.entries(mix).flatMap(([name, share]) =>
  Array.from({ length: share }, () => name as keyof typeof mix),
)

/** 37 and 100 have no common divisor: in 100 turns each share comes up as often as it should, and spread out. */
export const deck = (turn: number): keyof typeof mix => cards[(turn * 37) % cards.length]!

async function asking(product: LoadedProduct): Promise<Operation> {
  const next = takeTurns(await signedIn(product, 'web', 64))
  return () => userinfo(product, next().access)
}

export const requestRows = {
  token: {
    title: 'client_credentials with a secret, ES256 JWT',
    prepare: token('machine'),
    target: { server: 1.3 },
    stock: true,
  },
  'token-platform': {
    title: 'client_credentials with the token of a ServiceAccount',
    prepare: token('platform'),
    target: { server: 2.5 },
    stock: false,
  },
  'token-assertion': {
    title: 'client_credentials with private_key_jwt (ES256)',
    prepare: token('signing'),
    target: {},
    stock: true,
  },
  introspection: {
    title: 'introspection of an opaque token, PostgreSQL asked',
    prepare: introspection('web'),
    target: { server: 1.4 },
    stock: true,
  },
  'introspection-jwt': {
    title: 'introspection of a JWT, PostgreSQL asked',
    prepare: introspection('web-api'),
    target: { server: 1.6 },
    stock: false,
  },
  refresh: {
    title: 'rotation, opaque access token, ES256 ID token',
    prepare: rotation('web'),
    target: { server: 3.8, database: 1.5 },
    stock: true,
  },
  'refresh-rs256': {
    title: 'refresh with an RS256 ID token',
    prepare: rotation('web-rs256'),
    target: { server: 5.3, database: 1.5 },
    stock: true,
  },
  'sign-in': {
    title: 'sign-in with code and PKCE, ES256 ID token, without the hash',
    prepare: signingIn('web'),
    target: { server: 12, database: 5 },
    stock: true,
  },
  'sign-in-rs256': {
    title: 'sign-in with an RS256 ID token (the default), without the hash',
    prepare: signingIn('web-rs256'),
    target: { server: 14, database: 5 },
    stock: true,
  },
  'sign-in-hash': {
    title: 'sign-in with the hash of the password (argon2id, 19 MiB)',
    prepare: signingIn('web-rs256'),
    target: {},
    stock: false,
    hash: true,
  },
  userinfo: { title: 'userinfo, PostgreSQL asked', prepare: asking, target: {}, stock: true },
  discovery: {
    title: 'the discovery document',
    prepare: getting('discovery'),
    target: {},
    ofBareGet: 0.8,
    stock: true,
  },
  jwks: { title: 'the public keys', prepare: getting('jwks'), target: {}, ofBareGet: 0.8, stock: true },
  mixed: {
    title: '50 tokens, 25 introspections, 10 refreshes, 5 userinfo, 5 sign-ins, 5 JWKS of 100',
    prepare: mixed,
    target: {},
    // its adapter forgets all but the last thousand things
    stock: false,
  },
} as const satisfies Readonly<Record<string, RequestRow>>
