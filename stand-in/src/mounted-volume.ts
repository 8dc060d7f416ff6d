// The kubelet's projected volume of Secrets: a directory that follows them.
import { mkdirSync } from 'node:fs'
import type { Files } from './atomic-writer.ts'
import { writeAtomically } from './atomic-writer.ts'

/** One source of the volume; every one is optional: absent Secrets and keys are left out. */
export interface VolumeSource {
  readonly secret: string
  /** Keys to show; default: all. */
  readonly keys?: readonly string[]
}

export interface MountedVolume {
  readonly directory: string
  /** Brings the directory up to date with the Secrets now, unless it is held.
   *  @returns whether `..data` was swapped */
  sync(): boolean
  /** From now on the directory stays as it is, whatever happens to the Secrets; `release` brings it up to date. */
  hold(): void
  release(): void
  /** Changes the files that are written, from the next sync on; undefined: as the Secrets are. */
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
  sources: readonly VolumeSource[]
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
      // a sync that is due is not put off: nudges may come faster than it takes
      soon ??= setTimeout(() => {
        soon = undefined
        volume.sync()
      }, nudgeMs)
    },
    stop: () => {
      clearTimeout(slow)
      clearTimeout(soon)
    },
  }
  tick()
  return volume
}
