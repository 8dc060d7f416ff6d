// Types for the parts of the library that we use. Its published types lack the internals that we replace, and the
// properties that overrides add. Its objects get these types here alone, each after a look whether it is what we mean.
import type { EventEmitter } from 'node:events'
import { Provider } from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { GrantPayload } from '../artefacts/grants.ts'
import type { Detail } from '../apis/detail-type.ts'
import type { ClientClass, ClientKeys, LibraryClient } from '../clients/oidc-client.ts'
import type { Actor } from '../request-context.ts'
import type { AuthorizationParams, Submission } from '../interaction/library-part.ts'

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
  resource?: string | readonly string[]
  client?: object
  /** Added by overrides: `seq` to refresh tokens, `clientUid` to pushed requests. */
  seq?: number
  clientUid?: string
  acr?: string | undefined
  amr?: readonly string[]
  authTime?: number
  /** Why there will be no tokens: of device codes. */
  error?: string
  save(ttl?: number): Promise<string>
  consume(): Promise<void>
  generateTokenId(): string
  getValueAndPayload(): Promise<{ value: string; payload?: object }>
  emit(event: string): void
}

/** An access token, of a person or of a machine. */
export interface AccessToken extends Artefact {
  readonly aud?: string | readonly string[]
  readonly sessionUid?: string
  readonly extra?: { readonly act?: Actor; readonly acr?: string; readonly auth_time?: number }
  readonly jkt?: string
  readonly 'x5t#S256'?: string
  readonly resourceServer?: object & { readonly accessTokenFormat?: string; identifier(): string }
  /** Authorization details as the library writes them into JWTs and answers, and as they are sealed into an opaque token. */
  rar?: readonly Detail[] | undefined
  authorizationDetails?: readonly Detail[] | undefined
  readonly isValid: boolean
  /** Seconds. */
  readonly expiration: number
  expiresIn?: number
}

/** A device that waits for its tokens (RFC 8628). `accountId` is set when it is allowed. */
export interface DeviceCode extends Artefact {
  readonly userCode: string
  readonly params: object
  readonly errorDescription?: string
}

export interface Session {
  uid: string
  accountId?: string
  loginTs?: number
  acr?: string
  transient?: boolean
  /** Whether it has to be stored again. */
  touched?: boolean
  /** What the logout page must remember until the person confirms. */
  state?: { secret?: string; postLogoutRedirectUri?: string; state?: string }
  /** Added by overrides (see session-cookie.ts). */
  sidKey?: string
  until?: number
  version?: number
  authorizationFor(clientId: string): object
  ensureClientContainer(clientId: string): void
  sidFor(clientId: string, value?: string): string
  grantIdFor(clientId: string, value?: string): string | undefined
  amr?: readonly string[]
  loginAccount(details: { transient?: boolean; loginTs?: number; amr?: readonly string[] }): void
  destroy(): Promise<void>
}

export interface Grant extends GrantPayload {
  readonly clientId?: string
  readonly accountId?: string
  getOIDCScope(): string
}

export interface ArtefactClass<Shape> {
  new (payload: object): Shape
  readonly prototype: Shape
  readonly IN_PAYLOAD: readonly string[]
  find(value: string, options?: object): Promise<Shape | undefined>
}

/** The classes of one Provider that overrides change. */
export interface Internals {
  readonly Client: ClientClass & {
    readonly prototype: LibraryClient & {
      compareClientSecret(secret: unknown): unknown
      grantTypeAllowed(grant: string): boolean
      postLogoutRedirectUriAllowed(uri: string): boolean
      responseModeAllowed(mode: string | undefined, type: string | undefined, profile?: string): boolean
      /** Whether ID tokens for it have `sid`. */
      includeSid(): boolean
    }
    find(id: unknown): Promise<LibraryClient | undefined>
  }
  readonly AuthorizationCode: ArtefactClass<Artefact>
  readonly DeviceCode: ArtefactClass<DeviceCode>
  readonly AccessToken: ArtefactClass<AccessToken>
  readonly ClientCredentials: ArtefactClass<AccessToken>
  readonly RefreshToken: ArtefactClass<Artefact>
  readonly PushedAuthorizationRequest: ArtefactClass<Artefact>
  readonly Session: ArtefactClass<Session>
  readonly Grant: ArtefactClass<Grant>
  readonly ReplayDetection: { unique(issuer: string, jti: string, exp: number): Promise<boolean> }
  readonly Claims: {
    readonly prototype: Claims
    new (available: object, options: { readonly client: object }): Claims
  }
  readonly IdToken: {
    readonly prototype: IdToken
    new (available: object, options: { readonly client: object }): IdToken
    validate(jwt: unknown, client: { clientId: string; idTokenSignedResponseAlg: string }): Promise<unknown>
  }
  /** `context.oidc` of each request. The library assigns `params` to it, and nothing else defines that name. */
  readonly OIDCContext: {
    readonly prototype: {
      /** The name of the endpoint. */
      readonly route?: string
      urlFor(name: string, options?: object): string
      clientJwtAuthExpectedAudience(): ReadonlySet<string>
    }
  }
}

export interface IdToken {
  readonly client: object & { readonly asymmetricKeyStore: ClientKeys }
  /** What `account.claims()` returned. */
  available: Readonly<Record<string | symbol, unknown>>
  /** The scopes whose claims it holds, and single claims. */
  scope?: string
  mask?: Readonly<Record<string, null>>
  /** A claim of the token itself. */
  set(claim: string, value: unknown): void
  /** Undefined for an ID token without `openid`. */
  issue(options: { readonly use: string }): Promise<string | undefined>
}

/** The parameters of a request as the library reads them: undefined where one is missing, an array where it was given several times. */
export type Params = Record<string, unknown>

export interface Claims {
  /** What `account.claims()` returned. */
  readonly available: Readonly<Record<symbol, object | undefined>>
  /** Which claims are told: those of scopes. */
  scope(scope: string): void
  result(): Promise<Record<string, unknown>>
}

const internalNames: Readonly<Record<keyof Internals, true>> = {
  Client: true,
  AuthorizationCode: true,
  DeviceCode: true,
  AccessToken: true,
  ClientCredentials: true,
  RefreshToken: true,
  PushedAuthorizationRequest: true,
  Session: true,
  Grant: true,
  ReplayDetection: true,
  Claims: true,
  IdToken: true,
  OIDCContext: true,
}
const hasInternals = (provider: object): provider is Internals =>
  Object.keys(internalNames).every((name) => name in provider)

/** The published class has other types for its models, and none for what overrides replace.
 *  @throws TypeError when the library no longer has one of them */
export function internalsOf(provider: object): Internals {
  if (!hasInternals(provider)) throw new TypeError('oidc-provider lacks a class that overrides replace')
  return provider
}

/** The class of this Provider's clients. */
export const clientClassOf = (provider: Provider): ClientClass => internalsOf(provider).Client

/** The same object, for events whose names are not in the published types. */
export const emitterOf = (provider: Provider): EventEmitter => provider

/** The context of the current request, for hooks that get none as a parameter.
 *  @throws TypeError outside of a request */
export function currentContext(): Context {
  const context = Provider.ctx
  if (context === undefined) throw new TypeError('this runs outside of a request that oidc-provider handles')
  return context
}

/** The client of this request, as the library's object. */
export const clientOf = (context: Context): object => context.oidc.client!

/** What `context.oidc` holds, with the members that the library and our overrides give it, of which the published types have other ones
 *  or none. */
interface RequestParts {
  readonly entities: {
    readonly AuthorizationCode?: Artefact
    readonly DeviceCode?: DeviceCode
    readonly RefreshToken?: Artefact
    readonly Grant?: Grant
  }
  readonly client?: { readonly clientAuthMethod: string }
  readonly session?: Session
  readonly params: AuthorizationParams
  /** The person's answers in the interaction before. */
  readonly result?: Submission
  readonly grant?: Grant
}

const hasParts = (oidc: object): oidc is RequestParts => 'entities' in oidc

function partsOf({ oidc }: { readonly oidc: object }): RequestParts {
  if (!hasParts(oidc)) throw new TypeError('this is no request that oidc-provider handles')
  return oidc
}

/** How the client has proved itself; undefined where there is no client yet. */
export const authMethodOf = (context: Context): string | undefined => partsOf(context).client?.clientAuthMethod

/** Whether this request is read again, after it was pushed: its form is then the library's own, and it was checked at the push. */
export const wasPushed = (context: Context): boolean => 'PushedAuthorizationRequest' in context.oidc.entities

/** Whether the parameters are those of an earlier request, which goes on. */
export const continuesRequest = (context: Context): boolean =>
  ['resume', 'device_resume', 'code_verification'].includes(context.oidc.route ?? '')

/** What a request has found so far. */
export const entitiesOf = (context: Pick<Context, 'oidc'>): RequestParts['entities'] => partsOf(context).entities

/** The refresh token of a request that shows one. */
export const refreshTokenOf = (context: Context): Artefact => entitiesOf(context).RefreshToken!

export const sessionOf = (context: Context): Session | undefined => partsOf(context).session

/** The parameters of an authorization request, once the library has checked them. */
export const authorizationParams = (context: Context): AuthorizationParams => partsOf(context).params

/** @returns a parameter that was given once; undefined also before the library has read the parameters */
export function parameterOf(context: Context, name: string): string | undefined {
  const value = context.oidc?.params?.[name]
  return typeof value === 'string' ? value : undefined
}

/** Replaces a parameter; the library reads it later. */
export function setParameter(context: Context, name: string, value: string | undefined): void {
  Object.assign(context.oidc.params!, { [name]: value })
}

/** The APIs that a request names, once or several times (RFC 8707). */
export function resourcesOf(context: Context): readonly string[] {
  const named: unknown = context.oidc.params?.['resource']
  return [named].flat().filter((identifier) => typeof identifier === 'string')
}

/** The person's answers in the interaction before this request; undefined when there was none. */
export const submissionOf = (context: Context): Submission | undefined => partsOf(context).result

export const interactionOf = (context: Context): { jti: string; exp: number } | undefined =>
  context.oidc.entities.Interaction

/** The grant of this authorization. */
export const grantOf = (context: Context): Grant => partsOf(context).grant!
