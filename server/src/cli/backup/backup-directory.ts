// The directory that holds backups: a file comes under its name only when it is whole, and only older ones of the same issuer are deleted.
import { randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fieldsOf } from '@nauthera/runtime/json'
import { openBackup } from './backup-file.ts'
import type { BackupHead } from './backup-file.ts'

/** A backup, and what it says of itself in its first line. */
export interface FoundBackup extends Pick<BackupHead, 'issuer' | 'createdAt'> {
  /** Of the file, within its directory. */
  readonly name: string
}

export interface KeepPlan {
  readonly deleted: readonly string[]
  /** Those of this issuer that say that they are of later: a clock was wrong. */
  readonly later: readonly string[]
}

const ending = '.backup'
const unfinishedEnding = `${ending}.part`
/** A run that has written nothing for so long is dead. Milliseconds. */
const deadMs = 24 * 3_600_000

const hostOf = (issuer: string): string => new URL(issuer).hostname.replaceAll(/[^a-z0-9.-]/gi, '_')

/** @returns a name that no other run has, such as one of another issuer on the same host within the same second */
export function nameBackup({ issuer, createdAt }: Pick<BackupHead, 'issuer' | 'createdAt'>): string {
  const time = createdAt.replaceAll(/[-:]|\.\d+/g, '')
  return `nauthera-${hostOf(issuer)}-${time}-${randomBytes(4).toString('hex')}${ending}`
}

/** Writes a file, under its name only when it is whole. */
export async function writeWhole(path: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const unfinished = `${path}.part`
  try {
    await pipeline(Readable.from(bytes), createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true }))
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}

/** Deletes the older backups of the issuer but so many, and what dead runs of it left.
 *  @param own the file that was just written; all when `keep` is undefined */
export async function tidy(directory: string, own: FoundBackup, keep: number | undefined): Promise<KeepPlan> {
  const entries = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile())
  const names = entries.map(({ name }) => name)
  const found = await Promise.all(names.filter((name) => name.endsWith(ending)).map((name) => find(directory, name)))
  const backups = found.filter((one) => one !== undefined)
  const kept = keep === undefined ? { deleted: [], later: [] } : planKeep(backups, own, keep)
  const left: string[] = []
  for (const name of names.filter((one) => one.endsWith(unfinishedEnding)))
    if (await isLeft(directory, name, own)) left.push(name)
  const deleted = [...kept.deleted, ...left]
  for (const name of deleted) await rm(join(directory, name), { force: true })
  return { ...kept, deleted }
}

/** Of two runs at the same time only the later one deletes the file of the other.
 *  @param keep how many, `own` among them */
export function planKeep(all: readonly FoundBackup[], own: FoundBackup, keep: number): KeepPlan {
  const others = all.filter(({ name, issuer }) => issuer === own.issuer && name !== own.name)
  const later = others.filter((one) => newerFirst(one, own) < 0)
  const earlier = others.filter((one) => newerFirst(one, own) > 0).toSorted(newerFirst)
  return { deleted: earlier.slice(keep - 1).map(({ name }) => name), later: later.map(({ name }) => name) }
}

const newerFirst = (one: FoundBackup, other: FoundBackup): number =>
  Date.parse(other.createdAt) - Date.parse(one.createdAt) || (one.name > other.name ? -1 : 1)

/** @returns undefined for what is no backup that this release reads: it is left as it is */
async function find(directory: string, name: string): Promise<FoundBackup | undefined> {
  const bytes = createReadStream(join(directory, name))
  try {
    const { issuer, createdAt } = (await openBackup(bytes)).head
    return Number.isNaN(Date.parse(createdAt)) ? undefined : { name, issuer, createdAt }
  } catch {
    // damaged, of another format, or somebody else's: whatever it is, it was not asked to go
    return undefined
  } finally {
    bytes.destroy()
  }
}

/** Whether a run of this issuer left the file, and is dead. */
async function isLeft(directory: string, name: string, own: FoundBackup): Promise<boolean> {
  const [ownAt, writtenAt] = await Promise.all([own.name, name].map((file) => writtenAtOf(join(directory, file))))
  // both times are of the clock that the directory has; a file that is gone was of a run that lives
  if (ownAt === undefined || writtenAt === undefined || ownAt - writtenAt < deadMs) return false
  const found = await find(directory, name)
  if (found !== undefined) return found.issuer === own.issuer
  // it died before its first line was written
  const begin = `nauthera-${hostOf(own.issuer)}-`
  return name.startsWith(begin) && /^\d{8}T\d{6}Z-[0-9a-f]{8}\.backup\.part$/.test(name.slice(begin.length))
}

/** @returns epoch milliseconds; undefined when the file is not there any more */
async function writtenAtOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (fieldsOf(error)['code'] === 'ENOENT') return undefined
    throw error
  }
}
