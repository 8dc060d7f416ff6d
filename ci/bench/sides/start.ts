import { join } from 'node:path'
import { paths } from '@nauthera/rules/endpoints'
import type { ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { Program } from '@nauthera/local/processes/program'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { sharedPostgres } from '@nauthera/local/programs/fresh-database'
import type { Client, LoadedProduct } from '../load/product.ts'
import { createSigningKey } from '../load/product.ts'
import { readImage } from './bundles.ts'
import { addPeople, fillTables } from './people.ts'
import { addPlatform, benchClients, fillClients, password, redirectUri, secret } from './our-clients.ts'
import { startPushedServer } from './pushed-server.ts'
import type { PushedServer } from './pushed-server.ts'

/** A product that runs here, and its process. */
export interface Side {
  readonly product: LoadedProduct
  readonly process: RunningProcess
  stop(): Promise<void>
}

export interface OurSide extends Side {
  readonly server: PushedServer
  /** The clients that send requests; whoever pushes others pushes these too. */
  readonly clients: readonly ShardEntry[]
  /** From the first pushed shard to the last acknowledged one. */
  readonly loadSeconds: number
}

/** How many people sign in by turns; all others only fill the tables. */
const active = 64
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
  const barePaths = { authorization: path, token: path, introspection: path, userinfo: get, discovery: get, jwks: get }
  const product = { ...at(port), name: 'bare', paths: barePaths, clients: { machine }, pids: { server: process.pid! } }
  return { product: { ...nobody, ...product }, process, stop: () => process.stop() }
}

/** oidc-provider as it comes, with its own adapter in memory. */
export async function startStock({ profile }: StartOptions = {}): Promise<Side> {
  const args = [secret, JSON.stringify(signing.jwk)]
  const { process, port } = await startListening('stock server', 'stock-server.ts', args, profile)
  const product: LoadedProduct = {
    ...at(port),
    name: 'stock',
    paths,
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

/** How much there is beside what the bench uses. */
export interface OurSize {
  readonly clients?: number
  readonly people?: number
  /** Grants that are alive, each with its refresh token. */
  readonly grants?: number
}

/** @param options.program a bundle with the flags of the image
 *  @param options.cheapHash whether its hash is the cheap one */
export async function startOurs(
  options: StartOptions & OurSize & { name?: string; directory: string; program: Program; cheapHash: boolean },
): Promise<OurSide> {
  const { name = 'ours', directory, program, profile, cheapHash, clients = 0 } = options
  const server = await startPushedServer({ directory, program: withHook(program, profile) })
  const platformToken = await addPlatform(server)
  const requesting = benchClients(signing.jwk)
  const shards = await server.renderAll([...requesting, ...fillClients(clients)])
  const began = performance.now()
  await server.serve(shards)
  const loadSeconds = (performance.now() - began) / 1000
  const names = await addPeople(server.databaseUrl, { count: active, cheapHash })
  if (options.people !== undefined || options.grants !== undefined)
    await fillTables(server.databaseUrl, { people: options.people ?? 0, grants: options.grants ?? 0 })
  const product: LoadedProduct = {
    ...at(server.port, server.issuer),
    name,
    paths,
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
  return { product, process: server.process, server, clients: requesting, loadSeconds, stop: () => server.stop() }
}

const nobody = { redirectUri, people: [], form: { username: 'username', password: 'password' }, scope: 'openid' }
async function startListening(name: string, script: string, args: readonly string[], profile?: string) {
  const { flags, env } = await readImage('server')
  const program = withHook({ script: join(import.meta.dirname, script), flags, env }, profile)
  const process = startProcess({ name, args, ...program })
  const port = Number((await process.line(/^listening \d+$/)).split(' ')[1])
  return { process, port }
}
