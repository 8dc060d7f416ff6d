import { removeProduct } from './product.ts'
import { writeReport } from './report.ts'

/** Loaded by mocha in front of all files.
 *  @public */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    this.timeout(120_000)
    process.stdout.write(`\n  ${writeReport()}\n`)
    // npm run e2e -- --keep
    if (process.env['NAUTHERA_E2E_KEEP'] !== 'yes') await removeProduct()
  },
}
