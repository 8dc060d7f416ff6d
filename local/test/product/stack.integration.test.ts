import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { decodeJwt } from 'jose'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import type { KubeClient } from '@nauthera/stand-in/kube-client'
import { readManifests } from '@nauthera/stand-in/manifests'
import type { KubeObject } from '@nauthera/stand-in/objects'
import type { RunResult } from '../../src/processes/read-output.ts'
import type { Kubectl } from '../../src/programs/kubectl.ts'
import { createKubectl, findKubectl } from '../../src/programs/kubectl.ts'
import type { LocalPod } from '../../src/product/pod.ts'
import { reapDirectory } from '../../src/processes/reaper.ts'
import { runToEnd } from '../../src/processes/run-to-end.ts'
import { rotateUnderLoad } from '../../src/product/rotate-under-load.ts'
import { startStack } from '../../src/product/stack.ts'
import type { Stack } from '../../src/product/stack.ts'
import {
  callReplica,
  fetchVerifiedToken,
  parseCredentials,
  requestToken,
  requestTokenWith,
} from '../../src/product/token.ts'
import type { MachineCredentials } from '../../src/product/token.ts'
import { isReady, statusOf, waitForObject } from '../../src/product/wait-for.ts'

// The chain from `kubectl apply` to every replica, with the real kubectl, operator, agents and servers.

const root = fileURLToPath(new URL('../../..', import.meta.url))
const namespace = 'demo'
const grafana = 'examples/clients/web.yaml'
const machine = 'examples/clients/demo-machine.yaml'
const billing = 'https://billing.example.com'
const scopes = ['invoices:read', 'invoices:write']

describe('an OIDCClient that is applied', () => {
  let stack: Stack
  let kubectl: Kubectl

  before(async () => {
    mkdirSync(join(root, '.nauthera'), { recursive: true })
    const directory = mkdtempSync(join(root, '.nauthera/test-'))
    reapDirectory(directory)
    stack = await startStack({
      directory,
      replicas: 3,
      namespaces: [namespace, 'team-a', 'team-b'],
      serverSettings: { drainTimeout: '0s' },
      // owners of APIs alone say who gets what
      operatorSettings: { policy: { allow: { resourceServer: true } } },
    })
    kubectl = await createKubectl({ kubeconfig: stack.kubeconfig, cacheDirectory: join(directory, 'kubectl') })
  })
  after(() => stack?.stop())

  const done = (result: RunResult): RunResult => {
    expect(result.code, result.stderr + result.stdout).to.equal(0)
    return result
  }
  const inDemo = (...args: string[]) => kubectl('--namespace', namespace, ...args)
  const kubectlApply = (object: KubeObject) => {
    const file = join(root, '.nauthera', `apply-${object.kind}-${process.pid}.json`)
    writeFileSync(file, JSON.stringify(object))
    return kubectl('apply', '-f', file).finally(() => rmSync(file))
  }
  const clientWith = (name: string, spec: object) => ({
    apiVersion: 'auth.nauthera.io/v1alpha1',
    kind: 'OIDCClient',
    metadata: { name, namespace },
    spec,
  })
  const clientOf = (name: string) => ({ namespace, name })
  const ready = (name: string) => waitForObject(stack.api, 'oidcclients', clientOf(name), isReady)
  const secretData = (name: string) =>
    stack.api.store.find(stack.api.resource('secrets'), namespace, `${name}-oidc`)?.['data'] as
      Record<string, string> | undefined
  const credentialsOf = (name: string): MachineCredentials => parseCredentials(secretData(name))

  /** Sends an invalid code: `invalid_grant` means that the client itself was accepted. */
  const knock = async ({ port }: LocalPod, credentials: MachineCredentials): Promise<string> => {
    const basic = Buffer.from(`${credentials.clientId}:${credentials.clientSecret}`).toString('base64')
    const { body } = await callReplica({
      port,
      url: credentials.tokenEndpoint,
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      form: {
        grant_type: 'authorization_code',
        code: 'none',
        redirect_uri: 'https://grafana.example.com/login/generic_oauth',
        code_verifier: 'v'.repeat(43),
      },
    })
    return (JSON.parse(body) as { error: string }).error
  }
  const knockEverywhere = (credentials: MachineCredentials) =>
    Promise.all(stack.pods.map((pod) => knock(pod, credentials)))

  it('is Ready only when every replica has it, a late one included', async () => {
    const late = stack.pods[2]!
    late.clients.hold()
    done(await kubectl('apply', '-f', grafana))
    await waitForObject(
      stack.api,
      'oidcclients',
      clientOf('grafana'),
      (object) => statusOf(object).replicas?.loaded === 2,
    )
    const early = await inDemo('wait', '--for=condition=Ready', 'oidcclient/grafana', '--timeout=1s')
    expect(early.code).to.equal(1)
    expect(secretData('grafana'), 'the Secret must not be there yet').to.equal(undefined)

    const waiting = inDemo('wait', '--for=condition=Ready', 'oidcclient/grafana', '--timeout=20s')
    late.clients.release()
    done(await waiting)
    expect(await knockEverywhere(credentialsOf('grafana'))).to.deep.equal(Array(3).fill('invalid_grant'))
  })

  it('has a Secret whose values give a token at every replica, and whose wrong values do not', async () => {
    const reports = { identifier: 'https://reports.example.com', access: [{ clientIds: ['demo.demo-machine'] }] }
    done(await kubectlApply(clientWith('reports', { type: 'M2M', resourceServer: reports })))
    done(await kubectl('apply', '-f', machine))
    done(await inDemo('wait', '--for=condition=Ready', 'oidcclient/demo-machine', '--timeout=20s'))
    const credentials = credentialsOf('demo-machine')
    for (const { port } of stack.pods) {
      const claims = await fetchVerifiedToken({ port, issuer: stack.issuer, credentials })
      expect(claims).to.include({ iss: stack.issuer, client_id: 'demo.demo-machine' })
      const wrong = await requestToken(port, { ...credentials, clientSecret: 'x'.repeat(43) })
      expect(wrong.status).to.equal(401)
      expect(wrong.body).to.include('invalid_client')
    }
  })

  it('says which requests in its name were refused, and in an Event what its own program met', async () => {
    const refused = (name: string, code: string) =>
      waitForObject(
        stack.api,
        'oidcclients',
        clientOf(name),
        (object) => statusOf(object).refusals?.some((one) => one.code === code) === true,
      )
    await refused('grafana', 'CODE_REFUSED')
    const { refusals } = statusOf(await refused('demo-machine', 'SECRET_WRONG'))
    expect(refusals![0]).to.include({ code: 'SECRET_WRONG', by: 'Anyone' })
    expect(refusals![0]!.hint).to.include('status.secret.activeId')
    const wide = done(await inDemo('get', 'oidcclients', '--output', 'wide')).stdout
    expect(wide).to.match(/REFUSED/)
    expect(wide).to.match(/demo-machine .*SECRET_WRONG/)
    const events = done(await inDemo('get', 'events', '--field-selector', 'reason=RequestRefused')).stdout
    expect(events).to.match(/grafana +CODE_REFUSED: /)
    expect(events).not.to.include('demo-machine')
    const plugin = [join(root, 'operator/src/kubectl/main.ts'), 'why', 'grafana', '--kubeconfig', stack.kubeconfig]
    // the API runs in this process, so nothing may wait for the plugin
    const env = { ...process.env, PATH: dirname(await findKubectl()) }
    const why = spawn(process.execPath, [...plugin, '--namespace', namespace], { env })
    const exit = once(why, 'close')
    expect(await text(why.stdout)).to.match(/^demo\/grafana: one thing is wrong.\n\n1. CODE_REFUSED: /)
    expect((await exit)[0]).to.equal(1)
  })

  it('T32 needs no secret: the token of its pod is taken everywhere, by a new key of the cluster too, as soon as one replica has met it', async () => {
    const [account, client] = readManifests(join(root, 'examples/clients/secretless.yaml'))
    for (const object of [account!, client!]) done(await kubectlApply(object))
    done(await inDemo('wait', '--for=condition=Ready', 'oidcclient/report-writer', '--timeout=20s'))
    expect(secretData('report-writer'))
      .to.include.keys('client_id', 'token_endpoint')
      .and.not.have.property('client_secret')
    stack.api.set({ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name: 'report-writer-0' } })
    const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', 'report-writer-0']
    const tokenOf = async (...more: string[]) => {
      const audience = ['--audience', stack.issuer, '--duration', '600s']
      return done(await inDemo('create', 'token', 'report-writer', ...audience, ...more)).stdout.trim()
    }
    const knockWith = async (token: string) => {
      const answers = await Promise.all(
        stack.pods.map(({ port }) => requestTokenWith(port, `${stack.issuer}/token`, token)),
      )
      return answers.map(({ status }) => status)
    }
    const old = await tokenOf(...bound)
    expect(await knockWith(old)).to.deep.equal([200, 200, 200])
    expect(await knockWith(await tokenOf()), 'a token that names no pod').to.deep.equal([401, 401, 401])
    // the API server published nothing before: the worst case
    stack.api.accountKeys.publish().signs()
    const young = await tokenOf(...bound)
    for (;;) {
      const statuses = await knockWith(young)
      expect(await knockWith(old)).to.deep.equal([200, 200, 200])
      if (statuses.every((status) => status === 200)) break
    }
  })

  it('is shown with its columns', async () => {
    const { stdout } = done(await inDemo('get', 'oidcclients', 'grafana'))
    const [header, row] = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s{2,}/).map((cell) => cell.trim()))
    const columns = ['NAME', 'TYPE', 'CLIENT-ID', 'SECRET', 'LOADED', 'SUSPENDED', 'NEXT-ROTATION', 'READY', 'AGE']
    expect(header).to.deep.equal(columns)
    expect(row!.slice(0, 5)).to.deep.equal(['grafana', 'Web', 'demo.grafana', 'grafana-oidc', '3/3'])
    expect(row).to.include('True')
    const wide = done(await inDemo('get', 'nclient', '-o', 'wide')).stdout
    expect(wide)
      .to.match(/REASON\s+REFUSED\s+POLICY\s+ISSUER/)
      .and.to.include(stack.issuer)
  })

  it('is described with its events, and no secret in them', async () => {
    const { stdout } = done(await inDemo('describe', 'oidcclient', 'grafana'))
    expect(stdout).to.match(/Normal\s+SecretCreated/)
    expect(stdout).to.not.include(credentialsOf('grafana').clientSecret)
  })

  it('can be followed in the log of the agent, from snapshot to live', async () => {
    const from = stack.pods[0]!.agent.lines.length
    done(await inDemo('patch', 'oidcclient', 'grafana', '--type=merge', '-p', '{"spec":{"displayName":"Grafana 2"}}'))
    const diff = await stack.pods[0]!.agent.line(/^INF diff +.*client=demo\/grafana fields=\S*displayName/, { from })
    const change = /change=([0-9a-f]{4})/.exec(diff)![1]!
    await stack.pods[0]!.agent.line(new RegExp(`^INF live +change=${change}`), { from })
    const { stdout } = done(await kubectl('logs', '-n', 'nauthera', 'server-0', '-c', 'config-agent'))
    const told = stdout.split('\n').filter((line) => line.includes(`change=${change}`))
    expect(told.map((line) => line.split(/ +/)[1])).to.include.members(['snapshot', 'diff', 'push', 'live'])
    expect(told.find((line) => line.includes(' live '))).to.match(/shard=\d+ seq=\d+ accepted=\d+ rejected=0/)
    const all = stack.pods
      .flatMap(({ agent, server }) => [...agent.lines, ...server.lines])
      .concat(stack.operator.lines)
    expect(all.join('\n')).to.not.include(credentialsOf('grafana').clientSecret)
  })

  it('rotates its secret with no failed request, and the old one stays valid meanwhile', async () => {
    await ready('demo-machine')
    const report = await rotateUnderLoad({
      api: createKubeClient(stack.api.adminConfig),
      namespace,
      name: 'demo-machine',
      ports: stack.pods.map(({ port }) => port),
    })
    expect(report.failures).to.deep.equal([])
    expect(report.requests).to.be.greaterThan(20)
    expect(report.to)
      .to.match(/^[0-9a-f]{8}$/)
      .and.to.not.equal(report.from)
    expect(report.previousAccepted).to.equal(3)
    expect(Date.parse(report.previousUntil!)).to.be.greaterThan(Date.now() + 3_600_000)
  })

  it('runs on a stack with which nauthera doctor finds no fault and nothing to warn of', async () => {
    const said = await runToEnd({
      name: 'doctor',
      script: 'server/src/cli/main.ts',
      args: ['doctor', '--settings', stack.serverSettings, '--output', 'json'],
    })
    const findings = JSON.parse(said) as { check: string; state: string }[]
    expect(findings.map(({ check }) => check)).to.include('proxy')
    expect(findings.filter(({ state }) => state !== 'ok')).to.deep.equal([])
  })

  it('is refused with the field and the remedy when it is wrong', async () => {
    const { code, stderr } = await kubectl('apply', '-f', 'examples/bad/redirect-http.yaml')
    expect(code).to.equal(1)
    expect(stderr).to.include('spec.redirectURIs').and.to.include('must be https')
    const typo = await kubectl('apply', '-f', 'examples/bad/unknown-field.yaml')
    expect(typo.stderr).to.include('unknown field "spec.redirectUris"')
  })

  it('can come in a List; a kind that nobody serves is refused by its name', async () => {
    const client = (name: string) =>
      clientWith(name, { type: 'SPA', redirectURIs: ['https://app.example.com/callback'] })
    const file = join(root, '.nauthera', `list-${process.pid}.json`)
    const apply = (object: object) => {
      writeFileSync(file, JSON.stringify(object))
      return kubectl('apply', '-f', file)
    }
    try {
      const { stdout } = done(await apply({ apiVersion: 'v1', kind: 'List', items: [client('one'), client('two')] }))
      expect(stdout).to.include('oidcclient.auth.nauthera.io/one created').and.to.include('/two created')
      const unserved = await apply({ ...client('three'), kind: 'OIDCCliente' })
      expect(unserved.stderr).to.include('no matches for kind "OIDCCliente" in version "auth.nauthera.io/v1alpha1"')
    } finally {
      rmSync(file, { force: true })
    }
  })

  it('gets invalid_client from every replica once it is deleted, and its Secret is gone', async () => {
    const credentials = credentialsOf('grafana')
    const from = stack.pods.map(({ agent }) => agent.lines.length)
    done(await inDemo('delete', 'oidcclient', 'grafana'))
    expect(secretData('grafana')).to.equal(undefined)
    for (const [index, { agent }] of stack.pods.entries()) {
      const diff = await agent.line(/^INF diff +.*client=demo\/grafana/, { from: from[index]! })
      const change = /change=([0-9a-f]{4})/.exec(diff)![1]!
      await agent.line(new RegExp(`^INF live +change=${change}`), { from: from[index]! })
    }
    expect(await knockEverywhere(credentials)).to.deep.equal(Array(3).fill('invalid_client'))
  })

  describe('a client and the API of another tenant', () => {
    // team-a owns the API, team-b has the programs that want it
    let kube: KubeClient
    before(() => void (kube = createKubeClient(stack.api.adminConfig)))

    const put = async (kind: 'OIDCClient' | 'OIDCPolicy', at: string, name: string, spec: object) => {
      const where = kind === 'OIDCClient' ? `namespaces/${at}/oidcclients` : 'oidcpolicies'
      const { status, body } = await kube.call('PATCH', `/apis/auth.nauthera.io/v1alpha1/${where}/${name}`, {
        query: { fieldManager: 'test', force: true, fieldValidation: 'Strict' },
        body: { apiVersion: 'auth.nauthera.io/v1alpha1', kind, metadata: { name }, spec },
        contentType: 'application/apply-patch+yaml',
      })
      expect(status, JSON.stringify(body)).to.be.lessThan(300)
    }
    const api = (access: object[]) =>
      put('OIDCClient', 'team-a', 'billing', {
        type: 'M2M',
        resourceServer: { identifier: billing, scopes: scopes.map((name) => ({ name })), access },
      })
    const program = (spec: object) =>
      put('OIDCClient', 'team-b', 'program', { type: 'M2M', audiences: [billing], ...spec })
    const has = (namespace: string, name: string, type: string, reason: string) =>
      waitForObject(stack.api, 'oidcclients', { namespace, name }, (object: KubeObject | undefined) => {
        const { conditions = [], observedGeneration } = statusOf(object)
        return (
          observedGeneration === object?.metadata.generation &&
          conditions.some((one) => one.type === type && one.reason === reason)
        )
      })
    const credentialsOf = async (namespace: string, name: string) => {
      const secret = await waitForObject(
        stack.api,
        'secrets',
        { namespace, name: `${name}-oidc` },
        (found) => found !== undefined,
      )
      return parseCredentials(secret?.['data'] as Record<string, string>)
    }
    const post = async (
      namespace: string,
      name: string,
      path: 'token' | 'introspect',
      form: Record<string, string>,
    ) => {
      const { clientId, clientSecret, tokenEndpoint } = await credentialsOf(namespace, name)
      const { status, body } = await callReplica({
        port: stack.pods[0]!.port,
        url: tokenEndpoint.replace(/token$/, path),
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` },
        form,
      })
      return {
        status,
        ...(JSON.parse(body) as { error?: string; access_token?: string; scope?: string; active?: boolean }),
      }
    }
    const ask = (form: Record<string, string> = {}) =>
      post('team-b', 'program', 'token', { grant_type: 'client_credentials', resource: billing, ...form })

    it('K18 with no policy: no token for the API, whether it asks for scopes or only lists the audience', async () => {
      await api([])
      await program({ scopes })
      await has('team-b', 'program', 'Ready', 'NotGranted')
      await has('team-b', 'program', 'Propagated', 'Propagated')
      expect(await ask()).to.include({ status: 400, error: 'invalid_target' })
      expect(await ask({ scope: scopes.join(' ') })).to.include({ status: 400, error: 'invalid_target' })
      await program({ audiences: [billing, 'https://nobody.example.com'] })
      await has('team-b', 'program', 'Propagated', 'Propagated')
      expect(await ask({ resource: 'https://nobody.example.com' })).to.include({ status: 400, error: 'invalid_target' })
    })

    it('K18 under a policy that allows openid and profile alone: no scope of the API', async () => {
      await put('OIDCPolicy', '', 'tenants', {
        allow: { scopes: ['openid', 'profile'] },
      })
      await api([{ namespaces: ['*'] }])
      await program({})
      await has('team-b', 'program', 'Ready', 'Ready')
      const answer = await ask()
      expect(answer.status).to.equal(200)
      expect(answer.scope ?? '').to.equal('')
      expect(decodeJwt(answer.access_token!).scope ?? '').to.equal('')
      expect(await ask({ scope: 'invoices:read' })).to.include({ status: 400, error: 'invalid_scope' })
      stack.api.store.remove(stack.api.resource('oidcpolicies'), undefined, 'tenants')
    })

    it('gets what the owner of the API gives, and loses it when the owner withdraws it', async () => {
      await api([{ clientIds: ['team-b.program'], scopes: ['invoices:read'] }])
      await program({ scopes: ['invoices:read'] })
      await has('team-b', 'program', 'Ready', 'Ready')
      const answer = await ask()
      expect(answer).to.include({ status: 200, scope: 'invoices:read' })
      expect(decodeJwt(answer.access_token!)).to.include({ aud: billing, scope: 'invoices:read' })
      await has('team-a', 'billing', 'Ready', 'Ready')
      const introspect = () => post('team-a', 'billing', 'introspect', { token: answer.access_token! })
      expect(await introspect()).to.include({ active: true, scope: 'invoices:read' })

      await api([])
      await has('team-b', 'program', 'Ready', 'NotGranted')
      await has('team-b', 'program', 'Propagated', 'Propagated')
      expect(await ask()).to.include({ status: 400, error: 'invalid_target' })
      expect(await introspect()).to.include({ active: false })
    })
  })
})
