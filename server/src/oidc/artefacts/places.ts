import type { Store } from '../../store/store.ts'
import { readCookies, setCookie } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import type { InteractionCookies } from '../interaction/interaction-cookie.ts'
import type { LibraryPart } from '../interaction/library-part.ts'
import { lifetimes } from '../lifetimes.ts'
import { ProtocolError } from '../protocol-error.ts'
import type { RequestContext } from '../request-context.ts'
import type { SessionCookies, SessionPayload } from '../session-cookie.ts'
import type { SealedKind, Sealer } from './sealed.ts'

// Where an artefact lives. The library asks by a model's name; nothing is kept in memory, and little in the store:
//   Session, Interaction      their cookie
//   codes, refresh and opaque access tokens   the string itself (sealed); single use is a mark (overrides)
//   Grant                     a row, written with the code
//   PushedAuthorizationRequest   a row

/** Where one kind of artefact lives. What is left out the library must never ask for: a silent default would be a hole. */
export interface Place<Payload extends object = object> {
  find?(request: RequestContext, id: string): Promise<Payload | undefined>
  findByUid?(request: RequestContext, uid: string): Promise<Payload | undefined>
  findByUserCode?(request: RequestContext, userCode: string): Promise<Payload | undefined>
  /** @param expiresIn seconds */
  upsert?(request: RequestContext, id: string, payload: Payload, expiresIn: number): Promise<void>
  consume?(request: RequestContext, id: string): Promise<void>
  destroy?(request: RequestContext, id: string): Promise<void>
  revokeByGrantId?(request: RequestContext, grantId: string): Promise<void>
}

/** Name of the library's model -> place. */
export type Places = Readonly<Record<string, Place>>

export interface PlaceNeeds {
  readonly store: Pick<Store, 'grants' | 'oneTime' | 'pushedRequests'>
  readonly sealer: Sealer
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
    AccessToken: sealedPlace('AccessToken', needs),
    ClientCredentials: ungrantedPlace(needs),
    PushedAuthorizationRequest: pushedRequestPlace(needs),
  }
}

function sessionPlace({ sessions, scope }: PlaceNeeds): Place<SessionPayload> {
  return {
    find: async (_request, value) => sessions.verify(value),
    async findByUid({ request }, uid) {
      const session = sessions.verify(readCookies(request).get(scope.session) ?? '')
      return session?.uid === uid ? session : undefined
    },
    // the library has set the cookie to the bare id a moment ago; the JWT takes its place
    async upsert({ response }, _id, payload) {
      setCookie(response, scope, { name: scope.session, value: sessions.sign(payload) })
    },
    // a cookie that was replaced: there is nothing to remove; the end of a session is an override
    destroy: async () => undefined,
  }
}

function interactionPlace({ interactions }: PlaceNeeds): Place<LibraryPart> {
  return {
    async find(request, uid) {
      const found = await interactions.read(request, uid)
      return found?.kind === 'live' ? found.payload : undefined
    },
    upsert: (request, uid, payload) => interactions.write(request, uid, payload),
    destroy: (request, uid) => interactions.finish(request, uid),
  }
}

function grantPlace({ store }: PlaceNeeds): Place {
  return {
    // finding one is an override: it is loaded with its account
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
    // they end with their grant
    destroy: async () => undefined,
    revokeByGrantId: async () => undefined,
  } satisfies Place
}

/** Opaque tokens of a client itself have no grant to end with: a revoked one leaves a mark. */
function ungrantedPlace(needs: PlaceNeeds): Place {
  const { store, now } = needs
  const sealed = sealedPlace('ClientCredentials', needs)
  return {
    ...sealed,
    async find(request, value) {
      const payload = await sealed.find(request, value)
      if (!payload) return undefined
      return (await store.oneTime.isMarked('revoked', String(payload['jti']))) ? undefined : payload
    },
    async destroy(request, jti) {
      const exp = request.artefact?.['exp']
      const expiresAt = new Date(typeof exp === 'number' ? exp * 1000 : now() + lifetimes.refreshAbsolute * 1000)
      await store.oneTime.mark('revoked', jti, expiresAt)
    },
  }
}

function pushedRequestPlace({ store, now }: PlaceNeeds): Place<PushedRequestPayload> {
  return {
    // the row stays while an interaction that it began may last: the interaction's cookie carries the handle only
    async upsert(_request, id, payload, expiresIn) {
      const expiresAt = new Date(now() + (expiresIn + lifetimes.interaction * 2) * 1000)
      const stored = await store.pushedRequests.put({ id, clientUid: payload.clientUid ?? '', payload, expiresAt })
      if (stored) return
      throw new ProtocolError('temporarily_unavailable', {
        description: 'this client has too many pushed requests that wait; retry later',
        status: 429,
      })
    },
    find: (_request, id) => store.pushedRequests.find(id),
  }
}

interface PushedRequestPayload {
  /** Whose it is (overrides: consume-pushed-requests). */
  readonly clientUid?: string
  readonly [name: string]: unknown
}
