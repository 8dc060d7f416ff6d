import { randomBytes } from 'node:crypto'
import { mkdtempSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { keysSecretName, podPaths } from '@nauthera/proto/names'
import { expect } from 'chai'
import { machine, startCluster } from '@nauthera/harness/operator/cluster'
import { release, releaseNamespace } from '@nauthera/harness/operator/cluster-view'
import type { Cluster } from '@nauthera/harness/operator/cluster'
import { freePort } from '@nauthera/local/processes/ports'
import { freshDatabase } from '@nauthera/local/programs/fresh-database'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { sources } from '@nauthera/local/processes/program'
import { startProcess } from '@nauthera/local/processes/process'
import type { RunningProcess } from '@nauthera/local/processes/process'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { find, objectsOf } from './support/render.ts'
import { mountPod } from './support/rendered-pod.ts'
import type { RenderedPod } from './support/rendered-pod.ts'

const host = '127.0.0.1'
const keepAlive = new Agent({ keepAlive: true })

function ask(
  port: number,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<{ status: number; text: string }> {
  const { method = 'GET', headers = {}, body } = options
  return new Promise((resolve, reject) => {
    const call = request({ host, port, path, method, headers, agent: keepAlive, timeout: 10_000 }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text }))
      response.once('error', reject)
    })
    call.once('timeout', () => call.destroy(new Error(`no answer from ${path}`)))
    call.once('error', reject)
    call.end(body)
  })
}

describe('the rendered server pod', () => {
  let cluster: Cluster
  let pod: RenderedPod
  let agent: RunningProcess
  let server: RunningProcess
  const forget: (() => void)[] = []

  before(async () => {
    cluster = await startCluster()
    const directory = mkdtempSync(join(tmpdir(), 'nauthera-pod-'))
    forget.push(reapDirectory(directory))
    const { api } = cluster
    const putSecret = (name: string, data: Record<string, string | Buffer>) =>
      api.set({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: releaseNamespace },
        data: Object.fromEntries(
          Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
        ),
      })
    putSecret(keysSecretName(release), { first: randomBytes(32), current: 'first' })
    putSecret('nauthera-database', { dsn: (await freshDatabase()).url })

    const objects = await objectsOf({
      values: {
        database: { sslMode: 'disable' },
        signing: { algorithms: ['ES256'], idToken: 'ES256' },
        server: {
          ports: { http: await freePort(), management: await freePort() },
          settings: { listen: { host }, management: { host } },
        },
        agent: {
          ports: { status: await freePort(), management: await freePort() },
          settings: { status: { host }, management: { host } },
        },
      },
    })
    const { metadata, spec } = find(objects, 'Deployment', 'nauthera-server')['spec'].template
    const secrets = api.resource('secrets')
    const read = (name: string) =>
      api.store.find(secrets, releaseNamespace, name)?.['data'] as Record<string, string> | undefined
    pod = mountPod({ spec, objects, secret: read, directory })

    const [program, ...migrate] = pod.argumentsOf('migrate')
    expect(program).to.equal('nauthera')
    await runToEnd({ name: 'migrate', script: 'server/src/cli/main.ts', args: migrate })

    // What the image has as defaults, the settings need not name.
    const shared = (container: string) => ({
      NAUTHERA_CONFIG_SOCKET: pod.place(container, podPaths.configSocket),
      NAUTHERA_CONFIG_TLS_DIRECTORY: pod.place(container, podPaths.configTls),
      NAUTHERA_REPLICA: 'server-a',
    })
    agent = startProcess({
      name: 'agent',
      ...sources['config-agent'],
      args: pod.argumentsOf('config-agent'),
      restart: true,
      env: {
        ...shared('config-agent'),
        NAUTHERA_CLIENTS_DIRECTORY: pod.place('config-agent', podPaths.clients),
        NAUTHERA_LINK_DIRECTORY: pod.place('config-agent', podPaths.link),
        NAUTHERA_STATE_DIRECTORY: pod.place('config-agent', '/run/nauthera/last-good'),
      },
    })
    await passes('config-agent', 'startupProbe')
    server = startProcess({
      name: 'server',
      ...sources.server,
      args: pod.argumentsOf('server'),
      restart: true,
      env: shared('server'),
    })
    await passes('server', 'startupProbe')
    // The operator finds the pod by its rendered labels, and its status port by name.
    api.set({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'server-a', namespace: releaseNamespace, labels: metadata.labels },
      spec,
      status: { phase: 'Running', podIP: host, initContainerStatuses: [{ name: 'config-agent', started: true }] },
    })
    forget.push(
      api.store.onChange(({ resource, object }) => {
        if (resource.kind === 'Secret' && object.metadata.namespace === releaseNamespace) pod.sync()
      }),
    )
    await cluster.startOperator().leading
    await passes('server', 'readinessProbe')
  })
  after(async () => {
    await server?.stop()
    await agent?.stop()
    await cluster?.stop()
    keepAlive.destroy()
    for (const end of forget) end()
  })

  /** Asks as the kubelet does, until the probe of the container passes. */
  const passes = async (container: string, kind: string): Promise<void> => {
    const { path, port } = pod.container(container)[kind].httpGet as { path: string; port: string }
    for (const until = Date.now() + 30_000; ;) {
      const answer = await ask(pod.port(container, port), path).catch((error: Error) => ({
        status: 0,
        text: error.message,
      }))
      if (answer.status === 200) return
      if (Date.now() > until)
        throw new Error(`${container}: ${kind} does not pass: ${answer.text}\n${agent.lines.join('\n')}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  it('answers every request and restarts nothing while every mount is replaced and a secret rotates', async () => {
    await cluster.apply('reports', machine)
    const isPublished = (before?: string) => () => ![undefined, before].includes(cluster.plain('reports'))
    await cluster.until(isPublished(), 'the client has its Secret', 30_000)

    const failures: string[] = []
    let answered = 0
    let stop = false
    const application = async (): Promise<void> => {
      const data = () => cluster.secret('reports-oidc')!.data
      const value = (key: string) => Buffer.from(data()[key]!, 'base64').toString()
      while (!stop) {
        const credential = Buffer.from(`${value('client_id')}:${value('client_secret')}`).toString('base64')
        const answer = await ask(pod.port('server', 'http'), new URL(value('token_endpoint')).pathname, {
          method: 'POST',
          headers: {
            host: 'login.example.com',
            authorization: `Basic ${credential}`,
            'content-type': 'application/x-www-form-urlencoded',
          },
          body: 'grant_type=client_credentials',
        }).catch((error: Error) => ({ status: 0, text: error.message }))
        if (answer.status === 200) answered++
        else failures.push(`${answer.status} ${answer.text}`)
      }
    }
    const applications = [application(), application()]
    const goesOn = (from: number) => cluster.until(() => answered > from + 20, 'requests are answered', 30_000)
    await goesOn(0)
    for (let round = 0; round < 3; round++) {
      pod.swap()
      await goesOn(answered)
    }
    const before = cluster.plain('reports')
    await cluster.apply('reports', { ...machine, rotation: { trigger: 'now' } })
    await cluster.until(isPublished(before), 'the secret is rotated', 30_000)
    await goesOn(answered)
    stop = true
    await Promise.all(applications)

    expect(failures).to.deep.equal([])
    expect([agent.restarts, server.restarts]).to.deep.equal([0, 0])
    await passes('server', 'readinessProbe')
    await passes('config-agent', 'livenessProbe')
  })
})
