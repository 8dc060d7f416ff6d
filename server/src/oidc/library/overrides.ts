import { createHmac, randomBytes } from 'node:crypto'
import { Provider, errors } from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { matchVerifier } from '../../clients/verifiers.ts'
import type { Store } from '../../store/store.ts'
import { fromStore } from '../artefacts/adapter.ts'
import { codeFinish, grantFromRow, refreshFamilyOf } from '../artefacts/grants.ts'
import { accessOf } from '../clients/access.ts'
import { loadAccountOf } from '../load-account.ts'
import type { ClientInstances } from '../clients/instances.ts'
import type { OidcClient } from '../clients/oidc-client.ts'
import type { CookieKeys } from '../keys/key-set.ts'
import { lifetimes, longestAssertion } from '../lifetimes.ts'
import { currentRequest } from '../request-context.ts'
import type { Sealer, SealedKind } from '../artefacts/sealed.ts'
import type { ProtocolSettings } from './configuration.ts'

// Every internal of oidc-provider that we lean on, one function each. test/oidc/overrides.integration.test.ts holds a
// contract for each by name: when an update of the library breaks one, its test says which.

export interface OverrideNeeds {
  readonly store: Store
  readonly sealer: Sealer
  readonly keys: () => CookieKeys
  readonly clients: ClientInstances
  readonly settings: ProtocolSettings
  /** Called when a client's secret matched. */
  readonly usedSecret: (client: OidcClient, secretId: string) => void
  /** Epoch milliseconds, and milliseconds that no clock change moves. */
  readonly now: () => number
  readonly monotonicNow: () => number
}

export function applyOverrides(provider: Provider, needs: OverrideNeeds): void {
  findClients(provider, needs)
  compareSecrets(provider, needs)
  neverSendLogout(provider)
  sealValues(provider, needs)
  consumeCodes(provider, needs)
  finishCodes(provider, needs)
  rotateRefreshTokens(provider, needs)
  consumePushedRequests(provider, needs)
  replayOnce(provider, needs)
  loadGrants(provider, needs)
  statelessSessions(provider, needs)
  endSessions(provider, needs)
  addGroupClaims(provider)
}

/** A model or client class of one Provider, as far as we touch it. */
interface Model {
  new (payload: object): Artefact
  prototype: Artefact
  readonly name: string
  IN_PAYLOAD: readonly string[]
  find(value: string, options?: object): Promise<Artefact | undefined>
}

interface Artefact {
  jti: string
  exp?: number
  iat?: number
  grantId?: string
  accountId?: string
  clientId?: string
  scope?: string
  seq?: number
  client?: object
  save(ttl?: number): Promise<string>
  consume(): Promise<void>
  destroy(): Promise<void>
  generateTokenId(): string
  getValueAndPayload(): Promise<{ value: string; payload?: object }>
  emit(event: string): void
}

const modelOf = (provider: Provider, name: string): Model => (provider as unknown as Record<string, Model>)[name]!

/** Replaces a method; the replacement gets the original, bound to its object. */
function override<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  replace: (original: Target[Name]) => Target[Name],
): void {
  const original = target[name]
  if (typeof original !== 'function') throw new TypeError(`oidc-provider has no ${String(name)} any more`)
  Object.defineProperty(target, name, { configurable: true, writable: true, value: replace(original) })
}

/** Client.find: one immutable map instead of an adapter and a cache of 100 (client instances are built on first use). */
export function findClients(provider: Provider, { clients }: Pick<OverrideNeeds, 'clients'>): void {
  override(
    provider.Client as unknown as { find(id: unknown): Promise<unknown> },
    'find',
    () => async (id) => (typeof id === 'string' ? clients.find(provider, id) : undefined),
  )
}

/** Client.prototype.compareClientSecret: the library compares with one plain secret; here two hashes may be live. */
export function compareSecrets(
  provider: Provider,
  { clients, usedSecret, monotonicNow }: Pick<OverrideNeeds, 'clients' | 'usedSecret' | 'monotonicNow'>,
): void {
  override(
    provider.Client.prototype as unknown as { compareClientSecret(secret: unknown): unknown },
    'compareClientSecret',
    () =>
      function compareClientSecret(this: object, presented: unknown): boolean {
        const client = clients.registered(this)
        const match =
          typeof presented === 'string' ? matchVerifier(presented, client.verifiers, monotonicNow()) : undefined
        if (match === undefined || !cameAsRegistered(client.config.tokenEndpointAuthMethod)) return false
        currentRequest().secret = match
        usedSecret(client, match.secretId)
        return true
      },
  )
}

/** The library takes a secret from the header or the body, whichever of the two is registered. */
function cameAsRegistered(method: string): boolean {
  const header = (Provider.ctx as KoaContextWithOIDC).headers.authorization
  return (header !== undefined) === (method === 'client_secret_basic')
}

/** Client.prototype.backchannelLogout: the library would wait for every relying party inside the request. */
function neverSendLogout(provider: Provider): void {
  override(
    provider.Client.prototype as unknown as { backchannelLogout(): Promise<void> },
    'backchannelLogout',
    () => async () => undefined,
  )
}

/** getValueAndPayload of what becomes a sealed string: no payload is left for the adapter to store. A JWT stays one. */
export function sealValues(provider: Provider, { sealer }: Pick<OverrideNeeds, 'sealer'>): void {
  for (const kind of [
    'AuthorizationCode',
    'AccessToken',
    'ClientCredentials',
  ] as const satisfies readonly SealedKind[]) {
    override(
      modelOf(provider, kind).prototype,
      'getValueAndPayload',
      (original) =>
        async function getValueAndPayload(this: Artefact) {
          const { value, payload } = await original.call(this)
          return { value: payload === undefined ? value : sealer.seal(kind, payload) }
        },
    )
  }
}

/** AuthorizationCode.prototype.consume: the library's own check is a read, then a write. Here one statement decides; the
 *  loser's grant dies (RFC 6749 section 4.1.2). */
function consumeCodes(provider: Provider, { store, clients }: Pick<OverrideNeeds, 'store' | 'clients'>): void {
  override(
    modelOf(provider, 'AuthorizationCode').prototype,
    'consume',
    () =>
      async function consume(this: Artefact) {
        const context = Provider.ctx as KoaContextWithOIDC
        const request = currentRequest()
        const outcome = await fromStore(() =>
          store.grants.spendCode({
            jti: this.jti,
            expiresAt: new Date(this.exp! * 1000),
            grantId: this.grantId!,
            family: refreshFamilyOf(clients.registered(context.oidc.client!), new Set(this.scope?.split(' '))),
            auditOnReplay: [auditOf('code.replay', this)],
          }),
        )
        if (outcome.kind === 'replayed') throw new errors.InvalidGrant('authorization code already consumed')
        if (outcome.family) request.family = { ...outcome.family, expiresAt: Number.POSITIVE_INFINITY }
        this.emit('consumed')
      },
  )
}

/** AuthorizationCode.prototype.save: with a code, and only then, an authorization is written down: the interaction's
 *  mark, consent, grant, session and audit in one statement. */
export function finishCodes(
  provider: Provider,
  { store, clients, keys, now }: Pick<OverrideNeeds, 'store' | 'clients' | 'keys' | 'now'>,
): void {
  override(
    modelOf(provider, 'AuthorizationCode').prototype,
    'save',
    (original) =>
      async function save(this: Artefact) {
        const context = Provider.ctx as KoaContextWithOIDC
        const client = clients.registered(context.oidc.client!)
        const sid = sidOf(keys(), context.oidc.session as never, client.clientId)
        const finish = codeFinish(context, {
          client,
          request: currentRequest(),
          now: now(),
          sid,
          grantId: this.grantId!,
        })
        const { done, ended } = await fromStore(() => store.signIns.finish(finish))
        if (ended) {
          throw Object.assign(new errors.InvalidRequest('the sessions of this account were ended meanwhile'), {
            allow_redirect: false,
            code: 'SIGN_IN_ENDED',
          })
        }
        if (!done) {
          throw Object.assign(new errors.InvalidRequest('this sign-in has been completed already'), {
            allow_redirect: false,
            code: 'INTERACTION_SPENT',
          })
        }
        return original.call(this)
      },
  )
}

/** RefreshToken: consume, generateTokenId and getValueAndPayload. A token is derived from its family's row (grant, seq,
 *  time of the rotation), so that a repeated request gets the same successor, and nothing is stored. */
export function rotateRefreshTokens(
  provider: Provider,
  needs: Pick<OverrideNeeds, 'store' | 'sealer' | 'keys' | 'settings' | 'clients'>,
): void {
  const { store, sealer, keys, settings, clients } = needs
  const model = modelOf(provider, 'RefreshToken')
  extendPayload(model, ['seq'])
  override(
    model.prototype,
    'consume',
    () =>
      async function consume(this: Artefact) {
        const client = clients.registered((Provider.ctx as KoaContextWithOIDC).oidc.client!)
        const outcome = await fromStore(() =>
          store.refreshFamilies.rotate({
            grantId: this.grantId!,
            seq: this.seq!,
            graceMs: settings.refreshGraceMs,
            idleTtlMs: (client.config.refreshTokenTtl || lifetimes.refreshIdle) * 1000,
            auditOnReuse: [auditOf('refresh.reuse', this)],
          }),
        )
        if (outcome.kind === 'reused') throw new errors.InvalidGrant('refresh token already used')
        if (outcome.kind === 'gone') throw new errors.InvalidGrant('refresh token was revoked')
        currentRequest().family = outcome
        this.emit('consumed')
      },
  )
  override(
    model.prototype,
    'generateTokenId',
    () =>
      function generateTokenId(this: Artefact) {
        const { seq, rotatedAt } = familyOfRequest()
        const { key } = keys().activeAt('refresh-jti', rotatedAt)
        return createHmac('sha256', key).update(`${this.grantId}\0${seq}\0${rotatedAt}`).digest('base64url')
      },
  )
  override(
    model.prototype,
    'getValueAndPayload',
    (original) =>
      async function getValueAndPayload(this: Artefact) {
        const { seq, rotatedAt, expiresAt } = familyOfRequest()
        this.seq = seq
        this.iat = Math.floor(rotatedAt / 1000)
        const client = clients.registered(this.client!)
        const idle = this.iat + (client.config.refreshTokenTtl || lifetimes.refreshIdle)
        this.exp = Number.isFinite(expiresAt) ? Math.min(idle, Math.floor(expiresAt / 1000)) : idle
        const { payload } = await original.call(this)
        return { value: sealer.seal('RefreshToken', payload!, { madeAt: rotatedAt }) }
      },
  )
}

function familyOfRequest() {
  const { family } = currentRequest()
  if (family === undefined) throw new TypeError('a refresh token needs its family')
  return family
}

/** PushedAuthorizationRequest.prototype.consume (RFC 9126 section 4: once), and whose it is, for the limit per client. */
function consumePushedRequests(
  provider: Provider,
  { store, clients, now }: Pick<OverrideNeeds, 'store' | 'clients' | 'now'>,
): void {
  const model = modelOf(provider, 'PushedAuthorizationRequest')
  extendPayload(model, ['clientUid'])
  override(
    model.prototype,
    'consume',
    () =>
      async function consume(this: Artefact) {
        const expiresAt = new Date(now() + lifetimes.interactionCookie * 1000)
        if (!(await fromStore(() => store.oneTime.mark('par', this.jti, expiresAt)))) {
          throw new errors.InvalidRequestUri('request_uri is invalid, expired, or was already used')
        }
        this.emit('consumed')
      },
  )
  override(
    model.prototype,
    'save',
    (original) =>
      async function save(this: Artefact & { clientUid?: string }, ttl) {
        this.clientUid = clients.registered((Provider.ctx as KoaContextWithOIDC).oidc.client!).uid
        return original.call(this, ttl)
      },
  )
}

/** ReplayDetection.unique (jti of assertions and DPoP proofs): the library reads, then writes. */
function replayOnce(provider: Provider, { store, now }: Pick<OverrideNeeds, 'store' | 'now'>): void {
  const model = modelOf(provider, 'ReplayDetection') as unknown as {
    unique(issuer: string, jti: string, exp: number): Promise<boolean>
  }
  override(model, 'unique', () => async (issuer, jti, exp) => {
    // it has to be remembered for as long as it is valid (RFC 7523 section 3, 4.: too far in the future may be refused)
    if (!(exp <= now() / 1000 + longestAssertion)) return false
    const id = createHmac('sha256', 'jti').update(`${issuer}\0${jti}`).digest('base64url')
    return fromStore(() => store.oneTime.mark('jti', id, new Date(exp * 1000)))
  })
}

/** Grant.find: grant, account and session come in one query, which the request keeps for `findAccount`. */
function loadGrants(provider: Provider, { store, clients }: Pick<OverrideNeeds, 'store' | 'clients'>): void {
  const model = modelOf(provider, 'Grant')
  override(model, 'find', () => async (grantId) => {
    const artefact = currentRequest().artefact
    if (artefact?.['grantId'] !== grantId) return undefined
    const loaded = await loadAccountOf(store, artefact)
    const row = loaded?.grant
    if (!loaded || !row) return undefined
    const client = clients.registeredById(row.clientId)
    if (!client || client.uid !== row.clientUid || accessOf(client.config, loaded.user.groups).kind !== 'allowed')
      return undefined
    // a token that was rotated away is not active; at the token endpoint the rotation itself decides
    const { route } = (Provider.ctx as KoaContextWithOIDC).oidc
    if (artefact['kind'] === 'RefreshToken' && route === 'introspection' && loaded.family?.seq !== artefact['seq'])
      return undefined
    return new model(grantFromRow(row))
  })
}

/** Session: what rides in the cookie, and what does not. `authorizations` (sid and grant by client) would be lost when
 *  two tabs rewrite the cookie: sid is derived, and the grant is the request's own. */
export function statelessSessions(provider: Provider, { keys, now }: Pick<OverrideNeeds, 'keys' | 'now'>): void {
  const model = modelOf(provider, 'Session')
  const payload = model.IN_PAYLOAD.filter((name) => name !== 'authorizations').concat('sidKey', 'until', 'version')
  Object.defineProperty(model, 'IN_PAYLOAD', { configurable: true, value: payload })
  const session = model.prototype as unknown as SessionModel
  const grants = new WeakMap<object, string>()
  override(session, 'authorizationFor', () => () => ({}))
  override(
    session,
    'sidFor',
    () =>
      function sidFor(this: SessionModel, clientId) {
        return sidOf(keys(), this, clientId)
      },
  )
  override(
    session,
    'grantIdFor',
    () =>
      function grantIdFor(this: SessionModel, _clientId, value) {
        if (value !== undefined) grants.set(currentRequest(), value)
        return grants.get(currentRequest())
      },
  )
  override(
    session,
    'loginAccount',
    (original) =>
      function loginAccount(this: SessionModel, details) {
        original.call(this, details)
        this.sidKey ??= keys().current('sid').kid
        this.version ??= 1
        const seconds = Math.floor(now() / 1000)
        this.until = seconds + (details.transient === true ? lifetimes.sessionAbsolute : lifetimes.sessionRemembered)
      },
  )
}

export interface SessionModel {
  uid: string
  accountId?: string
  loginTs?: number
  sidKey?: string
  until?: number
  version?: number
  transient?: boolean
  authorizationFor(clientId: string): object
  sidFor(clientId: string, value?: string): string
  grantIdFor(clientId: string, value?: string): string | undefined
  loginAccount(details: { transient?: boolean }): void
}

/** The `sid` of a client in a session: the same in every tab and on every replica. */
function sidOf(keys: CookieKeys, session: Pick<SessionModel, 'uid' | 'sidKey'>, clientId: string): string {
  const key = (session.sidKey === undefined ? undefined : keys.find('sid', session.sidKey)) ?? keys.current('sid').key
  return createHmac('sha256', key).update(`${session.uid}\0${clientId}`).digest('base64url').slice(0, 32)
}

/** Session.prototype.destroy (the end of a logout): ends the session in the store, and every grant of it that was not
 *  given offline_access. */
export function endSessions(provider: Provider, { store }: Pick<OverrideNeeds, 'store'>): void {
  override(
    modelOf(provider, 'Session').prototype,
    'destroy',
    (original) =>
      async function destroy(this: Artefact & SessionModel) {
        const { uid, accountId } = this
        if (accountId !== undefined) {
          await fromStore(async () => {
            await store.devices.endSession(uid, [{ ...auditOf('session.ended', this), outcome: 'success' }])
            await store.grants.revokeOfSession(uid, { keepOffline: true })
          })
        }
        return original.call(this)
      },
  )
}

/** Claims.prototype.result: claims that a client derives from groups have names that the Provider cannot list. */
function addGroupClaims(provider: Provider): void {
  type Claims = { prototype: { result(): Promise<Record<string, unknown>> } }
  override(
    (provider as unknown as { Claims: Claims }).Claims.prototype,
    'result',
    (original) =>
      async function result(this: { available: Record<symbol, Record<string, unknown>> }) {
        const claims = await original.call(this as never)
        return { ...this.available[groupClaims], ...claims }
      } as Claims['prototype']['result'],
  )
}

/** Under this key `account.claims()` hands over what `addGroupClaims` adds. */
export const groupClaims = Symbol('claims from groups')

function extendPayload(model: Model, names: readonly string[]): void {
  Object.defineProperty(model, 'IN_PAYLOAD', { configurable: true, value: [...model.IN_PAYLOAD, ...names] })
}

function auditOf(
  event: 'code.replay' | 'refresh.reuse' | 'session.ended',
  about: { accountId?: string; clientId?: string },
) {
  const { correlationId, peer } = currentRequest()
  return {
    event,
    outcome: 'failure' as const,
    ...(about.accountId === undefined ? {} : { userId: about.accountId }),
    ...(about.clientId === undefined ? {} : { clientId: about.clientId }),
    address: peer.address,
    agent: peer.userAgent,
    correlationId,
  }
}

/** A fresh id in the library's manner. */
export const newId = (): string => randomBytes(24).toString('base64url')
