import type { EventEmitter } from 'node:events'
import { Provider } from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { GrantPayload } from '../artefacts/grants.ts'
import type { ClientClass, LibraryClient } from '../clients/oidc-client.ts'
import type { AuthorizationParams, Submission } from '../interaction/library-part.ts'

// The shapes of what we touch of the library: its published types lack the internals that we replace, and what overrides
// add. Every cast of one of its objects is here or at a hook of the configuration.

export type Context = KoaContextWithOIDC

/** An artefact that is issued: code, token, pushed request. */
export interface Artefact {
  jti: string
  exp?: number
  iat?: number
  grantId?: string
  accountId?: string
  clientId?: string
  scope?: string
  client?: object
  /** Of a refresh token, and of a pushed request: what overrides add. */
  seq?: number
  clientUid?: string
  save(ttl?: number): Promise<string>
  consume(): Promise<void>
  generateTokenId(): string
  getValueAndPayload(): Promise<{ value: string; payload?: object }>
  emit(event: string): void
}

export interface Session {
  uid: string
  accountId?: string
  loginTs?: number
  transient?: boolean
  /** What a started logout needs to remember. */
  state?: { secret?: string; postLogoutRedirectUri?: string; state?: string }
  /** What overrides add (see session-cookie.ts). */
  sidKey?: string
  until?: number
  version?: number
  authorizationFor(clientId: string): object
  sidFor(clientId: string, value?: string): string
  grantIdFor(clientId: string, value?: string): string | undefined
  loginAccount(details: { transient?: boolean }): void
  destroy(): Promise<void>
}

export interface Grant extends GrantPayload {
  getOIDCScope(): string
}

export interface ArtefactClass<Shape> {
  new (payload: object): Shape
  readonly prototype: Shape
  readonly IN_PAYLOAD: readonly string[]
  find(value: string, options?: object): Promise<Shape | undefined>
}

/** The classes of one Provider that overrides reach into. */
export interface Internals {
  readonly Client: ClientClass & {
    readonly prototype: LibraryClient & {
      compareClientSecret(secret: unknown): unknown
      backchannelLogout(): Promise<void>
    }
    find(id: unknown): Promise<LibraryClient | undefined>
  }
  readonly AuthorizationCode: ArtefactClass<Artefact>
  readonly AccessToken: ArtefactClass<Artefact>
  readonly ClientCredentials: ArtefactClass<Artefact>
  readonly RefreshToken: ArtefactClass<Artefact>
  readonly PushedAuthorizationRequest: ArtefactClass<Artefact>
  readonly Session: ArtefactClass<Session>
  readonly Grant: ArtefactClass<Grant>
  readonly ReplayDetection: { unique(issuer: string, jti: string, exp: number): Promise<boolean> }
  readonly Claims: { readonly prototype: Claims }
}

export interface Claims {
  /** What `account.claims()` gave. */
  readonly available: Readonly<Record<symbol, object | undefined>>
  result(): Promise<Record<string, unknown>>
}

export const internalsOf = (provider: Provider): Internals => provider as unknown as Internals

/** The class that this Provider makes its clients with. */
export const clientClassOf = (provider: Provider): ClientClass => internalsOf(provider).Client

/** Events whose names the published types do not have. */
export const emitterOf = (provider: Provider): EventEmitter => provider as unknown as EventEmitter

/** The context of the call that runs now, for hooks that get none.
 *  @throws TypeError outside of one */
export function currentContext(): Context {
  const context = Provider.ctx
  if (context === undefined) throw new TypeError('no context of oidc-provider')
  return context as Context
}

/** The client that asks, as the library's object. */
export const clientOf = (context: Context): object => context.oidc.client!

export const sessionOf = (context: Context): Session | undefined =>
  context.oidc.session as unknown as Session | undefined

/** The parameters of an authorization request, once the library has checked them. */
export const authorizationParams = (context: Context): AuthorizationParams =>
  context.oidc.params as unknown as AuthorizationParams

/** @returns a parameter that came once; undefined also before the library has read any */
export function parameterOf(context: Context, name: string): string | undefined {
  const value = context.oidc?.params?.[name]
  return typeof value === 'string' ? value : undefined
}

/** What was answered in the interaction that this request comes from. */
export const submissionOf = (context: Context): Submission | undefined =>
  context.oidc.result as unknown as Submission | undefined

export const interactionOf = (context: Context): { jti: string; exp: number } | undefined =>
  context.oidc.entities.Interaction

/** The grant of this authorization. */
export const grantOf = (context: Context): Grant => context.oidc.grant as unknown as Grant
