// A closed loop of mixed flows through the front: each caller waits for its answer before it asks again.
import { setTimeout as pause } from 'node:timers/promises'
import type { Browser } from '@nauthera/harness/browser'
import { Journal } from './journal.ts'
import { LoadAsker, Refused } from './load/asker.ts'
import type { LoadTarget } from './load/asker.ts'
import { Outcomes, withDatabase, withoutDatabase } from './load/outcomes.ts'
import type { Flow, LoadOutcome } from './load/outcomes.ts'
import { Visits } from './load/visits.ts'

/** A client that can be edited, until every replica has the edit. */
interface Edited {
  patch(name: string, body: object): Promise<void>
  ready(name: string): Promise<void>
}

export interface Load {
  readonly outcomes: readonly LoadOutcome[]
  readonly journal: Journal
  readonly sessions: ReadonlyMap<number, Browser>
  /** As `healed` of Outcomes; default: every flow of this load, 20 s. */
  healed(options?: { timeoutMs?: number; flows?: readonly Flow[] }): Promise<number>
  /** Resolves when each of these flows has failed once, begun from now on. */
  failing(flows: readonly Flow[], timeoutMs?: number): Promise<void>
  /** @returns what was not answered well among the requests that ended from `from` on */
  failures(from?: number): LoadOutcome[]
  /** Ends every caller after its request. */
  stop(): Promise<void>
}

/** A person and a program think between two requests, the longer the less the load costs; after a failure a little longer. */
const usualThinkMs = 10
const thinkMsAfterFailure = 50

/** @param options.edits who edits the OIDCClient `edited` all the time, each time until every replica has it; default: nobody
 *  @param options.journal an empty one; default: a temporary one
 *  @param options.thinkMs between two requests; default: 10
 *  @returns when every flow is answered well */
export async function startLoad(
  loaded: LoadTarget,
  options: { edits?: Edited; journal?: Journal; thinkMs?: number } = {},
): Promise<Load> {
  const { edits, thinkMs = usualThinkMs } = options
  const outcomes = new Outcomes()
  const journal = options.journal ?? Journal.temporary()
  const asker = new LoadAsker(loaded, outcomes)
  const visits = new Visits(loaded, asker, journal)
  const askAsMachine = () => asker.post('machine', 'machine', '/token', { grant_type: 'client_credentials' })
  const loops = startLoops(outcomes, thinkMs, [
    () => asker.get('discovery', '/.well-known/openid-configuration'),
    () => asker.get('keys', '/jwks'),
    askAsMachine,
    askAsMachine,
    () => visits.visit(),
    () => visits.visit(),
    ...(edits ? [createEditor(edits, outcomes)] : []),
  ])
  const every: Flow[] = [...withoutDatabase, ...withDatabase, ...(edits ? ['edit' as const] : [])]
  const load: Load = {
    outcomes: outcomes.all,
    journal,
    sessions: visits.sessions,
    healed: ({ timeoutMs = 20_000, flows = every } = {}) => outcomes.healed(flows, timeoutMs),
    failing: (flows, timeoutMs = 15_000) => outcomes.failing(flows, timeoutMs),
    failures: (from) => outcomes.failures(from),
    stop: () => loops.stop(),
  }
  try {
    await Promise.race([load.healed(), loops.broken])
    return load
  } catch (error) {
    await load.stop()
    throw error
  }
}

/** @returns `broken` rejects when a caller fails without an outcome that tells it: a fault of the product, or of these files */
function startLoops(
  outcomes: Outcomes,
  thinkMs: number,
  callers: readonly (() => Promise<unknown>)[],
): { broken: Promise<never>; stop(): Promise<void> } {
  let running = true
  const broken = Promise.withResolvers<never>()
  broken.promise.catch(() => undefined)
  const loop = async (work: () => Promise<unknown>) => {
    while (running) {
      const failed = await work().then(
        () => false,
        (error: unknown) => {
          if (!(error instanceof Refused) && outcomes.failures().length === 0) broken.reject(error)
          return true
        },
      )
      await pause(failed ? thinkMsAfterFailure : thinkMs)
    }
  }
  const loops = Promise.all(callers.map(loop))
  return {
    broken: broken.promise,
    stop: async () => {
      running = false
      await loops
    },
  }
}

function createEditor(client: Edited, outcomes: Outcomes): () => Promise<void> {
  let edits = 0
  return async () => {
    const began = performance.now()
    const note = (good: boolean, detail: string) => {
      const status = good ? 200 : 0
      outcomes.add({ flow: 'edit', began, ended: performance.now(), status, good, retryAfter: undefined, detail })
    }
    try {
      await client.patch('edited', { spec: { description: `edit ${++edits}` } })
      await client.ready('edited')
    } catch (error) {
      note(false, String(error))
      throw error
    }
    note(true, '')
  }
}
