// Wires the sources of people and the other providers.
import type { Federation } from '../login/upstream/federation.ts'
import { createUpstreams } from '../login/upstream/upstreams.ts'
import type { ServerSettings } from '../settings.ts'
import type { Cache } from '../store/cache/cache.ts'
import { createMemoryCache } from '../store/cache/memory-cache.ts'
import type { Store } from '../store/store.ts'
import { createDirectoryMetrics } from '../users/ldap/directory-client.ts'
import { createLdapUsers } from '../users/ldap/ldap-users.ts'
import type { LdapUsers } from '../users/ldap/ldap-users.ts'
import type { Passwords } from '../users/passwords/passwords.ts'
import { createPostgresUsers } from '../users/sources/postgres-users.ts'
import { createUpstreamPeople } from '../users/sources/upstream-people.ts'
import type { UserSource } from '../users/sources/user-source.ts'
import { vouchingOf } from '../users/sources/vouching.ts'
import type { Needs } from './needs.ts'
import { guardedFetch } from './outbound.ts'

/** A source of people for each provider in `upstreams`. */
const createUpstreamSources = ({ settings, now }: Needs, passwords: Passwords) =>
  settings.upstreams.map(({ id, maxAge: maxAgeMs }) =>
    createUpstreamPeople({ id, maxAgeMs, vouching: vouchingOf(id, settings), passwords, now }),
  )

/** Opens the sources of people that the settings list. */
export function openSources(needs: Needs, on: { store: Store; cache: Cache | undefined; passwords: Passwords }) {
  const { settings, log, metrics, now } = needs
  const { store, passwords } = on
  // without Valkey each replica has its own cache
  const cache = on.cache ?? createMemoryCache({ now })
  const observed = settings.sources.some(({ type }) => type === 'ldap') ? createDirectoryMetrics(metrics) : undefined
  const directories: LdapUsers[] = []
  const openSource = (source: ServerSettings['sources'][number]): UserSource => {
    if (source.type === 'postgres') return createPostgresUsers({ store, passwords })
    const vouching = vouchingOf(source.id, settings)
    if (vouching.rest === 'all' && vouching.ofOthers.length > 0) {
      const text =
        'addresses of these domains are not taken over from this directory, because a provider has them; emailDomains lists those that it has too'
      log.warn({ source: source.id, domains: vouching.ofOthers }, text)
    }
    const directory = createLdapUsers({ settings: source, vouching, cache, log, metrics: observed, now })
    directories.push(directory)
    return directory
  }
  return {
    inOrder: [...settings.sources.map(openSource), ...createUpstreamSources(needs, passwords)],
    stop: () => directories.forEach((directory) => directory.stop()),
  }
}

/** The other providers at which people can sign in. */
export function createFederation(
  { settings, log, metrics, now }: Needs,
  { cache, upstreamLinks: links }: Store,
): Federation {
  const { issuer } = settings
  const fetch = guardedFetch(settings, 'upstream')
  const upstreams = createUpstreams({ settings, issuer, fetch, cache, log, metrics, now })
  return { upstreams, links, log }
}
