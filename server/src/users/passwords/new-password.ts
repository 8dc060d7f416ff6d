// Reads a new password from a form, and describes its faults for the page.
import type { Mistake } from '../../reply/on-page.ts'
import { passwordLength } from './passwords.ts'
import type { PasswordFault } from './passwords.ts'

/** @param form with the fields `new-password` and `repeat-password`
 *  @returns the password, and what is wrong before its rules are asked */
export function readNewPassword(form: URLSearchParams): {
  readonly next: string
  readonly mistakes: readonly Mistake[]
} {
  const next = form.get('new-password') ?? ''
  if (next === '') return { next, mistakes: [{ key: 'new-password-missing', control: 'new-password' }] }
  const isRepeated = next === form.get('repeat-password')
  return { next, mistakes: isRepeated ? [] : [{ key: 'passwords-differ', control: 'repeat-password' }] }
}

/** What the rules have against it. */
export const ruleMistakes = (faults: readonly PasswordFault[]): Mistake[] =>
  faults.map(({ code }) => ({ key: `password-${code}`, control: 'new-password', values: passwordLength }))
