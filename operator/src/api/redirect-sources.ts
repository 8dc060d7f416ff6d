// Schema of redirectURIsFrom, and of what became of it in the status.
import { mostRedirectUris } from '@nauthera/rules/limits'
import { patterns } from './patterns.ts'
import { matchesRule } from './rule-kinds.ts'
import { mapList, object, oneOf, text, time } from './schema.ts'
import type { TypeOf } from './schema.ts'

/** How many hosts and URIs one client may follow, at how many hosts of its objects it is looked, and the characters of a path. */
export const followLimits = { hosts: 20, looked: 100, uris: mostRedirectUris, path: 256 } as const

const routeKinds = ['Ingress', 'HTTPRoute'] as const

export type RouteKind = (typeof routeKinds)[number]

const source = object(
  'One object, and the path of the URI at its hosts.',
  {
    kind: oneOf('Kind of the object.', routeKinds),
    name: text('Its name; it is in the namespace of the client.', { maxLength: 253, minLength: 1 }),
    path: text('Path of the URI, such as /callback.', {
      maxLength: followLimits.path,
      rules: [matchesRule(patterns.path, 'must begin with / and have no space, quote, *, # and \\')],
    }),
  },
  {},
)

export type RedirectSource = TypeOf<typeof source>

export const redirectSources = mapList(
  'Further redirect URIs: one at each https host of an Ingress or HTTPRoute of the namespace, as long as it serves the host. It needs an operator that follows routes (operator.redirectURIsFrom in the chart), and a policy that lists the hosts in allow.redirectHosts. The condition RedirectsFollowed says which hosts are left out.',
  source,
  { maxItems: 10, keys: ['kind', 'name', 'path'] },
)

export const followedRedirects = mapList(
  'The redirect URIs that redirectURIsFrom gives now.',
  object(
    'A redirect URI.',
    {
      uri: text('The URI.', { maxLength: 2048 }),
      from: object(
        'The object that it follows.',
        { kind: oneOf('Kind.', routeKinds), name: text('Name.', { maxLength: 253 }) },
        {},
      ),
    },
    { goneSince: time('Since when the object does not give it any more; it ends ten minutes later.') },
  ),
  { maxItems: followLimits.uris, keys: ['uri'] },
)
