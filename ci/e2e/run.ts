// npm run e2e: the product on a real Kubernetes. Starts one itself, or uses the one of KUBECONFIG with NAUTHERA_E2E_CLUSTER=existing.
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { missingForCluster, startCluster } from './cluster.ts'

const usage = `Usage: npm run e2e [-- [--grep TEXT] [FILE ...]]

  --grep TEXT  only tests whose title has the text
  FILE ...     these files only; default: ci/e2e/*.e2e.ts

NAUTHERA_E2E_CLUSTER=existing runs on the cluster that KUBECONFIG names; the tests clean up after themselves there.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { grep: { type: 'string' }, help: { type: 'boolean', default: false } },
})
if (values.help) {
  process.stdout.write(usage)
  process.exit(0)
}

const say = (line: string): void => void process.stderr.write(`e2e: ${line}\n`)
const useExisting = process.env['NAUTHERA_E2E_CLUSTER'] === 'existing'
const missing = useExisting
  ? process.env['KUBECONFIG']
    ? undefined
    : 'NAUTHERA_E2E_CLUSTER=existing needs KUBECONFIG'
  : missingForCluster()
if (missing !== undefined) {
  say(`no cluster: ${missing}. To use another one: NAUTHERA_E2E_CLUSTER=existing KUBECONFIG=FILE npm run e2e`)
  process.exit(1)
}

const cluster = useExisting ? undefined : await startCluster(say)
const kubeconfig = cluster?.kubeconfig ?? process.env['KUBECONFIG']!
const files = positionals.length > 0 ? positionals : ['ci/e2e/*.e2e.ts']
const filter = values.grep === undefined ? [] : ['--fgrep', values.grep]
const mocha = spawn(
  process.execPath,
  [
    'node_modules/mocha/bin/mocha.js',
    '--no-config',
    '--forbid-only',
    '--timeout',
    '60000',
    '--reporter',
    'scripts/reporter.mjs',
    ...filter,
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, NODE_ENV: 'test', KUBECONFIG: kubeconfig } },
)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => mocha.kill('SIGTERM'))
const code = await new Promise<number>((resolve) => mocha.once('exit', (status) => resolve(status ?? 1)))
await cluster?.down()
process.exit(code)
