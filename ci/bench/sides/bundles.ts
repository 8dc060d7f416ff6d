import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { inspectorFlag } from '../cost/own-memory.ts'
import { bundlePart, parts } from '../../../scripts/bundle.ts'
import type { Part } from '../../../scripts/bundle.ts'
import type { Program, Programs } from '@nauthera/local/processes/program'

const run = promisify(execFile)
const compileCache = 'NODE_COMPILE_CACHE'

/** Bundles each part, to be run as its image runs it: memory and cold starts of the sources would not be those of a user.
 *  @param directory below the working directory */
export async function bundlePrograms(directory: string): Promise<Programs> {
  for (const part of parts) await bundlePart(part, join(directory, part))
  const programOf = (part: Part) => programIn(join(directory, part), part)
  return {
    server: await programOf('server'),
    'config-agent': await programOf('config-agent'),
    operator: await programOf('operator'),
  }
}

/** Bundles the server alone.
 *  @param options.cheapHash for measurements of what a sign-in costs beside the hash: the hash of this bundle costs next to nothing.
 *    No setting of the product can do that. */
export async function bundleServer(directory: string, options: { cheapHash: boolean }): Promise<Program> {
  await bundlePart('server', directory)
  const script = scriptOf(directory)
  if (options.cheapHash) {
    const source = await readFile(script, 'utf8')
    const found = source.match(hashCost)?.length ?? 0
    if (found !== 1) throw new Error(`the cost of the hash is ${found} times in ${script}, not once`)
    await writeFile(script, source.replace(hashCost, 'memoryCost: 8,$1timeCost: 1,'))
  }
  return programIn(directory, 'server')
}

/** As the recipe of the image does, what V8 makes of the file is kept beside it. */
async function programIn(directory: string, part: Part): Promise<Program> {
  const { flags, env } = await readImage(part)
  const script = scriptOf(directory)
  const withCache = { ...env, [compileCache]: resolve(directory, 'compiled') }
  await run(process.execPath, [...flags, script, '--version'], { env: withCache })
  return { flags: [inspectorFlag, ...flags], env: withCache, script }
}

const scriptOf = (directory: string): string => resolve(directory, 'app/src/main.js')

/** As server/src/users/passwords/passwords.ts has it. The least that argon2 can do takes its place, and every line stays where it is. */
const hashCost = /\bmemoryCost: 19456,(\s*)timeCost: 2,/g

/** @returns how the image of a part runs it: the flags between Node and the file, and the environment */
export async function readImage(part: Part): Promise<Required<Omit<Program, 'script'>>> {
  const recipe = await readFile(join(import.meta.dirname, '../..', `${part}.Dockerfile`), 'utf8')
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
