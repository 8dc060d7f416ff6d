// How the kubelet writes a volume: files lie in a timestamped directory, `..data` points to it and is replaced by one rename,
// visible names are links through `..data`. Source: k8s.io/kubernetes pkg/volume/util/atomic_writer.go
import {
  mkdirSync,
  readFileSync,
  readlinkSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

export type Files = ReadonlyMap<string, Uint8Array>

/** Replaces everything in the directory at one instant.
 *  @returns false when it holds exactly this already: then nothing is touched */
export function writeAtomically(directory: string, files: Files): boolean {
  const old = readCurrent(directory)
  if (old && isEqual(join(directory, old), files)) return false
  const fresh = writeVersion(directory, files)
  switchTo(directory, fresh)
  linkNames(directory, files)
  if (old) rmSync(join(directory, old), { recursive: true, force: true })
  return true
}

/** Writes the same way for tests, which look at the directory between the steps too. */
export function createVolumeWriter(directory: string) {
  return {
    directory,
    /** @param files what the volume holds from now on, even if it holds them already; what is not in it is gone
     *  @param damage is given the new version's directory before the switch */
    swap: async (files: Files, damage?: (fresh: string) => Promise<void>): Promise<void> => {
      mkdirSync(directory, { recursive: true })
      const old = readCurrent(directory)
      const fresh = writeVersion(directory, files)
      await othersRun()
      await damage?.(join(directory, fresh))
      switchTo(directory, fresh)
      await othersRun()
      linkNames(directory, files)
      await othersRun()
      if (old) rmSync(join(directory, old), { recursive: true, force: true })
    },
  }
}

export type VolumeWriter = ReturnType<typeof createVolumeWriter>

const othersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

let versions = 0

function writeVersion(directory: string, files: Files): string {
  const now = new Date().toISOString().replaceAll(/[-:T]/g, '_').slice(0, 19)
  const fresh = `..${now}.${process.pid}${String(++versions).padStart(6, '0')}`
  mkdirSync(join(directory, fresh))
  for (const [name, content] of files) {
    // secrets and private keys: of nobody else on this machine
    writeFileSync(join(directory, fresh, name), content, { mode: 0o600 })
  }
  return fresh
}

function switchTo(directory: string, fresh: string): void {
  rmSync(join(directory, '..data_tmp'), { force: true })
  symlinkSync(fresh, join(directory, '..data_tmp'))
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
}

/** A link for each file; links of files that are gone go too. */
function linkNames(directory: string, files: Files): void {
  const visible = new Set(readdirSync(directory).filter((name) => !name.startsWith('..')))
  for (const name of files.keys()) {
    if (!visible.delete(name)) symlinkSync(join('..data', name), join(directory, name))
  }
  for (const name of visible) rmSync(join(directory, name), { force: true })
}

function readCurrent(directory: string): string | undefined {
  try {
    return readlinkSync(join(directory, '..data'))
  } catch {
    return undefined
  }
}

function isEqual(directory: string, files: Files): boolean {
  try {
    const names = readdirSync(directory)
    return (
      names.length === files.size &&
      names.every((name) => {
        const content = files.get(name)
        const file = join(directory, name)
        return content !== undefined && readFileSync(file).equals(content) && (statSync(file).mode & 0o077) === 0
      })
    )
  } catch {
    return false
  }
}
