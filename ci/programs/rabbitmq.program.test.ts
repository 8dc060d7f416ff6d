import { execFile } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { fetchCode, redeem, refresh, tokensOf } from '@nauthera/harness/flows'
import { freePort } from '@nauthera/local/processes/ports'
import { findProgram, pipInstall } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram, stopLater } from './support/running.ts'

const redirectUri = 'https://rabbit.example.com/js/oidc-oauth/login-callback.html'
const scopes = ['rabbitmq.tag:administrator', 'rabbitmq.configure:*/*', 'rabbitmq.write:*/*', 'rabbitmq.read:*/*']
const pika = '1.4.4'

/** A client of AMQP: its password is the token. */
const declareQueue = `
import os, pika
login = pika.PlainCredentials("", os.environ["TOKEN"])
connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(os.environ["PORT"]), credentials=login))
connection.channel().queue_declare("trial")
connection.update_secret(os.environ["NEXT"], "refreshed")
connection.channel().queue_declare("trial")
print("declared")
`

tryProgram({
  page: 'rabbitmq',
  name: 'RabbitMQ, with the token of a person (AMQP by pika, and the HTTP API of its console)',
  version: '3.10.8',
  async prepare() {
    findProgram('rabbitmq-server')
    return join(await pipInstall(`pika@${pika}`, [`pika==${pika}`]), 'python')
  },

  async start({ issuer, port: http, folder, ...trial }, python) {
    const [amqp, dist, epmd] = [await freePort(), await freePort(), String(await freePort())]
    await issuer.client('rabbitmq', {
      type: 'M2M',
      resourceServer: { identifier: 'rabbitmq', scopes: scopes.map((name) => ({ name })) },
    })
    const console = await trial.client({
      type: 'Web',
      redirectURIs: [redirectUri],
      audiences: ['rabbitmq'],
      scopes: ['openid', 'profile', 'offline_access', ...scopes],
    })
    await chmod(folder, 0o777)
    const config = [
      `listeners.tcp.1 = 127.0.0.1:${amqp}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${http}`,
      'auth_backends.1 = rabbit_auth_backend_oauth2',
      'auth_oauth2.resource_server_id = rabbitmq',
    ]
    await writeFile(join(folder, 'rabbitmq.conf'), `${config.join('\n')}\n`)
    const keys = `[{rabbitmq_auth_backend_oauth2, [{key_config, [{jwks_url, "${console['jwks_uri']}"}]}]}].\n`
    await writeFile(join(folder, 'advanced.config'), keys)
    await writeFile(join(folder, 'plugins'), '[rabbitmq_management,rabbitmq_auth_backend_oauth2].\n')
    const broker = startProgram({
      command: '/usr/lib/rabbitmq/bin/rabbitmq-server',
      cwd: folder,
      env: {
        HOME: folder,
        ERL_EPMD_PORT: epmd,
        ERL_EPMD_ADDRESS: '127.0.0.1',
        RABBITMQ_NODENAME: 'trial@localhost',
        RABBITMQ_DIST_PORT: String(dist),
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
        RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
        RABBITMQ_MNESIA_BASE: join(folder, 'data'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_LOGS: '-',
      },
    })
    stopLater(async () => {
      await broker.stop()
      // it ends when it knows no node any more, and outlives the node
      await promisify(execFile)('epmd', ['-port', epmd, '-kill'])
    })
    await broker.line(/Server startup complete/)
    const [clientId, secret] = [console['client_id']!, console['client_secret']!]
    return {
      take: () => Promise.resolve(),
      /** What the console does: it cannot send `resource`. */
      async signIn() {
        const parameters = { client_id: clientId, redirect_uri: redirectUri, scope: console['scopes']! }
        const code = await fetchCode(issuer.replicas, { parameters })
        const form = { redirect_uri: redirectUri }
        const tokens = tokensOf(await redeem(issuer.replicas, code, { clientId, secret, form }))
        const next = tokensOf(await refresh(issuer.replicas, tokens.refresh!, { clientId, secret }))
        const env = { TOKEN: tokens.access, NEXT: next.access, PORT: String(amqp) }
        const client = startProgram({ command: python, args: ['-c', declareQueue], env })
        await client.line(/^declared/)
        return next.access
      },
      async whoIs(token: string) {
        const answer = await fetch(`http://127.0.0.1:${http}/api/whoami`, {
          headers: { authorization: `Bearer ${token}` },
        })
        return answer.ok ? ((await answer.json()) as Record<string, unknown>) : undefined
      },
    }
  },

  steps: {
    'signs in': ({ person }) => expect(person['tags']).to.deep.equal(['administrator']),
    'name and groups': 'before 3.11 the name is the id of the client, and scopes stand in the place of groups',
    refreshes: 'the application does it; the broker takes the next token on the open connection',
    'secret rotated': 'it needs none; keys and tokens are all that it has',
    'signs out': 'its console does it, from 3.11 on',
  },
})
