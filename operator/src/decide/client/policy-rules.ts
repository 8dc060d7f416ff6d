// What a policy says of one client, a rule a row: checkPolicies, the admission policies of the chart and docs/policy-rules.md come from it.
import { secretWays } from '@nauthera/rules/client-authentication'
import { celHas, celList, celText } from '../../api/cel-text.ts'
import { durationMs } from '../../api/duration.ts'
import type { OIDCPolicySpec } from '../../api/oidc-policy.ts'
import { listsHost } from './allowed-hosts.ts'
import { judgedFields as judged } from './judged-fields.ts'
import type { JudgedField } from './judged-fields.ts'
import { covers, isMethodAllowed } from './policies.ts'
import type { PolicyGate } from './policies.ts'

export interface PolicyRule {
  /** The field of the policy: `allow.scopes`. */
  readonly of: string
  /** The field of the client that messages name. */
  readonly field: string
  readonly judged: JudgedField
  /** In the documentation: what the client may not have. */
  readonly words: string
  /** @returns whether one of the judged texts breaks the policy; never where the policy does not speak of it */
  readonly breaks: (policy: OIDCPolicySpec, value: string) => boolean
  readonly message: (policy: OIDCPolicySpec) => string
  readonly inCel: RuleInCel
  /** What an update may put in the place of a text that breaks the policy, because it is stricter though it breaks it too. */
  readonly stricter: 'shorter' | Readonly<Record<string, readonly string[]>>
  /** Closed where no policy speaks of it. */
  readonly gate?: PolicyGate
}

/** The same rule for an API server: `params` is the policy. */
interface RuleInCel {
  /** The policy speaks of it. */
  readonly speaks: string
  /** It then allows a value. */
  readonly allows: (value: string) => string
  /** CEL of a text. */
  readonly message: string
}

type Lists<T> = { [K in keyof T]-?: NonNullable<T[K]> extends readonly string[] ? K : never }[keyof T] & string
type ListKey = Lists<NonNullable<OIDCPolicySpec['allow']>>
type Words = 'must be among' | 'must be on' | 'must have issuers among'

/** A long list would leave no room for the message. */
const mostListed = 2_000

/** Each text must be allowed by a list. */
function among(
  key: ListKey,
  field: string,
  judged: JudgedField,
  by: {
    readonly allows?: (list: readonly string[], value: string) => boolean
    readonly inCel?: (list: string, value: string) => string
    readonly words?: Words
    readonly nothing?: string
    /** In the documentation: what an entry stands for. */
    readonly entries?: string
    readonly stricter?: Readonly<Record<string, readonly string[]>>
  } = {},
): PolicyRule {
  const { words = 'must be among', nothing = '(nothing)' } = by
  const { allows = (list, value) => list.includes(value), inCel = (list, value) => `${value} in ${list}` } = by
  const [said, inAll] = [`params.spec.allow.${key}`, `params.spec.allow.${key}.join(', ')`]
  return {
    of: `allow.${key}`,
    field,
    judged,
    words: `one that is not listed${by.entries ?? ''}`,
    stricter: by.stricter ?? {},
    breaks: ({ allow }, value) => allow?.[key] !== undefined && !allows(allow[key], value),
    message: ({ allow }) => `${words} ${allow?.[key]?.join(', ') || nothing}`,
    inCel: {
      speaks: celHas('params.spec', `allow.${key}`),
      allows: (value) => inCel(said, value),
      message: `'${words} ' + (size(${said}) == 0 ? '${nothing}' : size(${inAll}) > ${mostListed} ? 'the ' + string(size(${said})) + ' entries of allow.${key}' : ${inAll})`,
    },
  }
}

/** `api:*` covers what begins with `api:`. A variable has the beginnings, since CEL counts what it does for each text. */
const coveredBy = (key: ListKey) => ({
  allows: covers,
  inCel: (list: string, value: string) =>
    `${value} in ${list} || variables.${beginningsOf(key)}.exists(b, ${value}.startsWith(b))`,
  entries: '; an entry that ends in \\* lists all that begin so',
})
/** @returns the variable of CEL that has the beginnings which a list of a policy covers */
export const beginningsOf = (key: string): string => `${key}Beginnings`

const hostsOf = {
  allows: listsHost,
  inCel: (list: string, host: string) =>
    `${list}.exists(a, a.startsWith('.') ? ${host}.endsWith(a.lowerAscii()) && size(${host}) > size(a) : ${host} == a.lowerAscii())`,
  words: 'must be on' as const,
  nothing: '(no host)',
  entries: '; an entry that begins with a dot lists all hosts below it',
}

/** A client may show its secret in one of the two ways where either is listed. */
const methods = {
  allows: isMethodAllowed,
  inCel: (list: string, method: string) =>
    `${method} in ${list} || (${method} in ${celList(['client_secret', ...secretWays])} && 'client_secret' in ${list}) || ` +
    `(${method} == 'client_secret' && (${secretWays.map((way) => `'${way}' in ${list}`).join(' || ')}))`,
  stricter: { client_secret: secretWays },
  entries: '; `client_secret` stands for both ways to show a secret, and is allowed where one of them is',
}

/** What is closed unless a policy opens it. CEL sees one policy, so it refuses only where that says false. */
const gate = (key: PolicyGate, field: string, judged: JudgedField, instead: string): PolicyRule => ({
  of: `allow.${key}`,
  field,
  judged,
  words: 'any, unless a policy says true and none says false',
  stricter: {},
  gate: key,
  breaks: ({ allow }) => allow?.[key] === false,
  message: () => `needs a policy with allow.${key}: true${instead}`,
  inCel: {
    speaks: `${celHas('params.spec', `allow.${key}`)} && !params.spec.allow.${key}`,
    allows: () => 'false',
    message: celText(`needs a policy with allow.${key}: true${instead} (this one says false)`),
  },
})

/** What a client must have. */
const must = (
  key: keyof NonNullable<OIDCPolicySpec['require']>,
  field: string,
  judged: JudgedField,
  message: string,
  stricter = {},
): PolicyRule => ({
  of: `require.${key}`,
  field,
  judged,
  words: 'this',
  stricter,
  breaks: ({ require }) => require?.[key] === true,
  message: () => message,
  inCel: {
    speaks: `${celHas('params.spec', `require.${key}`)} && params.spec.require.${key}`,
    allows: () => 'false',
    message: celText(message),
  },
})

/** The most that a length of time may be. */
const atMost = (
  of: string,
  limitOf: (policy: OIDCPolicySpec) => string | undefined,
  field: string,
  judged: JudgedField,
): PolicyRule => ({
  of,
  field,
  judged,
  words: 'a longer time',
  stricter: 'shorter',
  breaks: (policy, value) => {
    const [is, most] = [durationMs(value), durationMs(limitOf(policy))]
    return is !== undefined && most !== undefined && is > most
  },
  message: (policy) => `must be at most ${limitOf(policy)}`,
  inCel: {
    speaks: celHas('params.spec', of),
    allows: (value) => `duration(${value}) <= duration(params.spec.${of})`,
    message: `'must be at most ' + params.spec.${of}`,
  },
})

const toMint = '; leave it out and the operator mints a secret'
const access = ['limits.tokens.access', ({ limits }: OIDCPolicySpec) => limits?.tokens?.access] as const

/** In the order in which a message lists them. For a new rule add a row. */
export const policyRules: readonly PolicyRule[] = [
  gate('customClientId', 'spec.clientId', judged.ownClientId, '; leave it out to use <namespace>.<name>'),
  gate('existingSecret', 'spec.secret.existingSecretRef', judged.existingSecret, toMint),
  gate('verifiers', 'spec.secret.verifiers', judged.verifiers, toMint),
  gate('optionalPKCE', 'spec.pkce', judged.optionalPkce, '; choose Auto or Required'),
  gate(
    'foreignServiceAccounts',
    'spec.auth.identities',
    judged.foreignServiceAccounts,
    ' for a ServiceAccount of another namespace; leave namespace out to use its own',
  ),
  gate('resourceServer', 'spec.resourceServer', judged.resourceServer, ''),
  gate('tokenExchange', 'spec.grantTypes', judged.tokenExchange, ' for token_exchange'),
  among('types', 'spec.type', judged.type),
  among('grantTypes', 'spec.grantTypes', judged.grantTypes),
  among('authMethods', 'spec.auth.method', judged.method, methods),
  among('scopes', 'spec.scopes', judged.scopes, coveredBy('scopes')),
  among('audiences', 'spec.audiences', judged.audiences, coveredBy('audiences')),
  among(
    'authorizationDetailsTypes',
    'spec.authorizationDetailsTypes',
    judged.authorizationDetailsTypes,
    coveredBy('authorizationDetailsTypes'),
  ),
  among('resourceIdentifiers', 'spec.resourceServer.identifier', judged.identifier, coveredBy('resourceIdentifiers')),
  among('identityIssuers', 'spec.auth.identities', judged.issuers, {
    ...coveredBy('identityIssuers'),
    words: 'must have issuers among',
  }),
  among('consent', 'spec.consent', judged.consent, {
    stricter: { Skip: ['Remember', 'Explicit'], Remember: ['Explicit'] },
  }),
  among('redirectHosts', 'spec.redirectURIs', judged.redirectHosts, hostsOf),
  among('redirectHosts', 'spec.postLogoutRedirectURIs', judged.postLogoutHosts, hostsOf),
  must('https', 'spec.redirectURIs', judged.redirectHttp, 'must be https'),
  must('https', 'spec.postLogoutRedirectURIs', judged.postLogoutHttp, 'must be https'),
  must('par', 'spec.par', judged.withoutPar, 'must be true'),
  must('pkce', 'spec.pkce', judged.weakPkce, 'must be Required', { Optional: ['Auto'] }),
  must('dpop', 'spec.dpop', judged.withoutDpop, 'must be true'),
  must('rotation', 'spec.rotation.interval', judged.withoutRotation, 'must be set, such as 720h'),
  atMost(...access, 'spec.tokens.accessTTL', judged.accessTTL),
  atMost(...access, 'spec.resourceServer.tokens.accessTTL', judged.apiAccessTTL),
  atMost('limits.tokens.id', ({ limits }) => limits?.tokens?.id, 'spec.tokens.idTTL', judged.idTTL),
  atMost('limits.tokens.refresh', ({ limits }) => limits?.tokens?.refresh, 'spec.tokens.refreshTTL', judged.refreshTTL),
  atMost('rotation.maxOverlap', ({ rotation }) => rotation?.maxOverlap, 'spec.rotation.overlap', judged.overlap),
]
