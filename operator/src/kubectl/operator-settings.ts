// Reads the settings of the operators of releases, in the ConfigMaps that the chart makes. They are asked for by name and namespace: anybody
// can put the labels of a release on a ConfigMap of their own.
import { createHash } from 'node:crypto'
import { parse } from 'yaml'
import { isJsonRecord } from '@nauthera/runtime/json'
import { flagsOf, readObject } from './cluster.ts'
import type { CallKubectl, ClusterAnswer, ClusterFlags } from './cluster.ts'

export type OperatorSettingsFile = Readonly<Record<string, unknown>>

/** @param releases as `status.servedBy` of a client has them: `<namespace>/<release>`
 *  @returns the settings of each, in that order; a fault when those of one cannot be read */
export function readOperatorSettings(
  call: CallKubectl,
  where: ClusterFlags,
  releases: readonly string[],
): ClusterAnswer<readonly OperatorSettingsFile[]> {
  const value: OperatorSettingsFile[] = []
  for (const release of releases) {
    const [namespace = '', name = ''] = release.split('/')
    const found = readObject(call, ['configmap', configMapOf(name), ...flagsOf({ ...where, namespace })])
    if (found.kind !== 'found') return found
    const settings = settingsIn(found.value['data'])
    if (settings === undefined) return { kind: 'failed', message: `the settings of the release ${release} are damaged` }
    value.push(settings)
  }
  return { kind: 'found', value }
}

function settingsIn(data: unknown): OperatorSettingsFile | undefined {
  const text = isJsonRecord(data) ? data['operator.yaml'] : undefined
  if (typeof text !== 'string') return undefined
  try {
    const settings: unknown = parse(text)
    return isJsonRecord(settings) ? settings : undefined
  } catch {
    return undefined
  }
}

/** The longest name of a ConfigMap here. */
const longest = 63

/** As `nauthera.operator.name` of the chart: a long name is cut, with its digest. */
function configMapOf(release: string): string {
  const suffix = '-operator'
  if (release.length + suffix.length <= longest) return `${release}${suffix}`
  const digest = createHash('sha256').update(release).digest('hex').slice(0, 8)
  const room = longest - suffix.length - digest.length - 1
  return `${release.slice(0, room).replace(/-$/, '')}-${digest}${suffix}`
}
