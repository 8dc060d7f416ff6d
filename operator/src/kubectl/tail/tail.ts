// The command `tail`: follows the logs of operator, agents and servers together.
import type { Command } from 'commander'
import { isJsonRecord } from '@nauthera/runtime/json'
import { reportFault } from '../clients/report-fault.ts'
import { flagsOf, readClient, readObjects } from '../cluster.ts'
import type { ClusterFlags } from '../cluster.ts'
import { clusterFlags, clusterWideFlags, withClusterFlags } from '../terminal.ts'
import type { PluginSession } from '../terminal.ts'
import { LogMerge } from './merge-logs.ts'

type TailOptions = ClusterFlags & { readonly release?: string; readonly since: string; readonly follow: boolean }

/** How long a line waits for earlier ones of other pods. Milliseconds. */
const lateMs = 1_500

export function addTailCommand(program: Command, session: PluginSession): void {
  withClusterFlags(program.command('tail'))
    .description(
      'Follows the logs of operator, agents and servers together, in the order of time. Each line has the id of its change, which is the same in all of them. With a name, only what is about that client and its changes. It needs the right to read logs in the namespace of the release.',
    )
    .argument('[name]', 'the OIDCClient; without it, all')
    .option('--release <namespace/name>', 'the release, where there are several')
    .option('--since <duration>', 'what was logged before, too', '10s')
    .option('--no-follow', 'print what there is, and end')
    .addHelpText('after', '\nExample:\n  kubectl nauthera tail grafana -n monitoring --since 10m')
    .action(async (name: string | undefined, options: TailOptions) => {
      await tail(name, options, session)
    })
}

async function tail(name: string | undefined, options: TailOptions, session: PluginSession): Promise<void> {
  const { terminal, exit } = session
  const flags = clusterFlags(options)
  const client = name === undefined ? undefined : readClient(terminal.kubectl, name, flags)
  if (client !== undefined && client.kind !== 'found') return exit(reportFault(client, terminal))
  const release = options.release ?? client?.value.status?.servedBy ?? onlyRelease(flags, session)
  if (release === undefined) return
  const [namespace = '', instance = ''] = release.split('/')
  if (namespace === '' || instance === '') {
    terminal.error(`--release ${release}: must be <namespace>/<name>, as in auth/nauthera\n`)
    return exit(2)
  }
  const metadata = client?.value.metadata
  const merge = new LogMerge({
    client: metadata && `${metadata.namespace}/${metadata.name}`,
    isColoured: terminal.isColoured,
  })
  const selector = `app.kubernetes.io/name=nauthera,app.kubernetes.io/instance=${instance},app.kubernetes.io/component in (operator,server)`
  const what = ['logs', '--selector', selector, '--all-containers', '--prefix', '--timestamps', '--tail', '-1']
  const more = ['--max-log-requests', '200', '--since', options.since, ...(options.follow ? ['--follow'] : [])]
  let isOver = false
  const ended = terminal
    .stream([...what, ...more, ...flagsOf({ ...flags, namespace })], (line) => merge.push(line))
    .finally(() => (isOver = true))
  while (!isOver) {
    terminal.print(merge.flush(terminal.now() - lateMs))
    await Promise.race([ended, terminal.pause(300)])
  }
  terminal.print(merge.flush())
  const { code, stderr } = await ended
  if (code === 0) return
  terminal.error(`${stderr.trim()}\n`)
  exit(2)
}

/** @returns undefined when there is none or several, which has been said */
function onlyRelease(flags: ClusterFlags, { terminal, exit }: PluginSession): string | undefined {
  const where = clusterWideFlags(flags)
  const selector = 'app.kubernetes.io/name=nauthera,app.kubernetes.io/component=operator'
  const found = readObjects(terminal.kubectl, [
    'deployments',
    '--all-namespaces',
    '--selector',
    selector,
    ...flagsOf(where),
  ])
  if (found.kind !== 'found') {
    exit(reportFault(found, terminal, 'to list deployments in all namespaces, or give --release'))
    return undefined
  }
  const releases = [...new Set(found.value.map(({ metadata }) => releaseOf(metadata)))]
  if (releases.length === 1) return releases[0]
  const text = releases.length === 0 ? 'no release is installed' : `there are the releases ${releases.join(', ')}`
  terminal.error(`${text}: say which with --release\n`)
  exit(2)
  return undefined
}

/** @returns `<namespace>/<release>` */
function releaseOf(metadata: unknown): string {
  const { namespace, labels } = isJsonRecord(metadata) ? metadata : { namespace: '', labels: {} }
  const instance = isJsonRecord(labels) ? labels['app.kubernetes.io/instance'] : undefined
  return `${String(namespace)}/${String(instance)}`
}
