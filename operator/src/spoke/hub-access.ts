// How a spoke gets into its hub: the kubeconfig in a Secret, read again when it changes, and its token renewed before it ends.
import { describeError } from '@nauthera/runtime/log'
import { Secret } from '@nauthera/runtime/secret'
import type { Log } from '@nauthera/runtime/log'
import type { KubeConnection } from '../kubernetes/connection.ts'
import type { KubeCredentials } from '../kubernetes/credentials.ts'
import { versionOf } from '../kubernetes/conditional-write.ts'
import type { SecretStore } from '../kubernetes/conditional-write.ts'
import { objectPath, resourceTypes } from '../kubernetes/objects.ts'
import type { SecretObject } from '../kubernetes/objects.ts'
import type { Clock } from '../time/clock.ts'
import { Loop } from '../time/loop.ts'
import { parseHubKubeconfig, readTokenFacts } from './hub-kubeconfig.ts'
import type { HubKubeconfig } from './hub-kubeconfig.ts'
import type { HubState } from './hub-state.ts'

const file = 'kubeconfig'
/** The pause between two looks at the Secret and the token; shorter while there is none. Milliseconds. */
const lookMs = 30_000
const missingMs = 5_000
/** An API server gives no token a shorter life. Seconds. */
const shortestLife = 600

interface AccessNeeds {
  /** Of this cluster. */
  readonly secrets: Pick<SecretStore, 'read' | 'update'>
  readonly namespace: string
  readonly name: string
  readonly state: HubState
  readonly clock: Clock
  readonly log: Log
  /** The hub has another address now: the process must begin anew. */
  readonly onMoved: () => void
}

/** Keeps the credential for the hub. */
export class HubAccess {
  readonly #needs: AccessNeeds
  #secret: SecretObject | undefined
  #kubeconfig: HubKubeconfig | undefined
  #loop: Loop | undefined

  constructor(needs: AccessNeeds) {
    this.#needs = needs
  }

  /** @returns undefined while there is no kubeconfig */
  credentials(): KubeCredentials | undefined {
    const { server } = this.#kubeconfig ?? {}
    return server && { server, namespace: undefined, current: () => Promise.resolve(this.#current()) }
  }

  /** Looks for the kubeconfig once, and then again and again.
   *  @param hub asked for new tokens */
  async start(hub: Pick<KubeConnection, 'call'>): Promise<void> {
    const { clock, log, state } = this.#needs
    const nextMs = () => (state.fault?.reason === 'CredentialRefused' ? missingMs : lookMs)
    await this.#tryRead()
    this.#loop = new Loop({
      clock,
      firstMs: nextMs(),
      round: async () => {
        await this.#tryRead()
        await this.#renew(hub).catch((error: unknown) => log.warn({ error }, 'token for the hub not renewed'))
        return nextMs()
      },
    })
    this.#loop.start()
  }

  async stop(): Promise<void> {
    await this.#loop?.stop()
  }

  /** @returns epoch milliseconds; undefined for a token that does not say it */
  tokenEndsAt(): number | undefined {
    return this.#kubeconfig && readTokenFacts(this.#kubeconfig.token)?.expiresAt
  }

  #current(): Awaited<ReturnType<KubeCredentials['current']>> {
    const { ca, serverName, token } = this.#kubeconfig!
    return {
      headers: { authorization: `Bearer ${token.reveal()}` },
      tls: { ...(ca ? { ca } : {}), ...(serverName === undefined ? {} : { servername: serverName }) },
    }
  }

  /** What cannot be read or parsed changes nothing: the last good kubeconfig counts. */
  async #tryRead(): Promise<void> {
    const { secrets, namespace, name, state, log, onMoved } = this.#needs
    try {
      const secret = await secrets.read(namespace, name)
      if (secret && this.#secret && versionOf(secret) === versionOf(this.#secret)) return
      const text = secret?.data?.[file]
      if (text === undefined)
        return this.#tell(`Secret ${name} with the key ${file} is missing; kubectl nauthera cluster join makes it`)
      const parsed = parseHubKubeconfig(Buffer.from(text, 'base64').toString('utf8'))
      if (parsed.kind === 'invalid') {
        const faults = parsed.faults.map(({ path, message }) => `${path} ${message}`).join('; ')
        return this.#tell(`Secret ${name}, key ${file}: ${faults}`)
      }
      const before = this.#kubeconfig
      this.#kubeconfig = parsed.kubeconfig
      this.#secret = secret
      state.recordCredential(undefined)
      this.#told = undefined
      if (before && before.server.href !== parsed.kubeconfig.server.href) onMoved()
      else log.info({ secret: name, server: parsed.kubeconfig.server.origin }, 'credential for the hub read')
    } catch (error) {
      if (!this.#kubeconfig) this.#tell(`Secret ${name} cannot be read: ${describeError(error)}`)
      else log.warn({ error, secret: name }, 'credential for the hub not read')
    }
  }

  #told: string | undefined

  #tell(why: string): void {
    const { state, log } = this.#needs
    if (!this.#kubeconfig) state.recordCredential(why)
    if (why !== this.#told) log.error({ why }, 'no credential for the hub')
    this.#told = why
  }

  /** At two thirds of its life. */
  async #renew(hub: Pick<KubeConnection, 'call'>): Promise<void> {
    const { secrets, state, log } = this.#needs
    const [kubeconfig, secret] = [this.#kubeconfig, this.#secret]
    const facts = kubeconfig && readTokenFacts(kubeconfig.token)
    if (!kubeconfig || !secret || !facts) return
    const life = facts.expiresAt - facts.issuedAt
    if (state.clock.now() < facts.issuedAt + (life * 2) / 3) return
    const { namespace, serviceAccount: name } = facts
    const expirationSeconds = Math.max(shortestLife, Math.round(life / 1000))
    const answer = await hub.call<{ status?: { token?: string } }>({
      method: 'POST',
      path: objectPath(resourceTypes.serviceAccounts, { namespace, name, subresource: 'token' }),
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds } },
    })
    if (answer.status?.token === undefined) return
    const text = kubeconfig.withToken(new Secret(answer.status.token))
    const outcome = await secrets.update(secret, {
      namespace: this.#needs.namespace,
      name: this.#needs.name,
      labels: secret.metadata.labels ?? {},
      annotations: secret.metadata.annotations ?? {},
      data: { ...secret.data, [file]: Buffer.from(text).toString('base64') },
    })
    // somebody replaced it meanwhile: the next look reads that
    if (outcome.kind === 'conflict') return
    log.info({ secret: this.#needs.name }, 'token for the hub renewed')
    await this.#tryRead()
  }
}
