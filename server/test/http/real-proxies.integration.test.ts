import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect } from 'chai'
import { createCertificate } from '@nauthera/harness/certificates'
import type { Made } from '@nauthera/harness/certificates'
import { claimsOfJwt } from '@nauthera/harness/flows'
import { send } from '@nauthera/harness/browser'
import { configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { freePort } from '@nauthera/local/processes/ports'
import { reapProcess } from '@nauthera/local/processes/reaper'

// The proxies themselves, with what docs/mutual-tls.md says about them, where they are installed: what they pass on is theirs to say. What is
// read of it is in certificate-headers.test.ts.

const host = 'mtls.example.com'

interface Files {
  readonly directory: string
  readonly port: number
  readonly backend: string
}

const nginx = ({ directory, port, backend }: Files) => `
daemon off; pid ${directory}/nginx.pid; error_log stderr crit; worker_processes 1;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${directory}/body; proxy_temp_path ${directory}/proxy; fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi; scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${directory}/tls.crt; ssl_certificate_key ${directory}/tls.key;
    ssl_verify_client optional;  ssl_client_certificate ${directory}/client-ca.crt;  ssl_verify_depth 3;
    location / {
      proxy_pass ${backend};
      proxy_set_header Host $host;
      proxy_set_header ssl-client-cert $ssl_client_escaped_cert;
      proxy_set_header ssl-client-verify $ssl_client_verify;
    }
  }
}
`

const haproxy = ({ directory, port, backend }: Files) => `
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  option http-restrict-req-hdr-names delete
frontend mutual-tls
  bind 127.0.0.1:${port} ssl crt ${directory}/both.pem ca-file ${directory}/client-ca.crt verify optional
  http-request del-header X-SSL-Client- -m beg
  http-request set-header X-SSL-Client-Cert %[ssl_c_der,base64] if { ssl_c_used }
  http-request set-header X-SSL-Client-Verify %[ssl_c_verify] if { ssl_c_used }
  http-request set-header X-SSL-Client-Chain %[ssl_c_chain_der,base64] if { ssl_c_used }
  default_backend nauthera
backend nauthera
  server one ${new URL(backend).host}
`

const proxies = [
  {
    name: 'nginx',
    versionBy: '-v',
    config: nginx,
    start: (file: string) => ['-e', 'stderr', '-c', file],
    refusesItself: /^400$/,
    forged: ({ pem }: Made) => ({ 'ssl-client-cert': encodeURIComponent(pem), 'ssl-client-verify': 'SUCCESS' }),
  },
  {
    name: 'haproxy',
    versionBy: '-v',
    config: haproxy,
    start: (file: string) => ['-db', '-f', file],
    refusesItself: /^(ECONNRESET|EPROTO|ERR_SSL_\w+)$/,
    forged: ({ der }: Made) => ({ 'X-SSL-Client-Cert': der.toString('base64'), 'X-SSL-Client-Verify': '0' }),
  },
] as const

const thumbprintOf = ({ der }: Made) => createHash('sha256').update(der).digest('base64url')

for (const proxy of proxies) {
  const program = [`/usr/sbin/${proxy.name}`, proxy.name].find(
    (path) => spawnSync(path, [proxy.versionBy]).status === 0,
  )
  const describeHere = program === undefined ? describe.skip : describe
  describeHere(`T41 a certificate by a real ${proxy.name}`, () => {
    let directory: string
    let replicas: ServerReplicas
    let running: ChildProcess
    let port: number
    let ca: Made
    let mine: Made
    let renewed: Made
    let victim: Made
    let strange: Made
    before(async () => {
      directory = mkdtempSync(join(tmpdir(), `nauthera-${proxy.name}-`))
      ca = await createCertificate({ name: 'authority', authority: true, until: 24 })
      const server = await createCertificate({
        issuer: ca,
        name: host,
        dnsNames: [host],
        usages: ['1.3.6.1.5.5.7.3.1'],
      })
      const strangers = await createCertificate({ name: 'authority', authority: true, until: 24 })
      const uris = ['spiffe://example.org/mine']
      ;[mine, renewed, victim, strange] = await Promise.all([
        createCertificate({ issuer: ca, uris }),
        createCertificate({ issuer: ca, uris }),
        createCertificate({ issuer: ca, uris: ['spiffe://example.org/victim'] }),
        createCertificate({ issuer: strangers, uris }),
      ])
      const files = {
        'client-ca.crt': ca.pem,
        'tls.crt': server.pem,
        'tls.key': server.keyPem,
        'both.pem': `${server.pem}\n${server.keyPem}\n`,
      }
      for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
      replicas = await startReplicas({
        settings: {
          trustedProxies: ['127.0.0.1'],
          mutualTLS: { caFile: join(directory, 'client-ca.crt'), header: proxy.name, url: `https://${host}` },
        },
      })
      const of = (uri: string) => ({
        ...configs.machine,
        tokenEndpointAuthMethod: 'tls_client_auth',
        tlsClientAuthSanUri: `spiffe://example.org/${uri}`,
      })
      await replicas.serve([entry('app.mine', of('mine')), entry('app.victim', of('victim'))])
      port = await freePort()
      writeFileSync(join(directory, 'proxy.conf'), proxy.config({ directory, port, backend: replicas.origin(0) }))
      running = spawn(program!, proxy.start(join(directory, 'proxy.conf')), { stdio: ['ignore', 'inherit', 'inherit'] })
      reapProcess(running)
      await listening(port, running)
    })
    after(async () => {
      running?.kill('SIGTERM')
      await replicas?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    const ask = (id: string, made: Made | undefined, headers: Record<string, string> = {}) =>
      send(
        { issuer: replicas.issuer, origin: () => `https://127.0.0.1:${port}` },
        {
          path: '/token',
          form: { grant_type: 'client_credentials', client_id: id },
          headers: { host, ...headers },
          connection: { ca: ca.pem, servername: host, ...(made ? { cert: made.pem, key: made.keyPem } : {}) },
        },
      )

    it('proves its client, and the token is bound to it', async () => {
      for (const made of [mine, renewed]) {
        const answer = await ask('app.mine', made)
        expect(answer.status, answer.body).to.equal(200)
        const cnf = { 'x5t#S256': thumbprintOf(made) }
        expect(claimsOfJwt(String(answer.json()['access_token']))['cnf']).to.deep.equal(cnf)
      }
    })

    it('proves nobody else, and none proves nobody', async () => {
      for (const made of [undefined, mine]) expect((await ask('app.victim', made)).status).to.equal(401)
      // of another authority: the proxy itself refuses it, before it asks us
      const refused = await ask('app.mine', strange).then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code,
      )
      expect(String(refused)).to.match(proxy.refusesItself)
    })

    it('is never one that the client has written into the header itself, in any spelling of its name', async () => {
      const forged = proxy.forged(victim) as Readonly<Record<string, string>>
      const spellings = [
        (name: string) => name,
        (name: string) => name.toUpperCase(),
        (name: string) => name.replaceAll('-', '_'),
        (name: string) => name.replace('-', '_'),
        (name: string) => name.replace(/-(\w+)$/, '_$1'),
      ]
      for (const spell of spellings) {
        const headers = Object.fromEntries(Object.entries(forged).map(([name, value]) => [spell(name), value]))
        for (const made of [undefined, mine]) {
          const answer = await ask('app.victim', made, headers)
          expect(answer.status, `${Object.keys(headers).join(' ')} ${answer.body}`).to.be.oneOf([400, 401])
        }
      }
    })
  })
}

/** Resolves when something takes connections there. */
async function listening(port: number, running: ChildProcess): Promise<void> {
  for (;;) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => resolve(true))
      socket.once('error', () => resolve(false)).once('secureConnect', () => socket.destroy())
    })
    if (isThere) return
    if (running.exitCode !== null) throw new Error(`the proxy has ended with ${running.exitCode}`)
    await new Promise((resolve) => running.once('exit', resolve).once('spawn', resolve) && setTimeout(resolve, 50))
  }
}
