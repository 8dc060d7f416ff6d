import { join } from 'node:path'
import { expect } from 'chai'
import { parse } from 'yaml'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import { readDefinitions } from '@nauthera/stand-in/manifests'
import { freePort } from '@nauthera/local/processes/ports'
import { startValkey } from '@nauthera/local/programs/valkey'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'
import type { OIDCClientSpec } from '@nauthera/operator/api/oidc-client'
import type { SecretData } from '../test/support/given-secret.ts'
import { blocksOf, manifestsOf } from '../test/support/page-blocks.ts'
import { goBuild, goModule } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import type { Visitor } from './support/visitor.ts'

const version = '3.6.1'
const source = 'ci/programs/argo-cd'
const module = 'github.com/argoproj/argo-cd/v3'
const namespace = 'argocd'
const part = { 'app.kubernetes.io/part-of': 'argocd' }
const metadata = (name: string) => ({ name, namespace, labels: part })

const object = (kind: 'ConfigMap' | 'Secret', name: string, data: SecretData) => ({
  apiVersion: 'v1',
  kind,
  metadata: metadata(name),
  data:
    kind === 'ConfigMap'
      ? data
      : Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
})

/** The stand-in has none of its own. */
const configMaps = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'configmaps.' },
  spec: {
    group: '',
    scope: 'Namespaced',
    names: { plural: 'configmaps', singular: 'configmap', kind: 'ConfigMap' },
    versions: [{ name: 'v1', served: true, storage: true }],
  },
}

const blocks = blocksOf('docs/integrations/argo-cd.md')
const values = parse(blocks.find(({ text }) => text.includes('cliClientID'))!.text) as {
  readonly configs: { readonly cm: SecretData }
}
const ofCommand = manifestsOf(blocks).find(({ object }) => JSON.stringify(object).includes('Native'))!.object

// Its API server, which signs people in, on the stand-in of Kubernetes: `oidc.config` of the Secret is copied into argocd-cm, as a person does,
// and `cliClientID` of the page is added for `argocd login --sso`.

tryProgram({
  page: 'argo-cd',
  name: 'Argo CD',
  version,
  prepare: () => goBuild(source, '.', version),

  async start({ url, port, folder, ...trial }, command) {
    const redis = await startValkey()
    const definitions = [...readDefinitions(join(await goModule(source, module), 'manifests/crds')), configMaps]
    const api = await startKubeApi({ namespaces: [namespace], definitions })
    const secret = await trial.client({
      type: 'Web',
      displayName: 'Argo CD',
      redirectURIs: [`${url}/auth/callback`],
      postLogoutRedirectURIs: [url],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      // so that the test need not wait for longer
      tokens: { idTTL: '1m', accessTTL: '1m' },
      secret: { name: 'argocd-oidc', presets: ['ArgoCD'] },
    })
    const line = await freePort()
    const spec = JSON.parse(JSON.stringify(ofCommand.spec).replace('8085', String(line))) as OIDCClientSpec
    const { client_id: cliClientID } = await trial.issuer.client('argocd-cli', spec)
    const configOf = (oidc: string) => api.set(object('ConfigMap', 'argocd-cm', { url, 'oidc.config': oidc }))
    const config = `${secret['oidc.config']!}cliClientID: ${cliClientID}\n`
    configOf(config)
    api.set(object('ConfigMap', 'argocd-rbac-cm', { 'policy.default': 'role:readonly' }))
    api.set(object('Secret', 'argocd-secret', { 'server.secretkey': 'a-key-of-argo-cd-itself' }))
    api.set(object('Secret', 'argocd-oidc', secret))
    const server = startProgram({
      command,
      args: [
        '--insecure',
        '--address=127.0.0.1',
        `--port=${port}`,
        '--metrics-address=127.0.0.1',
        `--metrics-port=${await freePort()}`,
        `--redis=127.0.0.1:${redis.port}`,
        `--namespace=${namespace}`,
        `--kubeconfig=${writeKubeconfig(api.adminConfig)}`,
      ],
    })
    await server.answers(`${url}/healthz`)
    /** `argocd` of a person. */
    const argocd = (...args: readonly string[]) =>
      startProgram({
        command,
        args: [...args, '--config', join(folder, 'config')],
        env: { ARGOCD_BINARY_NAME: 'argocd', HOME: folder },
      })
    const begin = async () => {
      const where = ['login', `127.0.0.1:${port}`, '--plaintext']
      const login = argocd(...where, '--sso', '--sso-launch-browser=false', `--sso-port=${line}`)
      return { login, address: /https?:\S+/.exec(await login.line(/\/authorize\?/))![0] }
    }
    return {
      config,
      /** @returns what the command has written, and whom it knows after it */
      async signInByCommand() {
        const { login, address } = await begin()
        await login.answers(`http://localhost:${line}`)
        await trial.visitor().open(address)
        await login.ended
        const info = argocd('account', 'get-user-info')
        await info.ended
        return [...login.lines, ...info.lines].join('\n')
      },
      /** @returns what the issuer says when `cliClientID` is not there */
      async signInWithoutItsClient() {
        configOf(secret['oidc.config']!)
        const isKnown = async () => (await (await fetch(`${url}/api/v1/settings`)).text()).includes(cliClientID!)
        while (await isKnown()) await new Promise(setImmediate)
        const { login, address } = await begin()
        const page = await fetch(address)
        await login.stop()
        configOf(config)
        return page.text()
      },
      async take(data: SecretData) {
        api.set(object('Secret', 'argocd-oidc', data))
        await server.line(/oidc config modified|secret modified/)
        await server.answers(`${url}/healthz`)
      },
      async signIn() {
        const session = trial.visitor()
        await session.open(`${url}/auth/login?return_url=${encodeURIComponent(`${url}/healthz`)}`)
        return session
      },
      async whoIs(session: Visitor) {
        const found = (await session.look(`${url}/api/v1/session/userinfo`)).json()
        return found['loggedIn'] === true ? found : undefined
      },
    }
  },

  steps: {
    'signs in': async ({ issuer, config, signInByCommand, signInWithoutItsClient }) => {
      const { 'oidc.config': told = '' } = values.configs.cm
      const here = told
        .replaceAll('https://login.example.com', issuer.replicas.issuer)
        .replace('argocd.argocd-cli', 'demo.argocd-cli')
        .replace(/(?<=refreshTokenThreshold: ).+/, /refreshTokenThreshold: (.+)/.exec(config)![1]!)
      expect(parse(here), 'what the page has').to.deep.equal(parse(config))
      const said = await signInByCommand()
      expect(said).to.include("'ada@example.com' logged in successfully")
      expect(said).to.match(/Logged In: true[^]*Groups: developers,platform/)
      expect(await signInWithoutItsClient()).to.include('invalid_redirect_uri')
    },
    'name and groups': ({ person }) =>
      expect(person).to.deep.include({ username: 'ada@example.com', groups: ['developers', 'platform'] }),
    // its cookie is the ID token: half of its life must be over
    refreshes: async ({ issuer, session, url, whoIs }) => {
      const cookie = () => [...session.at(url).jar.values()].find(({ name }) => name === 'argocd.token')?.value
      const before = cookie()
      while (cookie() === before) expect(await whoIs(session)).to.not.equal(undefined)
      expect(issuer.refreshed()).to.be.greaterThan(0)
    },
    'signs out': async ({ session, url }) =>
      expect((await session.open(`${url}/auth/logout`)).url.replace(/\/$/, '')).to.equal(url),
  },
})
