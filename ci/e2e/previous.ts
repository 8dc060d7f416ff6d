// The build before this one, for the upgrade and the way back: chart and images of the last tag, or of what stands for it.
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parts } from '../../scripts/bundle.ts'
import { root } from './support/kubernetes.ts'

const run = promisify(execFile)

export const previousTag = 'previous'
const checkout = join(root, '.nauthera/e2e/previous')
const stamp = join(root, '.nauthera/e2e/previous-built')
export const previousChart = join(checkout, 'charts/nauthera')
export const previousArchives = parts.map((part) => join(root, `.nauthera/images/previous-${part}.tar`))

/** Builds the images of the earlier commit with its own scripts. About 12 s, once for each commit.
 *  @throws Error that says what to do when the commit is not in this clone */
export async function buildPrevious(say: (line: string) => void): Promise<void> {
  const commit = await previousCommit()
  if (await isPreviousBuilt()) return
  say(`building the images of ${commit.slice(0, 12)} ...`)
  await rm(checkout, { recursive: true, force: true })
  await mkdir(checkout, { recursive: true })
  const archive = join(root, '.nauthera/e2e/previous.tar')
  await run('git', ['archive', '--output', archive, commit], { cwd: root })
  await run('tar', ['-xf', archive, '-C', checkout])
  await installPackages(say)
  const out = join(root, '.nauthera/images/previous')
  await run(process.execPath, ['scripts/images.ts', '--tag', previousTag, '--out', out], {
    cwd: checkout,
    timeout: 300_000,
    maxBuffer: 64 << 20,
  })
  for (const [index, part] of parts.entries()) await cp(join(out, `${part}.tar`), previousArchives[index]!)
  for (const path of [archive, out, join(checkout, '.nauthera')]) await rm(path, { recursive: true, force: true })
  await writeFile(stamp, commit)
}

export const isPreviousBuilt = async (): Promise<boolean> =>
  (await readFile(stamp, 'utf8').catch(() => '')) === (await previousCommit())

/** @returns the newest tag of a release; until there is one, the commit that ci/e2e/previous-build names */
async function previousCommit(): Promise<string> {
  const git = async (...args: string[]) => (await run('git', args, { cwd: root })).stdout.trim()
  const wanted =
    process.env['NAUTHERA_E2E_PREVIOUS'] ??
    (await git('describe', '--tags', '--abbrev=0', '--match=v*', 'HEAD^').catch(() => undefined)) ??
    (await readFile(join(root, 'ci/e2e/previous-build'), 'utf8')).trim()
  return git('rev-parse', '--verify', `${wanted}^{commit}`).catch((cause: unknown) => {
    const remedy = 'fetch the whole history, or name another one: NAUTHERA_E2E_PREVIOUS=COMMIT npm run e2e'
    throw new Error(`the previous build ${wanted} is not in this clone; ${remedy}`, { cause })
  })
}

/** The packages of this checkout when they are the same, else its own. */
async function installPackages(say: (line: string) => void): Promise<void> {
  const [ours, theirs] = await Promise.all(
    [root, checkout].map((directory) => readFile(join(directory, 'package-lock.json'), 'utf8')),
  )
  if (ours !== theirs) {
    say('its packages are others: npm ci ...')
    const npm = process.env['npm_execpath']
    const [program, ...first] = npm === undefined ? ['npm'] : [process.execPath, npm]
    await run(program!, [...first, 'ci', '--loglevel=error', '--prefer-offline'], { cwd: checkout, timeout: 300_000 })
    return
  }
  // links to workspaces are relative, so they must lead to the earlier sources: a copy, made of hard links
  const { workspaces } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as { workspaces: string[] }
  for (const path of ['', ...workspaces.map((name) => `${name}/`)]) {
    const source = join(root, path, 'node_modules')
    await run('cp', ['--archive', '--link', source, join(checkout, path)]).catch((error: unknown) => {
      if (path === '') throw error
    })
  }
}
