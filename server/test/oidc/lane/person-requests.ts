// The clients, and the oddities of requests, that codes and refreshes share.
import fc from 'fast-check'
import { basic } from '@nauthera/harness/browser'
import { clientSecret, configs, entry } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { idOf, linesById } from './asked-twice.ts'
import type { Got } from './asked-twice.ts'

export type LaneFields = Readonly<Record<string, string>>

export const api = 'https://api.example.com'
const granted = { [api]: ['read', 'write'] }
const { web } = configs
const roles = [{ name: 'roles', join: 'Array', fromGroups: [{ group: 'engineers', values: ['admin', 'dev'] }] }]
export const personClients = [
  entry('app.web', { ...web, scopes: [...web.scopes!, 'read'], audiences: [api] }, { granted }),
  entry('app.minimal', { ...web, idTokenClaims: 'Minimal' }),
  entry('app.rsa', { ...web, idTokenSignedResponseAlg: 'RS256' }),
  entry('app.roles', { ...web, claims: roles }),
  entry('app.paired', { ...web, subjectType: 'pairwise' }),
  entry('app.short', { ...web, accessTokenTtl: 60, refreshTokenTtl: 3600, idTokenTtl: 90 }),
  entry('app.told', { ...web, backchannelLogoutUri: 'https://app.example.com/told' }),
  entry('app.public', configs.spa),
]

export const formType = { 'content-type': 'application/x-www-form-urlencoded' }

/** A request to the token endpoint, with the secret of the client. */
export const tokenRequest = (clientId: string, fields: LaneFields) => ({
  path: '/token',
  headers: { ...formType, ...basic(clientId, clientSecret) },
  body: new URLSearchParams(fields).toString(),
})

/** Looks at the log of an answer. */
export const logOf = (replicas: ServerReplicas, got: Got) => linesById(replicas.lines).get(idOf(got)) ?? []
export const isOfLane = (replicas: ServerReplicas, got: Got): boolean =>
  logOf(replicas, got).some(({ lane }) => lane === true)

export const rarely = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 16, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

/** Proofs and headers of a request, mostly good ones. */
export const oddProof = rarely<(clientId: string) => Record<string, string>>(
  (clientId) => basic(clientId, clientSecret),
  (clientId) => basic(clientId, 'wrong'),
  () => basic('app.unknown', clientSecret),
  () => basic('app.minimal', clientSecret),
  () => ({ authorization: 'Bearer x' }),
)
export const oddHeaders = rarely<Record<string, string>>(
  {},
  { accept: 'application/json' },
  { origin: 'https://spa.example.com' },
  { dpop: 'x' },
  { 'x-forwarded-for': '192.0.2.1' },
  { 'content-type': 'application/json' },
)
