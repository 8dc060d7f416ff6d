// The whole product with three replicas, the clients that the load uses, and a front that a test can take a replica out of, as the
// endpoints of a Service do before a pod gets its TERM.
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startFront } from '@nauthera/local/product/front'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import type { LocalPod } from '@nauthera/local/product/pod'
import { sources } from '@nauthera/local/processes/program'
import type { Programs } from '@nauthera/local/processes/program'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { password } from '@nauthera/harness/browser'
import type { Target } from '@nauthera/harness/browser'
import { createChainClients, namespace } from './chain-clients.ts'
import type { ChainClients } from './chain-clients.ts'
import { callback, person } from './load/visits.ts'

export interface Chain extends ChainClients {
  readonly directory: string
  readonly stack: Stack
  readonly kube: KubeClient
  /** For Browser and send: every request goes through the front. */
  readonly front: Target
  /** Of every process, the database included. */
  readonly lines: readonly string[]
  /** Adds a line of a process that a test started itself. */
  note(line: string): void
  /** What no line, status, event or metric may show: read and minted secrets, tokens, codes, passwords. */
  readonly planted: Set<string>
  /** What was said and minted until now is not looked at again, so that a long run does not grow. */
  forget(): void
  /** New connections go to the other replicas until `undo`. */
  takeOut(pod: LocalPod): { undo(): void }
  stop(): Promise<void>
}

export const machine = { type: 'M2M', audiences: ['https://reports.example.com'] }
const web = { type: 'Web', redirectURIs: [callback], scopes: ['openid', 'profile', 'email', 'offline_access'] }
const addPerson =
  `users add ${person} --email ${person}@example.com --email-verified --name Ada --password-stdin`.split(' ')
const root = fileURLToPath(new URL('../../..', import.meta.url))

/** @param options.keep the database's files outlive `stack.database.stop()`, for tests that start it again
 *  @param options.trusts PEM of an authority whose applications the servers trust
 *  @param options.operatorFlags of Node, for the operator; @param options.serverFlags for the servers */
export async function startChain(
  options: ProgramOptions & { keep?: boolean; serverSettings?: object } = {},
): Promise<Chain> {
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const directory = mkdtempSync(join(root, '.nauthera/faults-'))
  // the database's account is another one, and passes through
  chmodSync(directory, 0o711)
  reapDirectory(directory)
  const lines: string[] = []
  const planted = new Set<string>([password])
  const stack = await startStack({
    directory,
    replicas: 3,
    namespaces: [namespace],
    ...(options.keep ? { keep: true } : {}),
    ...(options.serverSettings ? { serverSettings: options.serverSettings } : {}),
    programs: programsOf(directory, options),
    onLine: (process, line) => void lines.push(`${process}: ${line}`),
  })
  planted.add(new URL(stack.database.url).password)
  const out = new Set<LocalPod>()
  const takeTraffic = () => stack.pods.filter((pod) => pod.ready && !out.has(pod)).map(({ port }) => port)
  const front = await startFront({ port: 0, backends: takeTraffic })
  const kube = createKubeClient(stack.api.adminConfig)
  const chain: Chain = {
    ...createChainClients(stack, kube, planted),
    directory,
    stack,
    kube,
    front: { issuer: stack.issuer, origin: () => `http://127.0.0.1:${front.port}` },
    lines,
    note: (line) => void lines.push(line),
    planted,
    forget: () => {
      lines.length = 0
      planted.clear()
      for (const secret of [password, new URL(stack.database.url).password]) planted.add(secret)
    },
    takeOut: (pod) => {
      out.add(pod)
      return { undo: () => void out.delete(pod) }
    },
    stop: async () => {
      await front.stop()
      await stack.stop()
    },
  }
  try {
    await runToEnd({
      name: 'nauthera users add',
      script: 'server/src/cli/main.ts',
      args: addPerson.concat('--settings', stack.serverSettings),
      input: password,
    })
    await Promise.all([
      chain.applyAndWait('web', web),
      chain.applyAndWait('machine', machine),
      chain.applyAndWait('edited', machine),
    ])
    return chain
  } catch (error) {
    await chain.stop()
    throw error
  }
}

interface ProgramOptions {
  readonly trusts?: string
  readonly operatorFlags?: readonly string[]
  readonly serverFlags?: readonly string[]
}

function programsOf(directory: string, { trusts, operatorFlags = [], serverFlags = [] }: ProgramOptions): Programs {
  const operator = { ...sources.operator, flags: operatorFlags }
  const server = { ...sources.server, flags: serverFlags }
  if (trusts === undefined) return { ...sources, operator, server }
  const file = join(directory, 'authority.pem')
  writeFileSync(file, trusts)
  return { ...sources, operator, server: { ...server, env: { NODE_EXTRA_CA_CERTS: file } } }
}
