import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { digestOf } from '@nauthera/proto/digest'
import type { OIDCClientStatus } from '@nauthera/operator/api/client-status'
import { requestToken } from '@nauthera/local/product/token'
import { waitForObject } from '@nauthera/local/product/wait-for'
import { namespace } from './support/chain-clients.ts'
import { startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { tell } from './support/tell.ts'

// A client whose owner keeps its secrets: the object lists their SHA-256, and its program reads them elsewhere.

const rotations = 10

describe('a client that lists its secrets, at three replicas', function () {
  this.timeout(120_000)
  let chain: Chain

  before(async () => {
    chain = await startChain()
  })
  after(() => chain?.stop())

  const name = 'report'
  const mint = () => randomBytes(32).toString('base64url')
  const idOf = (secret: string) => digestOf(secret).slice(0, 8)
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
  const ask = (clientSecret: string) =>
    Promise.all(
      chain.stack.pods.map(async ({ port }) => {
        const credentials = {
          clientId: `${namespace}.${name}`,
          clientSecret,
          tokenEndpoint: `${chain.stack.issuer}/token`,
        }
        return (await requestToken(port, credentials)).status
      }),
    )
  const list = (present: string, ...older: readonly string[]) =>
    chain.applyAndWait(name, {
      type: 'M2M',
      secret: {
        verifiers: [
          { sha256: digestOf(present) },
          ...older.map((secret) => ({ sha256: digestOf(secret), notAfter: inAnHour() })),
        ],
      },
    })
  /** Resolves when the status of the client says this. */
  const until = (holds: (status: OIDCClientStatus) => boolean) =>
    waitForObject(
      chain.stack.api,
      'oidcclients',
      { namespace, name },
      (found) => holds(found?.['status'] ?? {}),
      20_000,
    )

  it('is rotated by edits of its list: no request fails, what it left out ends, and no Secret is there', async () => {
    let present = mint()
    await list(present)
    expect(await ask(present), 'as soon as it is Ready').to.deep.equal([200, 200, 200])
    let isOver = false
    const refused: number[] = []
    let requests = 0
    const program = async () => {
      while (!isOver) {
        for (const status of await ask(present)) if (status !== 200) refused.push(status)
        requests += 3
      }
    }
    const programs = [program(), program()]
    const ended: string[] = []
    for (let turn = 0; turn < rotations; turn++) {
      const [old, next] = [present, mint()]
      await list(next, old)
      // Ready: the program may have it, and requests with the old one are still on their way
      present = next
      expect(await ask(old), 'the older one in its overlap').to.deep.equal([200, 200, 200])
      await list(next)
      await until(({ endedVerifiers = [] }) => endedVerifiers.includes(idOf(old)))
      ended.push(old)
    }
    isOver = true
    await Promise.all(programs)
    expect(refused).to.deep.equal([])
    // Ready does not wait for an end: the last one reaches the replicas a moment later
    while ((await ask(ended.at(-1)!)).includes(200));
    for (const secret of ended) expect(await ask(secret), 'an ended one').to.deep.equal([401, 401, 401])
    expect(chain.stack.api.store.find(chain.stack.api.resource('secrets'), namespace, `${name}-oidc`)).to.equal(
      undefined,
    )
    tell('listed', { rotations, requests, failed: 0 })

    await chain.apply(name, { type: 'M2M', secret: { verifiers: [{ sha256: digestOf(ended[0]!) }] } })
    await until(({ conditions = [] }) => conditions.some(({ reason }) => reason === 'SecretEnded'))
    expect(await ask(ended[0]!), 'an ended one that is listed again').to.deep.equal([401, 401, 401])
    expect(await ask(present), 'what was there stays').to.deep.equal([200, 200, 200])
  })
})
