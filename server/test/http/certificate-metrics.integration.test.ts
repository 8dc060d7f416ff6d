import { writeFileSync } from 'node:fs'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryDirectory } from '@nauthera/local/processes/temporary-directory'
import { createAuthority, issueLeaf } from '@nauthera/proto/certificates'
import { startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'

describe('the metrics of certificates', () => {
  let directory: string
  let replicas: ServerReplicas
  const ends: Record<string, number> = {}

  before(async () => {
    directory = temporaryDirectory('certificates')
    const authority = await createAuthority({ name: 'test', lifetimeMs: 72 * 3_600_000 })
    const issue = async (name: string, lifetimeMs: number) => {
      const { cert, key } = await issueLeaf(authority, { usage: 'server', dnsNames: ['localhost'], lifetimeMs })
      const [certFile, keyFile] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)]
      writeFileSync(certFile, cert)
      writeFileSync(keyFile, key)
      ends[name] = new X509Certificate(cert).validToDate.getTime() / 1000
      return { certFile, keyFile }
    }
    const tls = await issue('public', 24 * 3_600_000)
    const own = await issue('mutual-tls', 48 * 3_600_000)
    const listen = { host: '127.0.0.1', port: 0, ...own }
    replicas = await startReplicas({ settings: { tls, mutualTLS: { url: 'https://mtls.example.com', listen } } })
  })
  after(() => replicas?.stop())

  for (const certificate of ['public', 'mutual-tls'])
    it(`say when the certificate ${certificate} ends`, async () => {
      const shown = new RegExp(
        `^nauthera_server_certificate_expiry_timestamp_seconds\\{.*certificate="${certificate}".*\\} (\\S+)$`,
        'm',
      ).exec(await replicas.metrics[0]!.render())
      expect(Number(shown?.[1])).to.equal(ends[certificate])
    })
})
