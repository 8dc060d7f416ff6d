import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync } from 'node:fs'
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '@nauthera/local/processes/program'

const execute = promisify(execFile)

/** The machine lacks what a program needs: its file is skipped, with these words. */
export class Lacking extends Error {}

/** Makes a folder below `.nauthera/programs`, once for each name (which has the version in it).
 *  @param make fills a folder of another name; only a whole one gets its own
 *  @returns its path */
async function prepare(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(root, '.nauthera/programs', name)
  if (existsSync(folder)) return folder
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  await make(unfinished)
  await rename(unfinished, folder)
  return folder
}

/** Runs a command of a registry's client, for half an hour at most. @throws Error with what it wrote */
async function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  findProgram(command)
  const env = { ...process.env, ...options.env }
  const { stdout } = await execute(command, args, { ...options, env, timeout: 1_800_000, maxBuffer: 64 << 20 })
  return stdout
}

/** @returns the path of a program of this machine
 *  @throws Lacking that names the package of Debian which has it */
export function findProgram(name: string, debian = name): string {
  if (name.includes('/')) return name
  for (const directory of [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']) {
    const path = join(directory, name)
    try {
      accessSync(path, constants.X_OK)
      return path
    } catch {
      // not there
    }
  }
  throw new Lacking(`there is no ${name} (apt-get install ${debian})`)
}

/** Go takes the toolchain that go.mod names, where the one of this machine is older. */
const toolchain = { GOTOOLCHAIN: 'auto' }

/** A program of which a folder here has the go.mod: its own says replace, or it has no main package. @returns its path */
export async function goBuild(source: string, module: string, version: string): Promise<string> {
  const folder = await prepare(`${source.replaceAll('/', '+')}@${version}`, async (into) => {
    const args = [
      'build',
      '-trimpath',
      '-buildvcs=false',
      '-mod=readonly',
      '-ldflags=-s -w',
      '-o',
      join(into, 'program'),
    ]
    await run('go', [...args, module], { cwd: join(root, source), env: { CGO_ENABLED: '0', ...toolchain } })
  })
  return join(folder, 'program')
}

/** Packages of Python, each with its version, in an environment of their own. @returns its bin/ */
export async function pipInstall(name: string, packages: readonly string[]): Promise<string> {
  const folder = await prepare(name, async (into) => {
    // scripts of the environment name its folder, so it is made where it stays
    const stays = into.replace(/\.unfinished$/, '')
    try {
      await run('python3', ['-m', 'venv', stays])
      await run(join(stays, 'bin/pip'), ['install', '--quiet', '--disable-pip-version-check', ...packages])
    } catch (error) {
      await rm(stays, { recursive: true, force: true })
      throw error
    }
    await rename(stays, into)
  })
  return join(folder, 'bin')
}

/** Packages of npm, each with its version. @returns the folder that has their node_modules */
export const npmInstall = (name: string, packages: readonly string[]): Promise<string> =>
  prepare(name, async (folder) => {
    await run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, ...packages])
  })

/** Runs a goal of Maven on the pom.xml of a folder here, which writes to `${buildDirectory}`. @returns that folder */
export const maven = (source: string, version: string, ...goals: readonly string[]): Promise<string> =>
  // Java reads a + in the place of a jar as a space
  prepare(`${basename(source)}@${version}`, async (folder) => {
    await run('mvn', ['-q', '-B', '-f', join(root, source, 'pom.xml'), `-DbuildDirectory=${folder}`, ...goals])
  })

/** @returns the folder of a module that a folder here builds from */
export async function goModule(source: string, module: string): Promise<string> {
  const out = await run('go', ['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', module], {
    cwd: join(root, source),
    env: toolchain,
  })
  return out.trim()
}

/** Fetches a module of Go and builds nothing. @returns its folder */
export async function goSource(module: string, version: string): Promise<string> {
  const out = await run('go', ['mod', 'download', '-json', `${module}@v${version}`], { cwd: tmpdir(), env: toolchain })
  return (JSON.parse(out) as { Dir: string }).Dir
}

/** Builds a package of Rust. Its Cargo.lock here names no registry, and gets the name that Cargo has for its own.
 *  @param page what the page of the program has of its code, for src/page.rs
 *  @returns its path */
export async function cargoBuild(source: string, version: string, page: string): Promise<string> {
  const digest = createHash('sha256').update(page).digest('hex').slice(0, 8)
  const folder = await prepare(`${basename(source)}@${version}-${digest}`, async (into) => {
    await cp(join(root, source), into, { recursive: true })
    await writeFile(join(into, 'src/page.rs'), page)
    const lock = join(into, 'Cargo.lock')
    const pinned = await readFile(lock, 'utf8')
    await rm(lock)
    await run('cargo', ['generate-lockfile', '--quiet'], { cwd: into })
    const [registry] = /^source = .*$/m.exec(await readFile(lock, 'utf8'))!
    await writeFile(lock, pinned.replaceAll(/\n(?=checksum)/g, `\n${registry}\n`))
    await run('cargo', ['build', '--quiet', '--locked'], { cwd: into })
    await rename(join(into, 'target/debug/trial'), join(into, 'program'))
    await rm(join(into, 'target'), { recursive: true })
  })
  return join(folder, 'program')
}
