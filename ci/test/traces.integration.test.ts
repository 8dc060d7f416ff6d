import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect } from 'chai'
import { listenOnLoopback } from '@nauthera/harness/listen'
import { Browser, authorizationUrl, basic, password, pkce, send } from '@nauthera/harness/browser'
import { compileCache, root, sources } from '@nauthera/local/processes/program'
import { runToEnd } from '@nauthera/local/processes/run-to-end'
import { startStack } from '@nauthera/local/product/stack'
import type { Stack } from '@nauthera/local/product/stack'
import { createKubeClient } from '@nauthera/stand-in/kube-client'
import { createChainClients, namespace } from '../faults/support/chain-clients.ts'

// Three processes, one trace: what a collector gets from the whole product. runtime/test/traces.test.ts has the rules of a single process.

interface Span {
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly attributes: Readonly<Record<string, unknown>>
}

describe('traces of the whole product', () => {
  const spans: Span[] = []
  const lines: string[] = []
  const planted = new Set<string>([password])
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const callback = 'https://app.example.com/callback'
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      spans.push(...spansOf(body))
      response.setHeader('content-type', 'application/json').end('{}')
    })
  })

  before(async () => {
    const endpoint = `http://127.0.0.1:${await listenOnLoopback(collector)}`
    const env = { ...compileCache, NAUTHERA_TRACING_ENDPOINT: endpoint }
    const stack = await startStack({
      directory: newDirectory(),
      replicas: 1,
      namespaces: [namespace],
      programs: {
        server: { ...sources.server, env },
        'config-agent': { ...sources['config-agent'], env },
        operator: { ...sources.operator, env },
      },
      onLine: (process, line) => void lines.push(`${process}: ${line}`),
    })
    // a process sends what it still has when it ends
    await useProduct(stack).finally(() => stack.stop())
  })
  after((done) => {
    collector.closeAllConnections()
    collector.close(done)
  })

  const useProduct = async (stack: Stack) => {
    const clients = createChainClients(stack, createKubeClient(stack.api.adminConfig), planted)
    await clients.applyAndWait('web', { type: 'Web', redirectURIs: [callback] })
    const added = 'users add ada --email ada@example.com --email-verified --name Ada --password-stdin'.split(' ')
    const args = added.concat('--settings', stack.serverSettings)
    await runToEnd({ name: 'nauthera users add', script: 'server/src/cli/main.ts', args, input: password })
    const front = { issuer: stack.issuer, origin: () => `http://127.0.0.1:${stack.frontPort}` }
    const { clientId, clientSecret } = clients.credentials('web')
    const { verifier, challenge } = pkce()
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
    const request = {
      client_id: clientId,
      response_type: 'code',
      redirect_uri: callback,
      scope: 'openid email',
      state: 's',
    }
    const proof = { code_challenge: challenge, code_challenge_method: 'S256' }
    const back = await new Browser(front, headers).authorize(
      authorizationUrl(stack.issuer, { ...request, ...proof }),
      'ada',
    )
    const code = back.searchParams.get('code')!
    const form = { grant_type: 'authorization_code', code, redirect_uri: callback, code_verifier: verifier }
    const answer = await send(front, {
      path: '/token',
      form,
      headers: { ...headers, ...basic(clientId, clientSecret) },
    })
    expect(answer.status, answer.body).to.equal(200)
    for (const one of [code, verifier, ...Object.values(answer.json()).map(String)])
      if (one.length > 15) planted.add(one)
  }

  it('joins operator, agent and server in the trace of a change, from the object to Ready', () => {
    const settled = spans.find(
      ({ name, attributes }) => name === 'client settled' && attributes['client'] === 'demo/web',
    )
    expect(settled, 'client settled').not.to.equal(undefined)
    const trace = spans.filter((span) => span.traceId === settled!.traceId)
    const told = trace.map(({ service, name }) => `${service}: ${name}`)
    expect(told).to.include.members([
      'nauthera-operator: change',
      'nauthera-operator: client settled',
      'nauthera-agent: read snapshot',
      'nauthera-agent: push shard',
      'nauthera-server: apply shard',
    ])
    const change = trace.find(({ name }) => name === 'change')!
    expect(change.parentSpanId ?? '').to.equal('')
    for (const span of trace) if (span !== change) expect(span.parentSpanId, span.name).to.equal(change.spanId)
  })

  it("joins the requests of a sign-in, their queries and the password's check in the caller's trace", () => {
    const trace = spans.filter((span) => span.traceId === traceId)
    const requests = trace.filter(({ name }) => / \//.test(name))
    expect(requests.map(({ name }) => name)).to.include.members([
      'GET /authorize',
      'POST /interaction/:/sign-in',
      'POST /token',
    ])
    const signIn = requests.find(({ name }) => name === 'POST /interaction/:/sign-in')!
    const inside = trace.filter(({ parentSpanId }) => parentSpanId === signIn.spanId)
    expect(inside.map(({ name }) => name)).to.include('check password')
    expect(inside.filter(({ attributes }) => attributes['db.system.name'] === 'postgresql')).not.to.have.length(0)
  })

  it('names the trace in the log lines of its requests', () => {
    const line = lines.find((one) => one.includes('/sign-in') && one.includes(traceId))
    expect(line, lines.filter((one) => one.includes('sign-in')).join('\n')).not.to.equal(undefined)
  })

  it('sends no secret, no token and nothing of a person', () => {
    const sent = JSON.stringify(spans)
    for (const secret of [...planted, 'ada@example.com', '"ada"']) expect(sent).not.to.contain(secret)
  })
})

function newDirectory(): string {
  mkdirSync(join(root, '.nauthera'), { recursive: true })
  const directory = mkdtempSync(join(root, '.nauthera/traces-'))
  // the database's account is another one, and passes through
  chmodSync(directory, 0o711)
  return directory
}

interface SentAttribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

/** @param body of OTLP over HTTP, in JSON */
function spansOf(body: string): Span[] {
  const { resourceSpans } = JSON.parse(body) as {
    resourceSpans: {
      resource: { attributes: SentAttribute[] }
      scopeSpans: { spans: (Omit<Span, 'service' | 'attributes'> & { attributes: SentAttribute[] })[] }[]
    }[]
  }
  const valuesOf = (attributes: readonly SentAttribute[]) =>
    Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(valuesOf(resource.attributes)['service.name'])
    return scopeSpans
      .flatMap((scope) => scope.spans)
      .map((span) => ({ ...span, service, attributes: valuesOf(span.attributes) }))
  })
}
