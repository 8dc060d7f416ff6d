import {
  mkdirSync,
  readFileSync,
  readlinkSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

// The kubelet's projected volume of Secrets, with its atomic writer: files lie in a timestamped directory, `..data` points to it
// and is replaced by one rename, visible names are links through `..data`. Source: k8s.io/kubernetes pkg/volume/util/atomic_writer.go

/** One source of the volume; every one is optional: absent Secrets and keys are left out. */
export interface SecretSource {
  readonly secret: string
  /** Keys to show; default: all. */
  readonly keys?: readonly string[]
}

export type Files = ReadonlyMap<string, Buffer>

export interface MountedVolume {
  readonly directory: string
  /** Brings the directory up to date with the Secrets now, unless it is held.
   *  @returns whether `..data` was swapped */
  sync(): boolean
  /** From now on the directory stays as it is, whatever happens to the Secrets; `release` brings it up to date. */
  hold(): void
  release(): void
  /** Shows something else in place of what the Secrets hold, from the next sync on; undefined: the truth again. */
  damage: ((files: Files) => Files) | undefined
  /** The kubelet was told to look now (the pod's annotations changed): syncs after `nudgeMs`. */
  nudge(): void
  stop(): void
}

/** @param options.read the data of a Secret (base64), undefined when there is none
 *  @param options.nudgeMs from nudge to sync; default 0; measured on a real kubelet: 150
 *  @param options.periodMs pause between syncs without a nudge; default 60 to 90 s at random, as the kubelet's */
export function mountVolume(options: {
  directory: string
  sources: readonly SecretSource[]
  read: (secret: string) => Readonly<Record<string, string>> | undefined
  nudgeMs?: number
  periodMs?: () => number
  onSync?: (swapped: boolean) => void
}): MountedVolume {
  const { directory, sources, read, nudgeMs = 0, periodMs = () => 60_000 + Math.random() * 30_000 } = options
  mkdirSync(directory, { recursive: true })
  let held = false
  let slow: NodeJS.Timeout | undefined
  let soon: NodeJS.Timeout | undefined

  const collect = (): Files => {
    const files = new Map<string, Buffer>()
    for (const { secret, keys } of sources) {
      const data = read(secret) ?? {}
      for (const key of keys ?? Object.keys(data)) {
        const value = data[key]
        if (value !== undefined) files.set(key, Buffer.from(value, 'base64'))
      }
    }
    return volume.damage ? volume.damage(files) : files
  }
  const tick = () => {
    volume.sync()
    slow = setTimeout(tick, periodMs())
    slow.unref()
  }
  const volume: MountedVolume = {
    directory,
    damage: undefined,
    sync: () => {
      if (held) return false
      const swapped = writeAtomically(directory, collect())
      options.onSync?.(swapped)
      return swapped
    },
    hold: () => {
      held = true
    },
    release: () => {
      held = false
      volume.sync()
    },
    nudge: () => {
      clearTimeout(soon)
      soon = setTimeout(() => volume.sync(), nudgeMs)
    },
    stop: () => {
      clearTimeout(slow)
      clearTimeout(soon)
    },
  }
  tick()
  return volume
}

let swaps = 0

/** Replaces everything in the directory at one instant.
 *  @returns false when it holds exactly this already: then nothing is touched */
export function writeAtomically(directory: string, files: Files): boolean {
  const previous = readCurrent(directory)
  if (previous && isEqual(join(directory, previous), files)) return false
  const now = new Date().toISOString().replaceAll(/[-:T]/g, '_').slice(0, 19)
  const next = `..${now}.${process.pid}${String(++swaps).padStart(6, '0')}`
  mkdirSync(join(directory, next))
  for (const [name, content] of files) writeFileSync(join(directory, next, name), content)
  rmSync(join(directory, '..data_tmp'), { force: true })
  symlinkSync(next, join(directory, '..data_tmp'))
  renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
  const visible = new Set(readdirSync(directory).filter((name) => !name.startsWith('..')))
  for (const name of files.keys()) {
    if (!visible.delete(name)) symlinkSync(join('..data', name), join(directory, name))
  }
  for (const name of visible) rmSync(join(directory, name), { force: true })
  if (previous) rmSync(join(directory, previous), { recursive: true, force: true })
  return true
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
      names.length === files.size && names.every((name) => files.get(name)?.equals(readFileSync(join(directory, name))))
    )
  } catch {
    return false
  }
}
