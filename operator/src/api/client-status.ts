// Schema of the status of an OIDCClient.
import { declarationLimits } from '@nauthera/rules/authorization-details'
import { mostRefusals, refusalLimits } from '@nauthera/rules/refusals'
import { count, observedGeneration } from './field-kinds.ts'
import { followedRedirects } from './redirect-sources.ts'
import { flag, integer, list, mapList, object, oneOf, text, time } from './schema.ts'
import type { TypeOf } from './schema.ts'

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

export const clientStatus = object(
  'What the operator found out and did.',
  {},
  {
    observedGeneration: observedGeneration('this status'),
    servedBy: text('The release that serves the client: <namespace>/<release>.', { maxLength: 317 }),
    clientId: text('The client id in effect.', { maxLength: 317 }),
    restoredFrom: text(
      'The uid of the earlier object of which this one was restored: it goes on with the Secret of that one, and outside joined clusters with its consents and grants.',
      { maxLength: 64 },
    ),
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
    breaches: mapList(
      'The policies that bind the client and that it breaks. The grace of each counts from `since`, whatever is edited meanwhile.',
      object(
        'A breach.',
        { policy: text('Name of the policy.', { maxLength: 253 }), since: time('When it was first seen.') },
        {},
      ),
      { maxItems: 50, keys: ['policy'] },
    ),
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
    redirectURIs: followedRedirects,
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
        lastUsed: time('When a client secret of the client was last used, to within a day.'),
        previous: list(
          'Older client secrets that a server may still accept.',
          object(
            'An older client secret. It stays here until every server refuses it.',
            { id: text('The first 8 hex characters of its SHA-256.', { maxLength: 8 }) },
            { expiresAt: time('When it stops being valid.'), lastUsed: time('When it was last used.') },
          ),
          { maxItems: 5 },
        ),
      },
    ),
    verifiers: list(
      'The client secrets of spec.secret.verifiers that are valid.',
      object(
        'A client secret that was listed.',
        {
          id: text('The first 8 hex characters of its SHA-256.', { maxLength: 8 }),
          acceptedByAll: flag('Every replica takes it. It stays so while a replica restarts.'),
          firstSeen: time('When the operator first saw it. The rotation interval counts from then.'),
        },
        {
          notAfter: time('When it ends: never later than listed.'),
          lastUsed: time('When it was last used.'),
        },
      ),
      { maxItems: 6 },
    ),
    verifiersGeneration: integer(
      'The generation whose spec.secret.verifiers the servers are given: acceptedByAll is about these.',
      { minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    ),
    usesKnownSince: time(
      'While more than one secret is valid: every use of one from this time to usesKnownUntil is in lastUsed. Absent: not all replicas tell.',
    ),
    usesKnownUntil: time('As of when lastUsed of each secret is said. It is renewed every 10 minutes.'),
    endedVerifiers: list(
      'Secrets of spec.secret.verifiers that have ended, the newest first: none of them returns.',
      text('The first 8 hex characters of its SHA-256.', { maxLength: 8 }),
      { maxItems: 32 },
    ),
    rotationLimits: object(
      'What policies say of rotations, for those who rotate spec.secret.verifiers themselves.',
      { maxOverlap: text('Duration: rotation.maxOverlap.', { maxLength: 21 }) },
      {
        minSpacing: text('Duration: rotation.minSpacing.', { maxLength: 21 }),
        interval: text('Duration: how often a secret has to rotate.', { maxLength: 21 }),
        overlap: text('Duration: defaults.rotation.overlap.', { maxLength: 21 }),
        window: object(
          'When scheduled rotations may begin: defaults.rotation.window.',
          { schedule: text('Cron.', { maxLength: 100 }), duration: text('Duration.', { maxLength: 21 }) },
          { timeZone: text('IANA time zone.', { maxLength: 64 }) },
        ),
      },
    ),
    identity: object(
      'The identity with which the client proved itself last (auth.identities).',
      { name: text('The identity.', { maxLength: 4096 }), lastUsed: time('When, to within ten minutes.') },
      {},
    ),
    refusals: mapList(
      'Requests in the name of the client that servers refused within the last hour, the most useful first: of programs that proved themselves, then with an address of the client, then the newest. Counts are at least so many. A code is explained in docs/errors.md.',
      object(
        'A kind of refusal.',
        {
          code: text('What was wrong.', { maxLength: 64 }),
          by: oneOf(
            'Client: a program sent it that had proved itself. Anyone: everybody who knows the client id can have sent it.',
            ['Client', 'Anyone'],
          ),
          count: integer('How often, at least.', { minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
          lastSeen: time('When last, to within five minutes.'),
          hint: text('What to compare.', { maxLength: 400 }),
        },
        {
          details: list(
            'What the requests had, such as their redirect URIs, each of another sender; addresses of this client first. A host that is not of this client has [.] in it.',
            text('A detail.', { maxLength: refusalLimits.detail }),
            { maxItems: 2 * refusalLimits.places.Anyone },
          ),
        },
      ),
      { maxItems: mostRefusals, keys: ['code', 'by'] },
    ),
    conditions: mapList(
      'Accepted, PolicyCompliant, AudiencesGranted, SecretReady, Propagated, RotationHealthy, Active, Ready; SectorListed with sectorIdentifierURI, RedirectsFollowed with redirectURIsFrom.',
      conditionFields,
      {
        maxItems: 16,
        keys: ['type'],
      },
    ),
  },
)

export type OIDCClientStatus = TypeOf<typeof clientStatus>
export type Condition = TypeOf<typeof conditionFields>
