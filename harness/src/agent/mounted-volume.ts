import { mkdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Writes a directory as the kubelet's AtomicWriter does: a new version beside the old one, `..data` switched by one
 *  rename, the old version removed, a link for each file. */
export function createMountedVolume(directory: string) {
  let version = 0
  return {
    directory,
    /** @param files what the volume holds from now on; what is not in it is gone
     *  @param damage is given the new version's directory before the switch */
    swap: async (files: ReadonlyMap<string, Uint8Array>, damage?: (fresh: string) => Promise<void>): Promise<void> => {
      await mkdir(directory, { recursive: true })
      const name = `..2026_11_25_${String(++version).padStart(6, '0')}`
      const fresh = join(directory, name)
      await mkdir(fresh)
      for (const [file, content] of files) await writeFile(join(fresh, file), content)
      await damage?.(fresh)
      const old = await readlink(join(directory, '..data')).catch(() => undefined)
      await symlink(name, join(directory, '..data_tmp'))
      await rename(join(directory, '..data_tmp'), join(directory, '..data'))
      for (const file of files.keys()) {
        await symlink(join('..data', file), join(directory, file)).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EEXIST') throw error
        })
      }
      if (old !== undefined) await rm(join(directory, old), { recursive: true, force: true })
    },
  }
}
