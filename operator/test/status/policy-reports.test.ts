import { setImmediate as nextTurn } from 'node:timers/promises'
import { quietLog as log } from '@nauthera/harness/kept-log'
import { CodedError } from '@nauthera/runtime/coded-error'
import { createManualClock } from '@nauthera/harness/operator/clocks'
import { expect } from 'chai'
import type { OIDCPolicy } from '@nauthera/operator/api/oidc-policy'
import { ApiError } from '@nauthera/operator/kubernetes/api-error'
import { PolicyReports } from '@nauthera/operator/status/policy-reports'

describe(PolicyReports.name, () => {
  const policy = (name: string) =>
    ({
      metadata: { name, uid: name, generation: 1, resourceVersion: '1' },
      spec: { enforcement: 'Audit' },
    }) as OIDCPolicy

  /** @returns the policies whose status was to be written in one look */
  async function written(error: Error): Promise<string[]> {
    const clock = createManualClock()
    const names: string[] = []
    const reports = new PolicyReports({
      policies: () => ['a', 'b', 'c'].map(policy),
      tally: { version: () => 1, standing: () => ({ matched: 0, violating: 0, examples: [] }) },
      isBusy: () => false,
      settings: { namespace: 'nauthera', release: 'nauthera' },
      connection: {
        call: ({ path }) => {
          const [, name] = /oidcpolicies\/(\w+)/.exec(path)!
          names.push(name!)
          return name === 'a' ? Promise.reject(error) : Promise.resolve({ metadata: { resourceVersion: '2' } } as never)
        },
      },
      clock,
      log,
    })
    reports.start()
    clock.advance(5_000)
    // it waits for the next look
    while (clock.pending === 0) await nextTurn()
    await reports.stop()
    return names
  }

  it('E19 write the others when the API refuses one', async () => {
    expect(await written(new ApiError('KUBERNETES_REFUSED', { message: 'invalid', status: 422 }))).to.deep.equal([
      'a',
      'b',
      'c',
    ])
  })

  it('ask an API that is away once in each look', async () => {
    expect(await written(new CodedError('KUBERNETES_UNREACHABLE'))).to.deep.equal(['a'])
  })
})
