import { readFileSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { labels } from '@nauthera/proto/names'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { parseCredentials } from '@nauthera/local/product/token'
import type { MachineCredentials } from '@nauthera/local/product/token'

/** What applications know of their Secrets: one that watches the API has each as it is published, one that mounts it as the
 *  kubelet has it. */
export interface ClientSecrets {
  /** @throws Error while there is none */
  current(client: string): MachineCredentials
  /** What the Secret held before, for as long as it must still be good. */
  previous(client: string): MachineCredentials | undefined
  clients(): string[]
}

/** An overlap lasts at least a minute; no request begins in its last seconds. */
const previousIsGoodMs = 45_000
const account = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Watches the Secrets of a namespace for as long as the process lives. */
export function watchSecrets(namespace: string): ClientSecrets {
  const held = new Map<string, { now: MachineCredentials; before?: MachineCredentials; changedAt: number }>()
  const take = (secret: Json) => {
    // a client without a secret has nothing that this could show
    if (secret.data?.['client_secret'] === undefined) return
    const name = secret.metadata.labels[labels.client] as string
    const now = parseCredentials(secret.data)
    const known = held.get(name)
    if (known?.now.clientSecret === now.clientSecret) return
    held.set(name, { now, ...(known ? { before: known.now } : {}), changedAt: Date.now() })
  }
  const follow = async () => {
    for (;;) {
      try {
        const watch = await ownClient().watch(`/api/v1/namespaces/${namespace}/secrets`, {
          labelSelector: labels.client,
          timeoutSeconds: 300,
        })
        for (let event = await watch.next(310_000); event !== undefined; event = await watch.next(310_000)) {
          if (event.type === 'ADDED' || event.type === 'MODIFIED') take(event.object)
        }
      } catch (error) {
        process.stderr.write(`watch of the Secrets: ${String(error)}\n`)
        await pause(500)
      }
    }
  }
  void follow()
  return {
    current: (client) => {
      const found = held.get(client)
      if (!found) throw new Error(`there is no Secret of ${client} yet`)
      return found.now
    },
    previous: (client) => {
      const found = held.get(client)
      return found?.before && Date.now() - found.changedAt < previousIsGoodMs ? found.before : undefined
    },
    clients: () => [...held.keys()],
  }
}

/** @param directory where the Secret is mounted
 *  @throws Error of the file system when it is not there */
export async function readMounted(directory: string): Promise<MachineCredentials> {
  // one pinned link: a swap in between must not mix two secrets
  const link = await readlink(join(directory, '..data'))
  const read = (key: string) => readFile(join(directory, link, key), 'utf8')
  try {
    const [clientId, clientSecret, tokenEndpoint] = await Promise.all([
      read('client_id'),
      read('client_secret'),
      read('token_endpoint'),
    ])
    return { clientId, clientSecret, tokenEndpoint }
  } catch (error) {
    // the kubelet removes what a link led to as soon as it has another
    if ((await readlink(join(directory, '..data'))) !== link) return readMounted(directory)
    throw error
  }
}

/** With the rights of the pod's service account. */
function ownClient(): KubeClient {
  const read = (file: string) => readFileSync(join(account, file), 'utf8')
  const server = `https://${process.env['KUBERNETES_SERVICE_HOST']}:${process.env['KUBERNETES_SERVICE_PORT']}`
  return createKubeClient(
    JSON.stringify({
      clusters: [{ cluster: { server, 'certificate-authority-data': Buffer.from(read('ca.crt')).toString('base64') } }],
      users: [{ user: { token: read('token') } }],
    }),
  )
}
