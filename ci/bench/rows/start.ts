import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startStack } from '@nauthera/local/product/stack'
import { fetchVerifiedToken, parseCredentials } from '@nauthera/local/product/token'
import { isReady, waitForObject } from '@nauthera/local/product/wait-for'
import { measurement } from '../../report.ts'
import type { Measurement } from '../../report.ts'
import { bundlePrograms } from '../sides/bundles.ts'
import { ageSeconds, ownMegabytes, residentMegabytes } from '../cost/process-cost.ts'
import type { BenchContext } from '../context.ts'
import { spreadOf } from '../report/statistics.ts'

const starts = 5
/** Operator and agent give back what their start took, a few seconds later (ADR 30): idle is what comes then. */
const idleMs = 15_000
const client = { namespace: 'bench', name: 'machine' }

/** Cold start and memory of the bundles, which are what the images hold. */
export async function measureStart({ directory, say }: BenchContext): Promise<Measurement[]> {
  say('bundling')
  const programs = await bundlePrograms(join(directory, 'bundles'))
  const stack = await startStack({
    directory: join(directory, 'stack'),
    replicas: 1,
    namespaces: [client.namespace],
    programs,
    serverSettings: { log: { format: 'json', level: 'info' } },
  })
  try {
    stack.api.set({
      apiVersion: 'auth.nauthera.io/v1alpha1',
      kind: 'OIDCClient',
      metadata: { ...client, generation: 1 },
      spec: { serverName: 'default', type: 'M2M', audiences: ['https://api.example.com'] },
    })
    await waitForObject(stack.api, 'oidcclients', client, isReady)
    const held = stack.api.store.find(stack.api.resource('secrets'), client.namespace, 'machine-oidc')
    const credentials = parseCredentials(held?.['data'] as Record<string, string>)
    const [pod] = stack.pods
    say(`${idleMs / 1000} s without work`)
    await pause(idleMs)
    const megabytes = (name: string, pid: number, target: number) => [
      measurement({ name: `start.${name}-idle.own`, value: ownMegabytes(pid), unit: 'MB', target }),
      measurement({ name: `start.${name}-idle.resident`, value: residentMegabytes(pid), unit: 'MB', target: null }),
    ]
    const memory = [
      ...megabytes('server', pod!.server.pid!, 55),
      ...megabytes('agent', pod!.agent.pid!, 32),
      ...megabytes('operator', stack.operator.pid!, 40),
    ]
    say(`${starts} cold starts`)
    const seconds: number[] = []
    for (let index = 0; index < starts; index++) {
      const from = pod!.server.lines.length
      pod!.server.kill('SIGKILL')
      await pod!.server.ended
      await pod!.server.line(/"msg":"complete"/, { from })
      await fetchVerifiedToken({ port: pod!.port, issuer: stack.issuer, credentials })
      seconds.push(ageSeconds(pod!.server.pid!))
    }
    const spread = spreadOf(seconds)
    return [
      measurement({ name: 'start.server-to-first-token', value: spread.median, unit: 's', target: 0.6, spread }),
      ...memory,
    ]
  } finally {
    await stack.stop()
  }
}
