// One installation that all files of the run share: the profile that charts/nauthera/ci/ha-sentinel.yaml describes, with
// certificates of the run's own authority and NetworkPolicies on.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { whenLoaded } from '../later.ts'
import { applyClients } from './clients.ts'
import { startDriver } from './driver.ts'
import type { Driver } from './driver.ts'
import { applyObjects, root } from './kubernetes.ts'
import {
  authority,
  deleteDefinitions,
  deleteNamespaces,
  describeRelease,
  e2eImage,
  imagePrefix,
  restrictedNamespace,
  startPostgres,
  tlsSecret,
} from './release.ts'
import type { Release } from './release.ts'
import { person } from '../../faults/support/load/visits.ts'

export interface InstalledProduct {
  readonly release: Release
  /** Where the applications are. */
  readonly team: string
  /** How long the first `helm upgrade --install --wait` took. */
  readonly installMs: number
  readonly installNotes: string
}

/** Databases in the one PostgreSQL of the run: for this release and for the second one. */
export const databases = { first: 'nauthera', second: 'second' } as const

export const version = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version

const id = randomBytes(3).toString('hex')
const runLabel = 'nauthera-e2e'
/** Of the servers of this run: what drains a node by it takes no pod of anybody else. */
export const serverSelector = `app.kubernetes.io/component=server,${runLabel}=${id}`
export const namespaces = {
  auth: `auth-${id}`,
  team: `team-${id}`,
  second: `second-${id}`,
  people: `people-${id}`,
} as const

let installed: Promise<InstalledProduct> | undefined
let driving: Promise<Driver> | undefined

/** Installs when nobody has yet. */
export const useProduct = (): Promise<InstalledProduct> => (installed ??= install())

/** The applications, with the clients that their load uses. */
export const useDriver = (): Promise<Driver> => (driving ??= drive())

async function install(): Promise<InstalledProduct> {
  const { auth, team } = namespaces
  await applyObjects([...restrictedNamespace(auth), ...restrictedNamespace(team)])
  await Promise.all([
    whenLoaded('valkey'),
    startPostgres(auth, Object.values(databases)),
    applyObjects([
      await tlsSecret(auth, 'server-tls', [`nauthera-server.${auth}.svc`]),
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'valkey', namespace: auth }, stringData: { password: id } },
    ]),
  ])
  const release = describeRelease({
    name: 'nauthera',
    namespace: auth,
    postgresNamespace: auth,
    database: databases.first,
    tag: version,
    values: {
      // the audiences of the clients below are of no object
      operator: { policy: { allow: { audiences: ['https://*'] } } },
      server: { podLabels: { [runLabel]: id } },
      cache: { mode: 'valkey' },
      valkey: {
        auth: { name: 'valkey' },
        image: { registry: imagePrefix, repository: 'nauthera-e2e/valkey', tag: '8.1' },
      },
      networkPolicy: { enabled: true },
    },
  })
  const began = performance.now()
  const installNotes = await release.upgrade()
  return { release, team, installMs: performance.now() - began, installNotes }
}

/** The person, the client for sign-ins, and the one that a pod mounts. */
async function drive(): Promise<Driver> {
  const { release, team } = await useProduct()
  await release.addPerson(person)
  await applyClients(team, { ...loadClients, mounted: machine })
  return startDriver({
    namespace: team,
    issuer: release.issuer,
    caCertificate: (await authority).cert,
    image: e2eImage('driver:1'),
  })
}

export const machine = { type: 'M2M', audiences: ['https://reports.example.com'] }
const web = {
  type: 'Web',
  redirectURIs: ['https://app.example.com/callback'],
  scopes: ['openid', 'profile', 'email', 'offline_access'],
}
/** What the mixed load of ci/faults uses. */
export const loadClients = { web, machine }

/** Ends everything that was made. */
export async function removeProduct(): Promise<void> {
  if (!installed) return
  const product = await installed.catch(() => undefined)
  await product?.release.uninstall()
  await deleteNamespaces(...Object.values(namespaces))
  await deleteDefinitions(namespaces.auth)
}
