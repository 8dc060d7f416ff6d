// The least that a token endpoint must do (check a hash, sign one JWT, send it), and a GET of ready bytes: what ours is compared with.
import { createHash, generateKeyPairSync, randomUUID, sign, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const verifier = createHash('sha256')
  .update(process.argv[2] ?? '')
  .digest()
const ready = Buffer.from(JSON.stringify({ keys: Array.from({ length: 4 }, () => ({ n: 'x'.repeat(300) })) }))
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ready.length }).end(ready)
    return
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    new URLSearchParams(Buffer.concat(chunks).toString())
    const presented =
      Buffer.from(request.headers.authorization?.split(' ')[1] ?? '', 'base64')
        .toString()
        .split(':')[1] ?? ''
    if (!timingSafeEqual(createHash('sha256').update(presented).digest(), verifier)) {
      response.writeHead(401).end()
      return
    }
    const now = Math.floor(Date.now() / 1000)
    const signed = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: 'bare' })}.${encode({ jti: randomUUID(), sub: 'bare', iat: now, exp: now + 300, client_id: 'bare', iss: 'http://bare', aud: 'https://api.example.com' })}`
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString(
      'base64url',
    )
    const body = JSON.stringify({ access_token: `${signed}.${signature}`, expires_in: 300, token_type: 'Bearer' })
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body)
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`))
process.on('SIGTERM', () => process.exit(0))
