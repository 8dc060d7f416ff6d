// An MCP client that nobody registered: it knows the address of an MCP server, and the address of a document about itself
// (client.json), which is its client_id. It finds everything else, has a person sign in, and calls a tool. No dependency.
// With an id that is no address it is the client of that name: so it works on one machine, where no document can be fetched (local.yaml).
//   MCP_URL  CLIENT_ID
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'

const { MCP_URL, CLIENT_ID } = process.env

// 1. without a token the server says where to read on (RFC 9728)
const refused = await rpc('initialize', { protocolVersion: '2025-06-18', capabilities: {} })
const said = refused.headers.get('www-authenticate') ?? ''
const about = await json(/resource_metadata="([^"]+)"/.exec(said)[1])
if (about.resource !== MCP_URL) throw new Error(`the metadata is of ${about.resource}`)

// 2. the authorization server, and that it takes clients by document (RFC 8414)
const issuer = new URL(about.authorization_servers[0])
const path = issuer.pathname === '/' ? '' : issuer.pathname
const server = await json(`${issuer.origin}/.well-known/oauth-authorization-server${path}`)
if (URL.canParse(CLIENT_ID) && !server.client_id_metadata_document_supported)
  throw new Error('no clients by document here')

// 3. a person signs in; the answer comes to a port of this machine (RFC 8252), bound by PKCE (RFC 7636)
const verifier = randomBytes(32).toString('base64url')
const state = randomBytes(16).toString('base64url')
const { redirectUri, answer } = await listenForAnswer()
const query = new URLSearchParams({
  client_id: CLIENT_ID,
  response_type: 'code',
  redirect_uri: redirectUri,
  resource: about.resource,
  scope: about.scopes_supported.join(' '),
  state,
  code_challenge: createHash('sha256').update(verifier).digest('base64url'),
  code_challenge_method: 'S256',
})
console.log(`Open this page to sign in: ${server.authorization_endpoint}?${query}`)
const back = await answer
if (back.get('state') !== state || back.get('iss') !== server.issuer)
  throw new Error('this answer is of another request')
if (back.has('error')) throw new Error(`${back.get('error')}: ${back.get('error_description')}`)

// 4. the code becomes a token for the MCP server, and for nothing else (RFC 8707)
const reply = await fetch(server.token_endpoint, {
  method: 'POST',
  body: new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: CLIENT_ID,
    code: back.get('code'),
    redirect_uri: redirectUri,
    code_verifier: verifier,
    resource: about.resource,
  }),
})
const tokens = await reply.json()
if (!reply.ok) throw new Error(`${tokens.error}: ${tokens.error_description}`)

// 5. the tool
await rpc('initialize', { protocolVersion: '2025-06-18', capabilities: {} }, tokens.access_token)
const called = await rpc('tools/call', { name: 'whoami', arguments: {} }, tokens.access_token)
const { result } = await called.json()
console.log(result.content[0].text)

function rpc(method, params, token) {
  return fetch(MCP_URL, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
}

async function json(url) {
  const reply = await fetch(url)
  if (!reply.ok) throw new Error(`${url}: ${reply.status}`)
  return reply.json()
}

async function listenForAnswer() {
  let take
  const answer = new Promise((resolve) => (take = resolve))
  const listener = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    if (pathname !== '/callback') return response.writeHead(404).end()
    response.end('You can close this page now.')
    listener.close()
    take(searchParams)
  })
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve))
  return { redirectUri: `http://localhost:${listener.address().port}/callback`, answer }
}
