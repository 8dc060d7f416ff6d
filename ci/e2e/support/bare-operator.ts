// The real operator of this checkout as a process beside a real API server: the rights of its roles, and no server replicas.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { startProcess } from '@nauthera/local/processes/process'
import { writeSettings } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import type { RealApi } from '../real-api.ts'
import { root } from './kubernetes.ts'

/** What the Secrets of such an operator name. */
export const bareIssuer = 'https://login.example.com'
/** The release of such an operator. */
export const bareRelease = 'nauthera'

/** It writes no application's Secret for a minute, until it is clear that there is no replica to wait for.
 *  @param about.namespace of its own Secrets and its Lease
 *  @param about.namespaces all that it watches; the whole cluster by default
 *  @returns when it has started */
export async function startBareOperator(
  api: RealApi,
  { namespace, namespaces, serverName }: { namespace: string; namespaces?: readonly string[]; serverName?: string },
): Promise<RunningProcess> {
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const directory = mkdtempSync(join(root, '.nauthera/e2e-operator-'))
  reapDirectory(directory)
  const kubeconfig = join(directory, 'kubeconfig')
  const watch = namespaces ? ({ mode: 'namespaces', namespaces } as const) : ({ mode: 'cluster' } as const)
  const rules = operatorRules({ ...watch, release: bareRelease, namespace, nudge: false })
  writeFileSync(kubeconfig, await api.addUser(rules, namespace), { mode: 0o600 })
  const settings = writeSettings(join(directory, 'operator.yaml'), {
    issuer: bareIssuer,
    release: bareRelease,
    namespace,
    identity: 'operator-0',
    ...(serverName === undefined ? {} : { serverName }),
    watch,
    management: { host: '127.0.0.1', port: 0 },
    log: { format: 'pretty' },
  })
  const operator = startProcess({
    name: 'operator',
    script: 'operator/src/main.ts',
    args: ['--settings', settings],
    env: { KUBECONFIG: kubeconfig },
  })
  await operator.line(/^INF started/, { timeoutMs: 30_000 })
  return operator
}
