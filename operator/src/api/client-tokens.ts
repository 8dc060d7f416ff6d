// Fields of an OIDCClient about what it gets: tokens, how they are signed and encrypted, and its own claims.
import { contentEncryptions, keyEncryptions, signingAlgorithms } from '@nauthera/rules/algorithms'
import { idClaims, registeredClaims } from '@nauthera/rules/claims'
import { tokenLife } from '@nauthera/rules/limits'
import { celList } from './cel-text.ts'
import { timeSpan } from './field-kinds.ts'
import { list, mapList, mapOf, object, oneOf, text } from './schema.ts'

/** Also the shape of a policy's defaults. */
export const tokenFields = {
  accessTTL: timeSpan('How long an access token is valid.', tokenLife.access),
  idTTL: timeSpan('How long an ID token is valid.', tokenLife.id),
  refreshTTL: timeSpan(
    'How long a refresh token is valid while it is not used. Without offline_access it ends with the session of the person, and for a client without authentication after 24h without use.',
    tokenLife.refresh,
  ),
  format: oneOf(
    'Form of access tokens for an API. Default: jwt. A token that is for no API is opaque, so jwt needs audiences. Where you write jwt and the client has one API, the token of each sign-in is for that API.',
    ['jwt', 'opaque'],
  ),
  idClaims: oneOf(
    'What an ID token says about a person. Scopes: the claims of the granted scopes (profile, email, groups) and those in claims, as userinfo has them. Minimal: only what the request names in its claims parameter. Default: from policy, else Scopes; Minimal with profile FAPI2.',
    idClaims,
  ),
}

export const tokens = object('How long tokens are valid, and their form. A policy may set limits.', {}, tokenFields)

export const signing = object(
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
)

export const encryption = object(
  'What the server encrypts for this client, with a public key of its own: a key at auth.jwksURI or in auth.jwks that has use enc.',
  {},
  {
    userinfo: object(
      'Userinfo is signed (with signing.userinfo, or as ID tokens are), then encrypted. Default: it is not encrypted.',
      {
        alg: oneOf(
          'How the key of the content is encrypted: to an RSA key with RSA-OAEP-256, to an EC or X25519 key with the others.',
          keyEncryptions,
        ),
      },
      { enc: oneOf('How the content is encrypted.', contentEncryptions, { default: contentEncryptions[0] }) },
    ),
  },
)

export const claims = mapList(
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
        { maxProperties: 50 },
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
)
