import { join } from 'node:path'
import type { Program } from '@nauthera/local/processes/program'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { sharedPostgres } from '@nauthera/local/programs/fresh-database'
import type { Client, Product } from '../load/product.ts'
import { createSigningKey } from '../load/product.ts'
import { readImage } from './bundles.ts'
import { addPeople } from './people.ts'
import { addPlatform, benchClients, password, redirectUri, secret } from './our-clients.ts'
import { startPushedServer } from './pushed-server.ts'
import type { PushedServer } from './pushed-server.ts'

/** A product that runs here, and its process. */
export interface Side {
  readonly product: Product
  readonly process: RunningProcess
  stop(): Promise<void>
}

export interface OurSide extends Side {
  readonly server: PushedServer
}

/** How many people sign in by turns. */
const people = 64
const signing = createSigningKey()
const machine: Client = { id: 'bench.machine', secret }
const signingClient: Client = { id: 'bench.signing', key: signing.privateKey }
const withHook = (program: Program, profile: string | undefined): Program =>
  profile === undefined
    ? program
    : {
        ...program,
        flags: ['--import', join(import.meta.dirname, '../cost/profile-hook.ts'), ...(program.flags ?? [])],
        env: { ...program.env, BENCH_PROFILE: profile },
      }

interface StartOptions {
  /** Where the profile goes that SIGUSR2 begins and ends. */
  readonly profile?: string | undefined
}

const at = (port: number, issuer = `http://127.0.0.1:${port}`) => ({ issuer, origin: () => `http://127.0.0.1:${port}` })

/** The least that a token endpoint must do: what it spends on a token is the unit. */
export async function startBare(): Promise<Side> {
  const { process, port } = await startListening('bare server', 'bare-server.ts', [secret])
  const path = '/token'
  const get = '/jwks'
  const paths = { authorization: path, token: path, introspection: path, userinfo: get, discovery: get, jwks: get }
  const product = { ...at(port), name: 'bare', paths, clients: { machine }, pids: { server: process.pid! } }
  return { product: { ...nobody, ...product }, process, stop: () => process.stop() }
}

/** oidc-provider as it comes, with its own adapter in memory. */
export async function startStock({ profile }: StartOptions = {}): Promise<Side> {
  const args = [secret, JSON.stringify(signing.jwk)]
  const { process, port } = await startListening('stock server', 'stock-server.ts', args, profile)
  const product: Product = {
    ...at(port),
    name: 'stock',
    paths: ownPaths,
    clients: {
      machine,
      signing: signingClient,
      web: { id: 'bench.web', secret },
      'web-rs256': { id: 'bench.web-rs256', secret },
    },
    redirectUri,
    people: [{ username: 'ada', password }],
    form: { username: 'username', password: 'password' },
    scope: 'openid email',
    pids: { server: process.pid! },
  }
  return { product, process, stop: () => process.stop() }
}

/** @param options.program a bundle with the flags of the image
 *  @param options.cheapHash whether its hash is the cheap one */
export async function startOurs(
  options: StartOptions & { name?: string; directory: string; program: Program; cheapHash: boolean; settings?: object },
): Promise<OurSide> {
  const { name = 'ours', directory, program, profile, cheapHash, settings = {} } = options
  const server = await startPushedServer({ directory, program: withHook(program, profile), settings })
  const platformToken = await addPlatform(server)
  await server.serve(server.renderAll(benchClients(signing.jwk)))
  const names = await addPeople(server.databaseUrl, { count: people, cheapHash })
  const product: Product = {
    ...at(server.port, server.issuer),
    name,
    paths: ownPaths,
    clients: {
      machine,
      signing: signingClient,
      platform: { id: 'bench.platform', platformToken },
      web: { id: 'bench.web', secret },
      'web-rs256': { id: 'bench.web-rs256', secret },
      'web-api': { id: 'bench.web-api', secret, resource: 'https://api.example.com' },
    },
    redirectUri,
    people: names.map((username) => ({ username, password })),
    form: { username: 'username', password: 'password' },
    scope: 'openid email',
    pids: { server: server.process.pid!, postmaster: (await sharedPostgres()).pid },
  }
  return { product, process: server.process, server, stop: () => server.stop() }
}

const nobody = { redirectUri, people: [], form: { username: 'username', password: 'password' }, scope: 'openid' }
/** As oidc-provider has them, and so do we. */
const ownPaths = {
  authorization: '/auth',
  token: '/token',
  introspection: '/token/introspection',
  userinfo: '/me',
  discovery: '/.well-known/openid-configuration',
  jwks: '/jwks',
}

async function startListening(name: string, script: string, args: readonly string[], profile?: string) {
  const { flags, env } = await readImage('server')
  const program = withHook({ script: join(import.meta.dirname, script), flags, env }, profile)
  const process = startProcess({ name, args, ...program })
  const port = Number((await process.line(/^listening \d+$/)).split(' ')[1])
  return { process, port }
}
