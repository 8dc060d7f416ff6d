// An operator in this process.
import { createMetrics } from '@nauthera/runtime/metrics'
import { startOperator } from '@nauthera/operator/app'
import type { ApiCall, KubeConnection } from '@nauthera/operator/kubernetes/connection'
import type { OperatorSettings } from '@nauthera/operator/settings'
import type { Changes } from './changes.ts'
import { createLeapClock } from './clocks.ts'
import type { LeapClock } from './clocks.ts'
import { Gate } from './gate.ts'
import { createRecordedLog } from './recorded-log.ts'
import type { RecordedLog } from './recorded-log.ts'

export interface TestOperator {
  readonly identity: string
  readonly clock: LeapClock
  readonly log: RecordedLog
  readonly leading: Promise<void>
  /** What its metric says. */
  saysLeading(): Promise<boolean>
  /** What its metric says of the hub; only in mode spoke. */
  hearsHub(): Promise<boolean>
  /** How many looks at clients have ended. */
  looks(): Promise<number>
  /** Why it ended itself, when it did. */
  fatal(): string | undefined
  /** Ends it in order. */
  stop(): Promise<void>
  /** As SIGKILL: no further call, no Lease given back. */
  kill(): Promise<void>
  /** Dies at its nth write from now: before it is sent, or after the API has done it. */
  dieAtWrite(nth: number, when: 'before' | 'after'): Promise<void>
  /** Every call hangs until `resume`, as under SIGSTOP; time goes on. */
  pause(): void
  resume(): void
  /** Moves time on in steps: between them the Lease is renewed, and what the operator has begun ends. Ends when it has nothing to do. */
  pass(milliseconds: number): Promise<void>
  /** Moves time on to the next look at a Lease that another one has. Resolves when that look has got its answer. */
  passToLook(): Promise<void>
  /** Pauses before the first call that matches. Resolves when that call has come. */
  pauseAt(matches: (call: ApiCall) => boolean): Promise<void>
}

/** Longer than the pause between two renewals of the Lease, and shorter than what it survives. */
const passMs = 4_000
/** The pause between two looks at the Lease. */
const lookMs = 2_000

/** Starts an operator in this process.
 *  @param options.connect opens its connection
 *  @param options.changes told of its lines and its Lease */
export function startTestOperator(options: {
  identity: string
  settings: OperatorSettings
  connect: () => KubeConnection
  changes: Changes
}): TestOperator {
  const { identity, settings, changes } = options
  const changed = () => changes.notify()
  const log = createRecordedLog()
  log.onLine(changed)
  const clock = createLeapClock()
  const connection = options.connect()
  const gate = new Gate(connection, changed)
  let fatal: string | undefined
  const metrics = createMetrics('operator')
  const operator = startOperator({
    settings,
    version: '0.0.0-test',
    connection: gate.connection,
    clock,
    random: () => 0.5,
    log: log.log,
    metrics,
    onFatal: (reason) => {
      fatal ??= reason
      changed()
    },
  })
  const sample = async (name: string): Promise<number | undefined> => {
    const line = new RegExp(`^${name}\\S* (\\S+)$`, 'm').exec(await metrics.render())
    return line ? Number(line[1]) : undefined
  }
  // else a minute passes while it waits for one answer, and what it would do next is due a minute after the test looked
  const rest = async () => {
    do {
      await changes.until(() => !gate.isBusy, 'every call has its answer')
      await new Promise(setImmediate)
    } while (gate.isBusy)
  }
  let ended: Promise<void> | undefined
  const end = async () => {
    await operator.stop()
    connection.stop()
    clock.kill()
  }
  return {
    identity,
    clock,
    log,
    leading: operator.leading,
    saysLeading: async () => (await sample('nauthera_operator_leading')) === 1,
    hearsHub: async () => (await sample('nauthera_operator_hub_reachable')) === 1,
    looks: async () => (await sample('nauthera_operator_reconcile_seconds_count')) ?? 0,
    fatal: () => fatal,
    stop: () => (ended ??= end()),
    kill: () => {
      gate.die()
      return (ended ??= end())
    },
    dieAtWrite: (nth, when) => gate.dieAtWrite(nth, when),
    pause: () => gate.pause(),
    resume: () => gate.resume(),
    pauseAt: (matches) => gate.pauseAt(matches),
    pass: async (milliseconds) => {
      for (let left = milliseconds; left > 0; left -= passMs) {
        await rest()
        const { renewals } = gate
        clock.leap(Math.min(left, passMs))
        if (left >= passMs) await changes.until(() => gate.renewals > renewals, 'the Lease is renewed')
        // lets the loop of the Lease begin its next wait before the clock leaps again
        await new Promise(setImmediate)
      }
      await rest()
    },
    passToLook: async () => {
      const { answersAboutLease } = gate
      clock.leap(lookMs)
      await changes.until(() => gate.answersAboutLease > answersAboutLease, 'the Lease is looked at')
      await new Promise(setImmediate)
    },
  }
}
