// npm run release: everything that a release holds, in one folder, from a clean commit. It publishes nothing: the tag does (docs/release.md).
import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { findTool } from '@nauthera/local/programs/tools'
import { readCommandLine } from './command-line.ts'
import { firstSection, setVersion, versionFaults } from './release/version.ts'

const usage = `Usage: npm run release -- [--dry-run] [--out DIR]
       npm run release -- --set X.Y.Z

Makes all that a release holds: the three images, built twice, with their lists of contents; the chart;
kubectl-nauthera for each platform with the manifest of krew; the notes from CHANGELOG.md; SHA256SUMS.
Then it tags the commit. Pushing the tag publishes (docs/release.md).

  --dry-run     all but the tag
  --out DIR     where it goes; default: .nauthera/release
  --set X.Y.Z   writes the version into each package.json, the lock file, the chart and the changelogs; commit that, then release
`

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '..')
const say = (text: string) => process.stderr.write(`${text}\n`)

const { values } = readCommandLine(usage, {
  'dry-run': { type: 'boolean', default: false },
  out: { type: 'string', default: join(root, '.nauthera/release') },
  set: { type: 'string' },
})
try {
  if (values.set === undefined) await release(values.out, { isDry: values['dry-run'] })
  else await set(values.set)
} catch (error) {
  say((error as Error).message)
  process.exitCode = 1
}

async function set(version: string): Promise<void> {
  if (!/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(version))
    throw new Error(`--set ${version}: write a version such as 0.2.0 or 0.2.0-rc.1`)
  setVersion(root, version)
  await run(process.execPath, ['scripts/generate.ts'], { cwd: root })
  say(`version ${version}: look at git diff, commit it, then npm run release`)
}

async function release(out: string, { isDry }: { isDry: boolean }): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const tag = `v${version}`
  const faults = [...versionFaults(root), ...(await gitFaults(tag))]
  if (faults.length > 0) throw new Error(`this commit cannot be released as ${version}:\n  ${faults.join('\n  ')}`)
  say(`${version}: packages, lock file, chart and changelogs agree`)
  await rm(out, { recursive: true, force: true })
  await mkdir(out, { recursive: true })
  await runScript(
    ['scripts/images.ts', '--check', '--out', out],
    'the images were not built twice with the same digests',
  )
  await plugin(out)
  const chart = ['package', join(root, 'charts/nauthera'), '--destination', out]
  await run(await findTool('helm4'), chart, { env: { ...process.env, KUBECONFIG: '/dev/null' } })
  await writeFile(join(out, 'NOTES.md'), firstSection(root, 'CHANGELOG.md').text)
  await writeFile(join(out, 'SHA256SUMS'), await checksums(out))
  say(await readFile(join(out, 'SHA256SUMS'), 'utf8'))
  say(`all of ${version} is in ${relative(process.cwd(), out) || '.'}`)
  if (isDry) {
    say('dry run: no tag was made, nothing was pushed')
    return
  }
  await run('git', ['tag', '--annotate', tag, '--message', `Nauthera ${version}`], { cwd: root })
  say(`tagged ${tag}. To publish: git push origin ${tag}`)
}

/** @returns why this checkout is not the commit that a tag would name, one sentence each */
async function gitFaults(tag: string): Promise<string[]> {
  const git = async (...args: string[]) => (await run('git', args, { cwd: root })).stdout.trim()
  const faults: string[] = []
  if ((await git('status', '--porcelain')) !== '') faults.push('there are changes that are not committed')
  if ((await git('tag', '--list', tag)) !== '') faults.push(`the tag ${tag} is there already`)
  return faults
}

/** The archives of the plugin and the manifest of krew. */
async function plugin(out: string): Promise<void> {
  const built = join(out, '.plugin')
  await runScript(['scripts/plugin.ts', '--out', built], 'the plugin was not built')
  for (const file of await readdir(built))
    if (/\.(tar\.gz|yaml)$/.test(file)) await rename(join(built, file), join(out, file))
  await rm(built, { recursive: true })
}

/** @throws Error with the fault and a hint at the output, which says more */
async function runScript(args: string[], fault: string): Promise<void> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' })
  const status = await new Promise<number | null>((done) => child.once('close', done))
  if (status !== 0) throw new Error(`${fault}; see above`)
}

/** @returns one line for each file, as `sha256sum --check` reads it */
async function checksums(folder: string): Promise<string> {
  const names = (await readdir(folder)).toSorted((one, other) => one.localeCompare(other, 'en'))
  const lines = names.map(async (name) => {
    const digest = createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex')
    return `${digest}  ${name}\n`
  })
  return (await Promise.all(lines)).join('')
}
