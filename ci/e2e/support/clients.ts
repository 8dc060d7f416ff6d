import { annotations } from '@nauthera/proto/names'
import type { Json } from '@nauthera/stand-in/kube-client'
import { parseCredentials } from '@nauthera/local/product/token'
import type { MachineCredentials } from '@nauthera/local/product/token'
import { isReady } from '@nauthera/local/product/wait-for'
import { admin, applyObjects, get, whenObject } from './kubernetes.ts'

export const clientObject = (namespace: string, name: string, spec: object): object => ({
  apiVersion: 'auth.nauthera.io/v1alpha1',
  kind: 'OIDCClient',
  metadata: { namespace, name },
  spec,
})

export const clientsIn = (namespace: string): string =>
  `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients`

/** Resolves when it is Ready in the generation that is there. */
export const whenClientReady = (namespace: string, name: string, timeoutMs = 30_000): Promise<Json> =>
  whenObject(clientsIn(namespace), name, isReady, timeoutMs)

/** Longer than the kubelet takes to look at the Secrets of a pod by itself, as it does after a restart of the API server has cut its watches. */
const patienceMs = 150_000

/** Applies and waits until every replica has it. */
export async function applyClients(namespace: string, specs: Readonly<Record<string, object>>, timeoutMs = patienceMs) {
  await applyObjects(Object.entries(specs).map(([name, spec]) => clientObject(namespace, name, spec)))
  await Promise.all(Object.keys(specs).map((name) => whenClientReady(namespace, name, timeoutMs)))
}

/** Writes one client and measures how long it takes until it is Ready again.
 *  @param change a patch of an existing one, or its spec when it is new
 *  @returns milliseconds */
export async function measureReady(
  namespace: string,
  name: string,
  change: object,
  timeoutMs: number,
): Promise<number> {
  const began = performance.now()
  const { status, body } = await admin().call('PATCH', `${clientsIn(namespace)}/${name}`, {
    query: { fieldManager: 'e2e', force: true },
    body: clientObject(namespace, name, change),
    contentType: 'application/apply-patch+yaml',
  })
  if (status >= 300) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`)
  const { generation } = body.metadata
  await whenObject(
    clientsIn(namespace),
    name,
    (object) => isReady(object) && object.status.observedGeneration >= generation,
    timeoutMs,
  )
  return performance.now() - began
}

const readSecret = (namespace: string, name: string): Promise<Json> =>
  get(`/api/v1/namespaces/${namespace}/secrets/${name}-oidc`)

export const credentialsOf = async (namespace: string, name: string): Promise<MachineCredentials> =>
  parseCredentials((await readSecret(namespace, name)).data)

/** Asks for a rotation as a person does, and waits until the application's Secret has it.
 *  @returns ids of the secret before and after */
export async function rotate(
  namespace: string,
  name: string,
  timeoutMs = 90_000,
): Promise<{ from: string; to: string }> {
  const idOf = (secret: Json): string => secret?.metadata.annotations?.[annotations.secretId]
  const from = idOf(await readSecret(namespace, name))
  const { status, body } = await admin().call('PATCH', `${clientsIn(namespace)}/${name}`, {
    body: { metadata: { annotations: { [annotations.rotate]: new Date().toISOString() } } },
    contentType: 'application/merge-patch+json',
  })
  if (status >= 300) throw new Error(`${name}: ${status} ${JSON.stringify(body)}`)
  const secret = await whenObject(
    `/api/v1/namespaces/${namespace}/secrets`,
    `${name}-oidc`,
    (object) => ![undefined, from].includes(idOf(object)),
    timeoutMs,
  )
  return { from, to: idOf(secret) }
}

/** Resolves when this secret alone is accepted: the next rotation waits for nothing.
 *  @param id of the published one */
export const whenPreviousRetired = (namespace: string, name: string, id: string, timeoutMs: number): Promise<Json> =>
  whenObject(
    clientsIn(namespace),
    name,
    (object) => object?.status?.secret?.activeId === id && (object.status.secret.previous ?? []).length === 0,
    timeoutMs,
  )
