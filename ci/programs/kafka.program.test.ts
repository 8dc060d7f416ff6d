import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { headerOfJwt } from '@nauthera/harness/flows'
import { freePort } from '@nauthera/local/processes/ports'
import type { SecretData } from '../test/support/given-secret.ts'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '4.4.0'
const bearer = 'org.apache.kafka.common.security.oauthbearer'
const module = `${bearer}.OAuthBearerLoginModule required ;`
const allowed = '-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls'
/** The broker reads `/jwks` that often here. By its default it does each hour, and keys are published for six. */
const refreshMs = 10_000

tryProgram({
  page: 'kafka',
  name: 'Apache Kafka, broker and client (OAUTHBEARER)',
  version,
  prepare: () =>
    maven('ci/programs/kafka', version, 'dependency:copy-dependencies', '-DoutputDirectory=${buildDirectory}'),

  async start({ issuer, port, folder, ...trial }, libraries) {
    const [controller, inner] = [await freePort(), await freePort()]
    const identifier = 'https://kafka.example.com'
    const api = await issuer.client('kafka', {
      type: 'M2M',
      resourceServer: { identifier, scopes: [{ name: 'kafka:use' }] },
    })
    let secret = await trial.client({ type: 'M2M', audiences: [identifier], scopes: ['kafka:use'] })
    const write = async (name: string, properties: Readonly<Record<string, string | number>>) => {
      const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`)
      await writeFile(join(folder, name), lines.join(''))
      return join(folder, name)
    }
    const server = await write('server.properties', {
      'process.roles': 'broker,controller',
      'node.id': 1,
      listeners: `CLIENT://127.0.0.1:${port},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`,
      'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name': 'INNER',
      'controller.listener.names': 'CONTROLLER',
      'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
      'log.dirs': join(folder, 'data'),
      'sasl.enabled.mechanisms': 'OAUTHBEARER',
      'listener.name.client.oauthbearer.sasl.jaas.config': module,
      'listener.name.client.oauthbearer.sasl.server.callback.handler.class': `${bearer}.OAuthBearerValidatorCallbackHandler`,
      'sasl.oauthbearer.jwks.endpoint.url': api['jwks_uri']!,
      'sasl.oauthbearer.jwks.endpoint.refresh.ms': refreshMs,
      'sasl.oauthbearer.expected.issuer': api['issuer']!,
      'sasl.oauthbearer.expected.audience': identifier,
    })
    const java = (urls: string, ...args: readonly string[]) =>
      startProgram({
        command: 'java',
        args: ['-Xmx512m', `${allowed}=${urls}`, '-cp', join(libraries, '*'), ...args],
        cwd: folder,
      })
    const format = ['format', '-t', 'MkU3OEVBNTcwNTJENDM2Qk', '-c', server, '--standalone']
    await java('', 'kafka.tools.StorageTool', ...format).ended
    await java(api['jwks_uri']!, 'kafka.Kafka', server).line(/Kafka Server started/)
    return {
      take: async (rotated: SecretData) => Promise.resolve((secret = rotated)),
      /** @returns what a client that lists topics writes */
      async signIn() {
        const config = await write('client.properties', {
          'security.protocol': 'SASL_PLAINTEXT',
          'sasl.mechanism': 'OAUTHBEARER',
          'sasl.jaas.config': module,
          'sasl.login.callback.handler.class': `${bearer}.OAuthBearerLoginCallbackHandler`,
          'sasl.oauthbearer.token.endpoint.url': secret['token_endpoint']!,
          'sasl.oauthbearer.client.credentials.client.id': secret['client_id']!,
          'sasl.oauthbearer.client.credentials.client.secret': secret['client_secret']!,
          'sasl.oauthbearer.scope': 'kafka:use',
        })
        const to = ['--bootstrap-server', `127.0.0.1:${port}`, '--command-config', config]
        const client = java(secret['token_endpoint']!, 'org.apache.kafka.tools.TopicCommand', ...to, '--describe')
        await client.ended
        return client.lines.join('\n')
      },
      whoIs: (said: string) => Promise.resolve(/Exception|Error/i.test(said) ? undefined : said),
      /** @returns which key signs now */
      async keyOf() {
        const answer = await fetch(secret['token_endpoint']!, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            scope: 'kafka:use',
            client_id: secret['client_id']!,
            client_secret: secret['client_secret']!,
          }),
        })
        return headerOfJwt(((await answer.json()) as { access_token: string }).access_token)['kid']
      },
    }
  },

  steps: {
    'name and groups': 'machines have neither; the client is the `sub` of its token',
    refreshes: 'a machine asks for a new token',
    'signing keys rotated': async ({ issuer, keyOf, signIn, whoIs }) => {
      const before = await keyOf()
      await issuer.rotateSigningKeys(2 * refreshMs)
      const comesIn = async () => expect(await whoIs(await signIn())).to.not.equal(undefined)
      // the new key is known before it signs, so nothing is refused at any time
      while ((await keyOf()) === before) await comesIn()
      await comesIn()
    },
    'signs out': 'machines do not',
  },
})
