import type { Log } from '@nauthera/runtime/log'
import type { Epoch } from '../../store/epoch.ts'

/** Follows the store epoch. Every sealed value and cookie has it, so that a restore of the database invalidates earlier ones. */
export interface StoreEpoch {
  load(): Promise<void>
  /** Reads it again every 30 s, until `stop`. */
  follow(): void
  /** @throws TypeError before the first `load` */
  readonly current: () => number
  stop(): void
}

/** Whether something that is in no row was issued before the database was restored: what ended it may be forgotten. The epoch is at least the
 *  time of its restore.
 *  @param issuedAt epoch seconds */
export const isBeforeRestore = (issuedAt: unknown, epoch: number): boolean =>
  typeof issuedAt === 'number' && issuedAt < epoch

/** Milliseconds. It notices a restore that happened while the server was running. */
const pollEvery = 30_000

export function createStoreEpoch(needs: { epoch: Pick<Epoch, 'read'>; log: Log }): StoreEpoch {
  let current: number | undefined
  let timer: NodeJS.Timeout | undefined
  const load = async () => {
    const next = await needs.epoch.read()
    if (current !== undefined && next !== current)
      needs.log.warn({ epoch: next }, 'the database was restored; tokens and sessions from before are refused')
    current = next
  }
  return {
    load,
    follow() {
      const again = () =>
        void load().catch((error: unknown) =>
          needs.log.warn({ error }, 'whether the database was restored is not known; looking again'),
        )
      timer ??= setInterval(again, pollEvery)
      timer.unref()
    },
    current() {
      if (current === undefined) throw new TypeError('the store epoch is not loaded yet: call load first')
      return current
    },
    stop: () => clearInterval(timer),
  }
}
