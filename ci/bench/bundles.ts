import { join } from 'node:path'
import { bundlePart, parts } from '../../scripts/bundle.ts'
import type { Programs } from '../../scripts/local/processes.ts'

/** Bundles each part, as the images hold them: memory and cold starts of the sources are none that a user meets.
 *  @param directory below the working directory */
export async function bundlePrograms(directory: string): Promise<Programs> {
  const bundles = join(process.cwd(), directory)
  for (const part of parts) await bundlePart(part, join(bundles, part))
  const programOf = (part: string) => join(bundles, part, 'app/src/main.js')
  return {
    server: programOf('server'),
    'config-agent': programOf('config-agent'),
    operator: programOf('operator'),
  }
}
