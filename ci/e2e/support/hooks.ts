import { describeFailure } from './failure.ts'
import { canKill } from './pods.ts'
import { removeProduct } from './product.ts'
import { writeReport } from './report.ts'

/** Loaded by mocha in front of all files.
 *  @public */
export const mochaHooks = {
  async afterEach(this: Mocha.Context): Promise<void> {
    this.timeout(60_000)
    const test = this.currentTest
    if (test?.state !== 'failed') return
    const seen = await describeFailure(test.title)
    if (seen !== '') process.stderr.write(`${seen.replaceAll(/^/gm, '      | ')}\n`)
  },
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(120_000)
    process.stdout.write(`\n  ${writeReport()}\n`)
    // a cluster of our own ends with all that is in it, or is kept with all of it
    if (!canKill) await removeProduct()
  },
}
