import { randomBytes } from 'node:crypto'
import { startProcess } from '@nauthera/local/processes/process'
import { startStack } from '@nauthera/local/product/stack'
import { parseCredentials } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { measurement, quantile } from '../report.ts'
import type { Measurement } from '../report.ts'
import { bundlePrograms } from './bundles.ts'
import { closedLoop } from './closed-loop.ts'
import { cpuSeconds } from './process-cost.ts'
import type { BenchContext } from './context.ts'

const rounds = 6
/** A round: long enough for clock ticks of 10 ms to tell a cheap request from a cheaper one. */
const requests = { get: 8_000, post: 2_000 }
const width = 8
const client = { namespace: 'bench', name: 'machine' }

/** CPU seconds of our server against those of a bare node:http server that does what it cannot do without, in turns
 *  within one run, so that what else the machine does hits both. Beside them stands oidc-provider as it comes: what is
 *  between it and ours is ours. */
export async function measureThroughput({ directory, say }: BenchContext): Promise<Measurement[]> {
  const stack = await startStack({
    directory,
    replicas: 1,
    namespaces: [client.namespace],
    programs: await bundlePrograms(`${directory}/bundles`),
    // as in the chart: JSON lines cost less than the pretty format
    serverSettings: { log: { format: 'json', level: 'info' } },
  })
  const secret = randomBytes(32).toString('base64url')
  const bare = startProcess({ name: 'bare server', script: 'ci/bench/bare-server.ts', args: [secret] })
  const stock = startProcess({
    name: 'stock server',
    script: 'ci/bench/stock-server.ts',
    args: [secret],
    env: { NODE_ENV: 'production' },
  })
  const portOf = async (server: typeof bare) => Number((await server.line(/^listening \d+$/)).split(' ')[1])
  try {
    const [barePort, stockPort] = [await portOf(bare), await portOf(stock)]
    stack.api.put({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { ...client, generation: 1 },
      spec: { serverName: 'default', type: 'M2M', audiences: ['https://api.example.com'] },
    })
    await waitForObject(stack.api, 'oidcclients', client, isReady)
    const held = stack.api.store.find(stack.api.resource('secrets'), client.namespace, 'machine-oidc')
    const credentials = parseCredentials(held?.['data'] as Record<string, string>)
    const pod = stack.pods[0]!
    const basic = (id: string, value: string) => `Basic ${Buffer.from(`${id}:${value}`).toString('base64')}`
    const sides = {
      ours: {
        pid: pod.server.pid!,
        port: pod.port,
        host: new URL(stack.issuer).host,
        authorization: basic(credentials.clientId, credentials.clientSecret),
      },
      bare: { pid: bare.pid!, port: barePort, host: 'bare', authorization: basic('bare', secret) },
      stock: {
        pid: stock.pid!,
        port: stockPort,
        host: `127.0.0.1:${stockPort}`,
        authorization: basic('stock', secret),
      },
    }
    const form = 'grant_type=client_credentials'

    const compare = async (path: string, post: boolean) => {
      const ratios = { ours: [] as number[], stock: [] as number[] }
      const times: number[] = []
      for (let round = 0; round < rounds; round++) {
        const run = async ({ pid, port, host, authorization }: typeof sides.ours) => {
          const before = cpuSeconds(pid)
          const request = { count: post ? requests.post : requests.get, width, port, host, path }
          const got = await closedLoop(post ? { ...request, form, authorization } : request)
          return { cpu: cpuSeconds(pid) - before, got }
        }
        const own = await run(sides.ours)
        const plain = await run(sides.bare)
        const library = await run(sides.stock)
        // The first rounds warm all up.
        if (round < 2) continue
        ratios.ours.push(plain.cpu / own.cpu)
        ratios.stock.push(plain.cpu / library.cpu)
        times.push(...own.got)
      }
      for (const side of ['ours', 'stock'] as const)
        say(`${path}: ${side} ${ratios[side].map((ratio) => ratio.toFixed(2)).join(' ')}`)
      return { ratio: quantile(ratios.ours, 0.5), stock: quantile(ratios.stock, 0.5), p99: quantile(times, 0.99) }
    }
    const token = await compare('/token', true)
    const jwks = await compare('/jwks', false)
    const discovery = await compare('/.well-known/openid-configuration', false)
    const ratio = (name: string, value: number, target: number | null) =>
      measurement({ name: `throughput.${name}.cpu-ratio`, value, unit: 'of bare', target, better: 'higher' })
    return [
      ratio('client-credentials', token.ratio, 0.55),
      ratio('client-credentials-stock', token.stock, null),
      measurement({ name: 'throughput.client-credentials.p99', value: token.p99, unit: 'ms', target: null }),
      ratio('jwks', jwks.ratio, 0.7),
      ratio('discovery', discovery.ratio, 0.7),
    ]
  } finally {
    await bare.stop()
    await stock.stop()
    await stack.stop()
  }
}
