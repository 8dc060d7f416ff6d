// The mounted file of the platform's keys. It is pushed when the manifest's key has signed it.
import { lstatSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '@nauthera/proto/digest'
import { isSignedBy } from '@nauthera/proto/file-signature'
import { platformKeysFile } from '@nauthera/proto/names'
import { notSigned } from '../snapshot.ts'
import type { SnapshotFault } from '../snapshot.ts'
import { readDataLink, readSignature } from './read-snapshot.ts'

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
  #fault: SnapshotFault | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** The newest one that was mounted; undefined before the first. When the file is removed, this stays. */
  get held(): MountedPlatformKeys | undefined {
    return this.#held
  }

  /** What is wrong with the file that is mounted now. */
  get faults(): readonly SnapshotFault[] {
    return this.#fault ? [this.#fault] : []
  }

  /** @param signedBy the key that the manifest names; without it nothing is accepted
   *  @returns whether there is something new. A file that cannot be read now is read again at the next change */
  readAgain(signedBy: Uint8Array | undefined): boolean {
    const found = this.#read()
    this.#fault = undefined
    if (!found || !signedBy) return false
    const digest = digestOf(found.file)
    if (digest === this.#held?.digest) return false
    if (!isSignedBy(signedBy, { name: platformKeysFile, digest }, found.signature)) {
      this.#fault = { shard: undefined, code: 'PLATFORM_KEYS_UNSIGNED', reason: notSigned }
      return false
    }
    this.#held = { file: found.file, digest }
    return true
  }

  #read(): { file: Uint8Array; signature: Uint8Array | undefined } | undefined {
    try {
      const target = readDataLink(this.#directory)
      if (target === undefined) return undefined
      const pinned = join(this.#directory, target)
      const path = join(pinned, platformKeysFile)
      const state = lstatSync(path, { throwIfNoEntry: false })
      if (!state?.isFile() || state.size > maxBytes) return undefined
      return { file: readFileSync(path), signature: readSignature(pinned, platformKeysFile) }
    } catch {
      return undefined
    }
  }
}
