import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import type { Stack } from '@nauthera/local/product/stack'
import { demo } from './demo.ts'

/** @returns what `nauthera users add` takes for a person of this name, and more */
export const nameOf = (given: string, family: string, ...more: readonly string[]): readonly string[] => [
  '--name',
  `${given} ${family}`,
  '--claim',
  `given_name=${given}`,
  `family_name=${family}`,
  ...more,
]

/** Adds a person who can sign in, unless an earlier run did.
 *  @param about what `nauthera users add` takes beside the password
 *  @returns the password */
export async function addPerson(
  stack: Pick<Stack, 'serverSettings'>,
  directory: string,
  { name, about }: { name: string; about: readonly string[] },
): Promise<string> {
  const file = join(directory, name === demo.person ? 'password' : `password-${name}`)
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const password = randomBytes(9).toString('base64url')
  const address = ['--email', `${name}@example.com`, '--email-verified']
  await runToEnd({
    name: `nauthera users add ${name}`,
    script: 'server/src/cli/main.ts',
    args: ['users', 'add', name, ...address, ...about, '--password-stdin', '--settings', stack.serverSettings],
    input: password,
  })
  writeFileSync(file, password, { mode: 0o600 })
  return password
}
