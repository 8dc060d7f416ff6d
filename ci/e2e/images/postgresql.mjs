// Process 1 of the PostgreSQL of the end-to-end run: makes the cluster of databases once, then runs it with TLS. Mounts: /data,
// /tmp, /tls (tls.crt, tls.key); POSTGRES_PASSWORD is that of the user nauthera, POSTGRES_DATABASES the names to create.
import { spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'

const data = '/data/pg'
const program = (name) => `/postgres/bin/${name}`

if (!existsSync(`${data}/PG_VERSION`)) {
  writeFileSync('/tmp/password', process.env.POSTGRES_PASSWORD, { mode: 0o600 })
  const flags = [
    '--auth=scram-sha-256',
    '--username=nauthera',
    '--pwfile=/tmp/password',
    '--encoding=UTF8',
    '--locale=C',
  ]
  if (spawnSync(program('initdb'), ['--pgdata', data, ...flags], { stdio: 'inherit' }).status !== 0) process.exit(1)
  appendFileSync(`${data}/pg_hba.conf`, 'hostssl all all all scram-sha-256\n')
  const statements = process.env.POSTGRES_DATABASES.split(',').map((name) => `CREATE DATABASE ${name}\n`)
  spawnSync(program('postgres'), ['--single', '-D', data, 'postgres'], { input: statements.join('') })
}
const settings = {
  listen_addresses: '0.0.0.0',
  unix_socket_directories: '/tmp',
  ssl: 'on',
  ssl_cert_file: '/tls/tls.crt',
  ssl_key_file: '/tls/tls.key',
  max_connections: 200,
}
const flags = Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`])
const server = spawn(program('postgres'), ['-D', data, ...flags], { stdio: 'inherit' })
// INT is its fast shutdown: it does not wait for clients.
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => server.kill('SIGINT'))
server.on('exit', (code) => process.exit(code ?? 1))
