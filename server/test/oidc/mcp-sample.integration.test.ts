import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { freePort } from '@nauthera/local/processes/ports'
import { reapProcess } from '@nauthera/local/processes/reaper'
import { Browser } from '@nauthera/harness/browser'
import { addPerson, clientSecret, configs, entry, startReplicas } from '@nauthera/harness/server'
import type { ServerReplicas } from '@nauthera/harness/server'
import { startDocumentHost } from './document-host.ts'
import type { DocumentHost } from './document-host.ts'

// The programs of examples/mcp, as they are, each a process of its own.

const sample = new URL('../../../examples/mcp/', import.meta.url)

describe('examples/mcp: an MCP server, and a client that nobody registered', () => {
  let replicas: ServerReplicas
  let host: DocumentHost
  let ada: string
  let mcp: string
  const running: ChildProcess[] = []

  /** @returns what it prints, line by line, and how it ends */
  function start(program: string, env: Record<string, string>) {
    const child = spawn(process.execPath, [fileURLToPath(new URL(program, sample))], { env, stdio: 'pipe' })
    reapProcess(child)
    running.push(child)
    let text = ''
    const told: { holds: (text: string) => boolean; resolve: () => void }[] = []
    const read = (chunk: Buffer) => {
      text += chunk.toString()
      for (const { holds, resolve } of told) if (holds(text)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
    return {
      ended,
      said: () => text,
      says: (pattern: RegExp) =>
        Promise.race([
          new Promise<void>((resolve) => {
            const holds = (all: string) => pattern.test(all)
            told.push({ holds, resolve })
            if (holds(text)) resolve()
          }),
          ended.then((code) => Promise.reject(new Error(`${program} ended with ${code}: ${text}`))),
        ]),
    }
  }

  before(async () => {
    host = await startDocumentHost()
    const about = JSON.parse(readFileSync(new URL('client.json', sample), 'utf8')) as object
    host.at('/client.json', { ...about, client_id: `${host.origin}/client.json`, client_uri: undefined })
    replicas = await startReplicas({ settings: { clientMetadataDocuments: { hosts: [host.host] } } })
    const port = await freePort()
    mcp = `http://localhost:${port}/mcp`
    const resourceServer = { identifier: mcp, scopes: ['tools:use'] }
    await replicas.serve([
      entry(
        'demo.tools',
        { ...configs.api, clientName: 'Tools', resourceServer },
        {
          documents: [{ hosts: [host.host], scopes: ['tools:use'] }],
        },
      ),
      entry('demo.other', configs.machine),
    ])
    ada = await addPerson(replicas, 'ada')
    const server = start('server.mjs', {
      PORT: String(port),
      ISSUER: replicas.issuer,
      CLIENT_ID: 'demo.tools',
      CLIENT_SECRET: clientSecret,
      RESOURCE: mcp,
    })
    await server.says(/MCP server: /)
  })
  after(async () => {
    for (const child of running) child.kill()
    await replicas?.stop()
    await host?.stop()
  })

  it('a person signs in, allows it, and the tool says who they are', async () => {
    const client = start('client.mjs', { MCP_URL: mcp, CLIENT_ID: `${host.origin}/client.json` })
    await client.says(/sign in: \S+\n/)
    const url = /sign in: (\S+)/.exec(client.said())![1]!
    const back = await new Browser(replicas).authorize(url, 'ada')
    expect([back.protocol, back.hostname, back.pathname]).to.deep.equal(['http:', 'localhost', '/callback'])
    expect((await fetch(back)).status).to.equal(200)
    await client.says(/You are /)
    expect(client.said()).to.contain(`You are ${ada}, by ${host.origin}/client.json.`)
    expect(await client.ended).to.equal(0)
  })

  it('RFC 9728 5.1 whoever has no token, or one that is none, is told where to read on', async () => {
    const call = (headers: Record<string, string> = {}) => fetch(mcp, { method: 'POST', body: '{}', headers })
    const metadata = `resource_metadata="${new URL('/.well-known/oauth-protected-resource/mcp', mcp).href}"`
    const without = await call()
    expect([without.status, without.headers.get('www-authenticate')]).to.deep.equal([
      401,
      `Bearer ${metadata}, scope="tools:use"`,
    ])
    const wrong = await call({ authorization: 'Bearer nonsense' })
    expect(wrong.headers.get('www-authenticate')).to.equal(
      `Bearer ${metadata}, error="invalid_token", scope="tools:use"`,
    )
  })
})
