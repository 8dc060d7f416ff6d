// Runs the commands of a page, as a person copies them from it.
import { spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { findKubectl } from '@nauthera/local/programs/kubectl'
import { findTool } from '@nauthera/local/programs/tools'
import { blocksOf, shellsOf, transcriptsOf, typedIn } from './page-blocks.ts'
import type { PageBlock } from './page-blocks.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

interface Where {
  /** An empty one, in which they run: examples and charts are put there. */
  readonly directory: string
  readonly kubeconfig: string
  /** A folder with the programs that they name. */
  readonly programs: string
  readonly env?: Readonly<Record<string, string>>
}

/** Runs the commands of a page in one shell, so that variables and functions of the first are there in the next one, and compares what they
 *  print with what the page says.
 *  @param lines more to show when one of them fails */
export async function runPage(page: string, where: Where, lines: () => readonly string[] = () => []): Promise<void> {
  await runBlocks(shellsOf(page), where, lines)
}

/** Runs these blocks of one page, likewise. */
export async function runBlocks(
  blocks: readonly PageBlock[],
  where: Where,
  lines: () => readonly string[] = () => [],
): Promise<void> {
  const { code, output } = await runInShell(blocks, where)
  expect(code, [output, ...lines()].join('\n')).to.equal(0)
  const page = blocks[0]!.page
  for (const { after, printed } of transcriptsOf(blocksOf(page))) {
    if (!blocks.some(({ line }) => line === after)) continue
    const [said = ''] = (output.split(`-- line ${after}\n`)[1] ?? '').split(/^-- line /m)
    for (const line of printed) expect(said).to.match(line)
  }
}

async function runInShell(
  blocks: readonly PageBlock[],
  { directory, kubeconfig, programs, env }: Where,
): Promise<{ code: number | null; output: string }> {
  const script = blocks.map((block) => `echo "-- line ${block.line}"\n${typedIn(block)}`).join('\n')
  for (const folder of ['examples', 'charts']) symlinkSync(join(root, folder), join(directory, folder))
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...env,
      HOME: directory,
      KUBECONFIG: kubeconfig,
      PATH: [programs, process.env['PATH']].join(delimiter),
    },
  })
  reapProcess(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, output }
}

/** Makes the programs that the pages name. @param settings of a server, in a file @returns their folder */
export async function makePrograms(programs: string, settings: string): Promise<string> {
  mkdirSync(programs)
  const write = (name: string, command: string) =>
    writeFileSync(join(programs, name), `#!/bin/sh\n${command}\n`, { mode: 0o755 })
  const node = (script: string) => `exec '${process.execPath}' '${join(root, script)}'`
  symlinkSync(await findKubectl(), join(programs, 'kubectl'))
  symlinkSync(await findTool('helm4'), join(programs, 'helm'))
  write('nauthera', `export NAUTHERA_SETTINGS='${settings}'\n${node('server/src/cli/main.ts')} "$@"`)
  write('kubectl-nauthera', `${node('operator/src/kubectl/main.ts')} "$@"`)
  // the one call of it that a page has: yq -o=json . FILE
  write('yq', `${node('node_modules/yaml/bin.mjs')} --json --single < "$3"`)
  return programs
}
