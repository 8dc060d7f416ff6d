// Computes the `sub` of a person for a client. A public subject is the account's id. A pairwise subject differs by sector, so that
// applications cannot correlate people.
// Source: OpenID Connect Core 1.0 section 8.1.
import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OidcClient } from './oidc-client.ts'

const isPairwise = ({ subjectType }: Pick<ClientConfig, 'subjectType'>): boolean => subjectType === 'pairwise'

/** @returns the sector host of a client: clients of one sector share subjects */
export function sectorOf(config: Pick<ClientConfig, 'sectorIdentifierUri' | 'redirectUris' | 'jwksUri'>): string {
  // for a client without redirect URIs, such as a device, the host of its keys
  return new URL(config.sectorIdentifierUri || config.redirectUris[0] || config.jwksUri).hostname
}

/** @returns the sector of a client with pairwise subjects; otherwise undefined */
export const pairwiseSector = (config: ClientConfig): string | undefined =>
  isPairwise(config) ? sectorOf(config) : undefined

/** @param config of the client; @param accountId the id of the account */
export type SubjectOf = (client: Pick<OidcClient, 'config'>, accountId: string) => string

/** @param sector undefined for public subjects */
export type SubjectIn = (sector: string | undefined, accountId: string) => string

/** @param secret of the ring, the same for ever */
export const createSubjectIn =
  (secret: () => KeyObject): SubjectIn =>
  (sector, accountId) =>
    sector === undefined
      ? accountId
      : createHmac('sha256', secret()).update(`${sector}\0${accountId}`).digest('base64url')

/** @param secret of the ring, the same for ever */
export function createSubjectOf(secret: () => KeyObject): SubjectOf {
  const subjectIn = createSubjectIn(secret)
  return ({ config }, accountId) => subjectIn(pairwiseSector(config), accountId)
}
