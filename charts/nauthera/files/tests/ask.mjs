// oxlint-disable no-unused-vars -- the script behind it uses them
// helm test. Stands before each script: asks the Service as a client of the issuer's host would.
import { readFileSync } from 'node:fs'
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'

const { ISSUER, SERVICE } = process.env
const issuer = new URL(ISSUER)

/** One request to the Service. The certificate is the issuer's and its CA may be unknown here: tested is what is answered. */
const askOnce = (path, { method = 'GET', headers = {}, body } = {}) =>
  new Promise((resolve, reject) => {
    const request = (SERVICE.startsWith('https') ? overHttps : overHttp)(new URL(path, SERVICE), {
      method,
      headers: { host: issuer.host, ...headers },
      servername: issuer.hostname,
      rejectUnauthorized: false,
      timeout: 5_000,
    })
    request.on('timeout', () => request.destroy(new Error(`no answer from ${SERVICE} within 5 s`)))
    request.on('error', reject)
    request.on('response', async (response) => {
      let text = ''
      for await (const part of response) text += part
      resolve({ status: response.statusCode, text })
    })
    request.end(body)
  })

/** Asks until there is a connection, for 30 s: what a NetworkPolicy allows to a new pod, it allows a moment after the start. */
const ask = async (path, options) => {
  for (const until = Date.now() + 30_000; ; ) {
    try {
      const { status, text } = await askOnce(path, options)
      if (status !== 200) throw new Error(`${path} answered ${status}: ${text.slice(0, 300)}`, { cause: 'answer' })
      return JSON.parse(text)
    } catch (error) {
      if (error.cause === 'answer' || Date.now() > until) throw error
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }
}
