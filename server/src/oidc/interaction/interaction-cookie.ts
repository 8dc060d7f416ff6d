// Reads and writes interactions in encrypted cookies.
import type { IncomingMessage } from 'node:http'
import { readCookies, setCookie } from '../cookies.ts'
import type { CookieScope, Exchange, InteractionPlace, ResumePlace } from '../cookies.ts'
import { decryptClaims, encryptClaims } from '../keys/encrypted-claims.ts'
import type { CookieKeys } from '../keys/key-set.ts'
import { lifetimes } from '../lifetimes.ts'
import { ProtocolError } from '../protocol-error.ts'
import { addInteraction, parseBegun } from './begun.ts'
import { finished, isHeld, placeOf, resumePlaceOf, withLibraryPart, withProgress } from './held.ts'
import type { HeldInteraction } from './held.ts'
import type { Progress } from './interaction.ts'
import type { LibraryPart } from './library-part.ts'
import { withPushedParams, withoutPushedParams } from './pushed-params.ts'
import type { PushedSources } from './pushed-params.ts'

export type FoundInteraction =
  | {
      readonly kind: 'live'
      readonly payload: LibraryPart
      readonly progress: Progress
      /** The sealed request that it began with, when the cookie holds it. */
      readonly sealedRequest?: string | undefined
    }
  | { readonly kind: 'over'; readonly reason: 'expired' | 'finished'; readonly clientId: string }

/** Each interaction has an encrypted cookie of its own, so that tabs do not disturb each other. The browser sends it to
 *  the pages while the person is asked, and to the resume endpoint once there is a result for the library. */
export interface InteractionCookies {
  /** @returns undefined when the browser sent no such cookie, or it cannot be decrypted */
  read(exchange: Pick<Exchange, 'request'>, uid: string): Promise<FoundInteraction | undefined>
  /** Stores the library's part; the progress of the sign-in stays.
   *  @throws ProtocolError invalid_request when the cookie would be too large for a browser */
  write(exchange: Exchange & { readonly sealedRequest?: string }, uid: string, payload: LibraryPart): void
  /** As `write`, for a request of this process that takes the place of the browser's next one: nothing is encrypted for it. */
  passTo(exchange: Pick<Exchange, 'request'>, uid: string, payload: LibraryPart, to: IncomingMessage): void
  writeProgress(exchange: Exchange, uid: string, progress: Progress): void
  /** Removes everything that is not needed to tell the person where to start again. */
  finish(exchange: Exchange, uid: string): void
}

/** The client that is registered now. */
export interface ClientOfInteraction {
  readonly uid: string
  /** Whether the library accepts this redirect URI: a native application may use any port of the loopback address. */
  takesRedirectUri(uri: string): boolean
}

export interface InteractionCookieNeeds extends PushedSources {
  readonly keys: () => CookieKeys
  readonly epoch: () => number
  readonly scope: CookieScope
  /** @returns undefined when the client is deleted or suspended */
  readonly client: (clientId: string) => ClientOfInteraction | undefined
  /** Another replica may have met a client by metadata document. */
  readonly ensureClient: (clientId: string) => Promise<unknown>
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Browsers keep 4,096 bytes of name and value. */
const longestCookie = 3800

export function createInteractionCookies(needs: InteractionCookieNeeds): InteractionCookies {
  return {
    async read(exchange, uid) {
      const held = open(needs, exchange, uid)
      return held && find(needs, held)
    },
    write(exchange, uid, payload) {
      const before = open(needs, exchange, uid)
      const sealed = exchange.sealedRequest ?? before?.payload?.sealedRequest
      const held = holding(needs, before, withoutPushedParams(payload, sealed))
      put(needs, exchange, uid, held)
      if (before === undefined) begin(needs, exchange, uid, resumePlaceOf(payload))
    },
    passTo(exchange, uid, payload, to) {
      handed.set(to, { uid, held: holding(needs, open(needs, exchange, uid), payload) })
    },
    writeProgress(exchange, uid, progress) {
      const before = open(needs, exchange, uid)
      const held = before && withProgress(before, progress)
      if (held) put(needs, exchange, uid, held)
    },
    finish(exchange, uid) {
      const before = open(needs, exchange, uid)
      if (before === undefined) return
      put(needs, exchange, uid, finished(before))
      removeOfLibrary(needs, exchange, uid, 'pages')
      remove(needs, exchange, uid, resumePlaceOf(before.payload))
    },
  }
}

function holding(
  needs: InteractionCookieNeeds,
  before: HeldInteraction | undefined,
  payload: LibraryPart,
): HeldInteraction {
  const clientUid = needs.client(payload.params.client_id)?.uid ?? ''
  return withLibraryPart(before, payload, { now: secondsOf(needs), clientUid })
}

function open(
  needs: InteractionCookieNeeds,
  { request }: Pick<Exchange, 'request'>,
  uid: string,
): HeldInteraction | undefined {
  const given = handed.get(request)
  if (given?.uid === uid) return given.held
  const value = readCookies(request).get(needs.scope.interaction(uid).name)
  if (value === undefined) return undefined
  const known = opened.get(request)
  if (known?.value === value && known.uid === uid) return known.held
  const claims = decryptClaims(value, {
    keyOf: (kid) => needs.keys().find('interaction', kid),
    bound: boundTo(needs, uid),
    now: new Date(needs.now()),
  })
  const held = isHeld(claims) ? claims : undefined
  opened.set(request, { uid, value, held })
  return held
}

/** What a request was given in place of a cookie. */
const handed = new WeakMap<IncomingMessage, Pick<Opened, 'uid' | 'held'>>()

/** What a request brought, read once: its cookie is looked at several times. */
const opened = new WeakMap<IncomingMessage, Opened>()

interface Opened {
  readonly uid: string
  readonly value: string
  readonly held: HeldInteraction | undefined
}

function put(needs: InteractionCookieNeeds, { response }: Exchange, uid: string, held: HeldInteraction): void {
  const { kid, key } = needs.keys().current('interaction')
  const expiresAt = held.begun + lifetimes.interactionCookie
  const value = encryptClaims({ ...held }, { key, kid, bound: boundTo(needs, uid), expiresAt })
  const { name, [placeOf(held)]: path } = needs.scope.interaction(uid)
  if (name.length + value.length > longestCookie) {
    throw new ProtocolError('invalid_request', {
      description: 'the authorization request is too large; send it as a pushed request (RFC 9126)',
    })
  }
  setCookie(response, needs.scope, { name, value, path, maxAge: Math.max(expiresAt - secondsOf(needs), 1) })
}

async function find(needs: InteractionCookieNeeds, held: HeldInteraction): Promise<FoundInteraction> {
  const { client: clientId, progress = {} } = held
  await needs.ensureClient(clientId)
  if (held.payload === undefined) return { kind: 'over', reason: 'finished', clientId }
  if (held.until <= secondsOf(needs)) return { kind: 'over', reason: 'expired', clientId }
  const payload = await withPushedParams(held.payload, needs)
  if (payload === undefined || !isOfItsClient(needs, held, payload))
    return { kind: 'over', reason: 'expired', clientId }
  return { kind: 'live', payload, progress, sealedRequest: held.payload.sealedRequest }
}

/** Whether the client is still the one that began the interaction, and its redirect URI is still registered. */
function isOfItsClient(needs: InteractionCookieNeeds, held: HeldInteraction, { params }: LibraryPart): boolean {
  const client = needs.client(held.client)
  const { redirect_uri: uri } = params
  if (client?.uid !== held.clientUid) return false
  // nobody is sent back to a device
  if (resumePlaceOf(held.payload) === 'device') return true
  return uri !== undefined && client.takesRedirectUri(uri)
}

/** Adds an interaction to the browser's list, and removes the cookies of the oldest ones, finished ones too. */
function begin(needs: InteractionCookieNeeds, exchange: Exchange, uid: string, resume: ResumePlace): void {
  const { name, [resume]: path } = needs.scope.begun
  const { value, dropped } = addInteraction(parseBegun(readCookies(exchange.request).get(name)), uid)
  for (const old of dropped) {
    remove(needs, exchange, old, 'pages')
    remove(needs, exchange, old, resume)
  }
  setCookie(exchange.response, needs.scope, { name, value, path, maxAge: lifetimes.interactionCookie })
}

function remove(needs: InteractionCookieNeeds, exchange: Exchange, uid: string, at: InteractionPlace): void {
  const { name, [at]: path } = needs.scope.interaction(uid)
  setCookie(exchange.response, needs.scope, { name, value: '', path, maxAge: 0 })
  removeOfLibrary(needs, exchange, uid, at)
}

function removeOfLibrary(
  { scope }: InteractionCookieNeeds,
  { response }: Exchange,
  uid: string,
  at: InteractionPlace,
): void {
  const name = scope.library[at === 'pages' ? 'pages' : 'resume']
  setCookie(response, scope, { name, value: '', path: scope.interaction(uid)[at], maxAge: 0 })
}

const secondsOf = (needs: InteractionCookieNeeds): number => Math.floor(needs.now() / 1000)

const boundTo = (needs: InteractionCookieNeeds, uid: string): string => `interaction:${uid}:${needs.epoch()}`
