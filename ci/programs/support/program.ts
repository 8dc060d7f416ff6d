import { expect } from 'chai'
import type { SecretData } from '../../test/support/given-secret.ts'
import { startTrialIssuer } from './issuer.ts'
import type { TrialIssuer } from './issuer.ts'
import { Lacking } from './prepare.ts'
import { stopPrograms } from './running.ts'
import { clientName, startTrial } from './trial.ts'
import type { Trial } from './trial.ts'

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

/** A program as it runs. `Session` is what a person, or a machine, has who came in. */
interface Started<Session, Person> {
  /** Goes on with this Secret, which is another one after a rotation. */
  take(secret: SecretData): Promise<unknown>
  signIn(): Promise<Session>
  /** @returns as whom the program knows that session; undefined when it knows nobody */
  whoIs(session: Session): Promise<Person | undefined>
}

/** What a step is given: somebody has just come in. */
type Given<Session, Person, Own> = Trial & Own & { readonly session: Session; readonly person: Person }

/** What a step does, or why the program has no such thing. */
type Step<Session, Person, Own> = ((given: Given<Session, Person, Own>) => unknown) | string

/** A program with its own documented defaults and nothing but the Secret of its client. */
interface TriedProgram<Files, Session, Person, Own extends Started<Session, Person>> {
  /** Of docs/integrations, which says the same version and steps. */
  readonly page: string
  readonly name: string
  readonly version: string
  /** Fetches or builds it, when it is not there yet. @returns where it is @throws Lacking */
  prepare(): Promise<Files>
  /** The time that it leaves between two reads of `/jwks`. Without it, it reads as soon as it meets a key that it does not know. */
  readonly betweenKeyReadsMs?: number
  /** Gets its client and starts it. */
  start(trial: Trial, files: Files): Promise<Own & Started<Session, Person>>
  /** Those that differ between programs; the others are below. After signing out the program must know nobody. */
  readonly steps: Readonly<
    Record<'name and groups' | 'refreshes' | 'signs out', Step<Session, Person, Own>> &
      Partial<Record<StepName, Step<Session, Person, Own>>>
  >
  /** What it is asked beside them. */
  readonly also?: Readonly<Record<string, Step<Session, Person, Own>>>
}

/** What a script does with its program, for the page of the program. */
interface DeclaredProgram {
  readonly page: string
  readonly version: string
  readonly checked: 'run with sign-in' | 'configuration parsed'
  readonly done: readonly string[]
}

/** The programs of the scripts that were loaded so far. */
export const declaredPrograms: DeclaredProgram[] = []

/** Declares a program, and runs its steps where the suite of programs runs. */
export function tryProgram<Files, Session, Person, Own extends Started<Session, Person>>(
  program: TriedProgram<Files, Session, Person, Own>,
): void {
  const { page, version } = program
  const done = stepsOf(program).flatMap(([name, step]) => (typeof step === 'string' ? [] : [name]))
  declaredPrograms.push({ page, version, checked: 'run with sign-in', done })
  if (process.env['NAUTHERA_SUITE'] === 'programs') describeProgram(program)
}

/** In the order in which they run. One that the program leaves out is done as usual. */
function stepsOf<Files, Session, Person, Own extends Started<Session, Person>>({
  steps,
  also = {},
}: TriedProgram<Files, Session, Person, Own>): (readonly [string, Step<Session, Person, Own> | undefined])[] {
  return [...stepNames.map((name) => [name, steps[name]] as const), ...Object.entries(also)]
}

function describeProgram<Files, Session, Person, Own extends Started<Session, Person>>(
  program: TriedProgram<Files, Session, Person, Own>,
): void {
  describe(`${program.name} ${program.version}`, function () {
    this.timeout(180_000)
    let issuer: TrialIssuer | undefined
    let trial: Trial
    let own: Own
    let hasFailed = false
    before(async function () {
      this.timeout(2_400_000)
      const files = await program.prepare().catch((error: unknown) => {
        if (!(error instanceof Lacking)) throw error
        process.stderr.write(`    ${program.name} could not run: ${error.message}\n`)
        this.skip()
      })
      issuer = await startTrialIssuer()
      trial = await startTrial(issuer)
      own = await program.start(trial, files as Files)
    })
    after(async () => {
      await stopPrograms()
      await issuer?.stop()
    })
    const enter = async (): Promise<Given<Session, Person, Own>> => {
      const session = await own.signIn()
      const person = await own.whoIs(session)
      if (person === undefined) throw new Error('nobody is signed in')
      return { ...trial, ...own, session, person }
    }
    const usual: Readonly<Record<string, () => Promise<void>>> = {
      'secret rotated': () =>
        trial.issuer.rotateSecret(clientName, { take: (secret) => own.take(secret), signIn: enter }),
      'signing keys rotated': async () => {
        const { session } = await enter()
        const { betweenKeyReadsMs: between = 0 } = program
        // keys are published for longer before they sign
        const publishBefore = between && between + 5000
        await trial.issuer.rotateSigningKeys(publishBefore)
        expect(await own.whoIs(session), 'who came in before').to.not.equal(undefined)
        const end = Date.now() + publishBefore + 5000
        do await enter()
        while (between > 0 && Date.now() < end)
      },
    }
    for (const [name, step] of stepsOf(program)) {
      if (typeof step === 'string') continue
      it(name, async function () {
        // it stands on those before it
        if (hasFailed) this.skip()
        hasFailed = true
        if (step === undefined) await (usual[name] ?? enter)()
        else {
          const given = await enter()
          await step(given)
          if (name === 'signs out') expect(await own.whoIs(given.session), 'who has left').to.equal(undefined)
        }
        hasFailed = false
      })
    }
  })
}
