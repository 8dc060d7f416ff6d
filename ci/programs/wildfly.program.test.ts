import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import { freePort } from '@nauthera/local/processes/ports'
import { blocksOf, manifestsOf } from '../test/support/page-blocks.ts'
import { maven } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'

const version = '39.0.1.Final'

const blocks = blocksOf('docs/integrations/wildfly.md')
const [spec] = manifestsOf(blocks)
  .filter(({ object }) => object.kind === 'OIDCClient')
  .map(({ object }) => object.spec as OIDCClientSpec)
const commands = blocks.find(({ text }) => text.startsWith('embed-server'))!.text
const constraint = blocks.find(({ language }) => language === 'xml')!.text

/** Two pages of the application. */
const pages = ['me', 'bye'].map(
  (name) =>
    `<servlet><servlet-name>${name}</servlet-name><jsp-file>/${name}.jsp</jsp-file></servlet>` +
    `<servlet-mapping><servlet-name>${name}</servlet-name><url-pattern>/${name}</url-pattern></servlet-mapping>`,
)

tryProgram({
  page: 'wildfly',
  name: 'WildFly (elytron-oidc-client)',
  version,
  betweenKeyReadsMs: 10_000,
  prepare: () =>
    maven('ci/programs/wildfly', version, 'dependency:unpack-dependencies', '-DoutputDirectory=${buildDirectory}'),

  async start({ url, port, folder, ...trial }, unpacked) {
    const home = join(unpacked, `wildfly-${version}`)
    const base = join(folder, 'standalone')
    const war = join(base, 'deployments/orders.war')
    await cp(join(home, 'standalone/configuration'), join(base, 'configuration'), { recursive: true })
    await mkdir(join(war, 'WEB-INF'), { recursive: true })
    await cp('ci/programs/wildfly/pages', war, { recursive: true })
    const root = '<web-app xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0">'
    await writeFile(join(war, 'WEB-INF/web.xml'), `${root}${pages.join('')}${constraint}</web-app>`)
    await writeFile(`${war}.dodeploy`, '')
    // an access token lives for five minutes: with this each request finds that it ends soon
    const refreshing = commands.replace('principal-attribute', 'token-minimum-time-to-live=600, principal-attribute')
    await writeFile(join(folder, 'oidc.cli'), refreshing)
    const here = `-Djboss.server.base.dir=${base}`
    const cli = startProgram({
      command: join(home, 'bin/jboss-cli.sh'),
      args: [`--file=${join(folder, 'oidc.cli')}`],
      env: { JAVA_OPTS: here },
    })
    await cli.ended
    const secret = await trial.client({ ...spec!, redirectURIs: [`${url}/orders/me`] })
    const ports = [`-Djboss.http.port=${port}`, ...(await own('https', 'management.http', 'management.https'))]
    const args = [here, '-b=127.0.0.1', '-bmanagement=127.0.0.1', ...ports, '--stability=preview']
    const take = trial.runs(
      (env) => ({ command: join(home, 'bin/standalone.sh'), args, env: { ...env, JAVA_OPTS: '-Xmx512m' } }),
      /Deployed "orders.war"/,
    )
    await take(secret)
    return { take, ...trial.onPages({ signIn: `${url}/orders/me`, whoIs: `${url}/orders/me` }) }
  },

  steps: {
    'signs in': async ({ url, visitor }) => {
      const { headers } = await visitor().look(`${url}/orders/me`)
      expect(headers.location).to.include('nonce=').and.not.include('code_challenge')
    },
    'name and groups': ({ person }) => expect(person).to.deep.equal({ name: 'ada', admin: true }),
    refreshes: async ({ issuer, session, whoIs }) => {
      const before = issuer.refreshed()
      expect(await whoIs(session)).to.include({ name: 'ada' })
      expect(issuer.refreshed()).to.be.greaterThan(before)
    },
    'signs out': async ({ url, session }) => session.open(`${url}/orders/bye`),
  },
})

/** @returns ports of this trial for others of its listeners */
const own = (...listeners: readonly string[]): Promise<string[]> =>
  Promise.all(listeners.map(async (name) => `-Djboss.${name}.port=${await freePort()}`))
