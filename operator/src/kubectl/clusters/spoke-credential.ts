// How the operator of another cluster gets into this one: a kubeconfig with an address, a CA and a token, and nothing that runs or reads files.
import { parseJsonRecord } from '@nauthera/runtime/json'
import { isLoopback } from '@nauthera/rules/issuer'
import { namespaceOfCluster } from '@nauthera/rules/tenants'
import { stringify } from 'yaml'
import { flagsOf, requestKubectl } from '../cluster.ts'
import type { CallKubectl, ClusterAnswer, ClusterFlags } from '../cluster.ts'

interface HubAddress {
  readonly server: string
  /** PEM in base64; undefined for a certificate that everybody trusts. */
  readonly authority: string | undefined
  readonly serverName: string | undefined
}

const hubSecretName = 'nauthera-hub'

/** @param server instead of the one of the kubeconfig */
export function readHubAddress(
  call: CallKubectl,
  flags: ClusterFlags,
  server: string | undefined,
): ClusterAnswer<HubAddress> {
  const view = ['config', 'view', '--minify', '--flatten', '--raw', '--output', 'jsonpath={.clusters[0].cluster}']
  const answer = requestKubectl(call, [...view, ...flagsOf(flags)])
  if (answer.kind !== 'found') return answer
  const found = parseJsonRecord(answer.value) ?? {}
  const text = (key: string): string | undefined => (typeof found[key] === 'string' ? found[key] : undefined)
  const address = server ?? text('server')
  const url = URL.parse(address ?? '')
  // that of a kubeconfig may be a tunnel of this machine
  const isOfThisMachine = server === undefined && url !== null && isLoopback(url.hostname)
  if (address === undefined || url?.protocol !== 'https:' || isOfThisMachine)
    return failed('say with --server at which https address the other cluster reaches the API server of this one')
  if (found['insecure-skip-tls-verify'] === true)
    return failed('this kubeconfig does not verify the API server: give it the CA (certificate-authority)')
  return {
    kind: 'found',
    value: { server: address, authority: text('certificate-authority-data'), serverName: text('tls-server-name') },
  }
}

const failed = (message: string) => ({ kind: 'failed', message }) as const

/** @returns the Secret for the other cluster */
export function credentialManifest(cluster: string, hub: HubAddress, token: string, namespace: string): object {
  const { server, authority, serverName } = hub
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'hub',
        cluster: {
          server,
          ...(authority === undefined ? {} : { 'certificate-authority-data': authority }),
          ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
        },
      },
    ],
    users: [{ name: 'spoke', user: { token } }],
    contexts: [{ name: 'hub', context: { cluster: 'hub', user: 'spoke', namespace: namespaceOfCluster(cluster) } }],
    'current-context': 'hub',
  }
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: hubSecretName, namespace },
    stringData: { kubeconfig: stringify(kubeconfig, { lineWidth: 0 }) },
  }
}

/** @param issuer of the hub; undefined when that is not known here
 *  @returns what somebody types in the other cluster */
export const helmCommand = (cluster: string, namespace: string, issuer = 'ISSUER'): string =>
  [
    `helm upgrade --install nauthera charts/nauthera -n ${namespace} --wait`,
    `--set issuer=${issuer}`,
    '--set operator.mode=spoke',
    `--set operator.spoke.cluster=${cluster}`,
  ].join(' \\\n  ')
