// Another product, from a file: where it is, its clients, who can sign in.
import { readFileSync } from 'node:fs'
import { z } from '@nauthera/runtime/settings'
import { parse } from 'yaml'
import { send } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import type { Client, LoadedProduct } from './product.ts'

const client = z.strictObject({ id: z.string(), secret: z.string() })
const schema = z.strictObject({
  name: z.string().default('other'),
  /** Its issuer: discovery is below it. */
  issuer: z.url(),
  /** Where requests go, when that is not the issuer, such as http://127.0.0.1:8080; Host stays that of the issuer. */
  origin: z.url().optional(),
  /** For client_credentials. */
  machine: client.optional(),
  /** For the code flow with PKCE, refresh, introspection and userinfo. */
  web: client.optional(),
  redirectUri: z.url().default('https://app.example.com/callback'),
  scope: z.string().default('openid email'),
  people: z.array(z.strictObject({ username: z.string(), password: z.string() })).default([]),
  /** What the fields of its sign-in form are called. */
  form: z
    .strictObject({ username: z.string().default('username'), password: z.string().default('password') })
    .prefault({}),
  /** Process ids on this machine. Without them times are compared in place of costs. */
  pids: z.strictObject({ server: z.int(), postmaster: z.int().optional() }).optional(),
})

export const againstExample = `name: other
issuer: http://127.0.0.1:8080/realms/bench
machine: {id: machine, secret: a-secret}
web: {id: web, secret: a-secret}
redirectUri: https://app.example.com/callback
scope: openid email offline_access
people: [{username: ada, password: a-password}]
form: {username: username, password: password}
pids: {server: 1234, postmaster: 1235}   # both are optional
`

/** Reads the file, and asks the product for its endpoints.
 *  @throws Error that names what is wrong with the file, or that the product does not answer */
export async function readOther(file: string): Promise<LoadedProduct> {
  const parsed = schema.safeParse(parse(readFileSync(file, 'utf8')))
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`)
  const { name, issuer, origin, machine, web, pids, ...others } = parsed.data
  const target: Target = { issuer, origin: () => origin ?? new URL(issuer).origin }
  const discovery = `${new URL(issuer).pathname.replace(/\/$/, '')}/.well-known/openid-configuration`
  const answer = await send(target, { path: discovery })
  if (answer.status !== 200) throw new Error(`${issuer}: discovery answers ${answer.status}`)
  const told = answer.json()
  const path = (key: string): string => {
    const endpoint = told[key]
    return typeof endpoint === 'string' ? new URL(endpoint).pathname : `/no-${key}`
  }
  const clients: LoadedProduct['clients'] = { ...one('machine', machine), ...one('web', web), ...one('web-rs256', web) }
  return {
    ...target,
    ...others,
    name,
    clients,
    ...(pids === undefined ? {} : { pids: { server: pids.server, postmaster: pids.postmaster } }),
    paths: {
      authorization: path('authorization_endpoint'),
      token: path('token_endpoint'),
      introspection: path('introspection_endpoint'),
      userinfo: path('userinfo_endpoint'),
      jwks: path('jwks_uri'),
      discovery,
    },
  }
}

const one = (role: string, given: Client | undefined) => (given === undefined ? {} : { [role]: given })
