// An MCP server (Streamable HTTP) with one tool, protected by Nauthera: the few lines that an API needs. It reads the Secret of
// its OIDCClient from the environment (see deployment.yaml) and has no dependency.
//   PORT  ISSUER  CLIENT_ID  CLIENT_SECRET  RESOURCE (resourceServer.identifier: the address of this server)
import { createServer } from 'node:http'

const { PORT = '8080', ISSUER, CLIENT_ID, CLIENT_SECRET, RESOURCE } = process.env
const resource = new URL(RESOURCE)
const scope = 'tools:use'
// RFC 9728 section 3.1: the path of the resource comes behind the well-known part
const metadataPath = `/.well-known/oauth-protected-resource${resource.pathname}`

createServer(async (request, response) => {
  const send = (status, body, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body && JSON.stringify(body))
  try {
    if (request.url === metadataPath) {
      // the key protected_resource_metadata of the Secret says the same
      return send(200, { resource: RESOURCE, authorization_servers: [ISSUER], scopes_supported: [scope] })
    }
    if (request.url !== resource.pathname) return send(404, { error: 'not found' })
    if (request.method !== 'POST') return send(405, { error: 'POST' }, { allow: 'POST' })
    const token = await check(request.headers.authorization)
    if (token.refusal) return send(token.status, { error: token.refusal }, { 'www-authenticate': challenge(token) })
    const { id, method, params } = JSON.parse(await textOf(request))
    // a notification has no answer
    if (id === undefined) return response.writeHead(202).end()
    return send(200, { jsonrpc: '2.0', id, ...answer(method, params, token) })
  } catch (error) {
    console.error(error)
    return send(500, { error: 'try again later' })
  }
}).listen(Number(PORT), '127.0.0.1', () => console.log(`MCP server: ${RESOURCE}`))

/** RFC 6750 section 3 and RFC 9728 section 5.1: where clients read what to do. */
const challenge = ({ refusal }) =>
  [
    `Bearer resource_metadata="${resource.origin}${metadataPath}"`,
    ...(refusal === 'missing' ? [] : [`error="${refusal}"`]),
    `scope="${scope}"`,
  ].join(', ')

/** Asks Nauthera about the token (RFC 7662), so that one that was taken back ends at once. */
async function check(authorization = '') {
  const token = /^Bearer (\S+)$/i.exec(authorization)?.[1]
  if (!token) return { status: 401, refusal: 'missing' }
  const secret = [CLIENT_ID, CLIENT_SECRET].map(encodeURIComponent).join(':')
  const reply = await fetch(`${ISSUER}/introspect`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(secret).toString('base64')}` },
    body: new URLSearchParams({ token }),
  })
  if (!reply.ok) throw new Error(`introspection: ${reply.status}`)
  const about = await reply.json()
  // a token for another API must not work here
  if (!about.active || about.aud !== RESOURCE) return { status: 401, refusal: 'invalid_token' }
  if (!about.scope?.split(' ').includes(scope)) return { status: 403, refusal: 'insufficient_scope' }
  return about
}

/** The part of MCP that one tool needs. */
function answer(method, params, token) {
  switch (method) {
    case 'initialize':
      return {
        result: {
          protocolVersion: params?.protocolVersion ?? '2025-06-18',
          capabilities: { tools: {} },
          serverInfo: { name: 'nauthera-example', version: '1.0.0' },
        },
      }
    case 'ping':
      return { result: {} }
    case 'tools/list':
      return {
        result: {
          tools: [{ name: 'whoami', description: 'Says who is signed in.', inputSchema: { type: 'object' } }],
        },
      }
    case 'tools/call':
      if (params?.name !== 'whoami') return { error: { code: -32602, message: 'unknown tool' } }
      return { result: { content: [{ type: 'text', text: `You are ${token.sub}, by ${token.client_id}.` }] } }
    default:
      return { error: { code: -32601, message: 'unknown method' } }
  }
}

async function textOf(request) {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > 1_000_000) throw new Error('the request is too large')
  }
  return text
}
