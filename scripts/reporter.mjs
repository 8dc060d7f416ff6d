// Mocha's spec report, then one plain line with the numbers. A run that leaves something open fails and does not hang.
import { writeFileSync } from 'node:fs'
import mocha from 'mocha'
import { plainLine } from './plain-line.ts'

const { Spec } = mocha.reporters
const settleMs = 10_000

/** With --reporter-option counts=FILE the numbers are written there too, for who adds up several runs.
 *  @public mocha is told its path */
export default class Reporter extends Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once('end', () => {
      const { counts } = options.reporterOptions ?? {}
      if (counts !== undefined) writeFileSync(counts, JSON.stringify(this.stats))
      process.stdout.write(`\n${plainLine(this.stats)}\n`)
      setTimeout(() => {
        const open = process.getActiveResourcesInfo().filter((name) => name !== 'TTYWrap' && name !== 'PipeWrap')
        process.stderr.write(
          `The tests ended ${settleMs / 1000} s ago and something is still open: ${open.join(', ')}\n`,
        )
        process.exit(1)
      }, settleMs).unref()
    })
  }
}
