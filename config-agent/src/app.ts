import { GiveBack } from '@nauthera/runtime/give-back'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { startCertificates } from './certificates/start-certificates.ts'
import { LiveState } from './live/live-state.ts'
import { createOperatorWords } from './live/operator-word.ts'
import type { OperatorWords } from './live/operator-word.ts'
import { createStatusService } from './live/status-service.ts'
import { createKeeper, createLastGood } from './mount/last-good.ts'
import { MountedShards } from './mount/mounted-shards.ts'
import { PlatformKeys } from './mount/platform-keys.ts'
import { MountWatch } from './mount/watch-mount.ts'
import type { Trigger } from './mount/watch-mount.ts'
import { Pusher } from './push/pusher.ts'
import { createReports } from './report/reports.ts'
import type { Reports } from './report/reports.ts'
import type { AgentSettings } from './settings.ts'

const pollMs = 2_000
const heartbeatMs = 10 * 60_000
/** How long the log waits with what changed, when the server does not answer. Milliseconds. */
const longestAnswerMs = 100
const usualWordlessMs = 10_000
const usualPatience = { helloMs: 5_000, ackMs: 30_000 }

/** What startAgent needs. `onStop` registers how to stop each part. */
interface Needs {
  settings: AgentSettings
  version: string
  log: Log
  metrics: Metrics
  onStop: (name: string, stop: () => Promise<void> | void) => void
  /** Shortened by tests. Milliseconds. */
  leafLifetimeMs?: number
  renewalCheckMs?: number
  wordlessMs?: number
  patience?: { helloMs: number; ackMs: number }
}

/** What the parts of an agent share. */
interface Agent {
  readonly live: LiveState
  readonly words: OperatorWords
  readonly reports: Reports
  readonly mounted: MountedShards
  readonly platformKeys: PlatformKeys
}

/** Starts the agent.
 *  @returns the port of the status service
 *  @throws an error when a port or a directory cannot be had */
export async function startAgent(needs: Needs): Promise<{ statusPort: number }> {
  const { settings, log, metrics, onStop } = needs
  const certificates = await startCertificates(needs)
  const live = new LiveState()
  const words = createOperatorWords(monotonic)
  const reports = createReports({ log, metrics, live, wallNow: Date.now })
  const mounted = await loadShards(settings, live, reports)
  const platformKeys = new PlatformKeys(settings.clientsDirectory)
  const agent: Agent = { live, words, reports, mounted, platformKeys }

  const pusher = new Pusher({
    socket: settings.config.socket,
    certificates: certificates.pod,
    held: () => mounted.held,
    platformKeys: () => platformKeys.held,
    word: () => words.current(),
    live,
    reports,
    log,
    now: monotonic,
    wordlessMs: needs.wordlessMs ?? usualWordlessMs,
    patience: needs.patience ?? usualPatience,
  })
  onStop('pusher', () => pusher.stop())
  words.onChange(() => pusher.push())
  await startMount(needs, agent, pusher)

  const status = await createStatusService({
    listen: settings.status,
    release: settings.release,
    namespace: settings.namespace,
    replica: settings.replica,
    version: needs.version,
    certificates: certificates.link,
    live,
    words,
    now: monotonic,
    onFault: (error, peer) =>
      log.warn({ code: error.code, reason: describeError(error), peer: peer.dnsNames.join() }, 'status refused'),
  })
  onStop('status', () => status.stop())
  const heartbeat = setInterval(() => reports.server.heartbeat(mounted.held, words.connected), heartbeatMs)
  onStop('heartbeat', () => clearInterval(heartbeat))

  log.info({ status: status.port, replica: settings.replica }, 'started')
  return { statusPort: status.port }
}

const monotonic = (): number => performance.now()
const timers = {
  monotonic,
  after: (milliseconds: number, callback: () => void) => {
    const timer = setTimeout(callback, milliseconds)
    return () => clearTimeout(timer)
  },
}

/** Loads the shards that an earlier agent of this pod wrote. */
async function loadShards(settings: AgentSettings, live: LiveState, reports: Reports): Promise<MountedShards> {
  const began = monotonic()
  const kept = await createLastGood(settings.stateDirectory).load()
  const mounted = new MountedShards(settings.clientsDirectory, kept, ({ ref }) => live.met(ref))
  if (kept.shards.size > 0) {
    reports.mount.snapshot(kept, [...kept.shards.values()], { trigger: 'last-good', readMs: monotonic() - began })
  }
  return mounted
}

/** Follows the mount. Resolves when it was read once. */
async function startMount(needs: Needs, agent: Agent, pusher: Pusher): Promise<void> {
  const { live, reports, mounted, platformKeys } = agent
  const { settings, log, onStop } = needs
  const giveBack = new GiveBack(timers)
  onStop('give back', () => giveBack.stop())
  const keeper = createKeeper(createLastGood(settings.stateDirectory), (error) =>
    log.warn({ code: 'STATE_UNWRITABLE', reason: describeError(error) }, 'last good shards not saved'),
  )
  onStop('keeper', () => keeper.waitUntilWritten())
  const look = async (trigger: Trigger): Promise<{ again: boolean }> => {
    const began = monotonic()
    const { again, news, faults } = mounted.readAgain()
    if (platformKeys.readAgain(mounted.held.manifest?.manifest.signedBy) && !news) pusher.push()
    if (news) {
      reports.mount.snapshot(mounted.held, news.changed, { trigger, readMs: monotonic() - began })
      pusher.push()
      // Comparing a large shard takes as long as applying it, and the operator waits for the report that it is live.
      await live.untilHas(news.changed, longestAnswerMs)
      for (const shard of news.changed) {
        await new Promise((resolve) => setImmediate(resolve))
        reports.mount.diff(news.before.shards.get(shard.ref.shard), shard)
      }
      keeper.write(mounted.held)
      giveBack.soon()
    }
    if (faults) reports.mount.faults([...faults, ...platformKeys.faults])
    return { again: again || platformKeys.faults.length > 0 }
  }
  const mount = new MountWatch({
    directory: settings.clientsDirectory,
    pollMs,
    look,
    onDegraded: (error) =>
      log.warn({ code: 'WATCH_DEGRADED', reason: describeError(error), poll: '2s' }, 'watch degraded'),
  })
  onStop('mount', () => mount.stop())
  await mount.readNow('start')
  giveBack.soon()
}
