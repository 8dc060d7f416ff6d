import { Lacking } from './prepare.ts'
import { stopPrograms } from './running.ts'
import { startTrialIssuer } from './issuer.ts'
import type { TrialIssuer } from './issuer.ts'

/** What each program is asked, in this order. */
const stepNames = [
  'signs in',
  'name and groups',
  'refreshes',
  'secret rotated',
  'signing keys rotated',
  'signs out',
] as const

type StepName = (typeof stepNames)[number]

/** A program with its own documented defaults and nothing but the Secret of its client. */
interface TriedProgram<Running> {
  /** As docs/programs.md says it; so with the next three. */
  readonly name: string
  readonly version: string
  readonly reads: string
  readonly needs?: string
  /** Fetches or builds it, when it is not there yet. @throws Lacking */
  prepare(): Promise<void>
  /** Gets its client and starts it. */
  start(issuer: TrialIssuer): Promise<Running>
  /** Proves the step; or why the program has no such thing. */
  readonly steps: Readonly<Record<StepName, ((running: Running) => Promise<unknown>) | string>>
}

/** The rows of docs/programs.md that the files have declared so far. */
export const declaredRows: string[] = []

/** Declares a program, and runs its steps where the suite of programs runs. */
export function tryProgram<Running>(program: TriedProgram<Running>): void {
  declaredRows.push(rowOf(program))
  if (process.env['NAUTHERA_SUITE'] === 'programs') describeProgram(program)
}

function describeProgram<Running>(program: TriedProgram<Running>): void {
  describe(`${program.name} ${program.version}`, function () {
    this.timeout(180_000)
    let issuer: TrialIssuer | undefined
    let running: Running
    let hasFailed = false
    before(async function () {
      this.timeout(2_400_000)
      try {
        await program.prepare()
      } catch (error) {
        if (!(error instanceof Lacking)) throw error
        process.stderr.write(`    ${program.name} could not run: ${error.message}\n`)
        this.skip()
      }
      issuer = await startTrialIssuer()
      running = await program.start(issuer)
    })
    after(async () => {
      await stopPrograms()
      await issuer?.stop()
    })
    for (const name of stepNames) {
      const step = program.steps[name]
      if (typeof step === 'string') continue
      it(name, async function () {
        // it stands on those before it
        if (hasFailed) this.skip()
        hasFailed = true
        await step(running)
        hasFailed = false
      })
    }
  })
}

function rowOf<Running>({ name, version, reads, needs = '', steps }: TriedProgram<Running>): string {
  const done = stepNames.filter((step) => typeof steps[step] !== 'string')
  const not = stepNames.flatMap((step) => {
    const why = steps[step]
    return typeof why === 'string' ? [`${step}: ${why}`] : []
  })
  const cell = [done.length === stepNames.length ? 'all six' : done.join(', '), ...not].join('; ')
  return `| ${name} | ${version} | ${reads} | ${cell} | ${needs}${needs === '' ? '' : ' '}|`
}
