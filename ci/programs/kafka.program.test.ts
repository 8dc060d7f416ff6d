import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { headerOfJwt } from '@nauthera/harness/flows'
import { freePort } from '@nauthera/local/processes/ports'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { createSigner, projected } from '../../server/test/oidc/platform-tokens.ts'
import type { SecretData } from '../test/support/given-secret.ts'
import { blocksOf, manifestsOf } from '../test/support/page-blocks.ts'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '4.4.0'
const allowed = '-Dorg.apache.kafka.sasl.oauthbearer.allowed'
/** The broker reads `/jwks` that often here. By its default it does each hour, and keys are published for six. */
const refreshMs = 10_000

const blocks = blocksOf('docs/integrations/kafka.md')
const [api, billing, courier] = manifestsOf(blocks)
  .filter(({ object }) => object.kind === 'OIDCClient')
  .map(({ object }) => object.spec as OIDCClientSpec)
const withProperties = parse(blocks.find(({ text }) => text.startsWith('secret:'))!.text) as OIDCClientSpec
const broker = blocks.find(({ language }) => language === 'properties')!.text

tryProgram({
  page: 'kafka',
  name: 'Apache Kafka, broker and client (OAUTHBEARER)',
  version,
  prepare: () =>
    maven('ci/programs/kafka', version, 'dependency:copy-dependencies', '-DoutputDirectory=${buildDirectory}'),

  async start({ issuer, port, folder, ...trial }, libraries) {
    const [controller, inner] = [await freePort(), await freePort()]
    const addresses = await issuer.client('kafka', api!)
    let secret = await trial.client({ ...billing!, ...withProperties })
    const token = join(folder, 'token')
    /** The properties of the page, where addresses, TLS and the mounted file are others. */
    const write = async (name: string, text: string) => {
      const here = text
        .replaceAll('https://login.example.com', addresses['issuer']!)
        .replace('SASL_SSL', 'SASL_PLAINTEXT')
        .replace('/var/run/secrets/nauthera/token', token)
      await writeFile(join(folder, name), here)
      return join(folder, name)
    }
    const own = [
      'process.roles=broker,controller',
      'node.id=1',
      `listeners=CLIENT://127.0.0.1:${port},INNER://127.0.0.1:${inner},CONTROLLER://127.0.0.1:${controller}`,
      'listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,INNER:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'inter.broker.listener.name=INNER',
      'controller.listener.names=CONTROLLER',
      `controller.quorum.bootstrap.servers=127.0.0.1:${controller}`,
      `log.dirs=${join(folder, 'data')}`,
      `sasl.oauthbearer.jwks.endpoint.refresh.ms=${refreshMs}`,
    ]
    const server = await write('server.properties', `${broker}${own.join('\n')}\n`)
    const java = (urls: string, ...args: readonly string[]) =>
      startProgram({
        command: 'java',
        args: [
          '-Xmx512m',
          `${allowed}.urls=${urls}`,
          `${allowed}.files=${token}`,
          '-cp',
          join(libraries, '*'),
          ...args,
        ],
        cwd: folder,
      })
    const format = ['format', '-t', 'MkU3OEVBNTcwNTJENDM2Qk', '-c', server, '--standalone']
    await java('', 'kafka.tools.StorageTool', ...format).ended
    await java(addresses['jwks_uri']!, 'kafka.Kafka', server).line(/Kafka Server started/)
    /** @returns what a client that lists topics writes */
    const listTopics = async (data: SecretData) => {
      const config = await write('kafka.properties', data['kafka.properties']!)
      const to = ['--bootstrap-server', `127.0.0.1:${port}`, '--command-config', config]
      const client = java(data['token_endpoint']!, 'org.apache.kafka.tools.TopicCommand', ...to, '--describe')
      await client.ended
      return client.lines.join('\n')
    }
    const cluster = await createSigner('https://kubernetes.default.svc', 'cluster')
    for (const { clusterIssuer } of issuer.replicas.apps)
      clusterIssuer.apply(Buffer.from(JSON.stringify({ issuer: cluster.issuer, keys: [{ jwk: cluster.jwk }] })))
    return {
      take: async (rotated: SecretData) => Promise.resolve((secret = rotated)),
      signIn: () => listTopics(secret),
      /** @returns what a client writes that has only the token of a ServiceAccount */
      async signInAs(serviceAccount: string) {
        await writeFile(token, await cluster.sign(projected(addresses['issuer']!, 'demo', serviceAccount)))
        return listTopics(await issuer.client('courier', courier!))
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
    'signs in': async ({ signInAs, whoIs }) => {
      expect(await whoIs(await signInAs('courier')), 'with the token of its ServiceAccount').to.not.equal(undefined)
      expect(await signInAs('another')).to.include('invalid_client')
    },
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
