import { expect } from 'chai'
import { basic, send } from '@nauthera/harness/browser'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('a swap of the clients under load', () => {
  let replicas: ServerReplicas
  before(async () => {
    replicas = await startReplicas()
  })
  after(() => replicas.stop())

  // build-registry.test.ts swaps as many, five times, without requests
  const swaps = propertyRuns(1)
  it(`no request fails during a full swap of 5,000 clients, ${swaps} of them`, async () => {
    const crowd = (generation: bigint) =>
      Array.from({ length: 5000 }, (_, n) =>
        entry(`app.c${n}`, { ...configs.machine, generation, description: `version ${generation}` }),
      )
    await replicas.serve(crowd(1n))
    const outcomes = new Map<number, number>()
    let running = true
    const load = Array.from({ length: 8 }, async (_, worker) => {
      for (let n = 0; running; n++) {
        const clientId = `app.c${(worker * 631 + n * 7) % 5000}`
        const { status } = await send(replicas, {
          path: '/token',
          headers: basic(clientId, clientSecret),
          form: { grant_type: 'client_credentials' },
        })
        outcomes.set(status, (outcomes.get(status) ?? 0) + 1)
      }
    })
    for (let generation = 2n; generation < 2 + swaps; generation++) await replicas.serve(crowd(generation))
    running = false
    await Promise.all(load)
    expect([...outcomes.keys()]).to.deep.equal([200])
    expect(outcomes.get(200)).to.be.greaterThan(100)
    expect(replicas.apps[0]!.registry.current().size).to.equal(5000)
  })
})
