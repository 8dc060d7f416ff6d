// Process 1 of the PostgreSQL of the end-to-end run: makes the cluster of databases once, then runs it, with TLS where there is
// a certificate. Mounts: /data, /tmp, /tls (tls.crt, tls.key); POSTGRES_PASSWORD is that of the user nauthera, POSTGRES_DATABASES the
// names to create. It takes what examples/postgresql.yaml gives the official image too: PGDATA, POSTGRES_DB, POSTGRES_..._FILE.
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'

const { env } = process
const data = env.PGDATA ?? '/data/pg'
const given = (name) => (env[`${name}_FILE`] ? readFileSync(env[`${name}_FILE`], 'utf8') : env[name])
const user = given('POSTGRES_USER') ?? 'nauthera'
const databases = (env.POSTGRES_DATABASES ?? env.POSTGRES_DB).split(',')
const hasCertificate = existsSync('/tls/tls.crt')
const program = (name) => `/postgres/bin/${name}`

if (!existsSync(`${data}/PG_VERSION`)) {
  writeFileSync('/tmp/password', given('POSTGRES_PASSWORD'), { mode: 0o600 })
  const flags = [
    '--auth=scram-sha-256',
    `--username=${user}`,
    '--pwfile=/tmp/password',
    '--encoding=UTF8',
    '--locale=C',
  ]
  if (spawnSync(program('initdb'), ['--pgdata', data, ...flags], { stdio: 'inherit' }).status !== 0) process.exit(1)
  appendFileSync(`${data}/pg_hba.conf`, `${hasCertificate ? 'hostssl' : 'host'} all all all scram-sha-256\n`)
  const statements = databases.map((name) => `CREATE DATABASE ${name}\n`)
  spawnSync(program('postgres'), ['--single', '-D', data, 'postgres'], { input: statements.join('') })
}
const settings = {
  listen_addresses: '0.0.0.0',
  unix_socket_directories: '/tmp',
  ...(hasCertificate ? { ssl: 'on', ssl_cert_file: '/tls/tls.crt', ssl_key_file: '/tls/tls.key' } : {}),
  max_connections: 200,
}
const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
const server = spawn(program('postgres'), ['-D', data, ...flags], { stdio: 'inherit' })
// INT is its fast shutdown: it does not wait for clients.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill('SIGINT'))
server.on('exit', (code) => process.exit(code ?? 1))
