import { hasCode } from '@nauthera/runtime/coded-error'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import type { Store } from '../../store/store.ts'
import { readCookies, setCookie } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import type { InteractionCookies } from '../interaction/interaction-cookie.ts'
import { lifetimes } from '../lifetimes.ts'
import { currentRequest, maybeRequest } from '../request-context.ts'
import type { Sealer, SealedKind } from './sealed.ts'
import type { SessionCookies, SessionPayload } from '../session-cookie.ts'

// Where an artefact lives. The library asks by a model's name; nothing is kept in memory, and little in the store:
//   Session, Interaction      their cookie
//   codes, refresh and opaque access tokens   the string itself (sealed); single use is a mark (overrides)
//   Grant                     a row, written with the code
//   PushedAuthorizationRequest   a row

export interface AdapterNeeds {
  readonly store: Store
  readonly sealer: Sealer
  readonly sessions: SessionCookies
  readonly interactions: InteractionCookies
  readonly scope: CookieScope
  readonly now: () => number
}

/** An adapter that refuses what the library should never ask of it: a silent default would be a hole. */
const refusing = (model: string): Adapter => {
  const refuse = (method: string) => async (): Promise<never> => {
    throw new TypeError(`${model}.${method} has no place to live`)
  }
  return {
    upsert: refuse('upsert'),
    find: refuse('find'),
    findByUid: refuse('findByUid'),
    findByUserCode: refuse('findByUserCode'),
    consume: refuse('consume'),
    destroy: refuse('destroy'),
    revokeByGrantId: refuse('revokeByGrantId'),
  }
}

/** Runs what needs PostgreSQL, and notes on the request when it is away: the answer then is 503, whatever the library
 *  makes of the error. */
export async function fromStore<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const request = maybeRequest()
    if (request && hasCode(error, 'STORE_UNAVAILABLE')) request.unavailable = true
    throw error
  }
}

/** @returns the library's adapter factory: model's name -> adapter */
export function createAdapter(needs: AdapterNeeds): (model: string) => Adapter {
  const adapters: Readonly<Record<string, () => Adapter>> = {
    Session: () => sessionAdapter(needs),
    Interaction: () => interactionAdapter(needs),
    Grant: () => grantAdapter(needs),
    AuthorizationCode: () => sealedAdapter('AuthorizationCode', needs),
    RefreshToken: () => sealedAdapter('RefreshToken', needs),
    AccessToken: () => sealedAdapter('AccessToken', needs),
    ClientCredentials: () => ungrantedAdapter(needs),
    PushedAuthorizationRequest: () => pushedRequestAdapter(needs),
  }
  return (model) => adapters[model]?.() ?? refusing(model)
}

function sessionAdapter({ sessions, scope }: AdapterNeeds): Adapter {
  return {
    ...refusing('Session'),
    find: async (value) => sessions.verify(value) as AdapterPayload | undefined,
    async findByUid(uid) {
      const session = sessions.verify(readCookies(currentRequest().request).get(scope.session) ?? '')
      return session?.uid === uid ? (session as AdapterPayload) : undefined
    },
    // the library has set the cookie to the bare id a moment ago; the JWT takes its place
    async upsert(_id, payload) {
      setCookie(currentRequest().response, scope, {
        name: scope.session,
        value: sessions.sign(payload as unknown as SessionPayload),
      })
    },
    // a cookie that was replaced: there is nothing to remove; the end of a session is an override
    destroy: async () => undefined,
  }
}

function interactionAdapter({ interactions }: AdapterNeeds): Adapter {
  return {
    ...refusing('Interaction'),
    async find(uid) {
      const found = await interactions.read(currentRequest(), uid)
      return found?.kind === 'live' ? (found.payload as AdapterPayload) : undefined
    },
    upsert: (uid, payload) => interactions.write(currentRequest(), uid, payload as Record<string, unknown>),
    destroy: (uid) => interactions.finish(currentRequest(), uid),
  }
}

function grantAdapter({ store }: AdapterNeeds): Adapter {
  return {
    ...refusing('Grant'),
    // finding one is an override: it is loaded with its account
    destroy: async (id) => {
      await fromStore(() => store.grants.revoke(id))
    },
  }
}

function sealedAdapter(kind: SealedKind, { sealer }: AdapterNeeds): Adapter {
  return {
    ...refusing(kind),
    async find(value) {
      const payload = sealer.unseal(kind, value)
      if (payload) currentRequest().artefact = payload
      return payload as AdapterPayload | undefined
    },
    // they end with their grant
    destroy: async () => undefined,
    revokeByGrantId: async () => undefined,
  }
}

/** Opaque tokens of a client itself have no grant to end with: a revoked one leaves a mark. */
function ungrantedAdapter(needs: AdapterNeeds): Adapter {
  const { store, now } = needs
  const sealed = sealedAdapter('ClientCredentials', needs)
  return {
    ...sealed,
    async find(value) {
      const payload = await sealed.find(value)
      if (!payload) return undefined
      return (await fromStore(() => store.oneTime.isMarked('revoked', String(payload.jti)))) ? undefined : payload
    },
    async destroy(jti) {
      const exp = currentRequest().artefact?.['exp']
      const expiresAt = new Date(typeof exp === 'number' ? exp * 1000 : now() + lifetimes.refreshAbsolute * 1000)
      await fromStore(() => store.oneTime.mark('revoked', jti, expiresAt))
    },
  }
}

function pushedRequestAdapter({ store, now }: AdapterNeeds): Adapter {
  return {
    ...refusing('PushedAuthorizationRequest'),
    // the row stays while an interaction that it began may last: the interaction's cookie carries the handle only
    async upsert(id, payload, expiresIn) {
      const expiresAt = new Date(now() + ((expiresIn ?? lifetimes.pushedRequest) + lifetimes.interaction * 2) * 1000)
      const { clientUid = '' } = payload as { clientUid?: string }
      const stored = await fromStore(() =>
        store.pushedRequests.put({ id, clientUid, payload: payload as Record<string, unknown>, expiresAt }),
      )
      if (!stored) throw new TooManyPushedRequests()
    },
    find: async (id) => (await fromStore(() => store.pushedRequests.find(id))) as AdapterPayload | undefined,
  }
}

/** Becomes 429. */
class TooManyPushedRequests extends Error {
  readonly status = 429
  readonly statusCode = 429
  readonly expose = true
  readonly error_description = 'this client has too many pushed requests that wait; retry later'

  constructor() {
    super('temporarily_unavailable')
  }
}
