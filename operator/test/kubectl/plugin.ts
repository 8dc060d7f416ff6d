// The plugin with a kubectl, files and a clock of the test.
import { readFileSync } from 'node:fs'
import { runCommand } from '../../src/kubectl/command.ts'
import type { PluginTerminal } from '../../src/kubectl/terminal.ts'

const root = new URL('../../../', import.meta.url)

export const pluginNow = Date.parse('2026-01-01T12:00:00Z')

export const kubectlGives = (value: object) => ({ code: 0, stdout: JSON.stringify(value), stderr: '' })
export const kubectlRefuses = (why: 'NotFound' | 'Forbidden', text = 'x "app" is so') => ({
  code: 1,
  stdout: '',
  stderr: `E1130 05:22:53.9 memcache.go:265] "Unhandled"\nError from server (${why}): ${text}\n`,
})

/** @param world.files by the path that the command names; others are of the repository */
export async function runPlugin(
  args: readonly string[],
  world: Partial<PluginTerminal> & { readonly files?: Readonly<Record<string, string>> } = {},
) {
  let [out, error] = ['', '']
  let passedMs = 0
  const calls: string[] = []
  const { files = {}, kubectl, ...rest } = world
  const code = await runCommand(args, {
    version: '0.1.0',
    read: (path) => files[path] ?? readFileSync(new URL(path, root), 'utf8'),
    out: (text) => (out += text),
    error: (text) => (error += text),
    now: () => pluginNow + passedMs,
    pause: async (ms) => void (passedMs += ms),
    kubectl: (called, input) => {
      calls.push(called.join(' '))
      return kubectl?.(called, input) ?? { code: undefined, stdout: '', stderr: '' }
    },
    isColoured: false,
    print: (text) => (out += text),
    stream: async () => ({ code: undefined, stderr: '' }),
    ...rest,
  })
  return { code, out, error, calls }
}
