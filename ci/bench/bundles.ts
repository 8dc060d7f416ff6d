import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bundlePart, parts } from '../../scripts/bundle.ts'
import type { Part } from '../../scripts/bundle.ts'
import type { Program, Programs } from '../../scripts/local/processes.ts'

/** Bundles each part, to be run as its image runs it: memory and cold starts of the sources are none that a user meets.
 *  @param directory below the working directory */
export async function bundlePrograms(directory: string): Promise<Programs> {
  const bundles = join(process.cwd(), directory)
  for (const part of parts) await bundlePart(part, join(bundles, part))
  const programOf = async (part: Part): Promise<Program> => ({
    script: join(bundles, part, 'app/src/main.js'),
    flags: await imageFlags(part),
  })
  return {
    server: await programOf('server'),
    'config-agent': await programOf('config-agent'),
    operator: await programOf('operator'),
  }
}

/** @returns what stands between Node and the file in the image's entry point */
async function imageFlags(part: Part): Promise<readonly string[]> {
  const recipe = await readFile(join(import.meta.dirname, '..', `${part}.Dockerfile`), 'utf8')
  const entryPoint = /^ENTRYPOINT (\[.*\])$/m.exec(recipe)
  if (!entryPoint) throw new Error(`the recipe of ${part} has no entry point`)
  return (JSON.parse(entryPoint[1]!) as string[]).slice(1, -1)
}
