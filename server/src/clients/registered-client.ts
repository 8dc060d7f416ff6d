// A served client. Its config stays text until it is read: a decoded one takes 4 KB, and few of 10,000 clients are in use.
import { parseVersion } from '@nauthera/proto/client-version'
import type {
  ClientConfig,
  ClientVersion,
  Granted,
  Restraint,
  ShardEntry,
} from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { acrForBoth, groupsInBoth } from '@nauthera/rules/restraint'
import { uriOfApi } from './api-names.ts'
import type { LiveVerifier } from './verifiers.ts'

/** The object stays the same across swaps until the client changes. */
export interface RegisteredClient {
  readonly clientId: string
  /** metadata.uid of the OIDCClient, or its uid before a restore: the key of consents and grants. */
  readonly uid: string
  readonly namespace: string
  readonly name: string
  /** Epoch milliseconds: the older of two claimants gets a free name. */
  readonly createdAt: number
  readonly shard: number
  readonly verifiers: readonly LiveVerifier[]
  /** Ids of ended secrets, the newest last; undefined for most clients. */
  readonly ended: readonly string[] | undefined
  /** The version that is served. */
  readonly version: Readonly<Pick<ClientVersion, 'generation' | 'config'>>
  /** The effective config: `version`, decoded on read, under `restraint`, with APIs by URI (api-names) and `redirects`. The same object
   *  while it is referenced. */
  readonly config: ClientConfig
  /** The restraint, for every version; undefined for most clients. */
  readonly restraint: ClientRestraint | undefined
  /** Its API identifier, as in the OIDCClient. */
  readonly api: string | undefined
  /** Its ServiceAccounts in its own namespace; undefined for most clients. */
  readonly accounts: readonly string[] | undefined
  /** By namespace of its ServiceAccounts: when that was made, epoch seconds; undefined for most clients. */
  readonly accountsSince: ReadonlyMap<string, number> | undefined
  /** Its access to APIs, for every version. */
  readonly granted: readonly GrantedScopes[]
  /** For an API: which clients by metadata document may call it. */
  readonly documents: readonly DocumentScopes[]
  /** Redirect URIs beside those of the version; undefined for most clients. */
  readonly redirects: readonly string[] | undefined
  /** For an API that is not suspended: its types of authorization details; undefined for none. */
  readonly detailTypes: readonly string[] | undefined
  /** `config.sectorIdentifierUri`; undefined for most clients. */
  readonly sector: string | undefined
  /** `config.corsOrigins`; undefined for most clients. */
  readonly origins: readonly string[] | undefined
}

/** See Restraint in config.proto. */
export interface ClientRestraint {
  readonly suspended: boolean
  readonly allowedGroups: readonly string[]
  readonly leastAcr: string
}

/** Hosts of metadata documents, and the scopes of their clients. */
export interface DocumentScopes {
  readonly hosts: readonly string[]
  readonly scopes: readonly string[]
}

/** The access of a client to one API. */
export interface GrantedScopes {
  /** A URI (api-names). */
  readonly identifier: string
  readonly scopes: readonly string[]
  /** Types of authorization details that it may request there; undefined for none. */
  readonly types?: readonly string[]
}

/** @returns its ServiceAccounts in its own namespace */
function accountsOf({ identities }: ClientConfig, namespace: string): RegisteredClient['accounts'] {
  const own = identities.flatMap(({ serviceAccount }) =>
    serviceAccount?.namespace === namespace ? [serviceAccount.name] : [],
  )
  return own.length > 0 ? own : undefined
}

export function grantedOf(granted: Granted | undefined): readonly GrantedScopes[] {
  return (granted?.apis ?? []).map(({ identifier, scopes, authorizationDetailsTypes: types }) => ({
    identifier: uriOfApi(identifier),
    scopes: scopes.slice(),
    ...(types.length > 0 ? { types: types.slice() } : {}),
  }))
}

/** @returns undefined without a restraint */
export function restraintOf(restraint: Restraint | undefined): ClientRestraint | undefined {
  if (!restraint) return undefined
  const { suspended, allowedGroups, leastAcr } = restraint
  if (!suspended && allowedGroups.length === 0 && leastAcr === '') return undefined
  return { suspended, allowedGroups: allowedGroups.slice(), leastAcr }
}

/** @returns undefined for none */
export function accountsSinceOf({
  accountsSince,
}: Pick<ShardEntry, 'accountsSince'>): RegisteredClient['accountsSince'] {
  const times = Object.entries(accountsSince)
  return times.length > 0 ? new Map(times.map(([name, { seconds }]) => [name, Number(seconds)])) : undefined
}

/** Applies the restraint. Everybody reads `config`, so this is the only place. */
function restrain(config: ClientConfig, restraint: ClientRestraint | undefined): ClientConfig {
  if (!restraint) return config
  config.suspended ||= restraint.suspended
  config.allowedGroups = groupsInBoth(config.allowedGroups, restraint.allowedGroups).slice()
  config.requiredAcr = acrForBoth(config.requiredAcr, restraint.leastAcr).slice()
  return config
}

/** @returns undefined for none */
export const redirectsOf = (granted: Granted | undefined): RegisteredClient['redirects'] =>
  granted && granted.redirectUris.length > 0 ? granted.redirectUris.slice() : undefined

function withUris(config: ClientConfig, redirects: RegisteredClient['redirects']): ClientConfig {
  if (redirects) config.redirectUris = [...new Set([...config.redirectUris, ...redirects])]
  config.audiences = config.audiences.map(uriOfApi)
  const { resourceServer } = config
  if (resourceServer) resourceServer.identifier = uriOfApi(resourceServer.identifier)
  return config
}

function detailTypesOf({ resourceServer, suspended }: ClientConfig): RegisteredClient['detailTypes'] {
  const types = suspended ? [] : (resourceServer?.authorizationDetails ?? [])
  return types.length > 0 ? types.map(({ type }) => type) : undefined
}

/** Fields that are known without decoding, since lookups ask them of all clients. */
export type KnownOfVersion = Pick<RegisteredClient, 'api' | 'accounts' | 'detailTypes' | 'sector' | 'origins'>

export const knownOf = (config: ClientConfig, namespace: string): KnownOfVersion => ({
  api: config.resourceServer?.identifier,
  accounts: accountsOf(config, namespace),
  detailTypes: detailTypesOf(config),
  sector: config.sectorIdentifierUri || undefined,
  origins: config.corsOrigins.length > 0 ? config.corsOrigins.slice() : undefined,
})

export const documentsOf = (granted: Granted | undefined): readonly DocumentScopes[] =>
  granted?.documents.map(({ hosts, scopes }) => ({ hosts: hosts.slice(), scopes: scopes.slice() })) ?? []

/** What a client may leave out. */
type OptionalFields = Pick<
  RegisteredClient,
  | 'createdAt'
  | 'ended'
  | 'accounts'
  | 'accountsSince'
  | 'documents'
  | 'redirects'
  | 'detailTypes'
  | 'sector'
  | 'origins'
  | 'restraint'
>

export function createRegisteredClient(
  fields: Omit<RegisteredClient, 'config' | keyof OptionalFields> & Partial<OptionalFields>,
): RegisteredClient {
  return new StoredClient({
    createdAt: 0,
    ended: undefined,
    accounts: undefined,
    accountsSince: undefined,
    detailTypes: undefined,
    sector: undefined,
    origins: undefined,
    restraint: undefined,
    documents: none,
    redirects: undefined,
    ...fields,
  })
}

/** Shared by nearly all clients. */
const none: readonly DocumentScopes[] = []

class StoredClient implements RegisteredClient {
  readonly clientId: string
  readonly uid: string
  readonly namespace: string
  readonly name: string
  readonly createdAt: number
  readonly shard: number
  readonly verifiers: RegisteredClient['verifiers']
  readonly ended: RegisteredClient['ended']
  readonly version: RegisteredClient['version']
  readonly api: string | undefined
  readonly accounts: RegisteredClient['accounts']
  readonly accountsSince: RegisteredClient['accountsSince']
  readonly granted: RegisteredClient['granted']
  readonly documents: RegisteredClient['documents']
  readonly redirects: RegisteredClient['redirects']
  readonly detailTypes: RegisteredClient['detailTypes']
  readonly sector: RegisteredClient['sector']
  readonly origins: RegisteredClient['origins']
  readonly restraint: RegisteredClient['restraint']
  #config: WeakRef<ClientConfig> | undefined

  constructor(fields: Omit<RegisteredClient, 'config'>) {
    this.clientId = fields.clientId
    this.uid = fields.uid
    this.namespace = fields.namespace
    this.name = fields.name
    this.createdAt = fields.createdAt
    this.shard = fields.shard
    this.verifiers = fields.verifiers
    this.ended = fields.ended
    this.version = fields.version
    this.api = fields.api
    this.accounts = fields.accounts
    this.accountsSince = fields.accountsSince
    this.detailTypes = fields.detailTypes
    this.sector = fields.sector
    this.origins = fields.origins
    this.restraint = fields.restraint
    this.granted = fields.granted
    this.documents = fields.documents.length === 0 ? none : fields.documents
    this.redirects = fields.redirects
  }

  get config(): ClientConfig {
    const known = this.#config?.deref()
    if (known !== undefined) return known
    const config = withUris(restrain(parseVersion(this.version), this.restraint), this.redirects)
    this.#config = new WeakRef(config)
    return config
  }
}
