import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundlePart, parts } from '../../scripts/bundle.ts'
import type { Part } from '../../scripts/bundle.ts'
import type { Program, Programs } from '@nauthera/local/processes/program'

const run = promisify(execFile)
const compileCache = 'NODE_COMPILE_CACHE'

/** Bundles each part, to be run as its image runs it: memory and cold starts of the sources would not be those of a user.
 *  @param directory below the working directory */
export async function bundlePrograms(directory: string): Promise<Programs> {
  const bundles = join(process.cwd(), directory)
  for (const part of parts) await bundlePart(part, join(bundles, part))
  const programOf = async (part: Part): Promise<Program> => {
    const { flags, env } = await readImage(part)
    const script = join(bundles, part, 'app/src/main.js')
    const withCache = { ...env, [compileCache]: join(bundles, part, 'compiled') }
    // as the recipe of the image does: what V8 makes of the file is kept beside it
    await run(process.execPath, [...flags, script, '--version'], { env: withCache })
    return { flags, env: withCache, script }
  }
  return {
    server: await programOf('server'),
    'config-agent': await programOf('config-agent'),
    operator: await programOf('operator'),
  }
}

/** @returns how the image of a part runs it: the flags between Node and the file, and the environment */
export async function readImage(part: Part): Promise<Required<Omit<Program, 'script'>>> {
  const recipe = await readFile(join(import.meta.dirname, '..', `${part}.Dockerfile`), 'utf8')
  const entryPoint = /^ENTRYPOINT (\[.*\])$/m.exec(recipe)?.[1]
  const environment = [...recipe.matchAll(/^ENV (.*)$/gm)].at(-1)?.[1]
  if (entryPoint === undefined || environment === undefined) throw new Error(`the recipe of ${part} is of another form`)
  return {
    flags: (JSON.parse(entryPoint) as string[]).slice(1, -1),
    env: Object.fromEntries(
      environment
        .split(' ')
        .map((pair) => pair.split('=') as [string, string])
        // a path in the image
        .filter(([name]) => name !== compileCache),
    ),
  }
}
