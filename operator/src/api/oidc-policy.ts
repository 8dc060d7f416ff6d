// The OIDCPolicy: limits and defaults of the security team. The chart's `operator.policy` is the spec of one, without selector.
import { authMethods } from '@nauthera/rules/client-authentication'
import { clientTypes } from '@nauthera/rules/client-types'
import { grantTypes } from '@nauthera/rules/grants'
import { rotationTimes, tokenLife } from '@nauthera/rules/limits'
import { everyMatches, timeSpan } from './rule-kinds.ts'
import { conditionFields, consentModes, presets, rotationFields, tokenFields } from './oidc-client.ts'
import { patterns } from './patterns.ts'
import { flag, integer, list, mapList, mapOf, object, oneOf, set, text } from './schema.ts'
import type { TypeOf } from './schema.ts'

const hour = 3600

const labelSelector = (description: string) =>
  object(
    description,
    {},
    {
      matchLabels: mapOf('Labels that must be there.', text('Value.', { maxLength: 63 }), { maxProperties: 20 }),
      matchExpressions: list(
        'Requirements, all of them.',
        object(
          'A requirement.',
          {
            key: text('Label.', { maxLength: 317 }),
            operator: oneOf('Operator.', ['In', 'NotIn', 'Exists', 'DoesNotExist']),
          },
          { values: list('Values.', text('Value.', { maxLength: 63 }), { maxItems: 50 }) },
        ),
        { maxItems: 20 },
      ),
    },
  )

export const policySpec = object(
  'What clients may be, and what they are by default.',
  {},
  {
    selector: object(
      'Which clients it holds for. Default: all.',
      {},
      {
        namespaces: labelSelector('By the labels of the namespace.'),
        clients: labelSelector('By the labels of the OIDCClient.'),
      },
    ),
    enforcement: oneOf(
      'Deny refuses, Warn says so in a condition, Audit only counts in the status of the policy.',
      ['Deny', 'Warn', 'Audit'],
      {
        default: 'Deny',
      },
    ),
    grace: timeSpan('How long the last compliant version of a client serves on once it is denied.', {
      least: 0,
      most: 8760 * hour,
    }),
    priority: integer(
      'Of two policies with a default for the same field, the higher one gives it; then the name decides.',
      {
        minimum: -1000,
        maximum: 1000,
      },
    ),
    allow: object(
      'What a client may use. A list that is absent allows all.',
      {},
      {
        types: set('Types.', oneOf('Type.', clientTypes), { maxItems: clientTypes.length }),
        grantTypes: set('Grants.', oneOf('Grant.', grantTypes), { maxItems: grantTypes.length }),
        authMethods: set('Authentication.', oneOf('Method.', authMethods), { maxItems: authMethods.length }),
        scopes: set('Scopes; one that ends in * allows all that begin so.', text('Scope.', { maxLength: 128 }), {
          maxItems: 100,
        }),
        audiences: set(
          'Audiences; one that ends in * allows all that begin so.',
          text('Audience.', { maxLength: 512 }),
          {
            maxItems: 100,
          },
        ),
        consent: set('Consent. Default: Explicit and Remember.', oneOf('Mode.', consentModes), {
          maxItems: consentModes.length,
        }),
        redirectHosts: set(
          'Hosts of redirect URIs: app.example.com, or .apps.example.com for all below it.',
          text('Host.', { maxLength: 253 }),
          {
            maxItems: 100,
            rules: [
              everyMatches(
                patterns.hostSuffix,
                'must be hosts such as app.example.com, or .apps.example.com for all below it',
              ),
            ],
          },
        ),
        customClientId: flag(
          'A clientId other than <namespace>.<name>. Default: false, unless another policy allows it.',
        ),
        anyClientId: flag(
          'A clientId that begins with another namespace. Default: false, unless another policy allows it.',
        ),
        existingSecret: flag('secret.existingSecretRef. Default: false, unless another policy allows it.'),
        optionalPKCE: flag('pkce: Optional. Default: false, unless another policy allows it.'),
        resourceServer: flag('resourceServer. Default: false, unless another policy allows it.'),
      },
    ),
    require: object(
      'What a client must use.',
      {},
      {
        par: flag('par: true.'),
        dpop: flag('dpop: true.'),
        rotation: flag('A rotation.interval for every client with a secret.'),
      },
    ),
    limits: object(
      'Upper bounds.',
      {},
      {
        clientsPerNamespace: integer('OIDCClients in one namespace; the oldest stay.', {
          minimum: 0,
          maximum: 100_000,
        }),
        tokens: object(
          'Longest lives.',
          {},
          {
            access: timeSpan('Access token.', tokenLife.access),
            id: timeSpan('ID token.', tokenLife.id),
            refresh: timeSpan('Refresh token, idle.', tokenLife.refresh),
          },
        ),
      },
    ),
    defaults: object(
      'What holds when a client says nothing.',
      {},
      {
        rotation: object('Rotation.', {}, rotationFields),
        tokens: object('Tokens.', {}, tokenFields),
        secret: object(
          'Secret.',
          {},
          { presets: set('Presets.', oneOf('Preset.', presets), { maxItems: presets.length }) },
        ),
      },
    ),
    rotation: object(
      'Bounds of rotations.',
      {},
      {
        minSpacing: timeSpan(
          'Least time between two scheduled rotations, so that a fleet does not rotate at one instant.',
          { least: 0, most: 24 * hour },
        ),
        maxOverlap: timeSpan('Longest that a previous secret may live. Default: 168h.', rotationTimes.overlap),
      },
    ),
  },
)

export const policyStatus = object(
  'What the policy meets.',
  {},
  {
    observedGeneration: integer('Generation that this status is about.', {
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
    }),
    matchedClients: integer('Clients that it holds for.', { minimum: 0, maximum: 10_000_000 }),
    violating: list(
      'The first clients that break it.',
      object(
        'A client.',
        { namespace: text('Namespace.', { maxLength: 63 }), name: text('Name.', { maxLength: 253 }) },
        { message: text('What it breaks.', { maxLength: 1024 }) },
      ),
      { maxItems: 20 },
    ),
    conditions: mapList('Conditions.', conditionFields, { maxItems: 8, keys: ['type'] }),
  },
)

export type OIDCPolicySpec = TypeOf<typeof policySpec>
export type OIDCPolicyStatus = TypeOf<typeof policyStatus>

/** Cluster-scoped. */
export interface OIDCPolicy {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: {
    readonly name: string
    readonly uid?: string
    readonly generation?: number
    readonly resourceVersion?: string
  }
  readonly spec: OIDCPolicySpec
  readonly status?: OIDCPolicyStatus
}
