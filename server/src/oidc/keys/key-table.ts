// Reads the table of keys for a ring: with its time, the names of what does not open, and whether anything may be made by it.
import type { CodedError } from '@nauthera/runtime/coded-error'
import type { Log } from '@nauthera/runtime/log'
import type { GaugeOf } from '@nauthera/runtime/metrics'
import { aheadBy, clockFault } from '../../store/clock.ts'
import { isCut } from '../../store/tokens/keys.ts'
import type { KeyList, KeySummary, Keys, UnreadableKey } from '../../store/tokens/keys.ts'
import { lineOf } from './key-set.ts'
import { pairwiseLine } from './states.ts'

interface Needs {
  readonly keys: Pick<Keys, 'list'>
  /** Those that this process uses. */
  readonly lines: readonly string[]
  /** Epoch milliseconds, of this process: compared with those of the database, and nothing else. */
  readonly now: () => number
  readonly monotonicNow?: (() => number) | undefined
  readonly log: Log
  readonly unreadable: GaugeOf | undefined
}

export class KeyTable {
  readonly #needs: Needs
  /** Epoch milliseconds by the clock of the database, and when that was, by the steady clock here. */
  #read: { readonly at: number; readonly steady: number } | undefined
  /** Those that were named as unreadable. */
  #named = ''

  constructor(needs: Needs) {
    this.#needs = needs
  }

  /** @returns `doubt`: why nothing may be planned by this list, nor anything be made */
  async list(): Promise<{ list: KeyList; doubt: CodedError | undefined }> {
    const { keys, lines, now } = this.#needs
    const before = now()
    const list = await keys.list()
    const aheadMs = aheadBy({ before, at: list.at, after: now() })
    this.#name(list.unreadable)
    return { list, doubt: clockFault(aheadMs) ?? ringFault(list, lines) }
  }

  /** From now on `now` goes on from there. @param at of a list without doubt */
  setTime(at: number): void {
    this.#read = { at, steady: this.#steadyNow() }
  }

  /** Epoch milliseconds by the clock of the database, as far as it is known. @throws TypeError before the first `setTime` */
  now(): number {
    if (this.#read === undefined) throw new TypeError('the key ring is not loaded yet: call load first')
    return this.#read.at + this.#steadyNow() - this.#read.steady
  }

  #steadyNow(): number {
    return this.#needs.monotonicNow?.() ?? performance.now()
  }

  /** Once, not at each read. */
  #name(unreadable: readonly UnreadableKey[]): void {
    this.#needs.unreadable?.set(unreadable.length)
    const named = unreadable.map(({ id }) => id).join(' ')
    if (named === this.#named) return
    this.#named = named
    for (const { id: key, use, alg, fault: error } of unreadable)
      this.#needs.log.error({ key, use, alg, error }, 'a key in the database does not open; it is left as it is')
  }
}

/** Tells a damaged row from a ring of key-encryption keys that is not the right one: a key that all replicas use now does not open here, and nothing
 *  else that the same key-encryption key encrypts does. Then the others may have the right ring, and what this process made would not open
 *  there. Where another row opens, the ring is right, and the row is damaged.
 *  @returns why that key does not open; undefined when the ring may be used */
function ringFault({ opened, unreadable, at }: KeyList, lines: readonly string[]): CodedError | undefined {
  // one that was cut off is not opened: it proves nothing
  const proved = new Set(opened.filter((key) => !isCut(key)).map(({ encryptedBy }) => encryptedBy))
  const suspects = unreadable.filter(({ encryptedBy }) => !proved.has(encryptedBy))
  const all = [...opened, ...unreadable].filter(({ use }) => use !== 'file')
  return suspects.find((key) => {
    const line = lineOf(key)
    return line !== pairwiseLine && lines.includes(line) && newestAt(all, line, at)?.id === key.id
  })?.fault
}

/** The key of a line that is active by its times; where all are too new, the first. */
function newestAt(keys: readonly KeySummary[], line: string, at: number): KeySummary | undefined {
  const ofLine = keys.filter((key) => lineOf(key) === line).toSorted((one, other) => +one.activeAt - +other.activeAt)
  return ofLine.findLast(({ activeAt }) => +activeAt <= at) ?? ofLine[0]
}
