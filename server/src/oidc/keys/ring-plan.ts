// What a ring has to do to the table of keys, for those that are made here and those of a file.
import type { SigningAlgorithm } from '@nauthera/rules/algorithms'
import type { Log } from '@nauthera/runtime/log'
import { isCut } from '../../store/tokens/keys.ts'
import type { KeyList, KeyWriter } from '../../store/tokens/keys.ts'
import type { FileKeys } from './key-file.ts'
import { signingLine } from './key-set.ts'
import { planFile, planKeys } from './states.ts'
import type { FilePlan, KeyPlan, KeyPolicy } from './states.ts'
import { carryOut, carryOutFile, toRing } from './stored-keys.ts'
import type { MintKey } from './stored-keys.ts'

export interface RingPlan {
  readonly own: KeyPlan
  readonly file: FilePlan
}

interface About {
  /** Of keys that are made here. */
  readonly lines: readonly string[]
  readonly policy: KeyPolicy
  /** Lines whose next key is wanted now. */
  readonly forced?: ReadonlySet<string> | undefined
  readonly log: Log
}

/** By the rows, and by their time. */
export function planRing(list: KeyList, inFile: FileKeys, { lines, policy, forced, log }: About): RingPlan {
  const keys = toRing(list, { inFile }, log)
  const cut = new Set([...list.opened, ...list.unreadable].filter(isCut).map(({ id }) => id))
  const listed = inFile.listed.filter(({ kid }) => !cut.has(kid))
  const ofFile = listed.map(({ kid, alg }) => ({ id: kid, line: signingLine(alg) }))
  return {
    own: planKeys(keys, lines, list.at, policy, forced),
    file: planFile(ofFile, keys, list.at, policy),
  }
}

export const isDone = ({ own, file }: RingPlan): boolean =>
  own.create.length + own.remove.length + own.leave.length + file.add.length + file.keep.length === 0

/** @param about.now of the list that was planned by */
export async function carryOutRing(
  plan: RingPlan,
  inFile: FileKeys,
  writer: KeyWriter,
  { mint, now, policy }: { mint: MintKey; now: number; policy: KeyPolicy },
): Promise<void> {
  await carryOut(plan.own, writer, mint)
  const until = ({ alg }: { alg: SigningAlgorithm }) => new Date(now + policy.retireFor(signingLine(alg)))
  await carryOutFile(plan.file, inFile.listed, until, writer)
}
