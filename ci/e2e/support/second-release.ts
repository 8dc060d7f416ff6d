// A second release in its own namespace, that may see nothing else of the cluster and begins as the build before this one.
import { person } from '../../faults/support/load/visits.ts'
import { whenLoaded } from '../later.ts'
import { previousChart, previousTag } from '../previous.ts'
import { clientObject, whenClientReady } from './clients.ts'
import { applyObjects } from './kubernetes.ts'
import { databases, loadClients, machine, namespaces, useProduct } from './product.ts'
import { authority, databaseSecrets, describeRelease, restrictedNamespace, tlsSecret } from './release.ts'
import type { Release } from './release.ts'

export interface SecondRelease {
  readonly release: Release
  /** Seconds until each of the clients was Ready that were applied together. */
  readonly ready: Promise<readonly number[]>
}

export const serverName = 'second'
/** Applied at once: without the nudge each waits for the kubelet, all together. */
export const inFlight = 10

const slow = Array.from({ length: inFlight }, (_, index) => `slow-${index}`)
const clients: Readonly<Record<string, object>> = {
  ...loadClients,
  ...Object.fromEntries(slow.map((name) => [name, machine])),
}

let begun: Promise<SecondRelease> | undefined

/** Installs when nobody has yet. Its clients become Ready meanwhile. */
export const useSecondRelease = (): Promise<SecondRelease> => (begun ??= begin())

/** Resolves when nothing is being installed or applied. */
export const whenNoneBegins = async (): Promise<void> => void (await begun?.catch(() => undefined))

async function begin(): Promise<SecondRelease> {
  await whenLoaded('previous')
  // the definitions come with the first
  await useProduct()
  const namespace = namespaces.second
  await applyObjects(restrictedNamespace(namespace))
  await applyObjects([
    await tlsSecret(namespace, 'server-tls', [`second-server.${namespace}.svc`]),
    ...databaseSecrets(namespace, (await authority).cert),
  ])
  const release = describeRelease({
    name: 'second',
    namespace,
    postgresNamespace: namespaces.auth,
    database: databases.second,
    tag: previousTag,
    chart: previousChart,
    helm: 'helm3',
    values: {
      operator: {
        serverName,
        watch: { mode: 'release' },
        // as for those who may make nothing in the cluster but what is in their namespace
        admission: { enabled: false },
        policy: { allow: { audiences: ['https://*'] } },
      },
    },
  })
  await release.upgrade()
  await release.addPerson(person)
  const began = performance.now()
  await applyObjects(
    Object.entries(clients).map(([name, spec]) => clientObject(namespace, name, { ...spec, serverName })),
  )
  const ready = whenAllReady(namespace, began)
  // told by the test that looks at it
  ready.catch(() => undefined)
  return { release, ready }
}

async function whenAllReady(namespace: string, began: number): Promise<readonly number[]> {
  const times = await Promise.all(
    Object.keys(clients).map(async (name) => {
      await whenClientReady(namespace, name, 150_000)
      return [name, (performance.now() - began) / 1000] as const
    }),
  )
  return times.filter(([name]) => slow.includes(name)).map(([, seconds]) => seconds)
}
