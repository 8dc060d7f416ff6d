// Makes an OIDCClient, and a Secret where its client secret is known, of a client of another product.
import { labels } from '@nauthera/proto/names'
import { grantTypes, usualGrants, wireGrant } from '@nauthera/rules/grants'
import { meaningOf } from '@nauthera/rules/client-types'
import type { ClientType } from '@nauthera/rules/client-types'
import { secretMethods, showsSecret } from '@nauthera/rules/client-authentication'
import type { Fault } from '@nauthera/runtime/coded-error'
import { fieldsOf, isJsonRecord, listOf } from '@nauthera/runtime/json'
import { checkSpec } from '../../decide/client/check-spec.ts'
import type { UncheckedClient } from '../../decide/client/check-spec.ts'
import { withKind } from '../../kubernetes/objects.ts'
import type { ForeignClient, LeftOut } from './foreign-client.ts'

export interface ImportedClient {
  readonly client: Readonly<Record<string, unknown>>
  readonly secret?: Readonly<Record<string, unknown>>
  readonly leftOut: readonly LeftOut[]
  /** Why it is suspended: what restrained it, and did not come along. */
  readonly restraints: readonly LeftOut[]
  /** What a policy has to allow. */
  readonly gates: readonly ('customClientId' | 'anyClientId' | 'existingSecret')[]
}

/** A value that breaks a rule is left out with the rule, until the rest breaks none.
 *  @param taken names that are given in this namespace, to which it adds
 *  @returns why it cannot be an OIDCClient, where what remains breaks a rule */
export function createClient(
  foreign: ForeignClient,
  namespace: string,
  taken: Set<string>,
): ImportedClient | { readonly fault: string } {
  const name = nameFor(foreign.id, taken)
  const leftOut: LeftOut[] = [...foreign.leftOut]
  const plain = plainSecretOf(foreign, leftOut)
  let spec: Record<string, unknown> = specFor(foreign, {
    name,
    namespace,
    leftOut,
    ...(plain ? { secretName: `${name}-imported` } : {}),
  })
  const broken: LeftOut[] = []
  const open: LeftOut[] = []
  for (;;) {
    const [fault] = checkSpec(asClient(spec, name, namespace))
    if (fault === undefined) break
    const path = guiltyPath(spec, fault, (tried) => checkSpec(asClient(tried, name, namespace)))
    const less = without(spec, path)
    if (less === undefined && fault.path === 'spec.redirectURIs' && open.length === 0) {
      const placeholders = foreign.redirectURIs.flatMap(placeholderOf)
      open.push(...placeholders.map(({ wildcard }) => ({ field: `spec.redirectURIs ${wildcard}`, why: whyOpen })))
      spec = { ...spec, redirectURIs: placeholders.map(({ uri }) => uri) }
      if (open.length > 0) continue
    }
    if (less === undefined) return { fault: whyNothingIsLeft(fault, broken) }
    broken.push({ field: `${path} ${valueText(less.removed)}`, why: fault.message })
    spec = less.spec
  }
  const restraints = [...foreign.restraints, ...broken.filter(({ field }) => isRestraining(field)), ...open]
  if (restraints.length > 0) spec = { ...spec, suspended: true }
  leftOut.push(...broken.filter(({ field }) => !isRestraining(field)))
  taken.add(name)
  const clientId = typeof spec['clientId'] === 'string' ? spec['clientId'] : undefined
  return {
    client: withKind('OIDCClient', { metadata: { name, namespace }, spec }),
    ...(plain === undefined
      ? {}
      : {
          secret: {
            apiVersion: 'v1',
            kind: 'Secret',
            metadata: { name: `${name}-imported`, namespace, labels: { [labels.client]: name } },
            type: 'Opaque',
            stringData: { client_secret: plain },
          },
        }),
    leftOut,
    restraints,
    gates: [
      ...(clientId === undefined ? [] : ['customClientId' as const]),
      ...(clientId?.includes('.') && !clientId.startsWith(`${namespace}.`) ? ['anyClientId' as const] : []),
      ...(plain === undefined ? [] : ['existingSecret' as const]),
    ],
  }
}

/** Where all its redirect URIs have wildcards, the client waits for somebody who knows where its callback is. */
function placeholderOf(wildcard: string): readonly { readonly wildcard: string; readonly uri: string }[] {
  const [, before] = /^(https:\/\/[^*?#/]+\/[^*?#]*)\*$/.exec(wildcard) ?? []
  return before === undefined ? [] : [{ wildcard, uri: `${before}TODO` }]
}

const whyOpen = 'there are no wildcards: write the path of its callback in place of TODO'

/** Without it more people could use the client, or with less proof. */
const isRestraining = (field: string): boolean =>
  /^spec\.(?:access|pkce|par|dpop|certificateBoundTokens|signedRequestObject|consent|auth|suspended)\b/.test(field)

/** A field that is missing since all its values break rules: those say more than that it is missing. */
function whyNothingIsLeft({ path, message }: Fault, broken: readonly LeftOut[]): string {
  const values = broken.filter(({ field }) => field.startsWith(path)).map(({ field, why }) => `${field}: ${why}`)
  return values.length > 0 ? values.join('; ') : `${path}: ${message}`
}

const asClient = (spec: Record<string, unknown>, name: string, namespace: string): UncheckedClient => ({
  metadata: { name, namespace, uid: '(set by Kubernetes)', generation: 1, creationTimestamp: '1970-01-01T00:00:00Z' },
  spec: { ...spec },
})

/** A name of Kubernetes, made of the id. */
function nameFor(id: string, taken: ReadonlySet<string>): string {
  const slug = id
    .toLowerCase()
    .replace(/^https?:\/\//, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 60)
    .replaceAll(/^-|-$/g, '')
  const name = slug === '' ? 'client' : slug
  const others = [name, ...Array.from({ length: taken.size + 1 }, (_, index) => `${name}-${index + 2}`)]
  return others.find((one) => !taken.has(one))!
}

/** The operator takes a secret of somebody's own from 32 characters on. */
function plainSecretOf(foreign: ForeignClient, leftOut: LeftOut[]): string | undefined {
  const { secret, isPublic, method = 'client_secret' } = foreign
  if (secret === undefined || isPublic || !method.startsWith('client_secret')) return undefined
  if (/^[\x20-\x7e]{32,}$/.test(secret)) return secret
  const why = 'it has fewer than 32 printable characters; the operator makes a new one, which the program has to read'
  leftOut.push({ field: 'the client secret', why })
  return undefined
}

function typeOf({ isPublic, grantTypes: grants, redirectURIs }: ForeignClient): ClientType {
  if (!grants.includes('authorization_code'))
    return grants.includes(wireGrant('device_code')) && !grants.includes('client_credentials') ? 'Device' : 'M2M'
  if (!isPublic) return 'Web'
  const isOfMachine = (uri: string) => !uri.startsWith('https://') || /^https?:\/\/(localhost|127\.|\[::1\])/.test(uri)
  return redirectURIs.every(isOfMachine) ? 'Native' : 'SPA'
}

function specFor(
  foreign: ForeignClient,
  about: {
    readonly name: string
    readonly namespace: string
    readonly leftOut: LeftOut[]
    readonly secretName?: string
  },
): Record<string, unknown> {
  const type = typeOf(foreign)
  const { auth, ...more } = foreign.spec
  const wanted = grantTypes.filter((grant) => foreign.grantTypes.includes(wireGrant(grant)))
  for (const grant of foreign.grantTypes)
    if (!wanted.some((one) => wireGrant(one) === grant))
      about.leftOut.push({ field: `grant ${grant}`, why: 'there is no such grant here' })
  const usual = usualGrants(type)
  const isUsual = wanted.length === usual.length && usual.every((grant) => wanted.includes(grant))
  const method = methodFor(foreign, type, about.leftOut)
  const authFields = { ...(method === undefined ? {} : { method }), ...(isJsonRecord(auth) ? auth : {}) }
  const list = (field: string, values: readonly string[] | undefined) =>
    values && values.length > 0 ? { [field]: [...new Set(values)] } : {}
  return {
    type,
    ...(foreign.id === `${about.namespace}.${about.name}` ? {} : { clientId: foreign.id }),
    ...(foreign.name === undefined ? {} : { displayName: foreign.name }),
    ...(foreign.description === undefined ? {} : { description: foreign.description }),
    ...(foreign.isSuspended ? { suspended: true } : {}),
    ...(meaningOf(type).redirects ? list('redirectURIs', foreign.redirectURIs) : {}),
    ...(meaningOf(type).redirects ? list('postLogoutRedirectURIs', foreign.postLogoutRedirectURIs) : {}),
    ...list('corsOrigins', foreign.corsOrigins),
    ...(isUsual || wanted.length === 0 ? {} : { grantTypes: wanted }),
    ...(type === 'M2M'
      ? list(
          'scopes',
          foreign.scopes?.filter((one) => !personal.includes(one)),
        )
      : list('scopes', foreign.scopes)),
    ...list('audiences', foreign.audiences),
    ...(Object.keys(authFields).length === 0 ? {} : { auth: authFields }),
    ...more,
    ...(about.secretName === undefined
      ? {}
      : { secret: { existingSecretRef: { name: about.secretName, key: 'client_secret' } } }),
  }
}

const personal = ['openid', 'profile', 'email', 'address', 'phone', 'groups', 'offline_access']

/** @returns undefined where our default is the same */
function methodFor({ method, isPublic }: ForeignClient, type: ClientType, leftOut: LeftOut[]): string | undefined {
  const usual = meaningOf(type).method
  if (isPublic) return usual === 'none' ? undefined : 'none'
  if (method === undefined || method === usual) return undefined
  const isKnown = [...secretMethods, 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'].includes(
    method,
  )
  // client_secret takes either way to send it
  if (isKnown) return showsSecret(method) && showsSecret(usual) ? undefined : method
  leftOut.push({
    field: `authentication ${method}`,
    why: 'the server has only hashes of secrets; a client secret is taken',
  })
  return undefined
}

/** Many rules are about a list as a whole.
 *  @returns the path of the entry that breaks the rule by itself; else that of the fault */
function guiltyPath(
  spec: Record<string, unknown>,
  { path, message }: Fault,
  check: (spec: Record<string, unknown>) => readonly Fault[],
): string {
  const field = path.replace(/^spec\./, '')
  const list = spec[field]
  if (!Array.isArray(list) || list.length < 2) return path
  const guilty = list.findIndex((entry) =>
    check({ ...spec, [field]: [entry] }).some((fault) => fault.path === path && fault.message === message),
  )
  return guilty < 0 ? path : `${path}[${guilty}]`
}

/** @returns the spec without what a path names; undefined for what a client cannot be without */
function without(
  spec: Record<string, unknown>,
  path: string,
): { readonly spec: Record<string, unknown>; readonly removed: unknown } | undefined {
  const steps = path
    .replace(/^spec\.?/, '')
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
    .filter((step) => step !== '')
  const [first] = steps
  if (first === undefined || first === 'type') return undefined
  const copy = structuredClone(spec)
  let inner: unknown = copy
  for (const [depth, step] of steps.entries()) {
    const next = Array.isArray(inner) ? listOf(inner)[Number(step)] : fieldsOf(inner)[step]
    if (next === undefined) return undefined
    if (depth < steps.length - 1) {
      inner = next
      continue
    }
    if (Array.isArray(inner)) inner.splice(Number(step), 1)
    else if (isJsonRecord(inner)) delete inner[step]
    return { spec: pruned(copy), removed: next }
  }
  return undefined
}

/** An object or a list of which nothing is left says nothing. */
const pruned = (spec: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(spec).filter(
      ([, value]) =>
        !(Array.isArray(value) && value.length === 0) && !(isJsonRecord(value) && Object.keys(value).length === 0),
    ),
  )

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
