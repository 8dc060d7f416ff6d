// Mocha's spec report, then one plain line with the numbers. A run that leaves something open fails and does not hang.
import mocha from 'mocha'

const { Spec } = mocha.reporters
const settleMs = 10_000

/** @public mocha is told its path */
export default class Reporter extends Spec {
  constructor(runner, options) {
    super(runner, options)
    runner.once('end', () => {
      const { passes, failures, pending } = this.stats
      const skipped = pending > 0 ? `, ${pending} skipped` : ''
      process.stdout.write(`\n${passes} passed, ${failures} failed${skipped}\n`)
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
