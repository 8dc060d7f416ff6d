// Reads objects through kubectl, so that kubeconfig, context, plugins for credentials and proxies are the same as everywhere else.
import { fieldsOf, isJsonRecord, parseJsonRecord } from '@nauthera/runtime/json'
import type { OIDCClient } from '../api/oidc-client.ts'
import type { OIDCCluster } from '../api/oidc-cluster.ts'
import type { OIDCPolicy } from '../api/oidc-policy.ts'

/** One call of kubectl. @param input what it reads from its standard input
 *  @returns undefined for `code` when it could not be started */
export type CallKubectl = (
  args: readonly string[],
  input?: string,
) => {
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

export type ClusterFault = {
  readonly kind: 'absent' | 'forbidden' | 'failed'
  /** For people: what happened and what to do. */
  readonly message: string
}

export type ClusterAnswer<Value> = { readonly kind: 'found'; readonly value: Value } | ClusterFault

type JsonRecord = Readonly<Record<string, unknown>>

export const clientKind = 'oidcclients.auth.nauthera.io'
export const clusterKind = 'oidcclusters.auth.nauthera.io'

export const flagsOf = ({ namespace, context, kubeconfig }: ClusterFlags): string[] => [
  ...(namespace === undefined ? [] : ['--namespace', namespace]),
  ...(context === undefined ? [] : ['--context', context]),
  ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
]

export function readClient(call: CallKubectl, name: string, flags: ClusterFlags): ClusterAnswer<OIDCClient> {
  return get(call, [clientKind, name, ...flagsOf(flags)], isClient)
}

export function readClients(
  call: CallKubectl,
  flags: ClusterFlags & { readonly allNamespaces?: boolean },
): ClusterAnswer<readonly OIDCClient[]> {
  const all = flags.allNamespaces === true ? ['--all-namespaces'] : []
  const answer = readObjects(call, [clientKind, ...flagsOf(flags), ...all])
  return answer.kind === 'found' ? { kind: 'found', value: answer.value.filter((one) => isClient(one)) } : answer
}

export function readClusters(call: CallKubectl, flags: ClusterFlags): ClusterAnswer<readonly OIDCCluster[]> {
  const answer = readObjects(call, [clusterKind, ...flagsOf(flags)])
  return answer.kind === 'found' ? { kind: 'found', value: answer.value.filter((one) => isCluster(one)) } : answer
}

/** @returns undefined for a cluster that has not joined */
export const findCluster = (
  call: CallKubectl,
  name: string,
  flags: ClusterFlags,
): ClusterAnswer<OIDCCluster | undefined> =>
  undefinedWhenAbsent(get(call, [clusterKind, name, ...flagsOf(flags)], isCluster))

/** @returns undefined for a namespace that is not there */
export const findNamespace = (
  call: CallKubectl,
  name: string,
  flags: ClusterFlags,
): ClusterAnswer<JsonRecord | undefined> =>
  undefinedWhenAbsent(readObject(call, ['namespaces', name, ...flagsOf(flags)]))

const undefinedWhenAbsent = <Value>(answer: ClusterAnswer<Value>): ClusterAnswer<Value | undefined> =>
  answer.kind === 'absent' ? { kind: 'found', value: undefined } : answer

export function readPolicies(call: CallKubectl, flags: ClusterFlags): ClusterAnswer<readonly OIDCPolicy[]> {
  const answer = readObjects(call, ['oidcpolicies.auth.nauthera.io', ...flagsOf(flags)])
  return answer.kind === 'found' ? { kind: 'found', value: answer.value.filter((one) => isPolicy(one)) } : answer
}

/** @param args of `kubectl get`
 *  @returns the objects of a list */
export function readObjects(call: CallKubectl, args: readonly string[]): ClusterAnswer<readonly JsonRecord[]> {
  const answer = get(call, args, isList)
  return answer.kind === 'found' ? { kind: 'found', value: answer.value.items.filter(isJsonRecord) } : answer
}

/** @param args of `kubectl get` */
export const readObject = (call: CallKubectl, args: readonly string[]): ClusterAnswer<JsonRecord> =>
  get(call, args, isJsonRecord)

/** @returns the values of a Secret by key */
export function readSecret(
  call: CallKubectl,
  name: string,
  flags: ClusterFlags,
): ClusterAnswer<Readonly<Record<string, string>>> {
  const answer = readObject(call, ['secret', name, ...flagsOf(flags)])
  if (answer.kind !== 'found') return answer
  const data = fieldsOf(answer.value['data'])
  const decode = (value: unknown): string => Buffer.from(String(value), 'base64').toString()
  return { kind: 'found', value: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, decode(value)])) }
}

function get<Value>(
  call: CallKubectl,
  args: readonly string[],
  isWanted: (value: unknown) => value is Value,
): ClusterAnswer<Value> {
  const answer = requestKubectl(call, ['get', ...args, '--output', 'json'])
  if (answer.kind !== 'found') return answer
  const value = parseJsonRecord(answer.value)
  if (!isWanted(value)) return { kind: 'failed', message: `kubectl get ${args.join(' ')} gave no such object` }
  return { kind: 'found', value }
}

/** @returns what kubectl printed */
export function requestKubectl(call: CallKubectl, args: readonly string[], input?: string): ClusterAnswer<string> {
  const { code, stdout, stderr } = call(args, input)
  if (code === undefined)
    return { kind: 'failed', message: 'kubectl cannot be started: install it, and put it into your PATH' }
  if (code !== 0) return { kind: kindOf(stderr), message: withoutLog(stderr) }
  return { kind: 'found', value: stdout }
}

/** kubectl repeats its own log before it says what is wrong. */
const withoutLog = (stderr: string): string =>
  stderr
    .split('\n')
    .filter((line) => !/^[EWI]\d{4} /.test(line))
    .join('\n')
    .trim()

function kindOf(stderr: string): ClusterFault['kind'] {
  if (stderr.includes('(NotFound)')) return 'absent'
  return stderr.includes('(Forbidden)') ? 'forbidden' : 'failed'
}

/** The API server has checked the rest against the schema. */
const isClient = (value: unknown): value is OIDCClient => isOurs(value, 'OIDCClient')
const isCluster = (value: unknown): value is OIDCCluster => isOurs(value, 'OIDCCluster')
const isPolicy = (value: unknown): value is OIDCPolicy => isOurs(value, 'OIDCPolicy')
const isOurs = (value: unknown, kind: string): boolean =>
  isJsonRecord(value) && value['kind'] === kind && isJsonRecord(value['metadata']) && isJsonRecord(value['spec'])

const isList = (value: unknown): value is { readonly items: readonly unknown[] } =>
  isJsonRecord(value) && Array.isArray(value['items'])
