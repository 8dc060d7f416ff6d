// A mounted Secret or ConfigMap. The kubelet writes each version of it into a directory of its own, switches one link to it, and removes the
// version before: who reads several files in that moment has a mixture, or finds that the rest is gone.
import { readFileSync, readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The link that the kubelet switches from one version of the volume to the next. */
export const dataLink = '..data'

/** A volume changes once a second at most. */
const attempts = 20

/** Has `read` look at files until none of their volumes was switched meanwhile. Files are read without threads: they lie in memory.
 *  @param files what is read; the others of their volumes count too. Where there is no such link, nothing is switched
 *  @throws what `read` throws of one version; Error when the volumes never stay as they are */
export function inOneVersion<T>(files: readonly (string | undefined)[], read: () => T): T {
  const directories = [...new Set(files.flatMap((file) => (file === undefined ? [] : [dirname(file)])))]
  for (let attempt = 0; attempt < attempts; attempt++) {
    const before = versionsOf(directories)
    const isStill = () => versionsOf(directories) === before
    try {
      const result = read()
      if (isStill()) return result
    } catch (error) {
      if (isStill()) throw error
    }
  }
  throw new Error(`${directories.join(', ')} changes faster than it can be read`)
}

/** @returns the content of each file, all of one version of their volumes
 *  @throws Error of the file system */
export function readTogether<Names extends string>(files: Readonly<Record<Names, string>>): Record<Names, Buffer> {
  const named = Object.entries<string>(files)
  const read = () => Object.fromEntries(named.map(([name, file]) => [name, readFileSync(file)]))
  return inOneVersion(Object.values<string>(files), () => read() as Record<Names, Buffer>)
}

/** @returns where to list the files of a volume. The names beside the link follow it a moment later: one may be missing, or lead nowhere */
export function contentOf(directory: string): string {
  return versionOf(directory) === '' ? directory : join(directory, dataLink)
}

const versionsOf = (directories: readonly string[]): string =>
  directories.map((directory) => versionOf(directory)).join('\n')

/** @returns empty where there is no such link */
function versionOf(directory: string): string {
  try {
    return readlinkSync(join(directory, dataLink))
  } catch {
    return ''
  }
}
