// Builds the status and the events from the outcome of a look.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { federatedMethod } from '@nauthera/rules/client-authentication'
import { authMethodOf } from '../../api/in-effect.ts'
import { durationText } from '../../api/duration.ts'
import type { OIDCClientStatus } from '../../api/client-status.ts'
import { timeText } from '../../api/time-text.ts'
import { eventsOf } from './client-events.ts'
import type { ClientEvent } from './client-events.ts'
import { describeConditions } from './conditions.ts'
import { shorten } from './finding.ts'
import { configOf } from '../access/judgement.ts'
import type { Outcome } from './outcome.ts'
import { mostPrevious } from './ending-secrets.ts'
import { anyLastUse } from './last-use.ts'
import { listedStatus } from './listed-status.ts'
import { redirectsTold } from '../client/follow-routes.ts'
import { present } from '../client/present.ts'
import { describeRefusals } from './refusals.ts'
import { withHub } from './hub-status.ts'
import { overlapOf } from '../secret/rotation-terms.ts'

/** @returns the whole status to apply, and the events of what has changed since `client.status`. */
export function describeOutcome(outcome: Outcome): {
  readonly status: OIDCClientStatus
  readonly events: readonly ClientEvent[]
} {
  const status = describeStatus(outcome)
  return { status, events: eventsOf(outcome.judgement, status, outcome.refusals?.announced) }
}

function describeStatus(outcome: Outcome): OIDCClientStatus {
  const { judgement, served } = outcome
  const { client, policies } = judgement
  const config = configOf(judgement)
  const replicas = served ?? client.status?.replicas
  const own: OIDCClientStatus = {
    observedGeneration: client.metadata.generation,
    servedBy: outcome.servedBy,
    // a refused object says nothing of the id that it wants: another may have it
    ...present({ clientId: judgement.served ?? client.status?.clientId }),
    ...present({ restoredFrom: outcome.restoredFrom }),
    issuer: outcome.issuer,
    ...present({ revision: outcome.revision }),
    ...(replicas
      ? {
          replicas: { loaded: replicas.loaded, total: replicas.total, summary: `${replicas.loaded}/${replicas.total}` },
        }
      : {}),
    policies,
    ...(judgement.breaches.length > 0
      ? { breaches: judgement.breaches.map(({ policy, since }) => ({ policy, since: timeText(since) })) }
      : {}),
    policySummary: shorten(policies.join(', ')),
    ...present({ effective: config ? effectiveOf(outcome, config) : client.status?.effective }),
    ...redirectStatus(outcome),
    ...present({ secret: secretStatus(outcome) }),
    ...listedStatus(outcome),
    ...present({
      identity: identityStatus(outcome),
      refusals: outcome.refusals && describeRefusals(client, outcome.refusals, outcome.now),
    }),
    conditions: describeConditions(outcome),
  }
  return outcome.hub ? withHub(own, outcome.hub) : own
}

function redirectStatus({ redirects }: Outcome): Pick<OIDCClientStatus, 'redirectURIs'> {
  if (redirects === undefined || redirects === 'off' || redirects.uris.length === 0) return {}
  return { redirectURIs: redirectsTold(redirects) }
}

/** Keeps the value of the status until a newer use is reported: a replica that left may have reported it. */
function identityStatus({ identity, judgement: { client } }: Outcome): OIDCClientStatus['identity'] {
  if (authMethodOf(client.spec) !== federatedMethod) return undefined
  return identity ? { name: identity.identity, lastUsed: timeText(identity.at) } : client.status?.identity
}

/** From the plan of the rotation; without a plan the status stays.
 *  @returns undefined when there is nothing to say: applied twice, an empty object becomes null, which the API server refuses */
function secretStatus({ judgement, rotation, secret, formerName, ending }: Outcome): OIDCClientStatus['secret'] {
  const before = judgement.client.status?.secret
  const report = rotation?.report
  const time = (at: number | undefined) => (at === undefined ? undefined : timeText(at))
  const valid = (report?.previous ?? []).map(({ id, expiresAt }) => ({
    id,
    ...present({ expiresAt: time(expiresAt), lastUsed: time(report?.lastUsed[id]) }),
  }))
  const previous = [...valid, ...ending]
  const status = {
    ...present({
      name: secret.name === undefined ? undefined : (formerName ?? secret.name),
      activeId: report ? report.activeId : before?.activeId,
      observedTrigger: report ? report.observed.trigger : before?.observedTrigger,
      observedAnnotation: report ? report.observed.annotation : before?.observedAnnotation,
      observedRevoke: report ? report.observed.revoke : before?.observedRevoke,
      createdAt: before?.createdAt ?? time(report?.lastRotated),
      lastRotated: time(report?.lastRotated) ?? before?.lastRotated,
      nextRotation: time(report?.nextRotation),
      lastUsed: anyLastUse(before?.lastUsed, report?.lastUsed),
    }),
    ...(previous.length > 0 ? { previous: previous.slice(0, mostPrevious) } : {}),
  }
  return Object.keys(status).length === 0 ? undefined : status
}

function effectiveOf(
  { judgement: { client }, access, rotationSettings, defaults }: Outcome,
  config: ClientConfig,
): NonNullable<OIDCClientStatus['effective']> {
  const before = client.status?.effective
  const has = (grant: string) => config.grantTypes.includes(grant)
  /** From client or policy, else from the servers, else from the last status. */
  const ttl = (seconds: number, usual: number | undefined, known: string | undefined): string | undefined => {
    const holds = seconds || usual
    return holds === undefined ? known : durationText(holds * 1000)
  }
  const hasPeople = config.grantTypes.some((grant) => grant !== 'client_credentials')
  const idTokenAlgorithm =
    config.idTokenSignedResponseAlg || defaults?.idTokenSignedResponseAlg || before?.signing?.idToken
  return {
    grantTypes: config.grantTypes,
    authMethod: authMethodOf(client.spec),
    scopes: config.scopes,
    ...(access.length > 0
      ? {
          apis: access.flatMap((one) =>
            one.kind === 'granted'
              ? [
                  {
                    identifier: one.identifier,
                    scopes: one.scopes,
                    ...(one.types.length > 0 ? { authorizationDetailsTypes: one.types } : {}),
                  },
                ]
              : [],
          ),
        }
      : {}),
    tokens: {
      ...present({ accessTTL: ttl(config.accessTokenTtl, defaults?.accessTokenTtl, before?.tokens?.accessTTL) }),
      ...(hasPeople ? present({ idTTL: ttl(config.idTokenTtl, defaults?.idTokenTtl, before?.tokens?.idTTL) }) : {}),
      ...(has('refresh_token')
        ? present({ refreshTTL: ttl(config.refreshTokenTtl, defaults?.refreshTokenTtl, before?.tokens?.refreshTTL) })
        : {}),
      format: config.accessTokenFormat || (config.audiences.length > 0 ? 'jwt' : 'opaque'),
    },
    ...(hasPeople && idTokenAlgorithm !== undefined ? { signing: { idToken: idTokenAlgorithm } } : {}),
    ...(rotationSettings
      ? {
          rotation: {
            ...present({
              interval:
                rotationSettings.intervalMs === undefined ? undefined : durationText(rotationSettings.intervalMs),
            }),
            overlap: durationText(overlapOf({ rotation: rotationSettings })),
          },
        }
      : {}),
  }
}
