// The client `reports` of a spoke, as the tests of clusters look at it.
import { machine } from '@nauthera/harness/operator/cluster'
import type { Pair } from '@nauthera/harness/operator/pair'

export const rotating = (trigger: string, more: Record<string, unknown> = {}) => ({
  ...machine,
  rotation: { trigger, overlap: '2m', retire: 'AfterOverlap', ...more },
})

/** @param pair each test has its own */
export function reportsIn(pair: () => Pair) {
  const condition = (type: string) => pair().spoke.condition('reports', type)
  const isReady = () => condition('Ready')?.status === 'True'
  const plain = () => pair().spoke.plain('reports')
  /** Both replicas let a program in that has this secret. */
  const isAccepted = (secret: string) => pair().acceptedBy('reports', secret).every(Boolean)
  const isRefused = (secret: string) => !pair().acceptedBy('reports', secret).includes(true)
  return {
    condition,
    isReady,
    plain,
    isAccepted,
    isRefused,
    status: () => pair().spoke.client('reports')?.status,
    mirror: () => pair().mirror('reports'),
    begin: async (): Promise<string> => {
      await pair().spoke.apply('reports', machine)
      await pair().until(isReady, 'reports is Ready in the spoke')
      return plain()!
    },
    /** @returns the new secret */
    rotate: async (trigger: string, more: Record<string, unknown> = {}): Promise<string> => {
      const before = plain()
      await pair().spoke.apply('reports', rotating(trigger, more))
      await pair().until(() => plain() !== before, 'the new secret is published')
      return plain()!
    },
    /** Takes the hub away, and waits until the spoke says so. @returns brings it back */
    loseHub: async (): Promise<() => void> => {
      const back = pair().takeHubAway()
      await pair().pass(20_000)
      await pair().until(() => condition('HubReachable')?.status === 'False', 'the spoke says that the hub is away')
      return back
    },
    returnHub: async (back: () => void) => {
      back()
      await pair().pass(32_000)
      await pair().until(() => condition('HubReachable')?.status === 'True', 'the spoke says that the hub is back')
    },
  }
}
