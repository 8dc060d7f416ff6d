import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { operatorRules } from '@nauthera/stand-in/operator-rules'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { freePort } from '@nauthera/local/processes/ports'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'

export interface OperatorProcess extends RunningProcess {
  readonly identity: string
  /** The value of a metric without labels. */
  metric(name: string): Promise<number>
  end(): Promise<void>
}

interface StartedWith {
  readonly redirectURIsFrom?: boolean
  /** What the heap of the process may have; default: what Node takes. */
  readonly heapMiB?: number
}

/** Starts the operator as a process of its own against the stand-in API, with the rights of the chart. */
export async function startOperatorProcess(
  cluster: Cluster,
  identity: string,
  { heapMiB, ...more }: StartedWith = {},
): Promise<OperatorProcess> {
  const directory = temporaryDirectory('operator-process')
  const port = await freePort()
  const rules = operatorRules({ mode: 'cluster', release, namespace: releaseNamespace, nudge: true, ...more })
  writeFileSync(join(directory, 'kubeconfig'), cluster.api.addUser(identity, rules, { namespace: releaseNamespace }))
  writeFileSync(
    join(directory, 'operator.yaml'),
    JSON.stringify({
      issuer: 'https://login.example.com',
      release,
      namespace: releaseNamespace,
      identity,
      nudge: true,
      management: { host: '127.0.0.1', port },
      log: { format: 'json', level: 'info' },
      // the audiences of the tests are of no object
      policy: { allow: { audiences: ['https://*', 'urn:*'], customClientId: true, redirectHosts: ['.example.com'] } },
      ...more,
    }),
  )
  const running = startProcess({
    name: identity,
    script: 'operator/src/main.ts',
    args: ['--settings', join(directory, 'operator.yaml')],
    env: {
      KUBECONFIG: join(directory, 'kubeconfig'),
      ...(heapMiB === undefined ? {} : { NODE_OPTIONS: `--max-old-space-size=${heapMiB}` }),
    },
  })
  return Object.assign(running, {
    identity,
    metric: async (name: string) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      const line = text.split('\n').find((one) => one.startsWith(`${name}{`) || one.startsWith(`${name} `))
      return Number(line?.split(' ').at(-1))
    },
    end: async () => {
      await running.stop()
    },
  })
}
