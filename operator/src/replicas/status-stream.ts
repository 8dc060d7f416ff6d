// Keeps a stream to the agent of one server pod.
import type { CertificateSource } from '@nauthera/proto/certificate-source'
import { dial } from '@nauthera/proto/channel/dial'
import { StatusService } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import type { StatusUpdate } from '@nauthera/proto/generated/nauthera/status/v1/status_pb'
import { linkDnsName } from '@nauthera/proto/names'
import type { Log } from '@nauthera/runtime/log'
import { createBackoff } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import { clampReport } from './believable.ts'
import type { ServerPod } from './server-pods.ts'

/** What is needed to open a stream to any pod. */
export interface StatusStreamNeeds {
  readonly release: string
  readonly namespace: string
  /** Of this operator. */
  readonly version: string
  readonly certificates: CertificateSource
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
}

export interface StatusStream {
  /** Tells the agent which manifest its server must hold before it may turn ready. */
  expect(manifestDigest: string): void
  /** Resolves when the stream has ended. */
  stop(): Promise<void>
}

interface About {
  readonly pod: ServerPod
  /** Digest of the manifest that its server must hold. */
  readonly expected: string
  /** A report of the agent. */
  readonly onSaid: (update: StatusUpdate) => void
  /** The stream ended or could not be opened. */
  readonly onLost: () => void
}

/** Keeps a stream to the status port of one pod, and opens it again when it broke. */
export function openStatusStream(needs: StatusStreamNeeds, about: About): StatusStream {
  const { pod } = about
  const backoff = createBackoff({ baseMs: 100, capMs: 30_000, random: needs.random })
  const nobody = () => {}
  let { expected } = about
  let tellExpected = nobody

  const listen = async () => {
    const stream = await dial({
      method: StatusService.method.watch,
      target: { host: pod.host, port: pod.port },
      certificates: needs.certificates,
      serverName: linkDnsName('agent', needs.release, needs.namespace),
      connectTimeoutMs: 2_000,
      signal: loop.stopping,
    })
    tellExpected = () => {
      stream.send({ expectedManifestDigest: expected, operatorVersion: needs.version }).catch(() => {
        // The stream is broken; the loop below ends with the reason.
      })
    }
    tellExpected()
    for await (const update of stream) {
      backoff.reset()
      clampReport(update, needs.clock.now())
      about.onSaid(update)
    }
  }
  const round = async () => {
    try {
      await listen()
    } catch (error) {
      if (!loop.stopping.aborted) needs.log.debug({ replica: pod.name, error }, 'replica stream ended')
    }
    tellExpected = nobody
    if (!loop.stopping.aborted) about.onLost()
    return backoff.next()
  }
  const loop = new Loop({ clock: needs.clock, round })
  loop.start()

  return {
    expect: (manifestDigest) => {
      expected = manifestDigest
      tellExpected()
    },
    stop: () => loop.stop(),
  }
}
