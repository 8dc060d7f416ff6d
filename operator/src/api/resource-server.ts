// Schema of `spec.resourceServer`: the client is an API, and lists who may call it.
import { declarationLimits } from '@nauthera/rules/authorization-details'
import { authorizationDetailsType, detailTypeName } from './authorization-details.ts'
import { signingAlgorithms } from '@nauthera/rules/algorithms'
import { apiTextLength, tokenLife } from '@nauthera/rules/limits'
import { clusterSelector } from './cluster-selector.ts'
import { languageName, plainText, scopeName, timeSpan } from './field-kinds.ts'
import { labelSelector } from './label-selector.ts'
import { patterns } from './patterns.ts'
import { everyMatches, matchesRule } from './rule-kinds.ts'
import { list, mapList, object, oneOf, set, text, withRules } from './schema.ts'

/** An access entry: who may call an API, and with which scopes and details. */
export const apiAccess = object(
  'Clients that may call the API. A client must fit every field that is set; at least one of namespaces, namespaceSelector, clientIds and clusters must be set.',
  {},
  {
    namespaces: set(
      'Namespaces of the clients; "*" stands for every one of this cluster.',
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
      'Clients that nobody registers: their client_id is the https address of a document about them (Client ID Metadata Document), such as MCP clients. Hosts of those addresses: app.example.com, or .apps.example.com for all below it, with a port where it is not 443. The settings of the server must have them in clientMetadataDocuments.hosts too. An entry with it needs scopes, and has no namespaces, namespaceSelector and clientIds.',
      text('Host.', { maxLength: 253 }),
      {
        maxItems: 20,
        minItems: 1,
        rules: [
          everyMatches(
            patterns.documentHost,
            'must be hosts such as app.example.com, or .apps.example.com for all below it',
          ),
        ],
      },
    ),
    clusters: clusterSelector(
      'Clients of joined clusters, by their namespaces there. namespaces and namespaceSelector mean only clients of this cluster.',
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
      rule: 'has(self.namespaces) || has(self.namespaceSelector) || has(self.clientIds) || has(self.clusters) || has(self.clientMetadataHosts)',
      message:
        'must have namespaces, namespaceSelector, clientIds, clusters or clientMetadataHosts; namespaces: ["*"] stands for every client with an OIDCClient in this cluster',
    },
    {
      rule: '!has(self.clusters) || (!has(self.namespaces) && !has(self.namespaceSelector) && !has(self.clientMetadataHosts))',
      message:
        'must have neither namespaces nor namespaceSelector nor clientMetadataHosts with clusters: no client is of this cluster and of another; make two entries of it',
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

const title = (description: string) => plainText(description, apiTextLength.title)
const explanation = (description: string) => plainText(description, apiTextLength.description)

const apiScope = object(
  'A scope, and how the page that asks the person calls it.',
  {
    name: text('Scope.', {
      maxLength: 128,
      minLength: 1,
      rules: [matchesRule(patterns.scope, 'must be a scope without space, " or \\')],
    }),
  },
  {
    title: title('What it lets an application do, in English, such as Read your invoices. Default: the name.'),
    description: explanation('More about it, in English.'),
    texts: mapList(
      'The same in other languages.',
      object(
        'The texts of one language.',
        { language: languageName, title: title('What it lets an application do.') },
        { description: explanation('More about it.') },
      ),
      { maxItems: declarationLimits.languages, keys: ['language'] },
    ),
  },
)

export const resourceServer = object(
  'This client is an API. Clients with its identifier among their audiences may ask for its scopes as far as access allows, and it may introspect its tokens. Needs a policy with allow.resourceServer.',
  {
    identifier: text(
      'The audience of tokens for this API. A policy must list it in allow.resourceIdentifiers when it is a bare name (rabbitmq), or by http on this machine for development.',
      {
        maxLength: 512,
        rules: [
          matchesRule(
            patterns.apiIdentifier,
            'must be an https URL or a URN, such as https://api.example.com, http on localhost, 127.0.0.1 or [::1], or a name such as rabbitmq',
          ),
        ],
      },
    ),
  },
  {
    scopes: mapList('Scopes of the API.', apiScope, { maxItems: 50, keys: ['name'] }),
    access: list(
      'Which clients may call the API, with which of its scopes. Default: those of its own namespace, with all. When it is set, it is the whole list: also a client of the own namespace must then be in it.',
      apiAccess,
      { maxItems: 50 },
    ),
    tokens: object(
      'How access tokens for this API are made. What is left out is as the client says that gets the token.',
      {},
      {
        signingAlg: oneOf(
          'What JWTs are signed with, where a library knows only one algorithm. It must be among signing.algorithms of the server. A client with profile FAPI2 gets no RS256.',
          signingAlgorithms,
        ),
        format: oneOf('jwt, or opaque: the API then introspects each token.', ['jwt', 'opaque']),
        accessTTL: timeSpan(
          'How long they are valid. A client that says less itself, or whose policy does, gets less.',
          tokenLife.access,
        ),
        claims: set(
          'What a token of a person says of them, in a JWT and when the API introspects it: groups, email, preferred_username, name, or the name of one of spec.claims. The client must ask for the scope of the claim (groups for those of spec.claims), and the person must allow it. Default: nothing but sub.',
          text('Claim.', { maxLength: 128, minLength: 1 }),
          { maxItems: 20 },
        ),
      },
    ),
    authorizationDetails: mapList(
      'Types of authorization details (RFC 9396) that the API understands: what is more than a scope can say, such as one payment. Clients that list a type in authorizationDetailsTypes may ask for it as far as access allows.',
      authorizationDetailsType,
      { maxItems: declarationLimits.types, keys: ['type'] },
    ),
  },
)
