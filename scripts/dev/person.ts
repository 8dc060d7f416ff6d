import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import type { Stack } from '@nauthera/local/product/stack'
import { demo } from './demo.ts'

/** Adds the person that can sign in, unless an earlier run did.
 *  @returns the password */
export async function addPerson(stack: Stack, directory: string): Promise<string> {
  const file = join(directory, 'password')
  if (existsSync(file)) return readFileSync(file, 'utf8')
  const password = randomBytes(9).toString('base64url')
  const settings = ['--settings', stack.serverSettings]
  const about = ['--email', `${demo.person}@example.com`, '--email-verified', '--name', 'Ada', '--group', 'admins']
  await runToEnd({
    name: `nauthera users add ${demo.person}`,
    script: 'server/src/cli/main.ts',
    args: ['users', 'add', demo.person, ...about, '--password-stdin', ...settings],
    input: password,
  })
  writeFileSync(file, password, { mode: 0o600 })
  return password
}
