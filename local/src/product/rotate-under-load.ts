import { annotations } from '@nauthera/proto/names'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { parseCredentials, requestToken, revokeNothing } from './token.ts'
import type { MachineCredentials, HttpAnswer } from './token.ts'

export interface RotationReport {
  readonly client: string
  /** Ids (8 hex) of the secret before and after. */
  readonly from: string
  readonly to: string
  /** From the trigger to the Secret with the new value. */
  readonly tookMs: number
  /** RFC 3339; until then the old one is accepted beside the new one. */
  readonly previousUntil: string | undefined
  /** Replicas that accepted the old secret after the new one was published. */
  readonly previousAccepted: number
  readonly requests: number
  readonly failures: readonly string[]
  /** Id of a secret that a rotation before had left valid, and that was ended first. */
  readonly revoked?: string
}

const rotationTimeoutMs = 60_000
/** How long the load goes on after the switch. */
const afterwardsMs = 500

/** Triggers a rotation as a person does, by annotation, while every replica gets requests with what the Secret holds at that moment:
 *  for tokens where the client may get them for itself, else to revoke a token that is none (RFC 7009 2.2: 200 for a client that is
 *  right). A previous secret that is still valid is ended first: the next rotation would wait for its end.
 *  @throws Error at once when the client cannot show a rotation now, or when the Secret does not change within 60 s */
export async function rotateUnderLoad(options: {
  api: KubeClient
  namespace: string
  name: string
  ports: readonly number[]
}): Promise<RotationReport> {
  const { api, namespace, name, ports } = options
  const clients = `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients`
  const client = await read(api, clients, name)
  const obstacle = findObstacle(client.object)
  if (obstacle !== undefined) throw new Error(`${namespace}/${name} ${obstacle}`)
  const ask = findAsk(client.object)
  const revoked = await endPrevious(api, clients, client)
  const secrets = `/api/v1/namespaces/${namespace}/secrets`
  const secretName = client.object.status?.secret?.name ?? `${name}-oidc`
  const idOf = (secret: Json): string => secret.metadata.annotations?.[annotations.secretId] ?? ''

  const { object: before } = await read(api, secrets, secretName)
  const credentialsNow = async () => parseCredentials((await read(api, secrets, secretName)).object.data)
  const load = startLoad(ports, async (port) => ask(port, await credentialsNow()))
  try {
    await load.warm
    const watch = await watchFrom(api, secrets, await read(api, secrets, secretName))
    const started = performance.now()
    const trigger = { metadata: { annotations: { [annotations.rotate]: new Date().toISOString() } } }
    await api.call('PATCH', `${clients}/${name}`, { body: trigger, contentType: 'application/merge-patch+json' })
    let after = before
    while (idOf(after) === idOf(before)) {
      const event = await watch.next(rotationTimeoutMs)
      if (event === undefined) throw new Error('the watch of the Secret ended')
      if (event.type === 'ADDED' || event.type === 'MODIFIED') after = event.object
    }
    const tookMs = Math.round(performance.now() - started)
    watch.close()
    const old = parseCredentials(before.data)
    const accepted = await Promise.all(ports.map((port) => ask(port, old)))
    await new Promise((resolve) => setTimeout(resolve, afterwardsMs))
    const { requests, failures } = await load.stop()
    const verifiers = JSON.parse(after.metadata.annotations?.[annotations.verifiers] ?? '[]') as Json[]
    return {
      client: `${namespace}/${name}`,
      from: idOf(before),
      to: idOf(after),
      tookMs,
      previousUntil: verifiers.find(({ id }) => id === idOf(before))?.notAfter,
      previousAccepted: accepted.filter(({ status }) => status === 200).length,
      requests,
      failures,
      ...(revoked === undefined ? {} : { revoked }),
    }
  } finally {
    await load.stop()
  }
}

/** @returns why this client cannot show a rotation, and what to do; undefined when it can */
function findObstacle({ status = {} }: Json): string | undefined {
  const { authMethod } = (status.effective ?? {}) as { authMethod?: string }
  return String(authMethod).startsWith('client_secret') ? undefined : 'has no secret to rotate; choose another client'
}

type Ask = (port: number, credentials: MachineCredentials) => Promise<HttpAnswer>

/** @returns a request that this client may make and that only its right secret passes */
function findAsk({ status = {} }: Json): Ask {
  const { grantTypes = [] } = (status.effective ?? {}) as { grantTypes?: string[] }
  return grantTypes.includes('client_credentials') ? requestToken : revokeNothing
}

interface Read {
  readonly object: Json
  /** Of the list: a watch from here misses nothing. The object's own version may be too old for a watch, after a restart of the API
   *  for instance. */
  readonly resourceVersion: string
}

/** @throws Error when there is no such object */
async function read(api: KubeClient, collection: string, name: string): Promise<Read> {
  const { status, body } = await api.call('GET', collection, { query: { fieldSelector: `metadata.name=${name}` } })
  if (status !== 200) throw new Error(`${collection}: ${body.message}`)
  const [object] = body.items as Json[]
  if (object === undefined) throw new Error(`${collection.replace(/^.*namespaces\//, '')}/${name} is not there`)
  return { object, resourceVersion: body.metadata.resourceVersion }
}

const watchFrom = (api: KubeClient, collection: string, { object, resourceVersion }: Read) =>
  api.watch(collection, {
    fieldSelector: `metadata.name=${object.metadata.name}`,
    resourceVersion,
    timeoutSeconds: 120,
  })

/** Ends the secret that an earlier rotation left valid.
 *  @returns its id; undefined when there is none */
async function endPrevious(api: KubeClient, collection: string, client: Read): Promise<string | undefined> {
  const previousOf = (object: Json): { id: string } | undefined => object?.status?.secret?.previous?.[0]
  const previous = previousOf(client.object)
  if (previous === undefined) return undefined
  const path = `${collection}/${client.object.metadata.name}`
  const watch = await watchFrom(api, collection, client)
  try {
    const spec = { rotation: { revokePrevious: new Date().toISOString() } }
    const { status, body } = await api.call('PATCH', path, {
      body: { spec },
      contentType: 'application/merge-patch+json',
    })
    if (status !== 200) throw new Error(`its previous secret ${previous.id} cannot be ended: ${body.message}`)
    for (;;) {
      const event = await watch.next(rotationTimeoutMs)
      if (event === undefined) throw new Error('the watch of the client ended')
      if (event.type === 'MODIFIED' && previousOf(event.object) === undefined) return previous.id
    }
  } finally {
    watch.close()
  }
}

/** Two clients a replica, each with one request at a time. */
function startLoad(
  ports: readonly number[],
  ask: (port: number) => Promise<HttpAnswer>,
): { warm: Promise<void>; stop(): Promise<{ requests: number; failures: string[] }> } {
  let requests = 0
  let running = true
  const failures: string[] = []
  const warm = Promise.withResolvers<void>()
  const loop = async (port: number) => {
    while (running) {
      try {
        const answer = await ask(port)
        if (answer.status !== 200) failures.push(`port ${port}: ${answer.status} ${answer.body}`)
      } catch (error) {
        failures.push(`port ${port}: ${String(error)}`)
      }
      if (++requests === ports.length * 4) warm.resolve()
    }
  }
  const loops = Promise.all(ports.flatMap((port) => [loop(port), loop(port)]))
  return {
    warm: warm.promise,
    stop: async () => {
      running = false
      await loops
      return { requests, failures }
    },
  }
}
