import { annotations } from '@nauthera/proto/names'
import type { Json, KubeClient } from '@nauthera/stand-in/kube-client'
import { parseCredentials, requestToken } from './token.ts'

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
}

const rotationTimeoutMs = 60_000
/** How long the load goes on after the switch. */
const afterwardsMs = 500

/** Triggers a rotation as a person does, by annotation, while every replica gets token requests with what the
 *  Secret holds at that moment.
 *  @throws Error at once when the client cannot show a rotation now, or when the Secret does not change within 60 s */
export async function rotateUnderLoad(options: {
  api: KubeClient
  namespace: string
  name: string
  ports: readonly number[]
}): Promise<RotationReport> {
  const { api, namespace, name, ports } = options
  const clientPath = `/apis/auth.nauthera.io/v1alpha1/namespaces/${namespace}/oidcclients/${name}`
  const found = await api.call('GET', clientPath)
  if (found.status !== 200) throw new Error(`OIDCClient ${namespace}/${name}: ${found.body.message}`)
  const obstacle = findObstacle(found.body)
  if (obstacle !== undefined) throw new Error(`${namespace}/${name} ${obstacle}`)
  const secretPath = `/api/v1/namespaces/${namespace}/secrets/${found.body.status?.secret?.name ?? `${name}-oidc`}`
  const readSecret = async (): Promise<Json> => {
    const { status, body } = await api.call('GET', secretPath)
    if (status !== 200) throw new Error(`its Secret: ${body.message}`)
    return body
  }
  const idOf = (secret: Json): string => secret.metadata.annotations?.[annotations.secretId] ?? ''

  const before = await readSecret()
  const load = startLoad(ports, async () => parseCredentials((await readSecret()).data))
  try {
    await load.warm
    const watch = await api.watch(secretPath.slice(0, secretPath.lastIndexOf('/')), {
      fieldSelector: `metadata.name=${before.metadata.name}`,
      resourceVersion: before.metadata.resourceVersion,
      timeoutSeconds: 120,
    })
    const started = performance.now()
    const trigger = { metadata: { annotations: { [annotations.rotate]: new Date().toISOString() } } }
    await api.call('PATCH', clientPath, { body: trigger, contentType: 'application/merge-patch+json' })
    let after = before
    while (idOf(after) === idOf(before)) {
      const event = await watch.next(rotationTimeoutMs)
      if (event === undefined) throw new Error('the watch of the Secret ended')
      if (event.type === 'ADDED' || event.type === 'MODIFIED') after = event.object
    }
    const tookMs = Math.round(performance.now() - started)
    watch.close()
    const old = parseCredentials(before.data)
    const accepted = await Promise.all(ports.map((port) => requestToken(port, old)))
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
    }
  } finally {
    await load.stop()
  }
}

/** @returns why this client cannot show a rotation now, and what to do; undefined when it can */
function findObstacle({ status = {} }: Json): string | undefined {
  const { effective = {}, secret = {} } = status as { effective?: Json; secret?: Json }
  if (!String(effective.authMethod).startsWith('client_secret_'))
    return 'has no secret to rotate; choose another client'
  if (!effective.grantTypes?.includes('client_credentials')) {
    return 'cannot get tokens by client_credentials, which this command uses to show the rotation; choose a client of type M2M, or set its annotation'
  }
  const [previous] = (secret.previous ?? []) as { id: string; expiresAt: string }[]
  return (
    previous &&
    `was rotated before, and its old secret ${previous.id} is accepted until ${previous.expiresAt}; the next rotation waits for that (spec.rotation.revokePrevious ends it now)`
  )
}

/** Two clients a replica, each with one request at a time. */
function startLoad(
  ports: readonly number[],
  readCredentials: () => Promise<Parameters<typeof requestToken>[1]>,
): { warm: Promise<void>; stop(): Promise<{ requests: number; failures: string[] }> } {
  let requests = 0
  let running = true
  const failures: string[] = []
  const warm = Promise.withResolvers<void>()
  const loop = async (port: number) => {
    while (running) {
      try {
        const answer = await requestToken(port, await readCredentials())
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
