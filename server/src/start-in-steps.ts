import type { Log } from '@nauthera/runtime/log'
import { retryUntilDone } from './retry-until-done.ts'

export type StartStep = () => Promise<void> | void

/** A start that is under way. */
export interface Starting {
  /** Resolves after the last step, or when it was stopped. @throws what is no coded error */
  readonly done: Promise<void>
  /** Waits for the step that runs, and begins no other one: what a later step would open cannot outlive the stop. */
  stop(): Promise<void>
}

/** Takes the steps in their order. A step that fails with a coded error is tried again; those before it are not repeated. */
export function startInSteps(needs: { log: Log; everyMs?: number }, steps: readonly StartStep[]): Starting {
  const abort = new AbortController()
  let taken = 0
  const done = retryUntilDone({ ...needs, signal: abort.signal }, async () => {
    for (; taken < steps.length && !abort.signal.aborted; taken++) await steps[taken]!()
  })
  return {
    done,
    async stop() {
      abort.abort()
      await done.catch(() => undefined)
    },
  }
}
