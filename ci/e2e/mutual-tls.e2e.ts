import { expect } from 'chai'
import type { Json } from '@nauthera/stand-in/kube-client'
import { callerPod, spiffe } from './support/certificate-proxy.ts'
import { applyClients } from './support/clients.ts'
import { kubectl } from './support/kubernetes.ts'
import { useProduct } from './support/product.ts'
import type { InstalledProduct } from './support/product.ts'
import { useSurroundings } from './support/surroundings.ts'

/** One request: ADDRESS, the client, the certificate or nothing, and a token for userinfo or a forged header. Prints status and body. */
const ask = `
const { readFileSync } = require('node:fs')
const { request } = require('node:https')
const [url, client, certificate, forged] = process.argv.slice(1)
const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: client }).toString()
const read = (name) => readFileSync('/certificates/' + certificate + name)
const shown = certificate ? { cert: read('.crt'), key: read('.key') } : {}
const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
if (forged) headers['x-ssl-client-cert'] = readFileSync('/certificates/worker.crt', 'utf8').replace(/-----[A-Z ]+-----|\\s/g, '')
request(url + '/token', { method: 'POST', headers, ...shown }, async (answer) => {
  let text = ''
  for await (const chunk of answer) text += chunk
  console.log(JSON.stringify({ status: answer.statusCode, ...JSON.parse(text) }))
}).end(body)`

interface Answer {
  readonly status: number
  readonly error?: string
  readonly access_token?: string
}

describe('a client with a certificate, on a real cluster', function () {
  this.timeout(420_000)
  let product: InstalledProduct
  let byProxy: string
  let byPort: string

  before(async () => {
    product = await useProduct()
    ;({ byProxy, byPort } = await useSurroundings())
    const audiences = ['https://reports.example.com']
    const auth = { method: 'tls_client_auth', tls: { sanURI: spiffe } }
    await applyClients(product.team, { certified: { type: 'M2M', audiences, auth } })
  })

  // what comes later upgrades the release with values of its own, and knows no client without a secret
  after(() => kubectl('-n', product.team, 'delete', 'oidcclient', 'certified', '--ignore-not-found'))

  const asked = async (url: string, certificate: string, ...more: string[]): Promise<Answer> => {
    const command = ['exec', callerPod, '--', '/usr/local/bin/node', '-e', ask]
    const out = await kubectl('-n', product.team, ...command, url, `${product.team}.certified`, certificate, ...more)
    return JSON.parse(out.trim()) as Answer
  }

  for (const [way, url] of [
    ['through a proxy that passes its certificate on', () => byProxy],
    ['at the port where the server itself asks', () => byPort],
  ] as const) {
    it(`T40 a pod with a SPIFFE id gets a token ${way}; one with another id, or none, does not`, async () => {
      const { status, access_token: token } = await asked(url(), 'worker')
      expect(status).to.equal(200)
      const claims = JSON.parse(Buffer.from(token!.split('.')[1]!, 'base64url').toString()) as Json
      expect(claims.cnf).to.have.property('x5t#S256')
      for (const certificate of ['other', '']) {
        const refused = await asked(url(), certificate)
        expect([refused.status, refused.error], certificate).to.deep.equal([401, 'invalid_client'])
      }
    })
  }

  it('T41 a header that a pod writes itself is dropped everywhere', async () => {
    for (const url of [byProxy, byPort, product.release.issuer]) {
      const { status, error } = await asked(url, '', 'forged')
      expect([status, error], url).to.deep.equal([401, 'invalid_client'])
    }
  })
})
