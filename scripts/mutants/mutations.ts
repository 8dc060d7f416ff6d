// Small wrong changes to one place of a source, as a slip of the hand makes them.
import { createHash } from 'node:crypto'

export interface Mutation {
  readonly file: string
  /** From 1 on. */
  readonly line: number
  readonly from: string
  readonly to: string
  /** Of `from` in the text of the file. */
  readonly offset: number
  /** Its line and the column: unlike the offset they stay when other lines move, so a seed chooses the change again. */
  readonly name: string
}

/** What is looked for -> what stands there instead. Signs have blanks around them, so that no arrow and no type is hit. */
const swaps: readonly (readonly [RegExp, (found: string) => string])[] = [
  [/ === /g, () => ' !== '],
  [/ !== /g, () => ' === '],
  [/ < /g, () => ' <= '],
  [/ <= /g, () => ' < '],
  [/ > /g, () => ' >= '],
  [/ >= /g, () => ' > '],
  [/ && /g, () => ' || '],
  [/ \|\| /g, () => ' && '],
  [/(?<=[([ ])!(?=[a-zA-Z(])/g, () => ''],
  [/\b(true|false)\b(?=[,;)}\n ])/g, (found) => (found === 'true' ? 'false' : 'true')],
  [/\.(some|every)\(/g, (found) => (found === '.some(' ? '.every(' : '.some(')],
  [/\bMath\.(min|max)\b/g, (found) => (found === 'Math.min' ? 'Math.max' : 'Math.min')],
]

/** Lines that say nothing about behaviour: comments, imports, types, and texts for people. */
const isSilent = (line: string): boolean =>
  /^\s*(\/\/|\/?\*|import |export \{|(export )?(type|interface) |\| |readonly )/.test(line) || /^\s*['"`]/.test(line)

/** @returns each mutation of a source that there is */
export function mutationsOf(file: string, text: string): Mutation[] {
  const mutations: Mutation[] = []
  let offset = 0
  for (const [index, line] of text.split('\n').entries()) {
    if (!isSilent(line))
      for (const [wanted, change] of swaps)
        for (const { 0: from, index: at } of withoutTexts(line).matchAll(wanted))
          mutations.push({ file, line: index + 1, from, to: change(from), offset: offset + at, name: `${line} ${at}` })
    offset += line.length + 1
  }
  return mutations
}

/** The line with blanks in the place of what stands in quotes. */
const withoutTexts = (line: string): string =>
  line.replaceAll(/'[^']*'|"[^"]*"|`[^`]*`|\/\/.*$/g, (found) => '_'.repeat(found.length))

/** @param seed the same one gives the same choice
 *  @returns some of them, spread over all */
export function chooseSome(mutations: readonly Mutation[], count: number, seed: string): Mutation[] {
  const rank = ({ file, name, to }: Mutation) =>
    createHash('sha256').update(`${seed} ${file} ${name} ${to}`).digest('hex')
  return mutations
    .map((mutation) => [rank(mutation), mutation] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .slice(0, count)
    .map(([, mutation]) => mutation)
}

export const applyTo = (text: string, { offset, from, to }: Mutation): string =>
  text.slice(0, offset) + to + text.slice(offset + from.length)
