// The OIDCClient: every field, its limits and its words. client-rules.ts adds the rules between fields.
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { registeredClaims } from '@nauthera/rules/claims'
import { authMethods } from '@nauthera/rules/client-authentication'
import { clientTypes } from '@nauthera/rules/client-types'
import { grantTypes } from '@nauthera/rules/grants'
import { rotationTimes, tokenLife } from '@nauthera/rules/limits'
import { responseModes } from '@nauthera/rules/response-modes'
import { emailPattern } from '@nauthera/rules/uris'
import { celList, celMatches, patterns } from './patterns.ts'
import { everyMatches, keysMatch, matchesRule, timeSpan, valuesMatch } from './rule-kinds.ts'
import { flag, foreignObject, integer, list, mapList, mapOf, object, oneOf, set, text, time } from './schema.ts'
import type { Rule, TypeOf } from './schema.ts'

export const consentModes = ['Explicit', 'Remember', 'Skip'] as const
export const presets = ['Generic', 'Env', 'ArgoCD', 'Grafana', 'OAuth2Proxy', 'EnvoyGateway'] as const
/** Keys that every application Secret has, unless `secret.keys` renames them. */
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
] as const

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
    rules: [matchesRule(patterns.plainText, 'must be plain text without control or invisible formatting characters')],
  })
const notOurPrefix: Rule = {
  rule: "self.all(k, !k.startsWith('auth.nauthera.io/'))",
  message: 'must have no key that begins with auth.nauthera.io/: those are ours',
}

const auth = object(
  'How the client authenticates at the token endpoint.',
  {},
  {
    method: oneOf(
      'Default: client_secret_basic for Web and M2M, none for SPA, Native and Device. client_secret_jwt is not offered: it would need the plain secret on the server.',
      authMethods,
    ),
    jwksURI: httpsUri('Where the public keys of the client are. With private_key_jwt: this or jwks.'),
    jwks: object(
      'The public keys of the client as a JWK set. With private_key_jwt: this or jwksURI.',
      { keys: list('Keys.', foreignObject('A public JWK.'), { maxItems: 20, minItems: 1 }) },
      {},
    ),
    tls: object(
      'Which certificate counts as this client, with tls_client_auth; exactly one field.',
      {},
      {
        subjectDN: text('Subject of the certificate as RFC 4514 writes it.', { maxLength: 1024, minLength: 1 }),
        sanDNS: text('A DNS name among the alternative names.', { maxLength: 253, minLength: 1 }),
        sanURI: text('A URI among the alternative names.', { maxLength: 2048, minLength: 1 }),
      },
    ),
  },
)

const secret = object(
  'The Secret that the application mounts.',
  {},
  {
    name: text(
      'Name of the Secret. Default: <name>-oidc. A Secret of that name that the operator does not own is left alone.',
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
    labels: mapOf('Labels for the Secret, for Reloader or Argo CD.', text('Value.', { maxLength: 63 }), {
      maxProperties: 20,
      rules: [
        keysMatch(patterns.metadataKey, 'must have label keys such as example.com/team'),
        notOurPrefix,
        valuesMatch(patterns.labelValue, 'must have values of at most 63 letters, digits, -, _ and .'),
      ],
    }),
    annotations: mapOf('Annotations for the Secret.', text('Value.', { maxLength: 2048 }), {
      maxProperties: 20,
      rules: [keysMatch(patterns.metadataKey, 'must have annotation keys such as example.com/team'), notOurPrefix],
    }),
    presets: set('Keys and labels that known programs read. Default: [Generic].', oneOf('Name of a preset.', presets), {
      maxItems: presets.length,
    }),
    keys: mapOf('Renames: canonical key to the key to write instead.', text('Key of the Secret.', { maxLength: 253 }), {
      maxProperties: canonicalKeys.length,
      rules: [
        {
          rule: `self.all(k, k in ${celList(canonicalKeys)})`,
          message: `must rename only ${canonicalKeys.join(', ')}`,
        },
        valuesMatch(patterns.dataKey, 'must rename to keys of letters, digits, -, _ and .'),
      ],
    }),
    data: mapOf(
      'Further keys from templates: {{ .clientId }} and its kind, with the filters json, b64 and url. A template under the name of another key takes its place; the key of the client secret must keep it.',
      text('Template.', { maxLength: 4096 }),
      {
        maxProperties: 20,
        rules: [keysMatch(patterns.dataKey, 'must have keys of letters, digits, -, _ and .')],
      },
    ),
    existingSecretRef: object(
      'A secret of your own, in this namespace; its Secret must carry the label auth.nauthera.io/client: <name of this OIDCClient>.',
      {
        name: text('Name of the Secret.', {
          maxLength: 253,
          rules: [matchesRule(patterns.secretName, 'must be a name of lower-case letters, digits, - and .')],
        }),
        key: text('Key in the Secret; its value has at least 32 printable characters.', {
          maxLength: 253,
          rules: [matchesRule(patterns.dataKey, 'must be a key of letters, digits, -, _ and .')],
        }),
      },
      {},
    ),
    deletionPolicy: oneOf('Retain leaves the Secret when the OIDCClient is deleted.', ['Delete', 'Retain'], {
      default: 'Delete',
    }),
  },
)

const window = object(
  'When scheduled rotations may begin.',
  {
    schedule: text('Cron of five fields: when the window opens, such as "0 3 * * 6".', {
      maxLength: 100,
      rules: [matchesRule(patterns.cron, 'must be a cron of five fields, such as "0 3 * * 6"')],
    }),
    duration: timeSpan('How long the window stays open; shorter than the gap of the schedule.', rotationTimes.window),
  },
  {
    timeZone: text(
      'IANA time zone of the schedule. Default: UTC. A time that is skipped when clocks go forward is the first one after it; with * or a step in minute or hour it is left out.',
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
    'How long the previous secret stays valid, from the moment that the Secret is written. Default: 24h, or half the interval if that is shorter.',
    rotationTimes.overlap,
  ),
}

const rotation = object(
  'When and how the secret rotates.',
  {},
  {
    ...rotationFields,
    retire: oneOf(
      'WhenUnused: the previous secret stays until nobody has used it for a while.',
      ['AfterOverlap', 'WhenUnused'],
      {
        default: 'AfterOverlap',
      },
    ),
    trigger: plainText('Change it to rotate now. The annotation auth.nauthera.io/rotate does the same.', 64),
    revokePrevious: plainText(
      'Change it to drop every secret but the published one now; with a rotation pending, right after that. For a leak, set it together with trigger.',
      64,
    ),
  },
)

/** Also the shape of a policy's defaults. */
export const tokenFields = {
  accessTTL: timeSpan('Life of an access token.', tokenLife.access),
  idTTL: timeSpan('Life of an ID token.', tokenLife.id),
  refreshTTL: timeSpan('Idle life of a refresh token.', tokenLife.refresh),
  format: oneOf('Form of access tokens. Default: jwt when an audience applies, else opaque.', ['jwt', 'opaque']),
}

const scopeName = (description: string) => text(description, { maxLength: 128, minLength: 1 })

/** The fields alone; client-rules.ts adds what holds between them. */
export const clientSpecFields = object(
  'What the client is.',
  { type: oneOf('Sets grants, authentication and PKCE in one word. Cannot be changed.', clientTypes) },
  {
    serverName: text('Which release serves this client. Cannot be changed.', {
      maxLength: 63,
      minLength: 1,
      default: 'default',
    }),
    clientId: text(
      'Default: <namespace>.<name>. Cannot be changed. Another one needs a policy with allow.customClientId.',
      {
        maxLength: 200,
        rules: [
          matchesRule(patterns.clientId, 'must be 3 to 200 letters, digits, ., _, ~ and -'),
          {
            rule: `!${celMatches('self', patterns.uuid)}`,
            message: 'must not be a UUID: the subject of a person is one',
          },
        ],
      },
    ),
    displayName: plainText('Name on the consent page. Default: the name of the object.', 128),
    description: plainText('One sentence for people.', 512),
    suspended: flag('Stops sign-ins and tokens without losing id or secret.', { default: false }),
    redirectURIs: set(
      'Where people are sent back to, compared byte by byte (Native: any port on loopback).',
      uri('URI.'),
      {
        maxItems: 50,
      },
    ),
    postLogoutRedirectURIs: set('Where people may be sent after signing out.', uri('URI.'), { maxItems: 50 }),
    grantTypes: set('Default: from type. No implicit, no password.', oneOf('Grant.', grantTypes), {
      maxItems: grantTypes.length,
      minItems: 1,
    }),
    responseModes: set('Default: query, fragment and form_post.', oneOf('Response mode.', responseModes), {
      maxItems: responseModes.length,
      minItems: 1,
    }),
    scopes: set(
      'Scopes that the client may ask for. Default: openid profile email; none for M2M.',
      scopeName('Scope.'),
      {
        maxItems: 50,
        rules: [everyMatches(patterns.scope, 'must be scopes without space, " or \\')],
      },
    ),
    audiences: set(
      'Resources that the client may ask tokens for (RFC 8707).',
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
    auth,
    pkce: oneOf('Optional only for a client with authentication, and by policy.', ['Required', 'Optional'], {
      default: 'Required',
    }),
    par: flag('Demands pushed authorization requests (RFC 9126).', { default: false }),
    dpop: flag('Binds access tokens to a key of the client (RFC 9449).', { default: false }),
    signedRequestObject: flag('Demands signed authorization requests (RFC 9101).', { default: false }),
    profile: oneOf('FAPI2 demands the FAPI 2.0 security profile.', ['Standard', 'FAPI2'], { default: 'Standard' }),
    consent: oneOf('Remember asks once, Explicit each time. Skip needs a policy.', consentModes, {
      default: 'Remember',
    }),
    resourceServer: object(
      'This client is an API: others that list its identifier as audience may ask for its scopes, and it may introspect its tokens. Needs a policy.',
      {
        identifier: text('The audience of its tokens.', {
          maxLength: 512,
          rules: [matchesRule(patterns.httpsOrUrn, 'must be an https URL or a URN, such as https://api.example.com')],
        }),
      },
      {
        scopes: set('Scopes of the API.', scopeName('Scope.'), {
          maxItems: 50,
          rules: [everyMatches(patterns.scope, 'must be scopes without space, " or \\')],
        }),
      },
    ),
    access: object(
      'Who may sign in; checked at every token and refresh.',
      {},
      {
        allowedGroups: set(
          'Members of one of these groups. Default: everybody.',
          text('Group.', { maxLength: 256, minLength: 1 }),
          {
            maxItems: 100,
          },
        ),
        requiredAcr: set(
          'One of these levels of authentication.',
          text('acr value.', { maxLength: 256, minLength: 1 }),
          {
            maxItems: 10,
          },
        ),
      },
    ),
    tokens: object('Life and form of tokens, within policy.', {}, tokenFields),
    subjectType: oneOf('pairwise gives each sector its own subjects.', ['public', 'pairwise'], { default: 'public' }),
    sectorIdentifierURI: httpsUri('Sector of pairwise subjects (OpenID Connect Core 8.1).'),
    defaultMaxAge: integer('Seconds after which a person must authenticate again.', {
      minimum: 0,
      maximum: 31_536_000,
    }),
    requireAuthTime: flag('Puts auth_time into every ID token.', { default: false }),
    signing: object(
      'Algorithms of what the server signs for this client.',
      {},
      {
        idToken: oneOf("Default: the server's first.", signingAlgorithms),
        userinfo: oneOf('Default: userinfo is plain JSON.', signingAlgorithms),
      },
    ),
    logout: object(
      'Back-channel logout.',
      {},
      {
        backchannelURI: httpsUri('Where the server posts logout tokens.'),
        sessionRequired: flag('Demands sid in logout tokens.', { default: false }),
      },
    ),
    corsOrigins: set('Origins whose scripts may call the token endpoint.', text('Origin.', { maxLength: 512 }), {
      maxItems: 20,
      rules: [
        everyMatches(
          patterns.origin,
          'must be origins without a path, in small letters, such as https://app.example.com, or http on localhost, 127.0.0.1 or [::1]',
        ),
      ],
    }),
    claims: mapList(
      'Claims whose values follow from groups, such as roles for Grafana.',
      object(
        'One claim.',
        {
          name: text('Name of the claim.', {
            maxLength: 64,
            minLength: 1,
            rules: [
              {
                rule: `!(self in ${celList(registeredClaims)})`,
                message: 'must not be a registered claim; choose another name, such as roles',
              },
            ],
          }),
          fromGroups: mapOf('Group to values.', list('Values.', text('Value.', { maxLength: 256 }), { maxItems: 20 }), {
            maxProperties: 50,
          }),
        },
        { join: oneOf('How several values become one claim.', ['Array', 'CSV', 'SSV'], { default: 'Array' }) },
      ),
      { maxItems: 20, keys: ['name'] },
    ),
    uris: object(
      'Pages about the client.',
      {},
      {
        client: httpsUri('Home page.'),
        logo: httpsUri('Logo for the consent page.'),
        policy: httpsUri('Privacy policy.'),
        tos: httpsUri('Terms of service.'),
        initiateLogin: httpsUri('Where a sign-in that the server begins is sent.'),
      },
    ),
    contacts: set('E-mail addresses of those who answer for the client.', text('Address.', { maxLength: 254 }), {
      maxItems: 10,
      rules: [everyMatches(emailPattern, 'must be e-mail addresses')],
    }),
    secret,
    rotation,
  },
)

export const conditionFields = object(
  'A condition as every Kubernetes object has them.',
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
  'What the operator knows.',
  {},
  {
    observedGeneration: integer('Generation that this status is about.', {
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    servedBy: text('<namespace>/<release> that serves the client.', { maxLength: 317 }),
    clientId: text('The client id in effect.', { maxLength: 317 }),
    issuer: text('The issuer.', { maxLength: 2048 }),
    revision: text('First 8 hex of the digest of the manifest that carries this version.', { maxLength: 8 }),
    replicas: object(
      'How many replicas have this version live, as of the last propagation.',
      { loaded: count('Replicas that accept it.'), total: count('Replicas.') },
      { summary: text('loaded/total.', { maxLength: 20 }) },
    ),
    policies: list('Policies that hold for the client.', text('Name.', { maxLength: 253 }), { maxItems: 50 }),
    policySummary: text('The same in one line.', { maxLength: 1000 }),
    effective: object(
      'What type, policy and defaults come to.',
      {},
      {
        grantTypes: list('Grants.', text('Grant.', { maxLength: 64 }), { maxItems: 10 }),
        authMethod: text('Authentication.', { maxLength: 64 }),
        scopes: list('Scopes.', text('Scope.', { maxLength: 128 }), { maxItems: 50 }),
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
        activeId: text('First 8 hex of the SHA-256 of the published secret.', { maxLength: 8 }),
        observedTrigger: text('rotation.trigger that has been obeyed.', { maxLength: 64 }),
        observedAnnotation: text('Annotation auth.nauthera.io/rotate that has been obeyed.', { maxLength: 256 }),
        observedRevoke: text('rotation.revokePrevious that has been obeyed.', { maxLength: 64 }),
        createdAt: time('When the first secret was published.'),
        lastRotated: time('When the published secret was published.'),
        nextRotation: time('When the next scheduled rotation begins.'),
        previous: list(
          'Secrets that are still valid beside the published one.',
          object(
            'A previous secret.',
            { id: text('First 8 hex of its SHA-256.', { maxLength: 8 }) },
            { expiresAt: time('When it ceases to be valid.'), lastUsed: time('When it was last used.') },
          ),
          { maxItems: 2 },
        ),
      },
    ),
    conditions: mapList(
      'Accepted, PolicyCompliant, SecretReady, Propagated, RotationHealthy, Ready.',
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
