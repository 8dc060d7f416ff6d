import { join } from 'node:path'
import { followCertificateFiles, validityOf } from '@nauthera/proto/certificate-source'
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { linkFiles } from '@nauthera/proto/names'
import { describeError } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { processMetrics } from '@nauthera/runtime/metrics'
import type { Metrics } from '@nauthera/runtime/metrics'
import type { AgentSettings } from '../settings.ts'
import { createPodCa } from './pod-ca.ts'

const linkPollMs = 1_000
const usualRenewalCheckMs = 60_000

/** Makes the certificates of this pod, follows those of the status port, and renews and measures both.
 *  @returns `pod` to dial the server with, `link` for the status port
 *  @throws an error when the directory of the pod's certificates cannot be written */
export async function startCertificates(needs: {
  settings: AgentSettings
  log: Log
  metrics: Metrics
  onStop: (name: string, stop: () => void) => void
  /** Milliseconds. */
  leafLifetimeMs?: number
  renewalCheckMs?: number
}): Promise<{ pod: CertificateSource; link: CertificateSource }> {
  const { settings, log, onStop } = needs
  const podCa = await createPodCa({
    directory: settings.config.tlsDirectory,
    now: Date.now,
    ...(needs.leafLifetimeMs === undefined ? {} : { lifetimeMs: needs.leafLifetimeMs }),
  })
  const at = (file: string): string => join(settings.linkDirectory, file)
  const link = followCertificateFiles(
    { ca: at(linkFiles.ca), cert: at(linkFiles.agentCert), key: at(linkFiles.agentKey) },
    {
      pollMs: linkPollMs,
      onFault: (error) => log.warn({ code: 'LINK_UNUSABLE', reason: error.message, kept: 'last good' }, 'refused'),
    },
  )
  onStop('link', () => link.stop())

  const expiry = needs.metrics.gauge(processMetrics.certificateExpiry)
  const renew = async (): Promise<void> => {
    try {
      const renewed = await podCa.renewDue()
      if (renewed !== 'nothing') log.info({ what: renewed }, 'renewed')
    } catch (error) {
      log.warn({ code: 'CERTIFICATES_UNWRITABLE', reason: describeError(error) }, 'certificates not renewed')
    }
    expiry.set({ certificate: 'pod' }, podCa.expiry() / 1_000)
    const linked = link.current()
    if (linked) expiry.set({ certificate: 'link' }, validityOf(linked.cert).notAfter / 1_000)
  }
  await renew()
  const renewal = setInterval(() => void renew(), needs.renewalCheckMs ?? usualRenewalCheckMs)
  onStop('renewal', () => clearInterval(renewal))
  return { pod: podCa.certificates, link }
}
