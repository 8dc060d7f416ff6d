import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { readTls } from '@nauthera/server/http/server'
import { partyOf } from '@nauthera/server/login/upstream/openid'
import { loadKeyRing } from '@nauthera/server/store/driver/envelope'
import { readFiles } from '@nauthera/server/users/ldap/directory-client'
import { createMountedClient } from '../../scripts/dev/sample-app/mounted-client.ts'

type Version = Readonly<Record<string, string>>

/** Whoever reads several files of one volume. `read` gives what belongs together, which both versions say alike. */
const readers: readonly {
  what: string
  versions: readonly [Version, Version]
  read: (at: string) => Promise<unknown>
}[] = [
  {
    what: 'the ring of keys',
    versions: [
      { current: 'old', old: 'o'.repeat(32) },
      { current: 'new', new: 'n'.repeat(32) },
    ],
    read: async (at) => {
      const { currentId, ids } = loadKeyRing(at)
      return [currentId, ids[0]]
    },
  },
  {
    what: 'certificate and key of the public port',
    versions: [
      { cert: 'one', key: 'one' },
      { cert: 'two', key: 'two' },
    ],
    read: async (at) => Object.values(readTls({ certFile: join(at, 'cert'), keyFile: join(at, 'key') })).map(String),
  },
  {
    what: 'name and password at a directory',
    versions: [
      { username: 'one', password: 'one' },
      { username: 'two', password: 'two' },
    ],
    read: async (at) => {
      const servers = { urls: [], usernameFile: join(at, 'username'), passwordFile: join(at, 'password') }
      const { account } = readFiles({ id: 'ldap', servers: servers as never })
      return [account?.dn.reveal(), account?.password.reveal()]
    },
  },
  {
    what: 'id and secret at another provider',
    versions: [
      { id: 'one', secret: 'one' },
      { id: 'two', secret: 'two' },
    ],
    read: async (at) => {
      const settings = { clientIdFile: join(at, 'id'), clientSecretFile: join(at, 'secret') }
      const description = { id: 'up', issuer: 'https://up.example.com' }
      const party = partyOf({ settings, description } as never, {} as never, fetch as never)
      return [party.clientId, party.clientSecret?.reveal()]
    },
  },
  {
    what: 'the secret of the sample application',
    versions: [
      { client_id: 'app', client_secret: 'one' },
      { client_id: 'app', client_secret: 'two' },
    ],
    read: async (at) => {
      const client = createMountedClient(at)
      // a client without a secret is another kind of client
      return [await client.isThere(), (await client.secretId()) !== undefined]
    },
  },
]

describe('a reader of a mounted Secret', () => {
  let directory: string
  beforeEach(() => (directory = temporaryDirectory('mounted')))

  for (const { what, versions, read } of readers) {
    it(`has all of one version, while the kubelet replaces it: ${what}`, async () => {
      const swapping = new Worker(new URL('../../proto/test/support/swap-volume.ts', import.meta.url), {
        workerData: { directory, versions, times: 200 },
      })
      let isOver = false
      const over = once(swapping, 'exit').then(() => (isOver = true))
      await once(swapping, 'message')
      while (!isOver) {
        for (let times = 0; times < 20; times++) {
          const [one, other] = (await read(directory)) as [unknown, unknown]
          expect(other).to.equal(one)
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      await over
    })
  }
})
