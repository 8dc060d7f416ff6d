import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { bundlePart, parts } from '../../../scripts/bundle.ts'
import type { Part } from '../../../scripts/bundle.ts'
import type { Program, Programs } from '@nauthera/local/processes/program'

/** Bundles each part, to be run as its image runs it: memory and cold starts of the sources would not be those of a user.
 *  @param directory below the working directory */
export async function bundlePrograms(directory: string): Promise<Programs> {
  for (const part of parts) await bundlePart(part, join(directory, part))
  const programOf = async (part: Part): Promise<Program> => ({
    ...(await readImage(part)),
    script: scriptOf(join(directory, part)),
  })
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
  return { ...(await readImage('server')), script }
}

const scriptOf = (directory: string): string => resolve(directory, 'app/src/main.js')

/** As server/src/users/passwords.ts has it. The least that argon2 can do takes its place, and every line stays where it is. */
const hashCost = /\bmemoryCost: 19456,(\s*)timeCost: 2,/g

/** @returns how the image of a part runs it: the flags between Node and the file, and the environment */
export async function readImage(part: Part): Promise<Required<Omit<Program, 'script'>>> {
  const recipe = await readFile(join(import.meta.dirname, '../..', `${part}.Dockerfile`), 'utf8')
  const entryPoint = /^ENTRYPOINT (\[.*\])$/m.exec(recipe)?.[1]
  const environment = /^ENV (.*)$/m.exec(recipe)?.[1]
  if (entryPoint === undefined || environment === undefined) throw new Error(`the recipe of ${part} is of another form`)
  return {
    flags: (JSON.parse(entryPoint) as string[]).slice(1, -1),
    env: Object.fromEntries(environment.split(' ').map((pair) => pair.split('=') as [string, string])),
  }
}
