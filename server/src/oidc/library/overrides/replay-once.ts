import { createHmac } from 'node:crypto'
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { errors } from 'oidc-provider'
import { isFapiClient, proofFault } from '../../artefacts/fapi.ts'
import { isPublic } from '../../clients/oidc-client.ts'
import { readClaims } from '../../authentication/platform-token.ts'
import { longestAssertion } from '../../lifetimes.ts'
import { fromStore } from '../current-request.ts'
import { replace } from '../override.ts'
import type { OverrideNeeds } from '../override.ts'
import { clientOf, currentContext, parameterOf } from '../shapes.ts'
import type { Internals } from '../shapes.ts'

/** ReplayDetection.unique (jti of assertions and DPoP proofs): one SQL statement consumes a jti, so that two requests cannot both use it.
 *  Refused before that are DPoP proofs with a weak key, or with an algorithm that FAPI 2.0 forbids: only here the library knows both proof
 *  and client, at every endpoint. */
export function replayOnce(
  { ReplayDetection }: Internals,
  { store, clients, now }: Pick<OverrideNeeds, 'store' | 'clients' | 'now'>,
): void {
  replace(ReplayDetection, 'unique', () => async (issuer, jti, exp) => {
    refuseWeakProof(clients.registeredById(issuer)?.config)
    if (provesNothing(clients)) return true
    const until = Math.max(exp, endOfProof(jti))
    // a jti must be remembered until it expires, so one that expires too late is refused (RFC 7523 section 3, point 4)
    if (!(until <= now() / 1000 + longestAssertion)) return false
    const id = createHmac('sha256', 'jti').update(`${issuer}\0${jti}`).digest('base64url')
    const isFirst = await fromStore(() => store.oneTime.mark('jti', id, new Date(until * 1000)))
    // the library blames the code or the token that came with it, and a program would throw that away
    if (!isFirst && isOfProof(jti)) throw new errors.InvalidDpopProof('the DPoP proof was used before')
    return isFirst
  })
}

/** @throws errors.InvalidDpopProof */
function refuseWeakProof(config: ClientConfig | undefined): void {
  const fault = proofFault(currentContext().get('DPoP'), { isFapi: config !== undefined && isFapiClient(config) })
  if (fault !== undefined) throw new errors.InvalidDpopProof(fault)
}

/** Seconds for which the library takes a proof of possession, before and after its `iat`. */
const proofLife = 300

/** @returns when the library no longer takes the proof of possession with this id, in seconds; 0 for an assertion. The library has the
 *  mark end after five minutes, and takes a proof from a clock that is ahead for longer. */
function endOfProof(jti: string): number {
  const proof = readClaims(currentContext().get('DPoP'))
  return proof?.['jti'] === jti && typeof proof['iat'] === 'number' ? proof['iat'] + proofLife + 1 : 0
}

/** Whether a proof of possession has this id, and no assertion of the client. */
function isOfProof(jti: string): boolean {
  const context = currentContext()
  const assertion = parameterOf(context, 'client_assertion')
  const idIn = (jwt: string | undefined) => readClaims(jwt ?? '')?.['jti']
  return idIn(context.get('DPoP')) === jti && idIn(assertion) !== jti
}

/** A proof of possession with a pushed request of a public client: anybody can make one, so it must leave no mark. It
 *  only names the key that the code will be bound to; whoever plays it again cannot use that code. */
function provesNothing(clients: OverrideNeeds['clients']): boolean {
  const context = currentContext()
  return context.oidc.route === 'pushed_authorization_request' && isPublic(clients.registered(clientOf(context)).config)
}
