import { errors } from 'oidc-provider'
import type { Store } from '../../store/store.ts'
import { readCookies, setCookie } from '../cookies.ts'
import type { CookieScope } from '../cookies.ts'
import { fromStore } from '../artefacts/adapter.ts'
import { lifetimes } from '../lifetimes.ts'
import { decryptClaims, encryptClaims } from '../keys/jwt.ts'
import type { CookieKeys } from '../keys/key-set.ts'
import type { RequestContext } from '../request-context.ts'

/** What the library keeps of an interaction, and what sign-in adds. */
export type InteractionPayload = Readonly<Record<string, unknown>>

export type FoundInteraction =
  | { readonly kind: 'live'; readonly payload: InteractionPayload; readonly progress: InteractionPayload }
  | { readonly kind: 'over'; readonly reason: 'expired' | 'finished'; readonly clientId: string }

/** An interaction lives in an encrypted cookie of its own: tabs do not meet. It waits at its pages for the person, and
 *  with a result at the resume endpoint for the library. */
export interface InteractionCookies {
  /** @returns undefined when this browser shows none of that name here, or it does not open */
  read(request: Pick<RequestContext, 'request'>, uid: string): Promise<FoundInteraction | undefined>
  /** Keeps the library's part, at the resume endpoint when it has a result; what sign-in keeps stays. */
  write(request: RequestContext, uid: string, payload: InteractionPayload): Promise<void>
  writeProgress(request: RequestContext, uid: string, progress: InteractionPayload): Promise<void>
  /** What is left of it says only where to start again. */
  finish(request: RequestContext, uid: string): Promise<void>
}

/** Browsers keep 4,096 bytes of name and value. */
const longestCookie = 3800
/** Interactions that one browser may have open. Tabs that are begun in the same moment do not see one another: then more
 *  are open, until they expire. */
const mostOpen = 5

interface Claims {
  /** Seconds. */
  readonly begun: number
  readonly until: number
  readonly client: string
  /** The object that the client was then: another one may have its id by now. */
  readonly clientUid: string
  readonly payload?: InteractionPayload
  readonly progress?: InteractionPayload
}

/** A client as it is registered now. */
export interface ClientOfInteraction {
  readonly uid: string
  takesRedirectUri(uri: string): boolean
}

/** @param needs.client undefined when it is gone or suspended; @param needs.now epoch milliseconds */
export function createInteractionCookies(needs: {
  keys: () => CookieKeys
  epoch: () => number
  scope: CookieScope
  store: Pick<Store, 'pushedRequests'>
  client: (clientId: string) => ClientOfInteraction | undefined
  now: () => number
}): InteractionCookies {
  const { keys, epoch, scope, store, now } = needs
  const seconds = () => Math.floor(now() / 1000)

  async function open(request: Pick<RequestContext, 'request'>, uid: string): Promise<Claims | undefined> {
    const value = readCookies(request.request).get(scope.interaction(uid).name)
    if (value === undefined) return undefined
    const claims = await decryptClaims(value, {
      keyOf: (kid) => keys().find('interaction', kid),
      bound: boundTo(uid, epoch()),
      now: new Date(now()),
    })
    return claims as Claims | undefined
  }

  async function put(request: RequestContext, uid: string, claims: Claims, at: 'pages' | 'resume'): Promise<void> {
    const { kid, key } = keys().current('interaction')
    const expiresAt = claims.begun + lifetimes.interactionCookie
    const value = await encryptClaims({ ...claims }, { key, kid, bound: boundTo(uid, epoch()), expiresAt })
    const { name, [at]: path } = scope.interaction(uid)
    if (name.length + value.length > longestCookie) {
      throw new errors.InvalidRequest('the authorization request is too large; push it first (RFC 9126)')
    }
    setCookie(request.response, scope, { name, value, path, maxAge: Math.max(expiresAt - seconds(), 1) })
  }

  function remove(request: RequestContext, uid: string, at: 'pages' | 'resume'): void {
    const { name, [at]: path } = scope.interaction(uid)
    setCookie(request.response, scope, { name, value: '', path, maxAge: 0 })
    removeOfLibrary(request, uid, at)
  }

  function removeOfLibrary(request: RequestContext, uid: string, at: 'pages' | 'resume'): void {
    const path = scope.interaction(uid)[at]
    setCookie(request.response, scope, { name: scope.library[at], value: '', path, maxAge: 0 })
  }

  /** What a person sees and agrees to is for the client that asked, and goes where that client may be answered. */
  function isOfItsClient({ client: clientId, clientUid }: Claims, payload: InteractionPayload): boolean {
    const client = needs.client(clientId)
    const { redirect_uri: uri } = payload['params'] as { redirect_uri?: string }
    return client?.uid === clientUid && uri !== undefined && client.takesRedirectUri(uri)
  }

  /** What this browser has begun, oldest first. Its own word, and good for nothing but its own cookies. */
  function begunBy(request: RequestContext): string[] {
    const value = readCookies(request.request).get(scope.begun.name) ?? ''
    return value.split('.').filter((uid) => /^[\w-]{10,64}$/.test(uid))
  }

  /** Makes room: the oldest go, what is left of finished ones included. */
  function begin(request: RequestContext, uid: string): void {
    const all = [...begunBy(request), uid]
    for (const old of all.slice(0, -mostOpen)) {
      remove(request, old, 'pages')
      remove(request, old, 'resume')
    }
    const { name, path } = scope.begun
    const value = all.slice(-mostOpen).join('.')
    setCookie(request.response, scope, { name, value, path, maxAge: lifetimes.interactionCookie })
  }

  return {
    async read(request, uid) {
      const claims = await open(request, uid)
      if (claims === undefined) return undefined
      if (claims.payload === undefined) return { kind: 'over', reason: 'finished', clientId: claims.client }
      if (claims.until <= seconds()) return { kind: 'over', reason: 'expired', clientId: claims.client }
      const payload = await withPushedParams(claims.payload, store)
      if (payload === undefined || !isOfItsClient(claims, payload)) {
        return { kind: 'over', reason: 'expired', clientId: claims.client }
      }
      return { kind: 'live', payload, progress: claims.progress ?? {} }
    },
    async write(request, uid, payload) {
      const before = await open(request, uid)
      const params = payload['params'] as { client_id: string }
      const claims = {
        begun: before?.begun ?? seconds(),
        until: Number(payload['exp']),
        client: params.client_id,
        clientUid: before?.clientUid ?? needs.client(params.client_id)?.uid ?? '',
        payload: withoutPushedParams(payload),
        ...(before?.progress === undefined ? {} : { progress: before.progress }),
      }
      await put(request, uid, claims, payload['result'] === undefined ? 'pages' : 'resume')
      if (before === undefined) begin(request, uid)
    },
    async writeProgress(request, uid, progress) {
      const before = await open(request, uid)
      if (before?.payload === undefined) return
      await put(request, uid, { ...before, progress }, 'pages')
    },
    async finish(request, uid) {
      const before = await open(request, uid)
      if (before === undefined) return
      const { payload: _payload, progress: _progress, ...rest } = before
      await put(request, uid, rest, 'pages')
      removeOfLibrary(request, uid, 'pages')
      remove(request, uid, 'resume')
    },
  }
}

const boundTo = (uid: string, epoch: number): string => `interaction:${uid}:${epoch}`

/** What is long in a pushed request is not copied into the cookie: its handle is. */
const longestPushedParam = 200

function withoutPushedParams(payload: InteractionPayload): InteractionPayload {
  if (typeof payload['parJti'] !== 'string') return payload
  const params = Object.entries(payload['params'] as Readonly<Record<string, unknown>>)
  const isLong = ([, value]: [string, unknown]) => JSON.stringify(value ?? null).length > longestPushedParam
  const left = params.filter(isLong).map(([name]) => name)
  if (left.length === 0) return payload
  return { ...payload, params: Object.fromEntries(params.filter((param) => !isLong(param))), leftInPushed: left }
}

async function withPushedParams(
  payload: InteractionPayload,
  store: Pick<Store, 'pushedRequests'>,
): Promise<InteractionPayload | undefined> {
  const { leftInPushed, ...rest } = payload as { leftInPushed?: readonly string[]; parJti: string; params: object }
  if (leftInPushed === undefined) return payload
  const pushed = await fromStore(() => store.pushedRequests.find(rest.parJti))
  if (pushed === undefined) return undefined
  const body = JSON.parse(Buffer.from(String(pushed['request']).split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >
  const params = leftInPushed.map((name) => {
    const value = body[name]
    return [name, typeof value === 'object' && !Array.isArray(value) ? JSON.stringify(value) : value]
  })
  return { ...rest, params: { ...rest.params, ...Object.fromEntries(params) } }
}
