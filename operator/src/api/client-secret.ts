// Schema of `spec.secret` and `spec.rotation`.
import { rotationTimes } from '@nauthera/rules/limits'
import { plainText, timeSpan, instant } from './field-kinds.ts'
import { patterns } from './patterns.ts'
import { checkedPresets, presets } from './presets.ts'
import { celList } from './cel-text.ts'
import { keysMatch, matchesRule, valuesMatch } from './rule-kinds.ts'
import { list, mapOf, object, oneOf, set, text } from './schema.ts'
import type { CelRule } from './schema.ts'

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

export type CanonicalKey = (typeof canonicalKeys)[number]

/** Of an empty text. */
const emptySha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const notOurPrefix: CelRule = {
  rule: "self.all(k, !k.startsWith('auth.nauthera.io/'))",
  message: 'must have no key that begins with auth.nauthera.io/: only the operator writes those',
}

/** The most live verifiers of one client. Of a minted secret the third exists only after a Secret was lost within an overlap. */
export const mostVerifiers = 3

const verifier = object(
  'A client secret, by its digest.',
  {
    sha256: text(
      'SHA-256 of the secret, in hex. It is safe in public only for a secret of 256 random bits: one that a person thought of can be guessed from it.',
      {
        maxLength: 64,
        rules: [
          matchesRule(
            '^[0-9a-f]{64}$',
            'must be a SHA-256: 64 of the characters 0-9 and a-f, as kubectl nauthera secret new prints it',
          ),
          {
            rule: `self != '${emptySha256}'`,
            message: 'must not be the SHA-256 of nothing: what was hashed was empty',
          },
        ],
      },
    ),
  },
  {
    notAfter: instant(
      'When the secret ends. Left out of the newest. An older one ends no later than rotation.maxOverlap of its policies after it is first seen here, and is never moved to a later time. A secret that has ended never returns.',
    ),
  },
)

export const secret = object(
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
      `Keys and labels that well-known programs read. Default: from policy, else [Generic]. Checked with these versions (and callback paths). ${checkedPresets.join('. ')}.`,
      oneOf('Name of a preset.', presets),
      { maxItems: presets.length },
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
    verifiers: list(
      'Client secrets that you keep yourself, each by its SHA-256: the servers know only these, and no Secret is read or written. For objects in Git; `kubectl nauthera secret new` makes a pair. Needs a policy with allow.verifiers. To rotate, list the new one first and give the old one a notAfter.',
      verifier,
      {
        minItems: 1,
        maxItems: mostVerifiers,
        rules: [
          {
            rule: "self.all(v, !v.sha256.matches('^[0-9a-f]{64}$') || self.exists_one(o, o.sha256.startsWith(v.sha256.substring(0, 8))))",
            message: 'must have each secret once, and no two with the same first 8 characters',
          },
        ],
      },
    ),
    deletionPolicy: oneOf(
      'What happens to the Secret when the OIDCClient is deleted: Retain keeps it.',
      ['Delete', 'Retain'],
      { default: 'Delete' },
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

export const rotation = object(
  'When and how the secret rotates.',
  {},
  {
    ...rotationFields,
    retire: oneOf(
      'When the previous secret ends. WhenUnused: after the overlap, once nobody has used it for a while. It ends at the latest when the next one is due, or when the longest overlap of the policies is over. AfterOverlap: after the overlap, though it may be in use.',
      ['WhenUnused', 'AfterOverlap'],
      { default: 'WhenUnused' },
    ),
    trigger: plainText('Change it to rotate now. The annotation auth.nauthera.io/rotate does the same.', 64),
    revokePrevious: plainText(
      'Change this value to revoke all older client secrets now. During a rotation, they are revoked when it ends. After a leak change trigger too.',
      64,
    ),
  },
)
