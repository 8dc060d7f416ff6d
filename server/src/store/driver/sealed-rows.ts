// Goes through rows with something encrypted. One that does not open is named and left: it keeps no other one from its turn.
import type { CodedError } from '@nauthera/runtime/coded-error'
import type { KeyEncryptionRing, Sealed } from './envelope.ts'

export interface SealedRow extends Sealed {
  readonly id: string
}

export interface UnreadableRow {
  readonly id: string
  readonly fault: CodedError
}

/** The rows of one table. */
export interface SealedRows {
  /** Some of those that come after an id, in the order of their ids: undefined begins, an empty page ends.
   *  @param but leaves out what this key encrypts */
  page(after: string | undefined, but: string): Promise<readonly SealedRow[]>
  /** Does nothing where the row has changed since. */
  replace(row: SealedRow, box: Buffer, keyId: string): Promise<void>
}

export interface Reencrypted {
  /** How many rows. */
  readonly done: number
  /** Those that do not open. */
  readonly left: readonly UnreadableRow[]
}

/** Encrypts again what the current key of the ring does not encrypt. */
export async function reencryptRows(ring: KeyEncryptionRing, rows: SealedRows): Promise<Reencrypted> {
  let done = 0
  const left: UnreadableRow[] = []
  for await (const row of each(rows, ring.currentId)) {
    const opened = ring.open(row)
    if ('fault' in opened) left.push({ id: row.id, fault: opened.fault })
    else {
      const { box, keyId } = ring.encrypt(opened.plain, row.boundTo)
      await rows.replace(row, box, keyId)
      done++
    }
  }
  return { done, left }
}

/** @returns the ids of the rows that no key of the ring opens */
export async function unreadableIds(ring: KeyEncryptionRing, rows: Pick<SealedRows, 'page'>): Promise<string[]> {
  const ids: string[] = []
  for await (const row of each(rows, '')) if ('fault' in ring.open(row)) ids.push(row.id)
  return ids
}

async function* each({ page }: Pick<SealedRows, 'page'>, but: string): AsyncGenerator<SealedRow> {
  let after: string | undefined
  for (;;) {
    const rows = await page(after, but)
    if (rows.length === 0) return
    yield* rows
    after = rows.at(-1)!.id
  }
}
