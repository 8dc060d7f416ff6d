// Where the API is and with which credentials, as kubectl finds them.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { RequestOptions } from 'node:https'
// Deep imports on purpose: the package's index loads every generated API (+80 MB); these three files cost 8 MB.
import { newClusters, newContexts, newUsers } from '@kubernetes/client-node/dist/config_types.js'
import type { Cluster, User } from '@kubernetes/client-node/dist/config_types.js'
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js'
import { CodedError } from '@nauthera/runtime/coded-error'
import { loadSettings, z } from '@nauthera/runtime/settings'
import type { Clock } from '../time/clock.ts'

/** The address of the API, and our credentials. */
export interface KubeCredentials {
  readonly server: URL
  /** Headers and TLS values for the next request; files are read again at most once a minute, tokens expire. */
  current(): Promise<{ headers: Record<string, string>; tls: TlsValues }>
  /** The namespace of the service account; undefined outside a pod. */
  readonly namespace: string | undefined
}

export type TlsValues = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'
const rereadMs = 60_000

/** Finds the API as kubectl does: the file that KUBECONFIG names, else the pod's service account.
 *  @throws CodedError KUBERNETES_CONFIG_INVALID */
export function loadCredentials(
  environment: Readonly<Record<string, string | undefined>>,
  clock: Clock,
): KubeCredentials {
  const file = environment['KUBECONFIG']
  if (file) return fromKubeconfig(file, clock)
  const host = environment['KUBERNETES_SERVICE_HOST']
  if (host) return fromServiceAccount(host, environment['KUBERNETES_SERVICE_PORT'] ?? '443', clock)
  throw invalid('set KUBECONFIG, or run in a pod with a service account token')
}

function fromServiceAccount(host: string, port: string, clock: Clock): KubeCredentials {
  const read = createFileReader(clock)
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    namespace: read(`${serviceAccount}/namespace`).toString().trim(),
    current: async () => ({
      headers: { authorization: `Bearer ${read(`${serviceAccount}/token`).toString().trim()}` },
      tls: { ca: read(`${serviceAccount}/ca.crt`) },
    }),
  }
}

const kubeconfigSchema = z.looseObject({
  clusters: z.array(z.unknown()),
  users: z.array(z.unknown()).default([]),
  contexts: z.array(z.unknown()),
  'current-context': z.string(),
})

function fromKubeconfig(file: string, clock: Clock): KubeCredentials {
  const { cluster, user } = readContext(file)
  const read = createFileReader(clock)
  const exec = new ExecAuth()
  const bytes = (data: string | undefined, path: string | undefined): Buffer | undefined =>
    data ? Buffer.from(data, 'base64') : path ? read(resolve(dirname(file), path)) : undefined

  return {
    server: new URL(cluster.server),
    namespace: undefined,
    current: async () => {
      const headers: Record<string, string> = {}
      const ca = bytes(cluster.caData, cluster.caFile)
      const cert = bytes(user?.certData, user?.certFile)
      const key = bytes(user?.keyData, user?.keyFile)
      const tls: TlsValues = {
        ...(ca ? { ca } : {}),
        ...(cert ? { cert } : {}),
        ...(key ? { key } : {}),
        ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
        ...(cluster.skipTLSVerify ? { rejectUnauthorized: false } : {}),
      }
      if (user?.token) headers['authorization'] = `Bearer ${user.token}`
      const tokenFile = user?.authProvider?.config?.tokenFile
      if (tokenFile)
        headers['authorization'] = `Bearer ${read(resolve(dirname(file), tokenFile))
          .toString()
          .trim()}`
      if (user?.username) {
        headers['authorization'] = `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}`
      }
      if (user && exec.isAuthProvider(user)) {
        const answer: RequestOptions & { headers: Record<string, string> } = { headers: {} }
        await exec.applyAuthentication(user, answer)
        if (answer.headers['Authorization']) headers['authorization'] = answer.headers['Authorization']
        if (answer.cert) tls.cert = answer.cert
        if (answer.key) tls.key = answer.key
      }
      return { headers, tls }
    },
  }
}

function readContext(file: string): { cluster: Cluster; user: User | undefined } {
  try {
    const raw = loadSettings(kubeconfigSchema, { file })
    const context = newContexts([...raw.contexts]).find((entry) => entry.name === raw['current-context'])
    const cluster = newClusters([...raw.clusters]).find((entry) => entry.name === context?.cluster)
    if (!context || !cluster) throw invalid(`${file}: current-context names no context with a cluster`)
    return { cluster, user: newUsers([...raw.users]).find((entry) => entry.name === context.user) }
  } catch (cause) {
    if (cause instanceof CodedError && cause.code === 'KUBERNETES_CONFIG_INVALID') throw cause
    throw new CodedError('KUBERNETES_CONFIG_INVALID', {
      cause,
      faults: [{ path: 'KUBECONFIG', message: `${file} is not a kubeconfig that can be used` }],
    })
  }
}

/** Reads files again once a minute; while one cannot be read, its last content counts. */
function createFileReader(clock: Clock): (path: string) => Buffer {
  const seen = new Map<string, { at: number; bytes: Buffer }>()
  return (path) => {
    const last = seen.get(path)
    if (last && clock.monotonic() - last.at < rereadMs) return last.bytes
    try {
      const bytes = readFileSync(path)
      seen.set(path, { at: clock.monotonic(), bytes })
      return bytes
    } catch (cause) {
      if (last) return last.bytes
      throw new CodedError('KUBERNETES_CONFIG_INVALID', {
        cause,
        faults: [{ path, message: 'cannot be read; mount it or correct the kubeconfig' }],
      })
    }
  }
}

const invalid = (message: string) =>
  new CodedError('KUBERNETES_CONFIG_INVALID', { faults: [{ path: 'KUBECONFIG', message }] })
