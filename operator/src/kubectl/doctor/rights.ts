// Which rights the commands need, and how to get those that a person lacks.
import { clientKind } from '../cluster.ts'
import type { DoctorCheck } from './checks.ts'

export interface NeededRight {
  readonly verb: string
  readonly resource: string
  readonly where: 'namespace' | 'cluster'
  /** The commands that need it. */
  readonly for: string
}

export const neededRights: readonly NeededRight[] = [
  { verb: 'get', resource: clientKind, where: 'namespace', for: 'why, rotate, secret' },
  { verb: 'list', resource: clientKind, where: 'namespace', for: 'list' },
  { verb: 'patch', resource: clientKind, where: 'namespace', for: 'rotate, suspend, resume' },
  { verb: 'get', resource: 'secrets', where: 'namespace', for: 'secret, and why to compare it' },
  { verb: 'list', resource: clientKind, where: 'cluster', for: 'list -A, policy test' },
  { verb: 'list', resource: 'oidcpolicies.auth.nauthera.io', where: 'cluster', for: 'policy test' },
  { verb: 'list', resource: 'namespaces', where: 'cluster', for: 'policy test' },
]

/** Rights in the namespace are what a developer needs; those in the cluster are for who runs it, so to lack them is no fault.
 *  @param answers `isAllowed` is undefined where the API did not say */
export function checkRights(
  answers: readonly { readonly right: NeededRight; readonly isAllowed: boolean | undefined }[],
  { namespace, who }: { readonly namespace: string; readonly who: string | undefined },
): readonly DoctorCheck[] {
  return (['namespace', 'cluster'] as const).map((where) => {
    const here = answers.filter(({ right }) => right.where === where)
    const missing = here.filter(({ isAllowed }) => isAllowed === false).map(({ right }) => right)
    const place = where === 'namespace' ? `in namespace ${namespace}` : 'in the whole cluster'
    const you = who === undefined ? 'you' : `you (${who})`
    if (here.some(({ isAllowed }) => isAllowed === undefined))
      return {
        what: 'rights',
        state: 'unknown',
        text: `this API does not say what ${you} may do ${place} (kubectl auth can-i); a command that lacks a right says so`,
      }
    if (missing.length === 0)
      return { what: 'rights', state: 'ok', text: `${you} have all that the commands need ${place}` }
    const lacking = missing.map(({ verb, resource, for: commands }) => `${verb} ${resource} (${commands})`)
    return {
      what: 'rights',
      state: where === 'namespace' ? 'missing' : 'unknown',
      text: `${you} may not, ${place}: ${lacking.join('; ')}`,
      cure: grantWords(missing, where, namespace, who),
    }
  })
}

/** What somebody who may do so types. */
function grantWords(
  missing: readonly NeededRight[],
  where: NeededRight['where'],
  namespace: string,
  who: string | undefined,
): string {
  const [role, flag] = where === 'namespace' ? ['role', ` -n ${namespace}`] : ['clusterrole', '']
  const roles = [...Map.groupBy(missing, ({ resource }) => resource)].map(([resource, rights]) => {
    const name = `nauthera-${resource.split('.')[0]}`
    const verbs = rights.map(({ verb }) => verb).join()
    return [
      `kubectl create ${role} ${name}${flag} --verb=${verbs} --resource=${resource}`,
      `kubectl create ${role}binding ${name}${flag} --${role}=${name} ${subjectOf(who)}`,
    ]
  })
  return roles.flat().join('\n')
}

/** The subject of a binding for a person or a ServiceAccount. */
function subjectOf(who = 'NAME'): string {
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(who)
  return account ? `--serviceaccount=${account[1]}:${account[2]}` : `--user=${quoted(who)}`
}

const quoted = (text: string): string =>
  /^[\w.@:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
