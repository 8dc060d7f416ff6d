import { followCertificateFiles, validityOf } from '@nauthera/proto/certificate-source'
import { linkFiles } from '@nauthera/proto/names'
import { join } from 'node:path'
import { hasCode } from '@nauthera/runtime/coded-error'
import type { Health } from '@nauthera/runtime/health'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { acceptSnapshot } from './accept-snapshot.ts'
import { createLastGood } from './last-good.ts'
import { createLiveState } from './live-state.ts'
import { createOperatorWords } from './operator-word.ts'
import { createPodCa } from './pod-ca.ts'
import { createPusher } from './push-shards.ts'
import { readSnapshot } from './read-snapshot.ts'
import type { ReadCache } from './read-snapshot.ts'
import { createReports } from './reports.ts'
import type { Settings } from './settings.ts'
import type { Held } from './snapshot.ts'
import { createStatusService } from './status-service.ts'
import { watchMount } from './watch-mount.ts'
import type { Trigger } from './watch-mount.ts'

const pollMs = 2_000
const heartbeatMs = 10 * 60_000
const renewalCheckMs = 60_000
const wordlessMs = 10_000

/** What is started, in order; `onStop` gets how to stop each part again. */
interface Needs {
  settings: Settings
  version: string
  log: Log
  metrics: Metrics
  health: Health
  onStop: (name: string, stop: () => Promise<void> | void) => void
  /** Shortened by tests. Milliseconds. */
  leafLifetimeMs?: number
  renewalCheckMs?: number
  wordlessMs?: number
  patience?: { helloMs: number; ackMs: number }
}

/** Starts the agent.
 *  @returns the port of the status service
 *  @throws an error when a port or a directory cannot be had */
export async function startAgent(needs: Needs): Promise<{ statusPort: number }> {
  const { settings, log, onStop } = needs
  const now = (): number => performance.now()
  const wallNow = (): number => Date.now()

  const podCa = await createPodCa({
    directory: settings.config.tlsDirectory,
    now: wallNow,
    ...(needs.leafLifetimeMs === undefined ? {} : { lifetimeMs: needs.leafLifetimeMs }),
  })
  const link = await followCertificateFiles(
    {
      ca: join(settings.linkDirectory, linkFiles.ca),
      cert: join(settings.linkDirectory, linkFiles.agentCert),
      key: join(settings.linkDirectory, linkFiles.agentKey),
    },
    {
      pollMs: 1_000,
      onFault: (error) => log.warn({ code: 'LINK_UNUSABLE', reason: error.message, kept: 'last good' }, 'refused'),
    },
  )
  onStop('link', () => link.stop())

  const live = createLiveState()
  const words = createOperatorWords(now)
  const reports = createReports({ log, metrics: needs.metrics, live, wallNow })
  const lastGood = createLastGood(settings.stateDirectory)
  const began = now()
  let held: Held = await lastGood.load()
  let lost: ReadonlySet<string> = new Set()
  for (const shard of held.shards.values()) live.met(shard.ref)
  if (held.shards.size > 0) {
    reports.changed({ shards: new Map(), manifest: undefined }, held, [...held.shards.values()], {
      trigger: 'last-good',
      readMs: now() - began,
    })
  }

  const pusher = createPusher({
    socket: settings.config.socket,
    certificates: podCa.certificates,
    held: () => held,
    word: () => words.current(),
    live,
    reports,
    log,
    now,
    wordlessMs: needs.wordlessMs ?? wordlessMs,
    ...(needs.patience ? { patience: needs.patience } : {}),
  })
  onStop('pusher', () => pusher.stop())
  words.onChange(() => pusher.push())

  const cache: ReadCache = new Map()
  let stateWritable = true
  const look = async (trigger: Trigger): Promise<{ again: boolean }> => {
    const began = now()
    try {
      const snapshot = await readSnapshot(settings.clientsDirectory, cache)
      if (!snapshot) return { again: true }
      for (const shard of snapshot.shards.values()) live.met(shard.ref)
      const before = held
      const accepted = acceptSnapshot(before, snapshot, lost)
      held = accepted.held
      lost = accepted.lost
      const isNew = accepted.changed.length > 0 || held.manifest?.digest !== before.manifest?.digest
      if (isNew) {
        reports.changed(before, held, accepted.changed, { trigger, readMs: now() - began })
        pusher.push()
        await keep()
      }
      reports.faults(accepted.faults)
      return { again: accepted.faults.length > 0 }
    } catch (error) {
      const code = hasCode(error, 'MOUNT_UNREADABLE') ? error.code : 'MOUNT_UNREADABLE'
      reports.faults([{ shard: undefined, code, reason: describeError(error) }])
      return { again: true }
    }
  }
  const keep = async (): Promise<void> => {
    try {
      await lastGood.keep(held)
      stateWritable = true
    } catch (error) {
      if (stateWritable) log.warn({ code: 'STATE_UNWRITABLE', reason: describeError(error) }, 'not kept')
      stateWritable = false
    }
  }
  const mount = watchMount({
    directory: settings.clientsDirectory,
    pollMs,
    look,
    onDegraded: (error) =>
      log.warn({ code: 'WATCH_DEGRADED', reason: describeError(error), poll: '2s' }, 'watch degraded'),
  })
  onStop('mount', () => mount.stop())
  await mount.lookNow('start')

  const status = await createStatusService({
    listen: settings.status,
    release: settings.release,
    namespace: settings.namespace,
    replica: settings.replica,
    version: needs.version,
    certificates: link,
    live,
    words,
    onFault: (error, peer) =>
      log.warn({ code: error.code, reason: describeError(error), peer: peer.dnsNames.join() }, 'status refused'),
  })
  onStop('status', () => status.stop())

  const expiry = needs.metrics.gauge(
    'nauthera_agent_certificate_expiry_timestamp_seconds',
    'When each certificate of this pod ends to be valid.',
    ['certificate'],
  )
  const renew = async (): Promise<void> => {
    try {
      const renewed = await podCa.renewDue()
      if (renewed !== 'nothing') log.info({ what: renewed }, 'renewed')
    } catch (error) {
      log.warn({ code: 'CERTIFICATES_UNWRITABLE', reason: describeError(error) }, 'not renewed')
    }
    expiry.set({ certificate: 'pod' }, podCa.expiry() / 1_000)
    const linked = link.current()
    if (linked) expiry.set({ certificate: 'link' }, validityOf(linked.cert).notAfter / 1_000)
  }
  await renew()
  const renewal = setInterval(() => void renew(), needs.renewalCheckMs ?? renewalCheckMs)
  const heartbeat = setInterval(() => reports.heartbeat(held, words.connected), heartbeatMs)
  onStop('timers', () => {
    clearInterval(renewal)
    clearInterval(heartbeat)
  })

  log.info({ status: status.port, replica: settings.replica }, 'started')
  return { statusPort: status.port }
}
