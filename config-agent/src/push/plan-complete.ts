// Decides when the server is told that its set is complete, which makes it ready. Pure.
import type { OperatorWord } from '../live/operator-word.ts'
import { compareAge } from '../snapshot.ts'
import type { ReadManifest, Ref } from '../snapshot.ts'

export type CompletePlan =
  | { readonly kind: 'send' }
  /** Nothing to send: there is no manifest, the server lacks a shard of it, or the server already knows. */
  | { readonly kind: 'nothing' }
  /** Held back until this moment of the monotonic clock, if there is one. */
  | { readonly kind: 'hold'; readonly until: number | undefined; readonly expected: string | undefined }

/** A starting server must not become ready with an old set: a newer secret may already be published. So it waits for the manifest that the
 *  operator expects, or 10 s without an operator. A ready server gets each new manifest at once. */
export function planComplete(state: {
  manifest: ReadManifest | undefined
  live: ReadonlyMap<number, Ref>
  /** What the server holds as complete; empty before the first. */
  serverManifestDigest: string
  word: OperatorWord
  now: number
  /** How long a starting server waits for an operator; 10 s. */
  wordlessMs: number
}): CompletePlan {
  const { manifest, live, word } = state
  if (!manifest || manifest.digest === state.serverManifestDigest) return { kind: 'nothing' }
  const isApplied = manifest.manifest.shards.every((entry) => {
    const has = live.get(entry.shard)
    if (!has) return false
    const age = compareAge(has, entry)
    return age > 0 || (age === 0 && has.digest === entry.digest)
  })
  if (!isApplied) return { kind: 'nothing' }
  if (state.serverManifestDigest !== '' || word.expected === manifest.digest) return { kind: 'send' }
  if (word.expected !== undefined) return { kind: 'hold', until: undefined, expected: word.expected }
  const until = word.lastWordAt + state.wordlessMs
  return state.now >= until ? { kind: 'send' } : { kind: 'hold', until, expected: undefined }
}
