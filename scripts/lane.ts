// One of the processes that run the tests side by side: it takes the file that is next, until no file is left.
import { readdirSync, readFileSync, unlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Mocha from 'mocha'
import './property-seed.ts'

type RunSuite = (suite: Mocha.Suite, done: (fault?: Mocha.Suite) => void) => void

const [queue, counts, timeoutMs] = process.argv.slice(2) as [string, string, string?]
const options = JSON.parse(readFileSync('.mocharc.json', 'utf8')) as Mocha.MochaOptions
if (timeoutMs) options.timeout = Number(timeoutMs)
const mocha = new Mocha({ ...options, reporter: 'scripts/reporter.mjs', reporterOptions: { counts } })

await loadNext()
const runner = mocha.run((failures) => (process.exitCode = Math.min(failures, 255)))
// as far as mocha is concerned, the last file has one more suite behind it
const { runSuite } = runner as unknown as { runSuite: RunSuite }
const runOneMore: RunSuite = (suite, done) =>
  runSuite.call(runner, suite, (fault) => {
    const goOn = async () => {
      if (suite === mocha.suite.suites.at(-1)) await loadNext()
      done(fault)
    }
    void goOn()
  })
Object.assign(runner, { runSuite: runOneMore })

/** Loads files until there is one with tests, or none is left. */
async function loadNext(): Promise<void> {
  const before = mocha.suite.total()
  while (mocha.suite.total() === before) {
    const file = takeNext()
    if (file === undefined) return
    mocha.files = [resolve(file)]
    await mocha.loadFilesAsync().catch((error: unknown) => addFailure(file, error))
  }
}

/** @returns the file that is next; who removes its name from the queue has it */
function takeNext(): string | undefined {
  for (const name of readdirSync(queue).toSorted()) {
    const entry = join(queue, name)
    try {
      const file = readFileSync(entry, 'utf8')
      unlinkSync(entry)
      return file
    } catch (error) {
      // another process was faster
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return undefined
}

/** A file that cannot be loaded is a test that failed. */
function addFailure(file: string, error: unknown): void {
  const fail = () => {
    throw error
  }
  Mocha.Suite.create(mocha.suite, file).addTest(new Mocha.Test('can be loaded', fail))
}
