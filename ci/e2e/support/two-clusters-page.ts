// The commands of docs/tutorials/two-clusters.md, as a reader types them. What a reader has and this run has not is played here: kind and
// Docker, two contexts in one kubeconfig, and the kubelet for which `helm --wait` waits.
import { spawn } from 'node:child_process'
import { mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect } from 'chai'
import { readOutput } from '@nauthera/local/processes/read-output'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { findTool } from '@nauthera/local/programs/tools'
import { blocksOf, lineLike } from '../../test/support/page-blocks.ts'
import { whenLoaded } from '../later.ts'
import { kubectl, root } from './kubernetes.ts'
import { pluginDirectory } from './plugin.ts'

const page = 'docs/tutorials/two-clusters.md'

/** Passes a context on as the kubeconfig of that cluster, and leaves out what only a node could do. */
const wrapper = (program: string, added: readonly string[]) => `#!/bin/bash
args=()
while [ $# -gt 0 ]; do
  case "$1" in
    --context|--kube-context) [ "$2" != kind-berlin ] || args+=(--kubeconfig "$SECOND"); shift 2 ;;
    --wait) shift ;;
    *) args+=("$1"); shift ;;
  esac
done
exec '${program}' "\${args[@]}" ${added.map((word) => `'${word}'`).join(' ')}
`

interface PageOfTwoClusters {
  /** Runs the first block that has this text. @throws AssertionError when it fails, or prints another thing than the page says */
  run(text: string): Promise<void>
}

/** @param about.install what this run adds to `helm upgrade` */
export async function openTwoClustersPage(about: {
  readonly second: string
  readonly install: readonly string[]
}): Promise<PageOfTwoClusters> {
  await whenLoaded('plugin')
  const directory = mkdtempSync(join(root, '.nauthera/e2e-two-clusters-'))
  reapDirectory(directory)
  const server = await kubectl('config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}')
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text, { mode: 0o755 })
  symlinkSync(await findTool('kubectl'), join(directory, 'kubectl-itself'))
  write('kubectl', wrapper(join(directory, 'kubectl-itself'), []))
  write('helm', wrapper(await findTool('helm4'), about.install))
  write('docker', `#!/bin/sh\necho '${new URL(server).hostname}'\n`)
  write('kind', '#!/bin/sh\n')
  const shells = blocksOf(page)
  return {
    run: async (text) => {
      const index = shells.findIndex((block) => block.language === 'sh' && block.text.includes(text))
      const child = spawn('bash', ['-euo', 'pipefail', '-c', shells[index]!.text], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 180_000,
        env: {
          HOME: directory,
          SECOND: about.second,
          KUBECONFIG: process.env['KUBECONFIG'],
          PATH: [directory, pluginDirectory, process.env['PATH']].join(delimiter),
        },
      })
      const { code, stdout, stderr } = await readOutput(child)
      expect(code, `${text}: ${stdout}${stderr}`).to.equal(0)
      const printed = shells[index + 1]?.language === 'text' ? shells[index + 1]!.text : ''
      for (const line of printed.split('\n').filter((one) => one !== '')) expect(stdout).to.match(lineLike(line))
    },
  }
}
