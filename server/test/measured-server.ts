// A server in a process of its own, whose resident memory a test measures. Its parent asks, one question after the other.
import { readFileSync } from 'node:fs'
import type { JWK } from 'jose'
import { keySetOf, createCertificate } from '@nauthera/harness/certificates'
import { Browser, password } from '@nauthera/harness/browser'
import { fetchTokens } from '@nauthera/harness/flows'
import type { Tokens } from '@nauthera/harness/flows'
import { addPerson, configs, entry, startReplicas } from '@nauthera/harness/server'
import { signInMember } from './admin/members.ts'

/** What the parent may ask. */
export interface MeasuredAnswers {
  /** Serves a client with this key. */
  start: { readonly issuer: string; readonly origin: string; readonly personId: string; readonly certificate: string }
  /** Signs the person in for the account. @returns the header `cookie` of the browser */
  session: string
  /** The same for the help desk. */
  member: string
  /** Signs the person in for an application. */
  tokens: Tokens
  /** For one that gets userinfo signed and encrypted. */
  sealed: Tokens
  /** Collects garbage, and begins to look at the memory. */
  begin: undefined
  /** MB: what the process held after the collection, by how much that grew at most, and how much of that is the heap of V8 at the end. */
  end: { readonly before: number; readonly growth: number; readonly heap: number }
}

export type MeasuredQuestion = keyof MeasuredAnswers

const lookEveryMs = 20
/** MB, from the kernel. */
const resident = (): number => Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024

const server = await startReplicas({
  settings: {
    trustedProxies: ['127.0.0.1'],
    mutualTLS: { header: 'traefik' },
    admin: { group: 'desk' },
    mail: { host: '127.0.0.1', port: 9, from: 'sign-in@example.com', tls: 'off' },
    registration: { enabled: true },
  },
  keepsLines: false,
  mostPages: { ofPerson: Infinity, ofAddress: Infinity },
})
const own = await createCertificate({ name: 'own' })
const personId = await addPerson(server, 'ada')
await addPerson(server, 'agent', ['desk'])
const cookiesOf = (browser: Browser): string =>
  [...browser.jar.values()].map(({ name, value }) => `${name}=${value}`).join('; ')

let looked = { before: 0, growth: 0, heapBefore: 0 }
const heapMb = (): number => process.memoryUsage().heapTotal / 1024 / 1024
setInterval(() => (looked.growth = Math.max(looked.growth, resident() - looked.before)), lookEveryMs)

const answers: { [Question in MeasuredQuestion]: (jwk: JWK) => Promise<MeasuredAnswers[Question]> } = {
  async start(jwk) {
    const forEncryption = { ...jwk, kid: 'enc', use: 'enc', alg: 'RSA-OAEP-256' }
    const jwks = { keys: [jwk, forEncryption] } as never
    const keyed = { tokenEndpointAuthMethod: 'self_signed_tls_client_auth' }
    const sealed = { userinfoEncryptedResponseAlg: 'RSA-OAEP-256', userinfoEncryptedResponseEnc: 'A256GCM' }
    await server.serve([
      entry('app.web', configs.web),
      entry('app.sealed', { ...configs.web, jwks, userinfoSignedResponseAlg: 'RS256', ...sealed }),
      entry('app.spa', configs.spa),
      entry('app.machine', configs.machine),
      entry('app.signing', { ...configs.machine, tokenEndpointAuthMethod: 'private_key_jwt', jwks }),
      entry('app.keyed', { ...configs.machine, ...keyed, jwks: keySetOf(own) as never }),
      entry('app.api', configs.api),
    ])
    const certificate = own.der.toString('base64')
    return { issuer: server.issuer, origin: server.origin(0), personId, certificate }
  },
  async session() {
    const browser = new Browser(server)
    await browser.submit(await browser.follow('/account'), '/sign-in', { username: 'ada', password })
    return cookiesOf(browser)
  },
  member: async () => cookiesOf(await signInMember(server, 'agent')),
  tokens: () => fetchTokens(server, { parameters: { scope: 'openid email offline_access', prompt: 'consent' } }),
  sealed: () => fetchTokens(server, { clientId: 'app.sealed', parameters: { client_id: 'app.sealed' } }),
  async begin() {
    globalThis.gc!()
    looked = { before: resident(), growth: 0, heapBefore: heapMb() }
    return undefined
  },
  end: () => Promise.resolve({ ...looked, heap: heapMb() - looked.heapBefore }),
}

process.on('message', ({ question, jwk }: { question: MeasuredQuestion; jwk: JWK }) => {
  answers[question](jwk).then(
    (answer) => process.send!({ answer }),
    (error: unknown) => process.send!({ failed: String(error) }),
  )
})
process.on('disconnect', () => void server.stop().finally(() => process.exit()))
process.send!({ answer: 'ready' })
