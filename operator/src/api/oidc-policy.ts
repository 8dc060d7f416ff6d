// Schema of the OIDCPolicy: limits and defaults that the security team sets. The chart's `operator.policy` is the spec of one, without
// selector.
import { authMethods } from '@nauthera/rules/client-authentication'
import { clientTypes } from '@nauthera/rules/client-types'
import { grantTypes } from '@nauthera/rules/grants'
import { platformTokenLife } from '@nauthera/rules/identities'
import { namespaceLimits, rotationTimes, tokenLife } from '@nauthera/rules/limits'
import { clusterSelector } from './cluster-selector.ts'
import { observedGeneration, timeSpan } from './field-kinds.ts'
import { everyMatches } from './rule-kinds.ts'
import { rotationFields } from './client-secret.ts'
import { presets } from './presets.ts'
import { conditionFields } from './client-status.ts'
import { tokenFields } from './client-tokens.ts'
import { consentModes } from './oidc-client.ts'
import { labelSelector } from './label-selector.ts'
import { patterns } from './patterns.ts'
import { flag, integer, list, mapList, object, oneOf, set, text } from './schema.ts'
import type { TypeOf } from './schema.ts'

const hour = 3600

export const policySpec = object(
  'Limits and defaults for OIDCClients.',
  {},
  {
    selector: object(
      'Which clients the policy applies to. Default: all.',
      {},
      {
        namespaces: labelSelector('By labels of their namespace.'),
        clients: labelSelector('By labels of the OIDCClient.'),
        clusters: clusterSelector(
          'Only clients of these joined clusters. Without it a policy applies to clients of joined clusters too; one that selects by labels then opens nothing for them, unless trustNamespaceLabels of their OIDCCluster is true.',
        ),
      },
    ),
    enforcement: oneOf(
      'What happens to a client that breaks the policy: Deny refuses it, Warn says so in its conditions, Audit only counts it in the status of the policy.',
      ['Deny', 'Warn', 'Audit'],
      { default: 'Deny' },
    ),
    grace: timeSpan('How long a client that is refused keeps working with the last version that met the policy.', {
      least: 0,
      most: 8760 * hour,
    }),
    priority: integer(
      'When several policies have a default for one field, the one with the highest priority counts; of equal ones the first by name.',
      {
        minimum: -1000,
        maximum: 1000,
      },
    ),
    allow: object(
      'What a client may use. Without a list everything is allowed.',
      {},
      {
        types: set('Types.', oneOf('Type.', clientTypes), { maxItems: clientTypes.length }),
        grantTypes: set('Grants.', oneOf('Grant.', grantTypes), { maxItems: grantTypes.length }),
        authMethods: set(
          'Authentication. client_secret allows client_secret_basic and client_secret_post too. A client with client_secret is allowed where one of those two stands here, and then shows its secret only in that way.',
          oneOf('Method.', authMethods),
          { maxItems: authMethods.length },
        ),
        scopes: set(
          'Scopes. api:* allows every scope that begins with api:. It holds for the tokens too.',
          text('Scope.', { maxLength: 128 }),
          { maxItems: 100 },
        ),
        audiences: set(
          'Audiences. https://api.example.com/* allows every audience that begins with https://api.example.com/. It holds for the tokens too. An audience that no OIDCClient declares as its resourceServer is allowed only where it is listed here.',
          text('Audience.', { maxLength: 512 }),
          { maxItems: 100 },
        ),
        authorizationDetailsTypes: set(
          'Types of authorization details that a client may ask for. payment_* allows every type that begins with payment_. It holds for the tokens too.',
          text('Type.', { maxLength: 128 }),
          { maxItems: 100 },
        ),
        resourceIdentifiers: set(
          'Identifiers that a client may have as an API. https://api.example.com/* allows every identifier that begins with https://api.example.com/. A bare name needs an entry for names (rabbitmq, or rabbit*; not *, and not h* or https*, which mean URIs). One by http on this machine needs an entry that begins with http:. Left out: all others that no older OIDCClient has.',
          text('Identifier.', { maxLength: 512 }),
          { maxItems: 100 },
        ),
        consent: set('Values of consent. Default: Explicit and Remember.', oneOf('Mode.', consentModes), {
          maxItems: consentModes.length,
        }),
        redirectHosts: set(
          'Hosts of redirect URIs: app.example.com, or .apps.example.com for all below it. localhost needs no entry; require.https refuses http there. With redirectURIsFrom a client follows only hosts that a policy lists, and that no other policy leaves out.',
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
          'Allows a clientId other than <namespace>.<name>. Default: false, unless another policy allows it.',
        ),
        anyClientId: flag(
          'Allows a clientId that begins with the name of another namespace. Default: false, unless another policy allows it.',
        ),
        existingSecret: flag('Allows secret.existingSecretRef. Default: false, unless another policy allows it.'),
        verifiers: flag('Allows secret.verifiers. Default: false, unless another policy allows it.'),
        optionalPKCE: flag('Allows pkce: Optional. Default: false, unless another policy allows it.'),
        foreignServiceAccounts: flag(
          'Allows ServiceAccounts of other namespaces in auth.identities. Default: false, unless another policy allows it.',
        ),
        identityIssuers: set(
          'Issuers that auth.identities may name. https://ci.example.com/* allows every issuer that begins with https://ci.example.com/. Default: none. It takes a policy that lists an issuer, and no other policy that leaves it out.',
          text('Issuer.', { maxLength: 2048 }),
          { maxItems: 100 },
        ),
        tokenExchange: flag(
          'Allows grantTypes: [token_exchange]: an API may exchange the tokens that it received for tokens of other APIs that it may call. Default: false, unless another policy allows it.',
        ),
        resourceServer: flag(
          'Allows resourceServer. Default: false, unless another policy allows it. Say with resourceIdentifiers which identifiers a namespace may declare.',
        ),
      },
    ),
    require: object(
      'What a client must use.',
      {},
      {
        par: flag('Clients must have par: true.'),
        dpop: flag('Clients must have dpop: true.'),
        pkce: flag('Clients of people must have pkce: Required. One that says nothing gets it.'),
        rotation: flag('Clients with a secret must have rotation.interval.'),
        https: flag(
          'redirectURIs and postLogoutRedirectURIs must be https, on localhost too. Schemes of installed applications stay allowed.',
        ),
      },
    ),
    limits: object(
      'Upper bounds.',
      {},
      {
        clientsPerNamespace: integer(
          `How many OIDCClients a namespace may have. New ones above that are refused; one that is served stays. Default: ${namespaceLimits.clients}, unless a policy says another number.`,
          { minimum: 0, maximum: 100_000 },
        ),
        bytesPerShard: integer(
          `How many bytes the OIDCClients of a namespace may take together in one of the 16 shards, compressed. What is above that is refused, the youngest first. Default: ${namespaceLimits.shardBytes}, unless a policy says another number.`,
          { minimum: 1024, maximum: 700 * 1024 },
        ),
        tokens: object(
          'How long tokens may be valid at most.',
          {},
          {
            access: timeSpan('Access token.', tokenLife.access),
            id: timeSpan('ID token.', tokenLife.id),
            refresh: timeSpan('Refresh token that is not used.', tokenLife.refresh),
            platform: timeSpan(
              'Token of a platform (auth.identities), from iat to exp. Default: 2h, unless a policy says another length.',
              platformTokenLife,
            ),
          },
        ),
      },
    ),
    defaults: object(
      'What applies where a client says nothing.',
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
      'Limits of rotations.',
      {},
      {
        minSpacing: timeSpan('Least time between two rotations by schedule, so that not all clients rotate at once.', {
          least: 0,
          most: 24 * hour,
        }),
        maxOverlap: timeSpan(
          'How long a previous secret may stay valid at most. Default: 168h.',
          rotationTimes.overlap,
        ),
      },
    ),
  },
)

const clientCount = (description: string) => integer(description, { minimum: 0, maximum: 10_000_000 })

export const policyStatus = object(
  'What the operators found, each for the clients of its own release.',
  {},
  {
    releases: mapList(
      'What one release found.',
      object(
        'A release.',
        { release: text('<namespace>/<release>.', { maxLength: 317 }) },
        {
          observedGeneration: observedGeneration('this'),
          matchedClients: clientCount('How many clients of the release the policy applies to.'),
          violatingClients: clientCount('How many of them break it.'),
          violating: list(
            'Clients that break the policy; the first 20 by name when there are more.',
            object(
              'A client.',
              { namespace: text('Namespace.', { maxLength: 63 }), name: text('Name.', { maxLength: 253 }) },
              { message: text('How it breaks the policy.', { maxLength: 1024 }) },
            ),
            { maxItems: 20 },
          ),
          conditions: list('Accepted, Compliant.', conditionFields, { maxItems: 8 }),
        },
      ),
      { maxItems: 50, keys: ['release'] },
    ),
  },
)

export type OIDCPolicySpec = TypeOf<typeof policySpec>
export type OIDCPolicyStatus = TypeOf<typeof policyStatus>
/** The entry of one release in the status of a policy. */
export type PolicyReport = NonNullable<OIDCPolicyStatus['releases']>[number]

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
