// Reads the settings of the operators of a cluster, in the ConfigMap that the chart makes.
import { parse } from 'yaml'
import { isJsonRecord } from '@nauthera/runtime/json'
import { flagsOf, readObjects } from './cluster.ts'
import type { CallKubectl, ClusterAnswer, ClusterFlags } from './cluster.ts'

export type OperatorSettingsFile = Readonly<Record<string, unknown>>

/** @returns those of every release of the cluster */
export function readOperatorSettings(
  call: CallKubectl,
  where: ClusterFlags,
): ClusterAnswer<readonly OperatorSettingsFile[]> {
  const selector = 'app.kubernetes.io/name=nauthera,app.kubernetes.io/component=operator'
  const found = readObjects(call, ['configmaps', '--all-namespaces', '--selector', selector, ...flagsOf(where)])
  if (found.kind !== 'found') return found
  const value = found.value.flatMap(({ data }) => {
    const text = isJsonRecord(data) ? data['operator.yaml'] : undefined
    const settings: unknown = typeof text === 'string' ? parse(text) : undefined
    return isJsonRecord(settings) ? [settings] : []
  })
  return { kind: 'found', value }
}
