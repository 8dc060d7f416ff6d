// helm test: the Secret that the operator wrote for the OIDCClient of the test gets a token.
import { readFileSync } from 'node:fs'
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'

const { ISSUER, SERVICE } = process.env
const value = (key) => readFileSync(`/client/${key}`, 'utf8')
if (value('issuer') !== ISSUER) throw new Error(`the Secret names the issuer ${value('issuer')}, expected ${ISSUER}`)

const endpoint = new URL(value('token_endpoint'))
const credential = Buffer.from(`${value('client_id')}:${value('client_secret')}`).toString('base64')
const answer = await new Promise((resolve, reject) => {
  const request = (SERVICE.startsWith('https') ? overHttps : overHttp)(new URL(endpoint.pathname, SERVICE), {
    method: 'POST',
    headers: {
      host: endpoint.host,
      authorization: `Basic ${credential}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    servername: endpoint.hostname,
    rejectUnauthorized: false,
    timeout: 10_000,
  })
  request.on('timeout', () => request.destroy(new Error(`no answer from ${SERVICE} within 10 s`)))
  request.on('error', reject)
  request.on('response', async (response) => {
    let text = ''
    for await (const part of response) text += part
    resolve({ status: response.statusCode, text })
  })
  request.end('grant_type=client_credentials')
})
if (answer.status !== 200) throw new Error(`${endpoint.pathname} answered ${answer.status}: ${answer.text.slice(0, 300)}`)
const token = JSON.parse(answer.text)
if (!token.access_token) throw new Error('no access_token in the answer')
process.stdout.write(`${value('client_id')} got a token for ${token.expires_in} s` + '\n')
