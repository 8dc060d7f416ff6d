// Where each model of the library is stored. Nothing is in memory, and little in the database:
//   Session, Interaction         in their cookies
//   codes, refresh and opaque access tokens   in the string itself (sealed); a mark makes codes single-use
//   JWT access tokens            in the string itself; a person's carries a sealed reference to its grant
//   Grant                        in a row that is written with the code
//   PushedAuthorizationRequest   of a public client in its URI (sealed); of another one in a row
import type { Grants } from '../../store/tokens/grants.ts'
import type { OneTime } from '../../store/tokens/one-time.ts'
import type { PushedRequests } from '../../store/tokens/pushed-requests.ts'
import { acrOf } from '../acr.ts'
import { readCookies, setCookie } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import type { InteractionCookies } from '../interaction/interaction-cookie.ts'
import type { LibraryPart } from '../interaction/library-part.ts'
import { lifetimes } from '../lifetimes.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { SessionCookies, SessionPayload } from '../session-cookie.ts'
import type { RequestContext } from '../request-context.ts'
import type { ArtefactPlace, Places } from './place.ts'
import type { PushedRequest } from './sealed-requests.ts'
import type { SealedKind, Sealer } from './sealed.ts'
import { signedTokenName } from './signed-tokens.ts'
import type { SignedTokens } from './signed-tokens.ts'

export interface PlaceNeeds {
  readonly store: { readonly grants: Grants; readonly oneTime: OneTime; readonly pushedRequests: PushedRequests }
  readonly sealer: Sealer
  readonly signedTokens: SignedTokens
  readonly sessions: SessionCookies
  readonly interactions: InteractionCookies
  readonly scope: CookieScope
  /** Epoch milliseconds. */
  readonly now: () => number
}

export function createPlaces(needs: PlaceNeeds): Places {
  return {
    Session: sessionPlace(needs),
    Interaction: interactionPlace(needs),
    Grant: grantPlace(needs),
    AuthorizationCode: sealedPlace('AuthorizationCode', needs),
    RefreshToken: sealedPlace('RefreshToken', needs),
    AccessToken: accessTokenPlace('AccessToken', needs),
    ClientCredentials: ungrantedPlace(needs),
    PushedAuthorizationRequest: pushedRequestPlace(needs),
  }
}

function sessionPlace({ sessions, scope }: PlaceNeeds): ArtefactPlace<SessionPayload> {
  return {
    find: async (_request, value) => withAcr(sessions.verify(value)),
    async findByUid({ request }, uid) {
      const session = sessions.verify(readCookies(request).get(scope.session) ?? '')
      return session?.uid === uid ? withAcr(session) : undefined
    },
    // the library has just set this cookie to the plain id; the JWT replaces it
    async upsert({ response }, _id, payload) {
      setCookie(response, scope, { name: scope.session, value: sessions.sign(payload) })
    },
    // nothing to delete: the cookie is replaced. overrides/end-sessions ends the session in the database
    destroy: async () => undefined,
  }
}

/** `acr` follows from `amr`, which a second factor in the account area raises too. */
function withAcr(session: SessionPayload | undefined): SessionPayload | undefined {
  const acr = acrOf(session?.amr)
  return session && acr !== undefined ? { ...session, acr } : session
}

function interactionPlace({ interactions }: PlaceNeeds): ArtefactPlace<LibraryPart> {
  return {
    async find(request, uid) {
      const found = await interactions.read(request, uid)
      if (found?.kind !== 'live') return undefined
      if (found.sealedRequest !== undefined) request.sealedRequest = found.sealedRequest
      return found.payload
    },
    upsert: async (request, uid, payload) => interactions.write(request, uid, payload),
    destroy: async (request, uid) => interactions.finish(request, uid),
  }
}

function grantPlace({ store }: PlaceNeeds): ArtefactPlace {
  return {
    // no `find`: overrides/load-grants loads a grant together with its account
    async destroy(_request, id) {
      await store.grants.revoke(id)
    },
  }
}

function sealedPlace(kind: SealedKind, { sealer }: PlaceNeeds) {
  return {
    async find(request, value) {
      const payload = sealer.unseal(kind, value)
      if (payload) request.artefact = payload
      return payload
    },
    // nothing to do: these values end when their grant ends
    destroy: async () => undefined,
    revokeByGrantId: async () => undefined,
  } satisfies ArtefactPlace
}

/** Access tokens are sealed strings or JWTs. */
function accessTokenPlace(kind: 'AccessToken' | 'ClientCredentials', needs: PlaceNeeds) {
  const sealed = sealedPlace(kind, needs)
  return {
    ...sealed,
    async find(request, value) {
      if (value !== signedTokenName) return sealed.find(request, value)
      const payload = await needs.signedTokens.find(request)
      return payload?.['kind'] === kind ? payload : undefined
    },
  } satisfies ArtefactPlace
}

/** A client_credentials token has no grant, so a mark stores its revocation. */
function ungrantedPlace(needs: PlaceNeeds): ArtefactPlace {
  const { store, now } = needs
  const endOf = ({ exp }: RequestContext['artefact'] = {}) =>
    new Date(typeof exp === 'number' ? exp * 1000 : now() + lifetimes.refreshAbsolute * 1000)
  const token = accessTokenPlace('ClientCredentials', needs)
  return {
    ...token,
    async find(request, value) {
      const payload = await token.find(request, value)
      if (!payload) return undefined
      // cached for this request
      const jti = String(payload['jti'])
      if (request.revoked?.jti !== jti)
        request.revoked = { jti, is: store.oneTime.isMarked('revoked', jti, endOf(payload)) }
      return (await request.revoked.is) ? undefined : payload
    },
    async destroy(request, jti) {
      await store.oneTime.mark('revoked', jti, endOf(request.artefact))
    },
  }
}

function pushedRequestPlace({ store }: PlaceNeeds): ArtefactPlace<PushedRequest> {
  return {
    // the row must outlive the interaction, whose cookie holds only the id of the pushed request
    async upsert(_request, id, payload, expiresIn) {
      const lifeMs = (expiresIn + lifetimes.interaction * 2) * 1000
      const stored = await store.pushedRequests.insert({ id, clientUid: payload.clientUid ?? '', payload, lifeMs })
      if (stored) return
      throw new ProtocolError('temporarily_unavailable', {
        description: 'this client has too many pushed requests that were not used yet; try again later',
        status: 429,
      })
    },
    // no `find`: overrides/consume-pushed-requests loads it
  }
}
