// Identities of programs that authenticate as a client with a token of their platform.
import type { ClientConfig, Identity } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { federatedMethod } from './client-authentication.ts'
import { invalid } from './client-fault.ts'
import type { ClientFault } from './client-fault.ts'

export const mostIdentities = 10

/** From `iat` to `exp` of such a token. Seconds. */
export const platformTokenLife = { usual: 2 * 3600, least: 60, most: 24 * 3600 } as const

const ofServiceAccounts = 'system:serviceaccount:'

/** The `sub` of a token of a ServiceAccount, in every cluster. */
export const serviceAccountSubject = ({ namespace, name }: { namespace: string; name: string }): string =>
  `${ofServiceAccounts}${namespace}:${name}`

/** @returns undefined for what is no subject of a ServiceAccount */
export function serviceAccountOf(subject: string): { readonly namespace: string; readonly name: string } | undefined {
  if (!subject.startsWith(ofServiceAccounts)) return undefined
  const [namespace = '', name = '', ...more] = subject.slice(ofServiceAccounts.length).split(':')
  return namespace === '' || name === '' || more.length > 0 ? undefined : { namespace, name }
}

/** @returns an identity as people write it, for messages and the audit log */
export function identityText({ serviceAccount, clusterServiceAccount: joined, issuer, subject }: Identity): string {
  if (serviceAccount) return `ServiceAccount ${serviceAccount.namespace}/${serviceAccount.name}`
  return joined
    ? `ServiceAccount ${joined.namespace}/${joined.name} of cluster ${joined.cluster}`
    : `${subject} of ${issuer}`
}

/** No platform issues such a subject, and PostgreSQL cannot store NUL. */
const hasControl = /[\u0000-\u001f\u007f]/

function isWhole({ serviceAccount, clusterServiceAccount, issuer, subject }: Identity): boolean {
  const [account, ...others] = [serviceAccount, clusterServiceAccount].filter((one) => one !== undefined)
  if (account === undefined) return issuer !== '' && subject !== ''
  const isNamed = account.namespace !== '' && account.name !== '' && clusterServiceAccount?.cluster !== ''
  return others.length === 0 && isNamed && issuer === '' && subject === ''
}

/** @param about.identityIssuers other issuers that the server knows; undefined for who does not know the server */
export function identityFaults(
  { tokenEndpointAuthMethod: method, identities, type, platformTokenTtl }: ClientConfig,
  { identityIssuers }: { readonly identityIssuers?: readonly string[] | undefined },
): readonly ClientFault[] {
  if (method !== federatedMethod)
    return identities.length === 0
      ? []
      : [invalid('auth.identities', `must be absent unless auth.method is ${federatedMethod}; remove it`)]
  const faults: ClientFault[] = []
  if (identities.length === 0) faults.push(invalid('auth.identities', `must have an identity with ${federatedMethod}`))
  if (identities.length > mostIdentities)
    faults.push(invalid('auth.identities', `must have at most ${mostIdentities} identities`))
  if (!identities.every(isWhole))
    faults.push(invalid('auth.identities', 'must each have a serviceAccount, or an issuer and a subject'))
  if (identities.some(({ subject }) => hasControl.test(subject) || !subject.isWellFormed()))
    faults.push(invalid('auth.identities', 'must have subjects without control characters'))
  if (type !== 'Web' && type !== 'M2M')
    faults.push(invalid('auth.method', `must not be ${federatedMethod} unless the type is Web or M2M`))
  if (platformTokenTtl > platformTokenLife.most)
    faults.push(invalid('auth.identities', `must have tokens of at most ${platformTokenLife.most / 3600}h`))
  const unknown = identities.find(({ issuer }) => issuer !== '' && identityIssuers?.includes(issuer) === false)
  if (unknown !== undefined)
    faults.push(
      invalid(
        'auth.identities',
        `has the issuer ${unknown.issuer}, which this server does not know; add it to identityIssuers of its settings`,
      ),
    )
  return faults
}
