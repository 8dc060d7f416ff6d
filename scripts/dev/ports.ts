import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { holdFreePort, holdPort } from '@nauthera/local/processes/ports'
import type { HeldPort } from '@nauthera/local/processes/ports'
import { samplePort } from './sample.ts'

/** Taken from the start on, so that nobody else gets them while PostgreSQL and the others begin. */
export interface DevPorts {
  readonly issuer: HeldPort
  readonly sample: HeldPort
  readonly api: HeldPort
  readonly inbox: HeldPort
  /** Of the second Nauthera, where there is one. */
  readonly upstream: HeldPort | undefined
  readonly pods: readonly HeldPort[]
  release(): Promise<void>
}

interface KeptPorts {
  readonly issuer: number
  readonly sample: number
  readonly api: number
  readonly inbox: number
  /** Undefined until there was one. */
  readonly upstream: number | undefined
  readonly pods: readonly number[]
}

const usual: KeptPorts = { issuer: 8080, sample: samplePort, api: 6443, inbox: 8025, upstream: undefined, pods: [] }

/** @param file where the ports are kept for the next start; undefined: nowhere
 *  @param say told when a port is not the one that was wanted */
export async function choosePorts(
  file: string | undefined,
  { replicas, extras }: { replicas: number; extras: ReadonlySet<string> },
  say: (text: string) => void,
): Promise<DevPorts> {
  const kept = file !== undefined && existsSync(file) ? parseKept(readFileSync(file, 'utf8')) : usual
  const { upstream: keptUpstream, pods: keptPods, ...keptOnes } = kept
  const promised = new Set([
    ...Object.values(keptOnes),
    ...keptPods,
    ...(keptUpstream === undefined ? [] : [keptUpstream]),
  ])
  const take = async (what: string, wanted: number) => {
    const held = await holdPort(wanted, promised)
    if (held.port !== wanted) say(`port ${wanted} is in use; ${what} is on port ${held.port}`)
    return held
  }
  const issuer = await take('the issuer', kept.issuer)
  const sample = await take('the sample application', kept.sample)
  const api = await take('the Kubernetes API', kept.api)
  const takeOrAny = (what: string, wanted: number | undefined) =>
    wanted === undefined ? holdFreePort() : take(what, wanted)
  const inbox = await take('the inbox', kept.inbox)
  const upstream = extras.has('upstream') ? await takeOrAny('the other provider', kept.upstream) : undefined
  const pods: HeldPort[] = []
  for (let index = 0; index < replicas; index++) {
    const wanted = kept.pods[index]
    pods.push(await takeOrAny(`server-${index}`, wanted))
  }
  if (file !== undefined) {
    const chosen: KeptPorts = {
      issuer: issuer.port,
      sample: sample.port,
      api: api.port,
      inbox: inbox.port,
      upstream: upstream?.port ?? kept.upstream,
      pods: [...pods.map(({ port }) => port), ...kept.pods.slice(replicas)],
    }
    writeFileSync(file, JSON.stringify(chosen))
  }
  const release = async () => {
    await Promise.all(
      [issuer, sample, api, inbox, ...pods].map((held) => held.release()).concat(upstream?.release() ?? []),
    )
  }
  return { issuer, sample, api, inbox, upstream, pods, release }
}

/** A damaged file counts as none. */
function parseKept(text: string): KeptPorts {
  try {
    const { issuer, sample, api, inbox, upstream, pods } = JSON.parse(text) as KeptPorts
    const isPort = (port: unknown) => Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_000
    const others = upstream === undefined ? pods : [upstream, ...pods]
    return [issuer, sample, api, inbox, ...others].every(isPort)
      ? { issuer, sample, api, inbox, upstream, pods }
      : usual
  } catch {
    return usual
  }
}
