// The file of the platform's keys in the mount. It stands for itself: no manifest names it, and it is pushed as it comes.
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '@nauthera/proto/digest'
import { platformKeysFile } from '@nauthera/proto/names'
import { readDataLink } from './read-snapshot.ts'

/** A Secret holds 1 MiB. Bytes. */
const maxBytes = 1024 * 1024

export interface MountedPlatformKeys {
  readonly file: Uint8Array
  /** SHA-256, hex. */
  readonly digest: string
}

export class PlatformKeys {
  readonly #directory: string
  #held: MountedPlatformKeys | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The newest that was mounted; undefined before the first. A file that went away takes nothing away. */
  get held(): MountedPlatformKeys | undefined {
    return this.#held
  }

  /** @returns whether there is something new. What cannot be read now is looked at again with the next change */
  look(): boolean {
    const file = this.#read()
    const digest = file && digestOf(file)
    if (file === undefined || digest === undefined || digest === this.#held?.digest) return false
    this.#held = { file, digest }
    return true
  }

  #read(): Uint8Array | undefined {
    try {
      const target = readDataLink(this.#directory)
      if (target === undefined) return undefined
      const path = join(this.#directory, target, platformKeysFile)
      const state = lstatSync(path, { throwIfNoEntry: false })
      return state?.isFile() && state.size <= maxBytes ? readFileSync(path) : undefined
    } catch {
      return undefined
    }
  }
}
