import { randomInt } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'chai'
import { startPostgres } from '@nauthera/local/programs/postgres'
import type { Postgres } from '@nauthera/local/programs/postgres'
import type { LocalPod } from '@nauthera/local/product/pod'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { machine, startChain } from './support/chain.ts'
import type { Chain } from './support/chain.ts'
import { processesOf, signalAll } from './support/families.ts'
import { checkInvariants } from './support/invariants.ts'
import { startLoad } from './support/load.ts'
import type { Load } from './support/load.ts'
import { withDatabase } from './support/load/outcomes.ts'
import type { Flow, LoadOutcome } from './support/load/outcomes.ts'
import { tell } from './support/tell.ts'

// Random faults, one after the other, under load. `npm run soak` runs it for two hours; with all other faults it is half a minute.
// SOAK_MINUTES is how long, SOAK_SEED gives the same faults again.

const minutes = Number(process.env['SOAK_MINUTES'] ?? 0.5)
const seed = Number(process.env['SOAK_SEED'] ?? randomInt(2 ** 31))
/** Loops of the load: no more requests than that are in flight at once. */
const callers = 7
/** So long a load goes on before what it was told is replayed. */
const roundMs = 120_000
/** A process that lived so long is measured. */
const grownUpMs = 600_000
/** Of a process under this load: KiB of memory a minute, and open files. */
const most = { slope: 512, files: 64 }

/** A generator of numbers below 1 that a seed fixes (mulberry32). */
function randomBy(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Fault {
  readonly name: string
  /** @returns when it is over; what heals afterwards is waited for by whoever calls */
  readonly play: () => Promise<unknown>
  /** Which failures it explains. */
  readonly explains: (outcome: LoadOutcome) => boolean
  /** How many of them at most. */
  readonly most?: number
}

const isCut = ({ status }: LoadOutcome): boolean => status === 0
const isEdit = ({ flow }: LoadOutcome): boolean => flow === 'edit'
const isUnavailable = ({ flow, status, retryAfter }: LoadOutcome): boolean =>
  (withDatabase as readonly Flow[]).includes(flow) && status === 503 && Number(retryAfter) > 0

describe('F29 random faults, one after the other, under load', function () {
  this.timeout(minutes * 60_000 + 240_000)
  let chain: Chain
  let again: Postgres | undefined
  before(async () => {
    chain = await startChain({ keep: true })
    await chain.applyAndWait('spun', machine)
  })
  after(async () => {
    await chain?.stop()
    await again?.stop()
  })

  const endAndWait = async (part: RunningProcess, signal: NodeJS.Signals) => {
    const { ended } = part
    const started = part.line(/^INF starting /, { from: part.lines.length, timeoutMs: 30_000 })
    part.kill(signal)
    await ended
    return started
  }
  const endServer = (pod: LocalPod, signal: NodeJS.Signals) => async () => {
    const out = chain.takeOut(pod)
    await endAndWait(pod.server, signal)
    await pod.whenReady()
    out.undo()
  }
  const stopFor = async (part: { kill(signal: NodeJS.Signals): void }, ms: number) => {
    part.kill('SIGSTOP')
    await pause(ms)
    part.kill('SIGCONT')
  }
  let spins = 0
  const faultsNow = (random: () => number, load: Load): Fault => {
    const pod = chain.stack.pods[Math.floor(random() * chain.stack.pods.length)]!
    const { operator } = chain.stack
    const database = () => again ?? chain.stack.database
    const all: readonly Fault[] = [
      { name: `TERM to ${pod.name}`, play: endServer(pod, 'SIGTERM'), explains: () => false },
      { name: `KILL to ${pod.name}`, play: endServer(pod, 'SIGKILL'), explains: isCut, most: callers },
      { name: `KILL to the agent of ${pod.name}`, play: () => endAndWait(pod.agent, 'SIGKILL'), explains: isEdit },
      {
        name: `the agent of ${pod.name} stands still`,
        play: () => stopFor(pod.agent, 1000 + random() * 4000),
        explains: isEdit,
      },
      { name: 'KILL to the operator', play: () => endAndWait(operator, 'SIGKILL'), explains: isEdit },
      { name: 'the operator stands still', play: () => stopFor(operator, 1000 + random() * 8000), explains: isEdit },
      {
        name: 'PostgreSQL stands still',
        play: async () => {
          const family = processesOf(database().pid)
          signalAll(family, 'SIGSTOP')
          await load.failing(['sign-in']).finally(() => signalAll(family, 'SIGCONT'))
        },
        explains: isUnavailable,
      },
      {
        name: 'PostgreSQL stops and starts',
        play: async () => {
          const { port } = database()
          await database().stop()
          await load.failing(['sign-in'])
          again = await startPostgres({ directory: join(chain.directory, 'postgres'), port })
          chain.planted.add(new URL(again.url).password)
        },
        explains: isUnavailable,
      },
      {
        name: 'a secret is rotated and its predecessor revoked',
        play: async () => {
          const before = chain.secretId('spun')
          const word = String(++spins)
          await chain.patch('spun', { spec: { rotation: { trigger: word, revokePrevious: word } } })
          await chain.published('spun', before, 60_000)
        },
        explains: () => false,
      },
    ]
    return all[Math.floor(random() * all.length)]!
  }

  it(`every failure is explained by its fault, all heals by itself, and nothing that was said is lost (SOAK_SEED=${seed})`, async () => {
    const random = randomBy(seed)
    const growth = new Growth()
    const ends = performance.now() + minutes * 60_000
    let [faults, failed, slowestHealMs] = [0, 0, 0]
    while (performance.now() < ends) {
      const load = await startLoad(chain, { edits: chain })
      const roundEnds = Math.min(ends, performance.now() + roundMs)
      try {
        while (performance.now() < roundEnds) {
          const fault = faultsNow(random, load)
          const from = performance.now()
          const told = `fault ${++faults}, ${fault.name}; again by SOAK_SEED=${seed}`
          await fault.play()
          slowestHealMs = Math.max(slowestHealMs, await load.healed({ timeoutMs: 45_000 }))
          const failures = load.failures(from)
          failed += failures.length
          expect(
            failures.filter((one) => !fault.explains(one)),
            told,
          ).to.deep.equal([])
          expect(failures.length, told).to.be.at.most(fault.most ?? Infinity)
          growth.look(partsOf(chain))
        }
      } finally {
        await load.stop()
      }
      await checkInvariants(chain, load)
      chain.forget()
    }
    const { slope, files } = growth.worst()
    tell('F29', { seed, faults, failed, slowestHealMs, slopeKiBPerMinute: slope, moreFiles: files })
    expect(slope, 'memory of a process that lived on').to.be.below(most.slope)
    expect(files, 'open files of a process that lived on').to.be.below(most.files)
  })
})

const partsOf = ({ stack }: Chain): readonly RunningProcess[] => [
  stack.operator,
  ...stack.pods.flatMap(({ server, agent }) => [server, agent]),
]

interface Sample {
  readonly at: number
  readonly kiB: number
  readonly files: number
}

/** Memory and open files of processes, for as long as each lives. */
class Growth {
  readonly #samples = new Map<number, Sample[]>()

  look(parts: readonly RunningProcess[]): void {
    for (const { pid } of parts) {
      const sample = pid === undefined ? undefined : sampleOf(pid)
      if (sample) this.#samples.set(pid!, [...(this.#samples.get(pid!) ?? []), sample])
    }
  }

  /** @returns the steepest growth of those that lived long enough, without their first third: a start is no leak */
  worst(): { slope: number; files: number } {
    const grown = [...this.#samples.values()]
      .filter((samples) => samples.at(-1)!.at - samples[0]!.at >= grownUpMs)
      .map((samples) => samples.slice(Math.floor(samples.length / 3)))
    return {
      slope: Math.max(0, ...grown.map(slopeOf)),
      files: Math.max(0, ...grown.map((samples) => samples.at(-1)!.files - samples[0]!.files)),
    }
  }
}

/** Least squares, KiB a minute. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number) => samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const [at, kiB] = [mean((one) => one.at), mean((one) => one.kiB)]
  const spread = mean((one) => (one.at - at) ** 2)
  return spread === 0 ? 0 : (mean((one) => (one.at - at) * (one.kiB - kiB)) / spread) * 60_000
}

/** @returns undefined when the process has just ended */
function sampleOf(pid: number): Sample | undefined {
  try {
    const kiB = Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    return { at: performance.now(), kiB, files: readdirSync(`/proc/${pid}/fd`).length }
  } catch {
    return undefined
  }
}
