// The OIDCClient: every field, its limits and its words. client-rules.ts adds the rules between fields.
import { contentEncryptions, keyEncryptions, signingAlgorithms } from '@nauthera/rules/algorithms'
import { declarationLimits } from '@nauthera/rules/authorization-details'
import { idClaims, registeredClaims } from '@nauthera/rules/claims'
import { authMethods } from '@nauthera/rules/client-authentication'
import { clientTypes } from '@nauthera/rules/client-types'
import { grantTypes } from '@nauthera/rules/grants'
import { mostIdentities } from '@nauthera/rules/identities'
import { rotationTimes, tokenLife } from '@nauthera/rules/limits'
import { responseModes } from '@nauthera/rules/response-modes'
import {
  certificateHostFault,
  certificateHostPattern,
  certificateUriFault,
  certificateUriPattern,
} from '@nauthera/rules/certificates'
import { emailPattern } from '@nauthera/rules/uris'
import { authorizationDetailsType, detailTypeName } from './authorization-details.ts'
import { labelSelector } from './label-selector.ts'
import { celList, celMatches, patterns } from './patterns.ts'
import { everyMatches, keysMatch, matchesRule, timeSpan, valuesMatch } from './rule-kinds.ts'
import {
  flag,
  foreignObject,
  integer,
  list,
  mapList,
  mapOf,
  object,
  oneOf,
  set,
  text,
  time,
  withRules,
} from './schema.ts'
import type { Rule, TypeOf } from './schema.ts'

export const consentModes = ['Explicit', 'Remember', 'Skip'] as const
export const pkceModes = ['Auto', 'Required', 'Optional'] as const
export const presets = [
  'Generic',
  'Env',
  'ArgoCD',
  'Grafana',
  'OAuth2Proxy',
  'EnvoyGateway',
  'Spring',
  'KubeAPIServer',
] as const
/** Keys of application Secrets, unless `secret.keys` renames them. All have them, but for client_secret (a client with a secret) and
 *  protected_resource_metadata (an API). */
export const canonicalKeys = [
  'client_id',
  'client_secret',
  'issuer',
  'discovery_url',
  'authorization_endpoint',
  'token_endpoint',
  'userinfo_endpoint',
  'jwks_uri',
  'end_session_endpoint',
  'scopes',
  'redirect_uris',
  'protected_resource_metadata',
] as const

export type PkceMode = (typeof pkceModes)[number]
export type Preset = (typeof presets)[number]
export type CanonicalKey = (typeof canonicalKeys)[number]

const uri = (description: string) => text(description, { maxLength: 2048 })
const httpsUri = (description: string) =>
  text(description, {
    maxLength: 2048,
    rules: [
      matchesRule(patterns.httpsUri, 'must be an https URL without a fragment, such as https://app.example.com/path'),
    ],
  })
const plainText = (description: string, maxLength: number) =>
  text(description, {
    maxLength,
    rules: [matchesRule(patterns.plainText, 'must be plain text without control characters and invisible ones')],
  })
const notOurPrefix: Rule = {
  rule: "self.all(k, !k.startsWith('auth.nauthera.io/'))",
  message: 'must have no key that begins with auth.nauthera.io/: only the operator writes those',
}

const identity = object(
  'One identity: serviceAccount, or issuer and subject.',
  {},
  {
    serviceAccount: object(
      'A ServiceAccount of this cluster: its pods prove themselves with the token that the kubelet gives them (a projected volume).',
      {
        name: text('Name of the ServiceAccount.', {
          maxLength: 253,
          rules: [
            matchesRule(patterns.secretName, 'must be a name of lower-case letters, digits, - and ., such as worker'),
          ],
        }),
      },
      {
        namespace: text(
          'Namespace of the ServiceAccount. Default: that of the OIDCClient. Another one needs a policy with allow.foreignServiceAccounts.',
          { maxLength: 63, rules: [matchesRule(patterns.namespace, 'must be the name of a namespace')] },
        ),
      },
    ),
    issuer: text(
      'Another issuer: of another cluster, a CI system, a SPIRE trust domain. It must be in identityIssuers of the server, and needs a policy that lists it in allow.identityIssuers.',
      {
        maxLength: 2048,
        rules: [matchesRule(patterns.httpsUri, 'must be an https URL, as iss has it in its tokens')],
      },
    ),
    subject: text('What sub has to be in its tokens, exactly.', { maxLength: 1024, minLength: 1 }),
  },
  [
    {
      rule: 'has(self.serviceAccount) ? !has(self.issuer) && !has(self.subject) : has(self.issuer) && has(self.subject)',
      message: 'must have serviceAccount alone, or issuer and subject',
    },
  ],
)

const auth = object(
  'How the client proves itself at the token endpoint.',
  {},
  {
    method: oneOf(
      'Default: client_secret for Web and M2M, none for the others. client_secret: the secret in the Authorization header or in the body, whichever the program sends; client_secret_basic takes the header alone, client_secret_post the body alone. federated_jwt: no secret at all, the program shows a token that its platform gave it (identities). tls_client_auth: a certificate of an authority that the server knows (tls); self_signed_tls_client_auth: a certificate that is in the keys of the client (x5c in jwks or at jwksURI); both where the server takes certificates, and their tokens are bound to the certificate, or by DPoP with dpop. There is no client_secret_jwt: the server has only hashes of secrets.',
      authMethods,
    ),
    jwksURI: httpsUri(
      'Address of the public keys of the client. private_key_jwt, self_signed_tls_client_auth and encryption.userinfo need this or jwks.',
    ),
    jwks: object(
      'The public keys of the client, as a JWK set. private_key_jwt, self_signed_tls_client_auth and encryption.userinfo need this or jwksURI.',
      { keys: list('Keys.', foreignObject('A public JWK.'), { maxItems: 20, minItems: 1 }) },
      {},
    ),
    identities: list(
      'Who may prove itself as this client, with a token of its platform for the audience of the issuer alone. Only with federated_jwt, which needs at least one.',
      identity,
      { maxItems: mostIdentities, minItems: 1 },
    ),
    tls: object(
      'The name by which the certificate of the client is known, for tls_client_auth. Set exactly one field.',
      {},
      {
        subjectDN: text(
          'Subject of the certificate, written as in RFC 4514, the narrowest part first: CN=worker,O=Example.',
          { maxLength: 1024, minLength: 1 },
        ),
        sanDNS: text('DNS name in the certificate (subject alternative name).', {
          maxLength: 253,
          rules: [matchesRule(certificateHostPattern, certificateHostFault)],
        }),
        sanURI: text(
          'URI in the certificate (subject alternative name), such as a SPIFFE id. A certificate with a SPIFFE id may have no other URI.',
          { maxLength: 2048, rules: [matchesRule(certificateUriPattern, certificateUriFault)] },
        ),
      },
    ),
  },
)

const secret = object(
  'The Secret that the operator writes for the application.',
  {},
  {
    name: text(
      'Name of the Secret. Default: <name>-oidc. The operator does not touch a Secret of that name that it did not create.',
      {
        maxLength: 253,
        rules: [
          matchesRule(
            patterns.secretName,
            'must be a name of lower-case letters, digits, - and ., such as grafana-oidc',
          ),
        ],
      },
    ),
    labels: mapOf('Labels of the Secret, such as those that Argo CD looks for.', text('Value.', { maxLength: 63 }), {
      maxProperties: 20,
      rules: [
        keysMatch(patterns.metadataKey, 'must have label keys such as example.com/team'),
        notOurPrefix,
        valuesMatch(patterns.labelValue, 'must have values of at most 63 letters, digits, -, _ and .'),
      ],
    }),
    annotations: mapOf('Annotations of the Secret.', text('Value.', { maxLength: 2048 }), {
      maxProperties: 20,
      rules: [keysMatch(patterns.metadataKey, 'must have annotation keys such as example.com/team'), notOurPrefix],
    }),
    presets: set(
      'Keys and labels that well-known programs read. Default: from policy, else [Generic].',
      oneOf('Name of a preset.', presets),
      {
        maxItems: presets.length,
      },
    ),
    keys: mapOf(
      `Other names for the usual keys: "client_id: clientID" writes clientID in place of client_id. The usual keys are ${canonicalKeys.join(', ')}.`,
      text('Key of the Secret.', { maxLength: 253 }),
      {
        maxProperties: canonicalKeys.length,
        rules: [
          {
            rule: `self.all(k, k in ${celList(canonicalKeys)})`,
            message: 'must rename only the usual keys, such as client_id and client_secret; kubectl explain names them',
          },
          valuesMatch(
            patterns.dataKey,
            'must rename to keys of letters, digits, -, _ and ., not . and not beginning with ..',
          ),
        ],
      },
    ),
    data: mapOf(
      'More keys, from templates such as {{ .clientId }} and {{ .issuer | json }}; filters are json, b64 and url. A template may replace every key but that of the client secret.',
      text('Template.', { maxLength: 4096 }),
      {
        maxProperties: 20,
        rules: [
          keysMatch(patterns.dataKey, 'must have keys of letters, digits, -, _ and ., not . and not beginning with ..'),
        ],
      },
    ),
    existingSecretRef: object(
      'A client secret of your own, from a Secret in this namespace. That Secret must have the label auth.nauthera.io/client: <name of this OIDCClient>. Needs a policy with allow.existingSecret. You rotate it yourself; the one before it ends as rotation.overlap and rotation.retire say.',
      {
        name: text('Name of the Secret.', {
          maxLength: 253,
          rules: [matchesRule(patterns.secretName, 'must be a name of lower-case letters, digits, - and .')],
        }),
        key: text('Key in the Secret. Its value must have at least 32 printable characters.', {
          maxLength: 253,
          rules: [
            matchesRule(
              patterns.dataKey,
              'must be a key of letters, digits, -, _ and ., not . and not beginning with ..',
            ),
          ],
        }),
      },
      {},
    ),
    deletionPolicy: oneOf(
      'What happens to the Secret when the OIDCClient is deleted: Retain keeps it.',
      ['Delete', 'Retain'],
      {
        default: 'Delete',
      },
    ),
  },
)

const window = object(
  'When scheduled rotations may begin.',
  {
    schedule: text('When the window opens: a cron of five fields, such as "0 3 * * 6" for Saturdays at 3:00.', {
      maxLength: 100,
      rules: [matchesRule(patterns.cron, 'must be a cron of five fields, such as "0 3 * * 6"')],
    }),
    duration: timeSpan('How long the window stays open. It must close before it opens again.', rotationTimes.window),
  },
  {
    timeZone: text(
      'IANA time zone of the schedule. Default: UTC. A time that is skipped when clocks go forward becomes the first time after it; with * or a step in minute or hour it is left out.',
      {
        maxLength: 64,
        rules: [matchesRule(patterns.timeZone, 'must be an IANA time zone, such as Europe/Berlin')],
      },
    ),
  },
)

/** Also the shape of a policy's defaults. */
export const rotationFields = {
  interval: timeSpan(
    'How often the secret rotates by itself. Default: from policy, else never.',
    rotationTimes.interval,
  ),
  window,
  overlap: timeSpan(
    'How long the previous secret stays valid, at least, after the new one is written into the Secret. Default: 24h, or half the interval if that is shorter; 1h with secret.existingSecretRef.',
    rotationTimes.overlap,
  ),
}

const rotation = object(
  'When and how the secret rotates.',
  {},
  {
    ...rotationFields,
    retire: oneOf(
      'When the previous secret ends. WhenUnused: after the overlap, once nobody has used it for a while; at the latest when the next one is due, or when the longest overlap of the policies is over. AfterOverlap: after the overlap, though it may be in use.',
      ['WhenUnused', 'AfterOverlap'],
      {
        default: 'WhenUnused',
      },
    ),
    trigger: plainText('Change it to rotate now. The annotation auth.nauthera.io/rotate does the same.', 64),
    revokePrevious: plainText(
      'Change it to end every secret but the one in the Secret now, or at the end of a rotation that is under way. After a leak change trigger too.',
      64,
    ),
  },
)

/** Also the shape of a policy's defaults. */
export const tokenFields = {
  accessTTL: timeSpan('How long an access token is valid.', tokenLife.access),
  idTTL: timeSpan('How long an ID token is valid.', tokenLife.id),
  refreshTTL: timeSpan('How long a refresh token is valid while it is not used.', tokenLife.refresh),
  format: oneOf('Form of access tokens. Default: jwt for a token with an audience, else opaque.', ['jwt', 'opaque']),
  idClaims: oneOf(
    'What an ID token says about a person. Scopes: the claims of the granted scopes (profile, email, groups) and those in claims, as userinfo has them. Minimal: only what the request names in its claims parameter. Default: from policy, else Scopes; Minimal with profile FAPI2.',
    idClaims,
  ),
}

const scopeName = (description: string) => text(description, { maxLength: 128, minLength: 1 })

/** Who may call an API, and with what. */
const apiAccess = object(
  'Clients that may call the API. A client must fit every field that is set; at least one of namespaces, namespaceSelector and clientIds must be set.',
  {},
  {
    namespaces: set(
      'Namespaces of the clients; "*" stands for every one.',
      text('Namespace.', {
        maxLength: 63,
        rules: [
          matchesRule(
            patterns.namespaceOrAll,
            'must be the name of a namespace, or "*" for clients of every namespace',
          ),
        ],
      }),
      { maxItems: 50, minItems: 1 },
    ),
    namespaceSelector: withRules(
      labelSelector(
        'Labels of the namespaces of the clients. Needs an operator that watches the whole cluster (operator.watch.mode cluster).',
      ),
      {
        rule: "!has(self.matchExpressions) || self.matchExpressions.all(e, (e.operator in ['In', 'NotIn']) == (has(e.values) && size(e.values) > 0))",
        message: 'must have values with In and NotIn, and none with Exists and DoesNotExist',
      },
    ),
    clientIds: set('Client ids, such as shop.worker.', text('Client id.', { maxLength: 317, minLength: 1 }), {
      maxItems: 50,
      minItems: 1,
    }),
    clientMetadataHosts: set(
      'Clients that nobody registers: their client_id is the https address of a document about them (Client ID Metadata Document), such as MCP clients. Hosts of those addresses: app.example.com, or .apps.example.com for all below it. The settings of the server must have them in clientMetadataDocuments.hosts too. An entry with it needs scopes, and has no namespaces, namespaceSelector and clientIds.',
      text('Host.', { maxLength: 253 }),
      {
        maxItems: 20,
        minItems: 1,
        rules: [
          everyMatches(
            patterns.hostSuffix,
            'must be hosts such as app.example.com, or .apps.example.com for all below it',
          ),
        ],
      },
    ),
    scopes: set('Scopes of the API that these clients may have. Default: all.', scopeName('Scope.'), { maxItems: 50 }),
    authorizationDetailsTypes: set(
      'Types of authorization details that these clients may ask for. Default: all of the API; none with clientMetadataHosts.',
      detailTypeName('Type.'),
      { maxItems: declarationLimits.types },
    ),
  },
  [
    {
      rule: 'has(self.namespaces) || has(self.namespaceSelector) || has(self.clientIds) || has(self.clientMetadataHosts)',
      message:
        'must have namespaces, namespaceSelector, clientIds or clientMetadataHosts; namespaces: ["*"] stands for every client with an OIDCClient',
    },
    {
      rule: '!has(self.clientMetadataHosts) || (has(self.scopes) && size(self.scopes) > 0 && !has(self.namespaces) && !has(self.namespaceSelector) && !has(self.clientIds))',
      message:
        'must have scopes with clientMetadataHosts, and neither namespaces nor namespaceSelector nor clientIds; make two entries of it',
    },
    {
      rule: '!has(self.clientMetadataHosts) || !has(self.authorizationDetailsTypes)',
      message: 'must have no authorizationDetailsTypes with clientMetadataHosts: such clients get none; remove it',
    },
  ],
)

const resourceServer = object(
  'This client is an API. Clients with its identifier among their audiences may ask for its scopes as far as access allows, and it may introspect its tokens. Needs a policy with allow.resourceServer.',
  {
    identifier: text('The audience of tokens for this API.', {
      maxLength: 512,
      rules: [matchesRule(patterns.httpsOrUrn, 'must be an https URL or a URN, such as https://api.example.com')],
    }),
  },
  {
    scopes: set('Scopes of the API.', scopeName('Scope.'), {
      maxItems: 50,
      rules: [everyMatches(patterns.scope, 'must be scopes without space, " or \\')],
    }),
    access: list(
      'Which clients may call the API, with which of its scopes. Default: those of its own namespace, with all. When it is set, it is the whole list: also a client of the own namespace must then be in it.',
      apiAccess,
      { maxItems: 50 },
    ),
    authorizationDetails: mapList(
      'Types of authorization details (RFC 9396) that the API understands: what is more than a scope can say, such as one payment. Clients that list a type in authorizationDetailsTypes may ask for it as far as access allows.',
      authorizationDetailsType,
      { maxItems: declarationLimits.types, keys: ['type'] },
    ),
  },
)

/** The fields alone; client-rules.ts adds what holds between them. */
export const clientSpecFields = object(
  'What the client is and may do.',
  {
    type: oneOf('Decides the defaults of grants, authentication and PKCE. Cannot be changed.', clientTypes),
  },
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
      uri('URI.'),
      {
        maxItems: 50,
      },
    ),
    postLogoutRedirectURIs: set('Where people may be sent after they sign out.', uri('URI.'), { maxItems: 50 }),
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
      'Scopes that the client may ask for: those about a person, and those of the APIs in audiences; it gets no other. Default: openid, profile and email; none for M2M.',
      scopeName('Scope.'),
      {
        maxItems: 50,
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
            patterns.httpsOrUrn,
            'must be https URLs or URNs, such as https://api.example.com or urn:example:api',
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
      'Auto takes a sign-in with PKCE, or with scope openid and a nonce of at least 16 characters; it needs a client that authenticates. Required takes PKCE alone. Optional needs a client that authenticates, and a policy with allow.optionalPKCE. Default: Auto for a Web client that authenticates, else Required.',
      pkceModes,
    ),
    par: flag('The client must push its authorization requests (RFC 9126).', { default: false }),
    dpop: flag('Access tokens are bound to a key of the client (RFC 9449).', { default: false }),
    signedRequestObject: flag('The client must sign its authorization requests (RFC 9101).', { default: false }),
    profile: oneOf(
      'FAPI2: the FAPI 2.0 Security Profile, for those who must be as strict as banks. It needs par, and auth.method private_key_jwt with dpop, or a certificate; signedRequestObject makes it Message Signing.',
      ['Standard', 'FAPI2'],
      {
        default: 'Standard',
      },
    ),
    consent: oneOf(
      'Remember asks a person once, Explicit each time. Skip never asks and needs a policy with allow.consent.',
      consentModes,
      {
        default: 'Remember',
      },
    ),
    resourceServer,
    access: object(
      'Who may sign in. It is checked again with every token and refresh.',
      {},
      {
        allowedGroups: set(
          'A person must be in one of these groups. Default: everybody may sign in.',
          text('Group.', { maxLength: 256, minLength: 1 }),
          {
            maxItems: 100,
          },
        ),
        requiredAcr: set(
          'The sign-in must have one of these levels of authentication: urn:nauthera:password, or urn:nauthera:mfa for a second factor. A stronger one is enough too.',
          text('Value of acr.', { maxLength: 256, minLength: 1 }),
          {
            maxItems: 10,
          },
        ),
      },
    ),
    tokens: object('How long tokens are valid, and their form. A policy may set limits.', {}, tokenFields),
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
    signing: object(
      'How the server signs for this client. Each algorithm must be among those in its settings.',
      {},
      {
        idToken: oneOf(
          'ID tokens. Default: signing.idToken of the server, RS256 unless somebody changed it.',
          signingAlgorithms,
        ),
        accessToken: oneOf(
          'Access tokens, and signed authorization responses (JARM). Default: signing.accessToken of the server, ES256 unless somebody changed it.',
          signingAlgorithms,
        ),
        userinfo: oneOf('Default: userinfo is JSON without a signature.', signingAlgorithms),
      },
    ),
    encryption: object(
      'What the server encrypts for this client, with a public key of its own: a key at auth.jwksURI or in auth.jwks that has use enc.',
      {},
      {
        userinfo: object(
          'Userinfo is signed (with signing.userinfo, or as ID tokens are), then encrypted. Default: it is not encrypted. Set it when every server is of a release that knows it: an older one answers without.',
          {
            alg: oneOf(
              'How the key of the content is encrypted: to an RSA key with RSA-OAEP-256, to an EC or X25519 key with the others.',
              keyEncryptions,
            ),
          },
          { enc: oneOf('How the content is encrypted.', contentEncryptions, { default: contentEncryptions[0] }) },
        ),
      },
    ),
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
      'Origins whose scripts may call the server, such as https://app.example.com.',
      text('Origin.', { maxLength: 512 }),
      {
        maxItems: 20,
        rules: [
          everyMatches(
            patterns.origin,
            'must be origins without a path, in small letters, such as https://app.example.com, or http on localhost, 127.0.0.1 or [::1]',
          ),
        ],
      },
    ),
    claims: mapList(
      'Claims that are made from the groups of a person, such as roles for Grafana.',
      object(
        'One claim.',
        {
          name: text('Name of the claim.', {
            maxLength: 64,
            minLength: 1,
            rules: [
              {
                rule: `!(self in ${celList(registeredClaims)})`,
                message:
                  'must not be a registered claim, nor __proto__, which many programs cannot keep; choose another name, such as roles',
              },
            ],
          }),
          fromGroups: mapOf(
            'From a group to the values that its members get.',
            list('Values.', text('Value.', { maxLength: 256 }), { maxItems: 20 }),
            {
              maxProperties: 50,
            },
          ),
        },
        {
          join: oneOf(
            'Several values become a list (Array), or one text with commas (CSV) or spaces (SSV).',
            ['Array', 'CSV', 'SSV'],
            { default: 'Array' },
          ),
        },
      ),
      { maxItems: 20, keys: ['name'] },
    ),
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
  },
)

export const conditionFields = object(
  'A condition, as other Kubernetes objects have it.',
  {
    type: text('Type.', { maxLength: 64 }),
    status: oneOf('Status.', ['True', 'False', 'Unknown']),
    reason: text('Reason in one word.', { maxLength: 128 }),
    message: text('Message for people.', { maxLength: 4096 }),
    lastTransitionTime: time('When status last changed.'),
  },
  { observedGeneration: integer('Generation that this is about.', { minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) },
)

const count = (description: string) => integer(description, { minimum: 0, maximum: 1_000_000 })

export const clientStatus = object(
  'What the operator found out and did.',
  {},
  {
    observedGeneration: integer('The generation of the object that this status is about.', {
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    servedBy: text('The release that serves the client: <namespace>/<release>.', { maxLength: 317 }),
    clientId: text('The client id in effect.', { maxLength: 317 }),
    issuer: text('The issuer.', { maxLength: 2048 }),
    revision: text('The version that was handed to the servers: the first 8 hex characters of its digest.', {
      maxLength: 8,
    }),
    replicas: object(
      'How many server replicas had this version when it last spread.',
      { loaded: count('Replicas that have it and accept it.'), total: count('All replicas.') },
      { summary: text('loaded/total.', { maxLength: 20 }) },
    ),
    policies: list('Policies that hold for the client.', text('Name.', { maxLength: 253 }), { maxItems: 50 }),
    policySummary: text('The same as text in one line.', { maxLength: 1000 }),
    effective: object(
      'What applies in the end: from spec, type, policy and defaults.',
      {},
      {
        grantTypes: list('Grants.', text('Grant.', { maxLength: 64 }), { maxItems: 10 }),
        authMethod: text('Authentication.', { maxLength: 64 }),
        scopes: list('Scopes.', text('Scope.', { maxLength: 128 }), { maxItems: 50 }),
        apis: list(
          'The APIs that the client may call now, with the scopes and the types of authorization details that it may have there.',
          object(
            'An API.',
            { identifier: text('Its identifier.', { maxLength: 512 }) },
            {
              scopes: list('Scopes.', text('Scope.', { maxLength: 128 }), { maxItems: 50 }),
              authorizationDetailsTypes: list('Types of authorization details.', text('Type.', { maxLength: 128 }), {
                maxItems: declarationLimits.types,
              }),
            },
          ),
          { maxItems: 20 },
        ),
        tokens: object(
          'Tokens.',
          {},
          {
            accessTTL: text('Duration.', { maxLength: 21 }),
            idTTL: text('Duration.', { maxLength: 21 }),
            refreshTTL: text('Duration.', { maxLength: 21 }),
            format: text('jwt or opaque.', { maxLength: 10 }),
          },
        ),
        signing: object('Signatures.', {}, { idToken: text('The algorithm of its ID tokens.', { maxLength: 20 }) }),
        rotation: object(
          'Rotation.',
          {},
          {
            interval: text('Duration.', { maxLength: 21 }),
            overlap: text('Duration.', { maxLength: 21 }),
          },
        ),
      },
    ),
    secret: object(
      "The application's Secret and its rotation.",
      {},
      {
        name: text('Name of the Secret.', { maxLength: 253 }),
        activeId: text('The client secret that the Secret holds: the first 8 hex characters of its SHA-256.', {
          maxLength: 8,
        }),
        observedTrigger: text('The last rotation.trigger that was carried out.', { maxLength: 64 }),
        observedAnnotation: text('The last annotation auth.nauthera.io/rotate that was carried out.', {
          maxLength: 256,
        }),
        observedRevoke: text('The last rotation.revokePrevious that was carried out.', { maxLength: 64 }),
        createdAt: time('When the first client secret was written into the Secret.'),
        lastRotated: time('When the present client secret was written into the Secret.'),
        nextRotation: time('When the next rotation by schedule begins.'),
        previous: list(
          'Older client secrets that are still valid.',
          object(
            'An older client secret.',
            { id: text('The first 8 hex characters of its SHA-256.', { maxLength: 8 }) },
            { expiresAt: time('When it stops being valid.'), lastUsed: time('When it was last used.') },
          ),
          { maxItems: 2 },
        ),
      },
    ),
    identity: object(
      'The identity with which the client proved itself last (auth.identities).',
      { name: text('The identity.', { maxLength: 4096 }), lastUsed: time('When, to within ten minutes.') },
      {},
    ),
    conditions: mapList(
      'Accepted, PolicyCompliant, AudiencesGranted, SecretReady, Propagated, RotationHealthy, Active, Ready; SectorListed with sectorIdentifierURI.',
      conditionFields,
      {
        maxItems: 16,
        keys: ['type'],
      },
    ),
  },
)

export type OIDCClientSpec = TypeOf<typeof clientSpecFields>
export type OIDCClientStatus = TypeOf<typeof clientStatus>
export type Condition = TypeOf<typeof conditionFields>

/** What every object has, as far as the operator reads it. */
export interface ObjectMetadata {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly generation: number
  readonly creationTimestamp: string
  readonly resourceVersion?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface OIDCClient {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMetadata
  readonly spec: OIDCClientSpec
  readonly status?: OIDCClientStatus
}
