import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { freePort } from '@nauthera/local/processes/ports'
import { root } from '@nauthera/local/processes/program'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { readDefinitions } from '@nauthera/stand-in/manifests'
import { Lacking, goBuild, goModule } from '../programs/support/prepare.ts'
import { startProgram, stopPrograms } from '../programs/support/running.ts'
import type { RunningProgram } from '../programs/support/running.ts'
import { fluxPage } from './support/page-blocks.ts'
import { makePrograms, runPage } from './support/run-blocks.ts'

// Each command of the tutorial, with Flux's own kustomize-controller: it applies what Git has, and asks our health expressions.

const source = 'ci/programs/flux'
const module = 'github.com/fluxcd/kustomize-controller'
const version = '1.9.6'
const namespace = 'flux-system'

/** The kinds of source-controller, which it watches. */
const sources = [
  ['gitrepositories', 'GitRepository'],
  ['ocirepositories', 'OCIRepository'],
  ['buckets', 'Bucket'],
].map(([plural, kind]) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.source.toolkit.fluxcd.io` },
  spec: {
    group: 'source.toolkit.fluxcd.io',
    scope: 'Namespaced',
    names: { plural, singular: kind!.toLowerCase(), kind },
    versions: [{ name: 'v1', served: true, storage: true, subresources: { status: {} } }],
  },
}))

describe('the tutorial about clients from Git', function () {
  this.timeout(600_000)
  let state: string
  let stack: Stack | undefined
  let remote: string
  let handOver: NodeJS.Timeout
  let archives: Server
  let controller: RunningProgram

  before(async function () {
    this.timeout(2_400_000)
    const prepared = await Promise.all([goBuild(source, module, version), goModule(source, module)]).catch(
      (error: unknown) => {
        if (!(error instanceof Lacking)) throw error
        process.stderr.write(`    the tutorial about clients from Git could not run: ${error.message}\n`)
        this.skip()
      },
    )
    const [command, folder] = prepared as [string, string]
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    state = mkdtempSync(join(root, '.nauthera/from-git-'))
    // the database's account is another one, and passes through
    chmodSync(state, 0o711)
    reapDirectory(state)
    stack = await startStack({
      directory: join(state, 'stack'),
      replicas: 3,
      namespaces: [namespace],
      definitions: [...readDefinitions(join(folder, 'config/crd/bases')), ...sources],
      // as the chart has it: nobody gets a token for an API that no object declares
      operatorSettings: { policy: {} },
    })
    remote = join(state, 'remote.git')
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', remote])
    archives = createServer((request, response) => response.end(archiveOf(request.url!.slice(1)))).listen(
      await freePort(),
      '127.0.0.1',
    )
    handOver = setInterval(() => void handOverCommit(stack!), 200)
    controller = startProgram({
      command,
      args: [`--metrics-addr=127.0.0.1:${await freePort()}`, `--health-addr=127.0.0.1:${await freePort()}`],
      env: { KUBECONFIG: stack.kubeconfig, RUNTIME_NAMESPACE: namespace },
    })
    await controller.line(/Starting workers/)
  })
  after(async () => {
    clearInterval(handOver)
    archives?.close()
    await stopPrograms()
    await stack?.stop()
  })

  /** Its files have the date of the commit, so it is the same each time. */
  const archiveOf = (commit: string): Buffer =>
    execFileSync('git', ['-C', remote, 'archive', '--format=tar.gz', commit])

  /** The part of source-controller: the newest commit becomes the artifact of the object. */
  async function handOverCommit({ api }: Stack): Promise<void> {
    const path = `/apis/source.toolkit.fluxcd.io/v1/namespaces/${namespace}/gitrepositories/clients`
    const { status, body } = await createKubeClient(api.adminConfig).call('GET', path)
    if (status !== 200) return
    const commit = execFileSync('git', ['-C', remote, 'rev-parse', 'main'], { encoding: 'utf8' }).trim()
    const revision = `main@sha1:${commit}`
    if (body.status?.artifact?.revision === revision) return
    const archive = archiveOf(commit)
    const address = archives.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const at = new Date().toISOString().replace(/\.\d+/, '')
    api.set({
      ...body,
      status: {
        observedGeneration: body.metadata.generation,
        artifact: {
          path: commit,
          url: `http://127.0.0.1:${port}/${commit}`,
          revision,
          digest: `sha256:${createHash('sha256').update(archive).digest('hex')}`,
          size: archive.length,
          lastUpdateTime: at,
        },
        conditions: [{ type: 'Ready', status: 'True', reason: 'Succeeded', message: revision, lastTransitionTime: at }],
      },
    })
  }

  it('does what its page says, with the controller of Flux', async () => {
    const directory = join(state, 'page')
    mkdirSync(directory)
    const programs = await makePrograms(join(state, 'bin'), stack!.serverSettings)
    // what a person has set up once
    const env = {
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'user.name',
      GIT_CONFIG_VALUE_0: 'Ada',
      GIT_CONFIG_KEY_1: 'user.email',
      GIT_CONFIG_VALUE_1: 'ada@example.com',
      remote,
    }
    const where = { directory, kubeconfig: stack!.kubeconfig, programs, env }
    await runPage(fluxPage, where, () => controller.lines.slice(-20))
  })
})
