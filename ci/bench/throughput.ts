import { randomBytes } from 'node:crypto'
import { startProcess } from '../../scripts/local/processes.ts'
import { startStack } from '../../scripts/local/stack.ts'
import { parseCredentials } from '../../scripts/local/token.ts'
import { isReady, waitForObject } from '../../scripts/local/wait-for.ts'
import { measurement, quantile } from '../report.ts'
import type { Measurement } from '../report.ts'
import { closedLoop } from './closed-loop.ts'
import { cpuSeconds } from './process-cost.ts'
import type { BenchContext } from './run.ts'

const rounds = 6
const requests = 1_500
const width = 8
const client = { namespace: 'bench', name: 'machine' }

/** CPU seconds of our server against those of a bare node:http server that does what it cannot do without, in turns
 *  within one run, so that what else the machine does hits both. */
export async function measureThroughput({ directory, say }: BenchContext): Promise<Measurement[]> {
  const stack = await startStack({
    directory,
    replicas: 1,
    namespaces: [client.namespace],
    // As the chart has it; the lines for people cost more.
    serverSettings: { log: { format: 'json', level: 'info' } },
  })
  const secret = randomBytes(32).toString('base64url')
  const bare = startProcess({ name: 'bare server', script: 'ci/bench/bare-server.ts', args: [secret] })
  try {
    const listening = await bare.line(/^listening \d+$/)
    const barePort = Number(listening.split(' ')[1])
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
    const ours = { pid: pod.server.pid!, port: pod.port, host: new URL(stack.issuer).host }
    const theirs = { pid: bare.pid!, port: barePort, host: 'bare' }
    const basic = (id: string, value: string) => `Basic ${Buffer.from(`${id}:${value}`).toString('base64')}`
    const form = 'grant_type=client_credentials'

    const compare = async (path: string, post: boolean) => {
      const ratios: number[] = []
      const times: number[] = []
      for (let round = 0; round < rounds; round++) {
        const run = async (side: typeof ours, authorization: string) => {
          const before = cpuSeconds(side.pid)
          const got = await closedLoop({
            count: requests,
            width,
            port: side.port,
            host: side.host,
            path,
            ...(post ? { form, authorization } : {}),
          })
          return { cpu: cpuSeconds(side.pid) - before, got }
        }
        const own = await run(ours, basic(credentials.clientId, credentials.clientSecret))
        const plain = await run(theirs, basic('bare', secret))
        // The first rounds warm both up.
        if (round < 2) continue
        ratios.push(plain.cpu / own.cpu)
        times.push(...own.got)
      }
      say(`${path}: ratios ${ratios.map((ratio) => ratio.toFixed(2)).join(' ')}`)
      return { ratio: quantile(ratios, 0.5), p99: quantile(times, 0.99) }
    }
    const token = await compare('/token', true)
    const jwks = await compare('/jwks', false)
    const discovery = await compare('/.well-known/openid-configuration', false)
    const ratio = (name: string, value: number, target: number) =>
      measurement({ name: `throughput.${name}.cpu-ratio`, value, unit: 'of bare', target, better: 'higher' })
    return [
      ratio('client-credentials', token.ratio, 0.55),
      measurement({ name: 'throughput.client-credentials.p99', value: token.p99, unit: 'ms', target: null }),
      ratio('jwks', jwks.ratio, 0.7),
      ratio('discovery', discovery.ratio, 0.7),
    ]
  } finally {
    await bare.stop()
    await stack.stop()
  }
}
