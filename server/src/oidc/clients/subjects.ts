import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import type { OidcClient } from './oidc-client.ts'

// Under which `sub` a client knows a person. A public one is the id of the account. A pairwise one is another for each sector, so that
// applications of two sectors cannot tell that they have the same person.
// Source: OpenID Connect Core 1.0 section 8.1.

const isPairwise = ({ subjectType }: Pick<ClientConfig, 'subjectType'>): boolean => subjectType === 'pairwise'

/** @returns the host that stands for the sector of a client: clients of one sector know a person by one subject */
export function sectorOf(config: Pick<ClientConfig, 'sectorIdentifierUri' | 'redirectUris' | 'jwksUri'>): string {
  // the keys stand for a client without any redirect URI, as those of devices are
  return new URL(config.sectorIdentifierUri || config.redirectUris[0] || config.jwksUri).hostname
}

/** @returns the sector whose subjects a client knows people by; undefined for a client with public subjects */
export const pairwiseSector = (config: ClientConfig): string | undefined =>
  isPairwise(config) ? sectorOf(config) : undefined

/** @param config of the client; @param accountId the id of the account */
export type SubjectOf = (client: Pick<OidcClient, 'config'>, accountId: string) => string

/** @param sector undefined: public subjects */
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
