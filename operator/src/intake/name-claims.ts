// Who asks for which client id, API identifier and Secret, and who of them decides about others.
import { ageOf } from '@nauthera/rules/age'
import { tenantOf } from '@nauthera/rules/tenants'
import type { OIDCClient } from '../api/oidc-client.ts'
import { clientIdOf, keyOf } from '../decide/client/client-names.ts'
import { secretNameOf } from '../decide/secret/secret.ts'
import { Claimants } from './claimants.ts'
import type { Claimant } from './claimants.ts'
import type { MayClaim } from './name-rights.ts'
import { RightfulClaimants } from './rightful-claimants.ts'

/** Of so many that ask for one thing all are looked at when one of them changes, of more only the best. */
const mostTold = 20

interface Needs {
  /** By `namespace/name`. */
  readonly find: (key: string) => OIDCClient | undefined
  readonly mayClaim: MayClaim
}

export class NameClaims {
  readonly #needs: Needs
  readonly #byName: RightfulClaimants
  readonly #byIdentifier: RightfulClaimants
  readonly #bySecret = new Claimants()
  readonly #candidates = new Claimants()

  constructor(needs: Needs) {
    this.#needs = needs
    const mayClaim = (key: string, name: string): boolean => {
      const client = needs.find(key)
      return client !== undefined && needs.mayClaim(client, name)
    }
    this.#byName = new RightfulClaimants(mayClaim)
    this.#byIdentifier = new RightfulClaimants(mayClaim)
  }

  add(client: OIDCClient): void {
    const one = claimantOf(client)
    for (const [claimants, name] of this.#claimsOf(client)) claimants.add(name, one)
  }

  /** The rights of these may be others, though they ask for the same names. Default: of all. */
  reconsider(clients?: Iterable<OIDCClient>): void {
    if (clients === undefined) for (const book of [this.#byName, this.#byIdentifier]) book.reconsiderAll()
    for (const client of clients ?? []) {
      const one = claimantOf(client)
      for (const name of namesOf(client)) this.#byName.reconsider(name, one)
      for (const name of identifiersOf(client)) this.#byIdentifier.reconsider(name, one)
    }
  }

  /** @param client as it was added */
  remove(client: OIDCClient): void {
    const one = claimantOf(client)
    for (const [claimants, name] of this.#claimsOf(client)) claimants.remove(name, one)
  }

  isContested(name: string): boolean {
    return this.#byName.of(name).length > 1
  }

  /** @returns keys of those that may have a name already */
  candidates(name: string): readonly string[] {
    return this.#candidates.of(name).map(({ key }) => key)
  }

  /** @returns the oldest three that may claim a name */
  best(name: string): readonly OIDCClient[] {
    return this.#found(this.#byName.best(name))
  }

  /** @returns those of its namespace that name the same Secret, itself among them */
  sharing(client: OIDCClient): readonly OIDCClient[] {
    return this.#found(this.#sharing(client))
  }

  /** @returns of those that name this identifier as their resourceServer the best three, and the oldest of all */
  declaring(identifier: string): readonly OIDCClient[] {
    const oldest = this.#byIdentifier.of(identifier).slice(0, 1)
    return this.#found([...new Set([...oldest, ...this.#byIdentifier.best(identifier)])])
  }

  /** @param client as it is, or as it was
   *  @returns keys of those about whom it decides. One without the right to a name decides about nobody */
  concernedBy(client: OIDCClient): readonly string[] {
    const rivals = namesOf(client).flatMap((name) => {
      const claimants = this.#byName.of(name)
      const isAlone = claimants.every(({ key }, index) => index === 0 && key === keyOf(client))
      if (isAlone || !this.#needs.mayClaim(client, name)) return []
      return (claimants.length > mostTold ? this.#byName.best(name) : claimants).map(({ key }) => key)
    })
    const sharing = this.#sharing(client).slice(0, mostTold)
    return [...rivals, ...sharing.map(({ key }) => key)]
  }

  #sharing(client: OIDCClient): readonly Claimant[] {
    const secret = secretOf(client)
    return secret === undefined ? [] : this.#bySecret.of(secret)
  }

  #found(claimants: readonly Claimant[]): readonly OIDCClient[] {
    return claimants.flatMap(({ key }) => this.#needs.find(key) ?? [])
  }

  #claimsOf(client: OIDCClient): readonly (readonly [Pick<Claimants, 'add' | 'remove'>, string])[] {
    const secret = secretOf(client)
    const names = namesOf(client)
    return [
      ...names.map((name) => [this.#byName, name] as const),
      ...identifiersOf(client).map((name) => [this.#byIdentifier, name] as const),
      ...(isCandidate(client) ? names.map((name) => [this.#candidates, name] as const) : []),
      ...(secret === undefined ? [] : [[this.#bySecret, secret] as const]),
    ]
  }
}

const claimantOf = (client: OIDCClient): Claimant => ({ key: keyOf(client), ...ageOf(client.metadata) })

/** Without our schema in the CRD it may be anything. */
function identifiersOf({ spec }: OIDCClient): readonly string[] {
  const identifier: unknown = spec.resourceServer?.identifier
  return typeof identifier === 'string' ? [identifier] : []
}

/** Client ids and identifiers of APIs are one space of names. */
const namesOf = (client: OIDCClient): readonly string[] => [
  ...new Set([String(clientIdOf(client)), ...identifiersOf(client)]),
]

/** Whether it may have its names already: it takes the place of another one, or its status says that servers have it. */
export const isCandidate = ({ metadata, status }: OIDCClient): boolean =>
  metadata.moved !== undefined || (status?.replicas?.loaded ?? 0) > 0

/** A client of a joined cluster has no Secret here. */
const secretOf = (client: OIDCClient): string | undefined =>
  tenantOf(client.metadata).cluster === undefined ? `${client.metadata.namespace}/${secretNameOf(client)}` : undefined
