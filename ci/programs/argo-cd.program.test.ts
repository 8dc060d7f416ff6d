import { join } from 'node:path'
import { expect } from 'chai'
import { startKubeApi } from '@nauthera/stand-in/kube-api'
import { readDefinitions } from '@nauthera/stand-in/manifests'
import { freePort } from '@nauthera/local/processes/ports'
import { startValkey } from '@nauthera/local/programs/valkey'
import { writeKubeconfig } from '@nauthera/harness/operator/kubeconfig'
import type { SecretData } from '../test/support/given-secret.ts'
import { goBuild, goModule } from './support/prepare.ts'
import { tryProgram } from './support/program.ts'
import { startProgram } from './support/running.ts'
import { Visitor } from './support/visitor.ts'

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

// Its API server, which signs people in, on the stand-in of Kubernetes: `oidc.config` of the Secret is copied into argocd-cm, as a person does.

tryProgram({
  name: 'Argo CD',
  version,
  reads: 'preset ArgoCD; `oidc.config` of the Secret into the ConfigMap `argocd-cm`',
  needs:
    '`offline_access` in `scopes`; its address without a slash at the end in `postLogoutRedirectURIs`; for the CLI a client of its own (type Native, `http://localhost:8085/auth/callback`), and its id as `cliClientID` in `oidc.config`',
  prepare: async () => void (await goBuild(source, '.', version)),

  async start(issuer) {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const redis = await startValkey()
    const definitions = [...readDefinitions(join(await goModule(source, module), 'manifests/crds')), configMaps]
    const api = await startKubeApi({ namespaces: [namespace], definitions })
    const secret = await issuer.client('argo-cd', {
      type: 'Web',
      redirectURIs: [`${url}/auth/callback`],
      postLogoutRedirectURIs: [url],
      scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
      // so that the test need not wait for longer
      tokens: { idTTL: '1m', accessTTL: '1m' },
      secret: { name: 'argocd-oidc', presets: ['ArgoCD'] },
    })
    api.put(object('ConfigMap', 'argocd-cm', { url, 'oidc.config': secret['oidc.config']! }))
    api.put(object('ConfigMap', 'argocd-rbac-cm', { 'policy.default': 'role:readonly' }))
    api.put(object('Secret', 'argocd-secret', { 'server.secretkey': 'a-key-of-argo-cd-itself' }))
    api.put(object('Secret', 'argocd-oidc', secret))
    const server = startProgram({
      command: await goBuild(source, '.', version),
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
    const take = async (data: SecretData) => {
      api.put(object('Secret', 'argocd-oidc', data))
      await server.line(/oidc config modified|secret modified/)
      await server.answers(`${url}/healthz`)
    }
    const visitor = new Visitor(secret['issuer']!)
    const userinfo = async (who: Visitor) => (await who.look(`${url}/api/v1/session/userinfo`)).json()
    const signIn = async (who = new Visitor(secret['issuer']!)) => {
      await who.open(`${url}/auth/login?return_url=${encodeURIComponent(`${url}/healthz`)}`)
      expect(await userinfo(who)).to.include({ loggedIn: true, username: 'ada@example.com' })
    }
    return { issuer, url, take, visitor, userinfo, signIn }
  },

  steps: {
    'signs in': ({ signIn, visitor }) => signIn(visitor),
    'name and groups': async ({ visitor, userinfo }) =>
      expect((await userinfo(visitor))['groups']).to.deep.equal(['developers', 'platform']),
    // its cookie is the ID token: half of its life must be over
    refreshes: async ({ issuer, visitor, url, userinfo }) => {
      const cookie = () => [...visitor.at(url).jar.values()].find(({ name }) => name === 'argocd.token')?.value
      const before = cookie()
      while (cookie() === before) expect(await userinfo(visitor)).to.include({ loggedIn: true })
      expect(issuer.refreshed()).to.be.greaterThan(0)
    },
    'secret rotated': async ({ issuer, ...argo }) => issuer.rotateSecret('argo-cd', argo),
    'signing keys rotated': async ({ issuer, visitor, userinfo, signIn }) => {
      await issuer.rotateSigningKeys()
      expect(await userinfo(visitor)).to.include({ loggedIn: true })
      await signIn()
    },
    'signs out': async ({ visitor, url, userinfo }) => {
      const page = await visitor.open(`${url}/auth/logout`)
      expect(page.url.replace(/\/$/, '')).to.equal(url)
      expect(await userinfo(visitor)).to.not.have.property('loggedIn', true)
    },
  },
})
