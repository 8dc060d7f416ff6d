// Reads objects through kubectl, so that kubeconfig, context, plugins for credentials and proxies are the same as everywhere else.
import { isJsonRecord, parseJsonRecord } from '@nauthera/runtime/json'
import type { OIDCClient } from '../api/oidc-client.ts'

/** One call of kubectl. @returns undefined for `code` when it could not be started */
export type CallKubectl = (args: readonly string[]) => {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** The flags that kubectl has too. */
export interface ClusterFlags {
  readonly namespace?: string
  readonly context?: string
  readonly kubeconfig?: string
}

type Answer<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  /** @property message for people: what happened and what to do */
  | { readonly kind: 'absent' | 'forbidden' | 'failed'; readonly message: string }

const clients = 'oidcclients.auth.nauthera.io'

const flagsOf = ({ namespace, context, kubeconfig }: ClusterFlags): string[] => [
  ...(namespace === undefined ? [] : ['--namespace', namespace]),
  ...(context === undefined ? [] : ['--context', context]),
  ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
]

export function readClient(call: CallKubectl, name: string, flags: ClusterFlags): Answer<OIDCClient> {
  return get(call, [clients, name, ...flagsOf(flags)], isClient)
}

export function readClients(
  call: CallKubectl,
  flags: ClusterFlags & { readonly allNamespaces?: boolean },
): Answer<readonly OIDCClient[]> {
  const all = flags.allNamespaces === true ? ['--all-namespaces'] : []
  const answer = get(call, [clients, ...flagsOf(flags), ...all], isList)
  return answer.kind === 'found' ? { kind: 'found', value: answer.value.items.filter(isClient) } : answer
}

/** @returns the values of a Secret by key */
export function readSecret(
  call: CallKubectl,
  name: string,
  flags: ClusterFlags,
): Answer<Readonly<Record<string, string>>> {
  const answer = get(call, ['secret', name, ...flagsOf(flags)], isJsonRecord)
  if (answer.kind !== 'found') return answer
  const data = isJsonRecord(answer.value['data']) ? answer.value['data'] : {}
  const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(String(value), 'base64').toString()])
  return { kind: 'found', value: Object.fromEntries(decoded) as Record<string, string> }
}

function get<Value>(
  call: CallKubectl,
  args: readonly string[],
  isWanted: (value: unknown) => value is Value,
): Answer<Value> {
  const { code, stdout, stderr } = call(['get', ...args, '--output', 'json'])
  if (code === undefined)
    return { kind: 'failed', message: 'kubectl cannot be started: install it, and put it into your PATH' }
  if (code !== 0) return { kind: kindOf(stderr), message: withoutLog(stderr) }
  const value = parseJsonRecord(stdout)
  if (!isWanted(value)) return { kind: 'failed', message: `kubectl get ${args.join(' ')} gave no such object` }
  return { kind: 'found', value }
}

/** kubectl repeats its own log before it says what is wrong. */
const withoutLog = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => !/^[EWI]\d{4} /.test(line))
    .join('\n')
    .trim()

function kindOf(stderr: string): 'absent' | 'forbidden' | 'failed' {
  if (stderr.includes('(NotFound)')) return 'absent'
  return stderr.includes('(Forbidden)') ? 'forbidden' : 'failed'
}

/** The API server has checked the rest against the schema. */
const isClient = (value: unknown): value is OIDCClient =>
  isJsonRecord(value) &&
  value['kind'] === 'OIDCClient' &&
  isJsonRecord(value['metadata']) &&
  isJsonRecord(value['spec'])

const isList = (value: unknown): value is { readonly items: readonly unknown[] } =>
  isJsonRecord(value) && Array.isArray(value['items'])
