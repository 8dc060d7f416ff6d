// Lists the applications that a person may open. An application without an address is not listed.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { isOfAllowedGroup } from '../store/tokens/what-counts.ts'
import { allowedGroupsOf } from '../oidc/clients/access.ts'
import { clientOnPage } from '../oidc/clients/on-page.ts'
import type { OidcClient, OidcRegistry } from '../oidc/clients/oidc-client.ts'
import type { TileOnPage } from '../reply/account-pages.ts'

export interface Launcher {
  /** @param groups of the person; @param search part of a name or description; empty for all
   *  @returns by name */
  tilesFor(groups: readonly string[], search: string): Promise<readonly TileOnPage[]>
}

interface Tile {
  readonly onPage: TileOnPage
  readonly allowedGroups: readonly string[]
}

/** Clients that are read in one turn of the event loop: the first page after a start reads all. */
const atOnce = 100

/** @param needs.issuer without a slash at the end */
export function createLauncher(needs: { registry: Pick<OidcRegistry, 'current'>; issuer: string }): Launcher {
  // an unchanged client is the same object
  const known = new WeakMap<OidcClient, Tile | 'nothing to open'>()
  async function* tiles(): AsyncGenerator<Tile> {
    let read = 0
    for (const client of needs.registry.current().clients.values()) {
      let tile = known.get(client)
      if (tile === undefined) {
        tile = tileOf(client, needs.issuer) ?? 'nothing to open'
        known.set(client, tile)
        if (++read % atOnce === 0) await nextTurn()
      }
      if (tile !== 'nothing to open') yield tile
    }
  }
  return {
    async tilesFor(groups, search) {
      const wanted = search.trim().toLocaleLowerCase()
      const found: TileOnPage[] = []
      for await (const { onPage, allowedGroups } of tiles()) {
        if (!isOfAllowedGroup(allowedGroups, groups)) continue
        if (`${onPage.client.name} ${onPage.description}`.toLocaleLowerCase().includes(wanted)) found.push(onPage)
      }
      return found.toSorted((a, b) => a.client.name.localeCompare(b.client.name))
    },
  }
}

function tileOf(client: OidcClient, issuer: string): Tile | undefined {
  const { config } = client
  const href = config.suspended ? undefined : hrefOf(config, issuer)
  if (href === undefined) return undefined
  return {
    onPage: { client: clientOnPage(client), description: config.description, href },
    allowedGroups: allowedGroupsOf(client),
  }
}

/** The address where the application starts a sign-in, else its home page.
 *  Source: OpenID Connect Core 1.0 section 4 (`iss` says which provider it comes from). */
function hrefOf(
  { initiateLoginUri, clientUri }: { initiateLoginUri: string; clientUri: string },
  issuer: string,
): string | undefined {
  if (initiateLoginUri !== '' && URL.canParse(initiateLoginUri)) {
    const url = new URL(initiateLoginUri)
    url.searchParams.set('iss', issuer)
    return url.href
  }
  return clientUri === '' ? undefined : clientUri
}
