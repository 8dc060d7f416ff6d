// Reads a mounted Secret or ConfigMap in one version. The kubelet writes each version into its own directory, switches the link `..data`,
// and removes the old directory: a reader of several files could get a mixture.
import { readlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The link that the kubelet switches from one version of the volume to the next. */
export const dataLink = '..data'

/** A volume changes once a second at most. */
const attempts = 20

/** Repeats `read` until no volume was switched during it. Files are read without threads: they lie in memory.
 *  @param files the files that are read. A directory without the link is never switched
 *  @throws what `read` throws; Error when the volumes change at every attempt */
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

/** @returns the directory to list a volume's files in. The links beside `..data` are updated a moment later */
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
