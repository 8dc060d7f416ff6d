// Changes that no test could notice, each with the reason. They are not counted.
import type { Mutation } from './mutations.ts'

interface Equivalent {
  readonly file: string
  /** Of the line that is changed. */
  readonly part: string
  readonly from: string
  readonly why: string
}

const equivalents: readonly Equivalent[] = [
  {
    file: 'rules/src/distinguished-name.ts',
    part: 'for (let at = 0; at < text.length; at++)',
    from: '<',
    why: 'nothing stands behind the end, so one more turn does nothing',
  },
  {
    file: 'rules/src/distinguished-name.ts',
    part: 'if (equals < 0)',
    from: '<',
    why: 'a type without a letter is unknown all the same',
  },
  {
    file: 'operator/src/decide/secret/template.ts',
    part: 'while (at < template.length)',
    from: '<',
    why: 'nothing opens behind the end, so one more turn ends at once',
  },
  {
    file: 'operator/src/decide/client/restraint.ts',
    part: 'const unreadAccess',
    from: 'false',
    why: 'true is as unreadable as false where a list must be',
  },
  {
    file: 'operator/src/decide/secret/rotation-due.ts',
    part: 'isOpen: now >= earliest, missed',
    from: 'false',
    why: 'without a window a rotation is open as soon as it is due, and a missed one counts only while it is not',
  },
  {
    file: 'server/src/oidc/certificates/certificate-proof.ts',
    part: 'now() <= before.until',
    from: '<=',
    why: 'a certificate that is not remembered in its last millisecond is judged again, with the same result',
  },
]

/** @param line the text of the line that is changed */
export const isEquivalent = ({ file, from }: Mutation, line: string): boolean =>
  equivalents.some((one) => one.file === file && one.from === from.trim() && line.includes(one.part))
