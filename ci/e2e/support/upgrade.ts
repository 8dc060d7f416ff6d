// The second release is upgraded from the build before, rolled back, and upgraded by Helm 4, under load. It takes two minutes, most of them
// waits for pods: others are tested meanwhile.
import type { Json } from '@nauthera/stand-in/kube-client'
import type { KeepAliveReport } from '../../faults/support/keep-alive-load.ts'
import { previousTag } from '../previous.ts'
import type { Driver, DriverOutcome } from './driver.ts'
import { mustRun, until } from './kubernetes.ts'
import { isReady } from './pods.ts'
import { version } from './product.ts'
import type { Release } from './release.ts'

/** Clients that each keep one, through two upgrades and a rollback. */
export const keptConnections = 500

interface Upgrade {
  readonly release: Release
  readonly kept: KeepAliveReport
  readonly outcome: DriverOutcome
}

let begun: Promise<Upgrade> | undefined

export const beginUpgrade = (release: Release, driver: Driver): Promise<Upgrade> => (begun ??= begin(release, driver))

/** @returns undefined when nobody has begun it */
export const begunUpgrade = (): Promise<Upgrade> | undefined => begun

async function begin(release: Release, driver: Driver): Promise<Upgrade> {
  /** Helm waits for the new pods, not for the end of the old ones. */
  const runs = (tag: string) =>
    until(`only ${tag} to run`, async () => {
      const pods: Json[] = (await release.pods('server')).filter(isReady)
      const images = pods.flatMap(({ spec }) => spec.containers.map(({ image }: Json) => image as string))
      return images.length === 2 && images.every((image) => image.endsWith(`:${tag}`))
    })
  const toThis = { chart: 'charts/nauthera', values: { image: { tag: version } } }
  await runs(previousTag)
  let kept: KeepAliveReport | undefined
  const turn = async () => {
    await release.upgrade({ ...toThis, helm: 'helm3' })
    await runs(version)
    await mustRun('helm3', ['rollback', 'second', '1', '-n', release.namespace, '--wait', '--timeout', '180s'], {
      timeoutMs: 200_000,
    })
    await runs(previousTag)
    await release.upgrade({ ...toThis, helm: 'helm4' })
    await runs(version)
  }
  const underKept = async () => {
    kept = await driver.underKeptConnections({ clients: keptConnections, of: 'machine' }, turn)
  }
  const outcome = await driver.underLoad(underKept, 'slow')
  return { release, kept: kept!, outcome }
}
