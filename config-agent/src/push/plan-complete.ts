// When a server may learn that its set is complete, and so may turn ready. Pure.
import type { OperatorWord } from '../live/operator-word.ts'
import { compareAge } from '../snapshot.ts'
import type { ReadManifest, Ref } from '../snapshot.ts'

export type CompletePlan =
  | { readonly kind: 'send' }
  /** Nothing to send: no manifest, or shards of it are still to be applied, or the server knows. */
  | { readonly kind: 'nothing' }
  /** Held back; look again at this moment of the monotonic clock, when there is one. */
  | { readonly kind: 'hold'; readonly until: number | undefined; readonly expected: string | undefined }

/** A server that holds no complete set yet must not turn ready with an old one beside a secret that is already
 *  published: it gets the manifest that the operator expects, or any complete one after 10 s without word. A server
 *  that is ready already is told of every new one at once. */
export function planComplete(state: {
  manifest: ReadManifest | undefined
  live: ReadonlyMap<number, Ref>
  /** What the server holds as complete; empty before the first. */
  serverManifestDigest: string
  word: OperatorWord
  now: number
  /** How long a server that starts waits for an operator to speak; 10 s. */
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
