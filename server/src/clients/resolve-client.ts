// Resolves an entry to the served version: desired, else live, else accepted, else none. Secrets, access, followed redirect URIs and
// restraint always come from the entry.
import { isDeepStrictEqual } from 'node:util'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import { parseVersion } from '@nauthera/proto/client-version'
import type { ClientConfig, ClientVersion, ShardEntry } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { knownEnded } from '@nauthera/proto/ended-secrets'
import { lastingUid } from '@nauthera/proto/shard-entry'
import { asError } from '@nauthera/runtime/coded-error'
import { showsSecret } from '@nauthera/rules/client-authentication'
import type { ClientFault } from '@nauthera/rules/client-fault'
import { sizeFaults } from '@nauthera/rules/version-size'
import type { CheckClient, ClientIdentity } from './check-client.ts'
import { namesOf } from './client-index.ts'
import {
  accountsSinceOf,
  createRegisteredClient,
  documentsOf,
  grantedOf,
  knownOf,
  redirectsOf,
  restraintOf,
} from './registered-client.ts'
import type { KnownOfVersion, RegisteredClient } from './registered-client.ts'
import type { Rejection } from './registry.ts'
import { applyVerifiers, endedIds } from './verifiers.ts'
import type { Clocks, LiveVerifier } from './verifiers.ts'

/** The result of an entry. */
export interface Resolution {
  readonly client: RegisteredClient | undefined
  /** The version to serve until `client` has its names; undefined for none. */
  readonly before: RegisteredClient | undefined
  readonly rejection: Rejection | undefined
}

type Version = Pick<ClientVersion, 'generation' | 'config'>
type Loaded =
  | { readonly kind: 'accepted'; readonly version: ServedVersion }
  | { readonly kind: 'rejected'; readonly faults: readonly ClientFault[] }
type ServedVersion = Pick<RegisteredClient, 'version'> & KnownOfVersion

/** @param served the served version of the same object, perhaps under another client id */
export async function resolveClient(
  entry: ShardEntry,
  served: RegisteredClient | undefined,
  about: { readonly shard: number; readonly checkClient: CheckClient; readonly clocks: Clocks },
): Promise<Resolution> {
  const { clientId, namespace, name, desired, accepted } = entry
  // under another id it inherits nothing
  const live = served?.clientId === clientId ? served : undefined
  const around = aroundVersions(entry, served, about)
  const { uid } = around
  const hasSecret = around.verifiers.length > 0
  const serve = (version: ServedVersion | undefined, id = clientId): RegisteredClient | undefined => {
    if (version === undefined) return undefined
    if (version === served && served.clientId === id && isAround(served, around)) return served
    const ended = endedIds(served, around.verifiers, knownEnded(entry.ended, about.clocks.wall()))
    return createRegisteredClient({ ...around, ...servedOf(version), clientId: id, ended })
  }
  const load = async (version: Version, faults: readonly ClientFault[] = []): Promise<Loaded> => {
    const isLive = live?.version.config === version.config && live.verifiers.length > 0 === hasSecret
    if (isLive && live.version.generation === version.generation) return { kind: 'accepted', version: live }
    if (isLive) return { kind: 'accepted', version: { ...servedOf(live), version } }
    if (faults.length > 0) return { kind: 'rejected', faults }
    return checkVersion(version, { clientId, uid, namespace, name, hasSecret }, about.checkClient)
  }
  const loadAccepted = async (): Promise<ServedVersion | undefined> => {
    const outcome = accepted && (await load(accepted))
    return outcome?.kind === 'accepted' ? outcome.version : undefined
  }

  /** The version to serve in place of a rejected one. */
  const before = entry.restraint?.exclusive ? undefined : live
  const resolved = async (version: ServedVersion | undefined, rejection?: Rejection): Promise<Resolution> => {
    const client = serve(version)
    return { client, before: client && (await beforeNames(client)), rejection }
  }
  /** The version to serve while the client waits for a name. */
  const beforeNames = async (client: RegisteredClient): Promise<RegisteredClient | undefined> => {
    if (entry.restraint?.exclusive) return undefined
    if (served === undefined)
      return client.version.config === accepted?.config ? undefined : serve(await loadAccepted())
    const had = namesOf(served)
    return namesOf(client).every((name) => had.includes(name)) ? undefined : serve(served, served.clientId)
  }

  if (desired === undefined) {
    // without any version the client ends; a rejected version ends nothing
    const version = accepted && ((await loadAccepted()) ?? before)
    return resolved(version)
  }
  // not checked for `accepted`: a version that was served stays, however large
  const outcome = await load(desired, sizeFaults(desired))
  if (outcome.kind === 'accepted') return resolved(outcome.version)
  const rejection = rejectionOf(entry, about.shard, desired.generation, outcome.faults)
  return resolved(before ?? (await loadAccepted()), rejection)
}

/** What an entry says of its client, whichever version is served. */
function aroundVersions(
  entry: ShardEntry,
  served: RegisteredClient | undefined,
  { shard, clocks }: { readonly shard: number; readonly clocks: Clocks },
) {
  return {
    uid: lastingUid(entry),
    namespace: entry.namespace,
    name: entry.name,
    createdAt: entry.createdAt ? timestampMs(entry.createdAt) : 0,
    shard,
    verifiers: verifiersFor(entry, served, clocks),
    granted: grantedOf(entry.granted),
    documents: documentsOf(entry.granted),
    redirects: redirectsOf(entry.granted),
    restraint: restraintOf(entry.restraint),
    accountsSince: accountsSinceOf(entry),
  }
}

/** @returns whether an entry says the same of its client as before */
const isAround = (served: RegisteredClient, around: ReturnType<typeof aroundVersions>): boolean =>
  served.createdAt === around.createdAt &&
  sameObjects(served.verifiers, around.verifiers) &&
  isDeepStrictEqual(
    [served.granted, served.documents, served.redirects, served.restraint, served.accountsSince],
    [around.granted, around.documents, around.redirects, around.restraint, around.accountsSince],
  )

/** The verifiers of a client. An entry without verifiers, of a client with a secret, means that the operator lost the shard and cannot
 *  read the Secret: then live verifiers stay until they expire. */
function verifiersFor(entry: ShardEntry, live: RegisteredClient | undefined, clocks: Clocks): readonly LiveVerifier[] {
  if (entry.verifiers.length > 0 || live === undefined || live.verifiers.length === 0 || !usesSecret(entry, live)) {
    return applyVerifiers(entry.verifiers, live?.verifiers ?? [], clocks)
  }
  return live.verifiers.filter(({ deadline }) => clocks.monotonic() < deadline)
}

function usesSecret({ desired, accepted }: ShardEntry, live: RegisteredClient): boolean {
  const read = readVersion(desired ?? accepted ?? live.version)
  const config = read instanceof Error ? live.config : read
  return showsSecret(config.tokenEndpointAuthMethod)
}

const servedOf = ({ version, api, accounts, detailTypes, sector, origins }: ServedVersion): ServedVersion => ({
  version: { generation: version.generation, config: version.config },
  api,
  accounts,
  detailTypes,
  sector,
  origins,
})

async function checkVersion(version: Version, identity: ClientIdentity, checkClient: CheckClient): Promise<Loaded> {
  const rejected = (message: string): Loaded => ({ kind: 'rejected', faults: [faultOfAll(message)] })
  const config = readVersion(version)
  if (config instanceof Error) return rejected(`cannot be read: ${config.message}`)
  try {
    const faults = await checkClient(config, identity)
    if (faults.length > 0) return { kind: 'rejected', faults }
    return { kind: 'accepted', version: { version, ...knownOf(config, identity.namespace) } }
  } catch (error) {
    // the protocol library also throws TypeErrors
    return rejected(error instanceof Error ? error.message : 'cannot be served as it is')
  }
}

function readVersion(version: Version): ClientConfig | Error {
  try {
    return parseVersion(version)
  } catch (error) {
    return asError(error)
  }
}

const faultOfAll = (message: string): ClientFault => ({ field: 'spec', code: 'CLIENT_METADATA_INVALID', message })

const sameObjects = (some: readonly LiveVerifier[], others: readonly LiveVerifier[]): boolean =>
  some.length === others.length && some.every((verifier, index) => verifier === others[index])

function rejectionOf(
  { namespace, name, clientId }: ShardEntry,
  shard: number,
  generation: bigint,
  faults: readonly ClientFault[],
): Rejection {
  const first = faults[0] ?? faultOfAll('cannot be served as it is')
  const message =
    faults.length > 1 ? faults.map((fault) => `${fault.field}: ${fault.message}`).join('; ') : first.message
  return { namespace, name, clientId, shard, field: first.field, code: first.code, message, generation }
}
