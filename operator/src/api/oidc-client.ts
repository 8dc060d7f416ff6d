// Schema of the OIDCClient: every field with its limits and description. client-rules.ts adds the rules between fields.
import { clientTypes } from '@nauthera/rules/client-types'
import { grantTypes } from '@nauthera/rules/grants'
import { mostIdentities } from '@nauthera/rules/identities'
import { maxNameLength, mostRedirectUris, mostScopes } from '@nauthera/rules/limits'
import { responseModes } from '@nauthera/rules/response-modes'
import { emailPattern } from '@nauthera/rules/uris'
import { detailTypeName } from './authorization-details.ts'
import { auth } from './client-auth.ts'
import { rotation, secret } from './client-secret.ts'
import type { OIDCClientStatus } from './client-status.ts'
import { claims, encryption, signing, tokens } from './client-tokens.ts'
import { httpsUri, plainText, redirectUri, scopeName } from './field-kinds.ts'
import { patterns } from './patterns.ts'
import { celMatches } from './cel-text.ts'
import { resourceServer } from './resource-server.ts'
import { redirectSources } from './redirect-sources.ts'
import { everyMatches, matchesRule, neverChanges } from './rule-kinds.ts'
import { flag, integer, mapOf, object, oneOf, set, text } from './schema.ts'
import type { TypeOf } from './schema.ts'

export const consentModes = ['Explicit', 'Remember', 'Skip'] as const
const pkceModes = ['Auto', 'Required', 'Optional'] as const

export type PkceMode = (typeof pkceModes)[number]

/** The API server of the other cluster bounds none. */
const mostLabels = 256

const origin = object(
  'The OIDCClient of a joined cluster that this one mirrors. The operator of that cluster writes it; it belongs only in the namespace nauthera-cluster-<name>. Only labels and namespaceLabels can be changed.',
  {
    namespace: text('Its namespace.', {
      maxLength: 63,
      rules: [matchesRule(patterns.namespace, 'must be the name of a namespace'), neverChanges],
    }),
    name: text('Its name.', {
      maxLength: maxNameLength,
      rules: [matchesRule(patterns.secretName, 'must be a name of lower-case letters, digits, - and .'), neverChanges],
    }),
    uid: text('Its uid.', {
      maxLength: 64,
      rules: [matchesRule('^[A-Za-z0-9-]+$', 'must be a uid of letters, digits and -'), neverChanges],
    }),
  },
  {
    labels: mapOf(
      'Its labels: policies select the mirror by these. They are none of the mirror itself, which a tool could take for one of its own.',
      text('Value.', { maxLength: 63 }),
      { maxProperties: mostLabels },
    ),
    namespaceLabels: mapOf(
      'Labels of its namespace. They are believed where trustNamespaceLabels of the OIDCCluster is true.',
      text('Value.', { maxLength: 63 }),
      { maxProperties: mostLabels },
    ),
  },
)

/** How many ended secrets a mirror names at once. A cluster drops one from here when the status of the mirror says that it has ended. */
export const mostEndedInMirror = 32

/** It must be readable by an earlier hub, so its values are texts without an enum. */
const restraint = object(
  'What stops or narrows the client of a joined cluster now, beside the version that the rest of the spec says. Servers obey it also where the rest is refused. Only a mirror has it; the operator of its cluster writes it.',
  {},
  {
    suspended: flag('Nobody signs in, and no token is issued.'),
    allowedGroups: set('A person must be in one of these groups too.', text('Group.', { maxLength: 256 }), {
      maxItems: 100,
    }),
    leastAcr: text('The sign-in must have this level of authentication, or a stronger one.', { maxLength: 256 }),
    endedVerifiers: set(
      'Client secrets that have ended: each by the first 8 hex of its SHA-256. No server takes one any more, whatever secret.verifiers lists.',
      text('Id.', { maxLength: 8 }),
      { maxItems: mostEndedInMirror },
    ),
    accountsSince: mapOf(
      'When the namespaces of its ServiceAccounts were made, by namespace of its cluster. A token that is older proves nothing.',
      text('Time, such as 2026-01-31T12:00:00Z.', { maxLength: 32 }),
      { maxProperties: mostIdentities },
    ),
  },
)

/** The fields alone; client-rules.ts adds what holds between them. */
export const clientSpecFields = object(
  'What the client is and may do.',
  { type: oneOf('Decides the defaults of grants, authentication and PKCE. Cannot be changed.', clientTypes) },
  {
    serverName: text('Which release of Nauthera serves this client. Cannot be changed.', {
      maxLength: 63,
      minLength: 1,
      default: 'default',
    }),
    clientId: text(
      'The client_id of the protocol. Default: <namespace>.<name>. Another one needs a policy with allow.customClientId. Cannot be changed.',
      {
        maxLength: 200,
        rules: [
          matchesRule(patterns.clientId, 'must be 3 to 200 letters, digits, ., _, ~ and -'),
          {
            rule: `!${celMatches('self', patterns.uuid)}`,
            message: 'must not be a UUID: those are the ids of people',
          },
        ],
      },
    ),
    displayName: plainText('Name on the consent page. Default: the name of the object.', 128),
    description: plainText('One sentence about the client, for people.', 512),
    suspended: flag('Stops sign-ins and tokens; the client keeps its id and secret.', { default: false }),
    redirectURIs: set(
      'Where people are sent back to after a sign-in. A request must give one of these exactly; with Native the port on localhost may differ.',
      redirectUri,
      { maxItems: mostRedirectUris },
    ),
    redirectURIsFrom: redirectSources,
    postLogoutRedirectURIs: set('Where people may be sent after they sign out.', redirectUri, {
      maxItems: mostRedirectUris,
    }),
    grantTypes: set(
      'How the client gets tokens. Default: from type. There is no implicit and no password grant.',
      oneOf('Grant.', grantTypes),
      {
        maxItems: grantTypes.length,
        minItems: 1,
      },
    ),
    responseModes: set(
      'How an answer reaches the client. Default: query, fragment and form_post.',
      oneOf('Response mode.', responseModes),
      {
        maxItems: responseModes.length,
        minItems: 1,
      },
    ),
    scopes: set(
      'Scopes that the client may ask for: those about a person, and those of the APIs in audiences; it gets no other. One about a person that a program asks for and that is not listed is left out, and the condition ScopesListed names it. A sign-in that names no scope gets all of them but offline_access. Default: openid, profile, email and groups; none for M2M.',
      scopeName('Scope.'),
      {
        maxItems: mostScopes,
        rules: [everyMatches(patterns.scope, 'must be scopes without space, " or \\')],
      },
    ),
    audiences: set(
      'APIs that the client may ask tokens for (RFC 8707), each by the identifier of its resourceServer. The condition AudiencesGranted says which of them let the client in. One that no OIDCClient declares needs a policy that lists it in allow.audiences.',
      text('Identifier.', { maxLength: 512 }),
      {
        maxItems: 20,
        rules: [
          everyMatches(
            patterns.apiIdentifier,
            'must be https URLs or URNs, such as https://api.example.com or urn:example:api, http on this machine, or names such as rabbitmq',
          ),
        ],
      },
    ),
    authorizationDetailsTypes: set(
      'Types of authorization details (RFC 9396) that the client may ask for, each of an API in audiences; it gets no other. The condition AudiencesGranted says which of them are granted. Default: none.',
      detailTypeName('Type.'),
      { maxItems: 20 },
    ),
    auth,
    pkce: oneOf(
      'Required: a sign-in without PKCE is refused. Auto: the condition CodeProtected says when a code had neither PKCE nor, with scope openid, a nonce of at least 16 characters. Optional: nothing is said; it needs a policy with allow.optionalPKCE. Auto and Optional need a client that authenticates. Default: Auto for a Web client that authenticates, else Required.',
      pkceModes,
    ),
    par: flag('The client must push its authorization requests (RFC 9126).', { default: false }),
    dpop: flag('Access tokens are bound to a key of the client (RFC 9449).', { default: false }),
    // without a default: the API server would fill it in for an operator that does not know the field
    certificateBoundTokens: flag(
      'Access tokens are bound to the certificate that the client shows (RFC 8705 section 3). It may prove itself in another way, such as private_key_jwt. The server must accept certificates. Not together with dpop. Those of a client with a certificate are bound in any case, by this or by dpop.',
    ),
    signedRequestObject: flag('The client must sign its authorization requests (RFC 9101).', { default: false }),
    profile: oneOf(
      'FAPI2: the FAPI 2.0 Security Profile, for those who must be as strict as banks. It needs par where people sign in, private_key_jwt or a certificate in auth.method, and tokens that are bound by dpop or to a certificate; signedRequestObject makes it Message Signing.',
      ['Standard', 'FAPI2'],
      { default: 'Standard' },
    ),
    consent: oneOf(
      'Remember asks a person once, Explicit each time. Skip asks for nothing but authorization details that their API wants asked each time, and needs a policy with allow.consent.',
      consentModes,
      { default: 'Remember' },
    ),
    resourceServer,
    access: object(
      'Who may sign in. It is checked again with every token and refresh.',
      {},
      {
        allowedGroups: set(
          'A person must be in one of these groups. Default: everybody may sign in.',
          text('Group.', { maxLength: 256, minLength: 1 }),
          { maxItems: 100 },
        ),
        requiredAcr: set(
          'The sign-in must have one of these levels of authentication: urn:nauthera:password, or urn:nauthera:mfa for a second factor. A stronger one is enough too.',
          text('Value of acr.', { maxLength: 256, minLength: 1 }),
          { maxItems: 10 },
        ),
      },
    ),
    tokens,
    subjectType: oneOf(
      'pairwise: another subject for each sector, so that applications of two sectors cannot tell that they have the same person (OpenID Connect Core 8). A change changes the subject of everybody.',
      ['public', 'pairwise'],
      { default: 'public' },
    ),
    sectorIdentifierURI: httpsUri(
      'Which clients share pairwise subjects: its host is their sector, and its document lists their redirect URIs (OpenID Connect Core 8.1). Needed where the redirect URIs are not all on one https host.',
    ),
    defaultMaxAge: integer(
      'Seconds after which a person must sign in again, where the request does not say (default_max_age).',
      {
        minimum: 0,
        maximum: 31_536_000,
      },
    ),
    requireAuthTime: flag('Every ID token has auth_time.', { default: false }),
    signing,
    encryption,
    logout: object(
      'Back-channel logout: the server tells the client when a session of one of its people has ended.',
      {},
      {
        backchannelURI: httpsUri(
          'Where the server sends logout tokens. An address of this cluster must be in server.outbound.allow, as services of the cluster are.',
        ),
        sessionRequired: flag('Says that the client cannot do without sid, which every logout token has.', {
          default: false,
        }),
      },
    ),
    corsOrigins: set(
      'Origins whose scripts may call the server, such as https://app.example.com; [] for none. Default: of an SPA the origins of its redirect URIs.',
      text('Origin.', { maxLength: 512 }),
      {
        maxItems: mostRedirectUris,
        rules: [
          everyMatches(
            patterns.origin,
            'must be origins without a path, in small letters, such as https://app.example.com, or http on localhost, 127.0.0.1 or [::1]',
          ),
        ],
      },
    ),
    claims,
    uris: object(
      'Web pages about the client.',
      {},
      {
        client: httpsUri('Home page.'),
        logo: httpsUri('Logo for the consent page.'),
        policy: httpsUri('Privacy policy.'),
        tos: httpsUri('Terms of service.'),
        initiateLogin: httpsUri('Where a sign-in may begin that does not begin at the client (initiate_login_uri).'),
      },
    ),
    contacts: set(
      'E-mail addresses of the people who look after the client. The help desk sees them.',
      text('Address.', { maxLength: 254 }),
      {
        maxItems: 10,
        rules: [everyMatches(emailPattern, 'must be e-mail addresses, such as team@example.com')],
      },
    ),
    secret,
    rotation,
    origin,
    restraint,
  },
)

export type OIDCClientSpec = TypeOf<typeof clientSpecFields>

/** Who a client was before. */
export interface ClientMove {
  readonly clientId: string
  /** `namespace/name` of the object that it takes the place of. */
  readonly from: string
}

/** What every object has, as far as the operator reads it. */
export interface ObjectMetadata {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  /** That of the object itself, where `uid` is another one: of a mirror (intake/mirrors.ts). */
  readonly ownUid?: string
  /** The move that brought it here: it takes over the client id, the consents and the secrets of another object (decide/client/move.ts). */
  readonly moved?: ClientMove
  readonly generation: number
  readonly creationTimestamp: string
  readonly resourceVersion?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  /** Of one that was cut: what is wrong with it (intake/without-bulk.ts). */
  readonly refused?: string
}

export interface OIDCClient {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMetadata
  readonly spec: OIDCClientSpec
  readonly status?: OIDCClientStatus
}
