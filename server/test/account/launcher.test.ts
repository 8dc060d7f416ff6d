import { create } from '@bufbuild/protobuf'
import { expect } from 'chai'
import { ClientConfigSchema } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { renderVersion } from '@nauthera/proto/client-version'
import { createLauncher } from '../../src/account/launcher.ts'
import { createRegisteredClient } from '../../src/clients/registered-client.ts'
import type { OidcRegistry } from '../../src/oidc/clients/oidc-client.ts'

const issuer = 'https://login.example.com'

function clientOf(clientId: string, config: Parameters<typeof create<typeof ClientConfigSchema>>[1]) {
  return createRegisteredClient({
    clientId,
    uid: `uid-${clientId}`,
    namespace: 'default',
    name: clientId,
    shard: 0,
    verifiers: [],
    version: renderVersion(create(ClientConfigSchema, config)),
    api: undefined,
    granted: [],
  })
}

function launcherOf(clients: readonly ReturnType<typeof clientOf>[]) {
  const current = () => ({ clients: { values: () => clients.values() } })
  return createLauncher({ registry: { current } as unknown as Pick<OidcRegistry, 'current'>, issuer })
}

const hrefs = async (launcher: ReturnType<typeof launcherOf>, groups: readonly string[] = [], search = '') =>
  (await launcher.tilesFor(groups, search)).map(({ href }) => href)

describe('createLauncher', () => {
  it('opens an application where it begins a sign-in, and names this provider there', async () => {
    const client = clientOf('a', {
      clientUri: 'https://a.example.com/',
      initiateLoginUri: 'https://a.example.com/login?from=menu',
    })
    expect(await hrefs(launcherOf([client]))).to.deep.equal([
      'https://a.example.com/login?from=menu&iss=https%3A%2F%2Flogin.example.com',
    ])
  })

  it('else opens its own page; an application without either, or a suspended one, is not shown', async () => {
    const clients = [
      clientOf('page', { clientUri: 'https://page.example.com/' }),
      clientOf('none', { redirectUris: ['https://none.example.com/callback'] }),
      clientOf('suspended', { clientUri: 'https://suspended.example.com/', suspended: true }),
    ]
    expect(await hrefs(launcherOf(clients))).to.deep.equal(['https://page.example.com/'])
  })

  it('shows only what the groups of the person allow', async () => {
    const clients = [
      clientOf('all', { clientUri: 'https://all.example.com/' }),
      clientOf('staff', { clientUri: 'https://staff.example.com/', allowedGroups: ['staff', 'guests'] }),
    ]
    const launcher = launcherOf(clients)
    expect(await hrefs(launcher)).to.deep.equal(['https://all.example.com/'])
    expect(await hrefs(launcher, ['guests'])).to.have.length(2)
  })

  it('sorts by name, and searches names and descriptions', async () => {
    const clients = [
      clientOf('2', { clientName: 'Wiki', description: 'Pages of all teams', clientUri: 'https://wiki.example.com/' }),
      clientOf('1', { clientName: 'Builds', clientUri: 'https://builds.example.com/' }),
    ]
    const launcher = launcherOf(clients)
    expect(await hrefs(launcher)).to.deep.equal(['https://builds.example.com/', 'https://wiki.example.com/'])
    expect(await hrefs(launcher, [], ' TEAMS ')).to.deep.equal(['https://wiki.example.com/'])
    expect(await hrefs(launcher, [], 'nothing')).to.deep.equal([])
  })

  it('reads each client once, however many there are', async () => {
    const clients = Array.from({ length: 250 }, (_, at) =>
      clientOf(String(at), { clientUri: `https://${at}.example.com/` }),
    )
    const launcher = launcherOf(clients)
    const [first, second] = [await launcher.tilesFor([], ''), await launcher.tilesFor([], '')]
    expect(first).to.have.length(250)
    expect(first.every((tile, at) => tile === second[at])).to.equal(true)
  })
})
