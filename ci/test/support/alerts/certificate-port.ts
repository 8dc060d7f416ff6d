// A public port with TLS alone, whose certificate can be changed, and its metrics.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { createHealth, serveManagement } from '@nauthera/runtime/health'
import { createMetrics } from '@nauthera/runtime/metrics'
import { listen } from '@nauthera/server/http/server'
import type { PublicServer } from '@nauthera/server/http/server'
import { serverMetrics } from '@nauthera/server/metrics'
import { keepLog } from '../../../../server/test/http/harness.ts'

export const dayMs = 86_400_000

export interface CertificatePort {
  /** Of its metrics. */
  readonly port: number
  /** Shows a certificate that ends after so long. */
  show(lifetimeMs: number): Promise<void>
  stop(): Promise<void>
}

/** @param place a directory for its files */
export async function startCertificatePort(place: string): Promise<CertificatePort> {
  const metrics = createMetrics('server')
  const expiry = metrics.gauge(serverMetrics.certificateExpiry)
  const management = await serveManagement({ listen: { host: '127.0.0.1', port: 0 }, health: createHealth(), metrics })
  const tls = { certFile: join(place, 'tls.crt'), keyFile: join(place, 'tls.key') }
  const authority = await createAuthority({ name: 'public', lifetimeMs: 60 * dayMs })
  let server: PublicServer | undefined
  const close = () => server?.stop({ drainMs: 0, answerMs: 0 })
  return {
    port: management.port,
    async show(lifetimeMs) {
      await close()
      const { cert, key } = await issueLeaf(authority, { dnsNames: ['auth.example.com'], usage: 'server', lifetimeMs })
      writeFileSync(tls.certFile, cert)
      writeFileSync(tls.keyFile, key)
      server = await listen({
        application: (_, response) => void response.end(),
        discovery: () => false,
        hosts: new Set(),
        listen: { host: '127.0.0.1', port: 0 },
        tls,
        log: keepLog(),
        onCertificate: (endsAt) => expiry.set({ certificate: 'public' }, endsAt / 1000),
      })
    },
    async stop() {
      await close()
      await management.stop()
    },
  }
}
