import { mkdir, readFile, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isConfirmed } from './accept-snapshot.ts'
import { parseManifest, parseShard } from './parse-files.ts'
import { compareAge } from '../snapshot.ts'
import type { HeldShards, ReadManifest, ReadShard } from '../snapshot.ts'
import { writeFileAtomically } from '../write-file.ts'

/** Writes the held shards to disk, for an agent that restarts in the same pod. */
export interface LastGood {
  /** Reads what an earlier agent wrote. A file that does not match the digest in its name is left out. */
  load(): Promise<HeldShards>
  /** Writes what is new in `held`.
   *  @throws an error when the directory cannot be written */
  write(held: HeldShards): Promise<void>
}

/** A file's name carries its digest, so that one rename replaces content and digest together. */
const shardName = (shard: ReadShard): string =>
  `${String(shard.ref.shard).padStart(2, '0')}.${shard.ref.digest}.json.gz`
const manifestName = (manifest: ReadManifest): string => `manifest.${manifest.digest}.json`
const ours = /^(?:(\d\d)\.[0-9a-f]{64}\.json\.gz|manifest\.[0-9a-f]{64}\.json)(?:\.[0-9a-f]{8}\.tmp)?$/

export function createLastGood(directory: string): LastGood {
  return {
    load: async () => {
      const shards = new Map<number, ReadShard>()
      const manifests: ReadManifest[] = []
      for (const name of await readdir(directory).catch(() => [])) {
        const match = ours.exec(name)
        if (!match || name.endsWith('.tmp')) continue
        try {
          const file = await readFile(join(directory, name))
          if (match[1] === undefined) {
            const manifest = parseManifest(file)
            if (manifestName(manifest) === name) manifests.push(manifest)
            continue
          }
          const shard = parseShard(Number(match[1]), file)
          const other = shards.get(shard.ref.shard)
          const isNewer = !other || compareAge(shard.ref, other.ref) > 0
          if (shardName(shard) === name && isNewer) shards.set(shard.ref.shard, shard)
        } catch {
          // a damaged file counts as absent
        }
      }
      // Two exist only after a crash between writing the new one and removing the old one.
      const manifest = manifests.find((each) => isConfirmed({ shards, manifest: each })) ?? manifests[0]
      return { shards, manifest }
    },
    write: async ({ shards, manifest }) => {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const files = new Map<string, Uint8Array>([...shards.values()].map((shard) => [shardName(shard), shard.file]))
      if (manifest) files.set(manifestName(manifest), manifest.file)
      const present = new Set(await readdir(directory))
      for (const [name, content] of files) {
        if (!present.has(name)) await writeFileAtomically(join(directory, name), content, 0o600)
      }
      for (const name of present) {
        if (ours.test(name) && !files.has(name)) await unlink(join(directory, name)).catch(() => undefined)
      }
    },
  }
}

/** Writes the held shards in the background, while the next snapshot is read. */
export interface Keeper {
  /** Writes run one after the other; of those that wait, only the newest is written. */
  write(held: HeldShards): void
  /** Resolves when nothing waits any more. */
  waitUntilWritten(): Promise<void>
}

/** @param onFault called at the first failed write of a series */
export function createKeeper(lastGood: LastGood, onFault: (error: unknown) => void): Keeper {
  let works = true
  let waiting: HeldShards | undefined
  let running: Promise<void> | undefined
  const keepWaiting = async () => {
    while (waiting !== undefined) {
      const held = waiting
      waiting = undefined
      try {
        await lastGood.write(held)
        works = true
      } catch (error) {
        if (works) onFault(error)
        works = false
      }
    }
    // at once: a later call starts a new run
    running = undefined
  }
  return {
    write: (held) => {
      waiting = held
      running ??= keepWaiting()
    },
    waitUntilWritten: async () => {
      await running
    },
  }
}
