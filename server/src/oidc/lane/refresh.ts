// Tokens for a plain refresh.
import { hasShape } from '@nauthera/runtime/json'
import type { JsonShape } from '@nauthera/runtime/json'
import type { GrantedAccount } from '../../store/sessions/accounts.ts'
import type { Renewals } from '../../store/sessions/renewals.ts'
import type { SecondFactorPolicy } from '../../users/factors/policy.ts'
import type { UserSources } from '../../users/sources/user-sources.ts'
import { judgeGrant, termsAtOnce } from '../artefacts/standing-grant.ts'
import type { GrantedNow } from '../artefacts/standing-grant.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import { idleLifetime } from '../clients/refresh-terms.ts'
import { describeGranted, grantQueryOf } from '../load-account.ts'
import type { RequestContext, RotatedFamily } from '../request-context.ts'
import { answerAfterEffect, attempted, passedOn } from './lane-answer.ts'
import type { LaneAnswer } from './lane-answer.ts'
import { changedMeanwhile, createPersonTokens, isForApi } from './person-tokens.ts'
import type { PersonTokenNeeds, TokenSource } from './person-tokens.ts'
import { isPlainClient, onlyHas } from './plain-request.ts'
import type { PlainForm } from './plain-request.ts'

export interface RefreshNeeds extends PersonTokenNeeds {
  readonly clients: ClientInstances
  readonly users: Pick<UserSources, 'describe'>
  readonly settings: { readonly secondFactor: SecondFactorPolicy }
  readonly store: { readonly renewals: Pick<Renewals, 'renew'> }
}

/** The payload of a refresh token that is bound to nothing. */
interface UsedToken extends TokenSource {
  readonly seq: number
  readonly gty: string
  readonly iiat?: number
  readonly rotations?: number
}

const grantType = 'refresh_token'

/** What the lane answers to a client that shows the newest token of a living family, and asks for nothing else. Where the statement writes nothing, the
 *  lane judges, and asks it again. */
export function createRefreshes(
  needs: RefreshNeeds,
): (context: RequestContext, form: PlainForm, client: OidcClient) => Promise<LaneAnswer> {
  const { users, settings, store } = needs
  const answer = createPersonTokens(needs)
  return async (context, form, client) => {
    const used = isPlain(form, client) ? usedToken(form, client, needs) : undefined
    if (used === undefined || isForApi(used)) return passedOn
    context.artefact = { ...used }
    const idleTtlMs = idleLifetime(client.config, used.scope) * 1000
    const use = { ...grantQueryOf(used), seq: used.seq, idleTtlMs }
    const judge = async (found: GrantedAccount | undefined) =>
      judgeGrant(await describeGranted(context, users, found), { client, source: used }, needs)
    const finish = (granted: GrantedNow, family: RotatedFamily) => {
      context.family = family
      const gty = used.gty.endsWith(grantType) ? used.gty : `${used.gty} ${grantType}`
      const refresh = { rotations: (used.rotations ?? 0) + 1, iiat: used.iiat }
      return answer(context, grantType, { client, source: used, ...granted, gty, refresh })
    }
    const terms = termsAtOnce(client, used, settings)
    const first = await attempted(() => store.renewals.renew({ ...use, terms }))
    if (first.kind !== 'done') return first
    const { account, family } = first.outcome ?? {}
    if (family !== undefined)
      return answerAfterEffect(async () => {
        const granted = await judge(account)
        if (granted === undefined) throw changedMeanwhile()
        return finish(granted, family)
      })
    const granted = await judge(account)
    if (granted === undefined) return passedOn
    const second = await attempted(() => store.renewals.renew({ ...use, terms: 'judged' }))
    if (second.kind !== 'done') return second
    const rotated = second.outcome?.family
    return rotated === undefined ? passedOn : answerAfterEffect(() => finish(granted, rotated))
  }
}

const isPlain = (form: PlainForm, client: OidcClient): boolean =>
  onlyHas(form, ['grant_type', 'refresh_token']) && isPlainClient(client, grantType)

/** What makes a token more than ordinary: it is bound to something, or asks for single claims or details. */
const extraordinary = ['jkt', 'x5t#S256', 'attestationJkt', 'claims', 'rar', 'consumed'] as const

/** @returns undefined for what is not the caller's, has expired or is bound */
function usedToken(form: PlainForm, client: OidcClient, { sealer, now }: RefreshNeeds): UsedToken | undefined {
  const payload = sealer.unseal('RefreshToken', form.get('refresh_token') ?? '')
  if (payload === undefined || extraordinary.some((name) => payload[name] !== undefined)) return undefined
  const seconds = now() / 1000
  if (!isUsedToken(payload) || payload.clientId !== client.clientId || payload.expiresWithSession) return undefined
  return payload.iat <= seconds && payload.exp > Math.floor(seconds) ? payload : undefined
}

/** What all refresh tokens of ours have (one without a scope is the library's). */
const shape = {
  required: {
    clientId: 'string',
    accountId: 'string',
    grantId: 'string',
    gty: 'string',
    scope: 'string',
    iat: 'number',
    exp: 'number',
    seq: 'number',
  },
} as const satisfies JsonShape
const isUsedToken = (payload: Record<string, unknown>): payload is Record<string, unknown> & UsedToken =>
  hasShape(payload, shape)
