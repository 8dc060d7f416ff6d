// Says what a joined cluster changed of one of its clients that a thief of its token would change. Pure.
import type { OIDCClient } from '../../api/oidc-client.ts'

/** Most URIs in one line of the log, and their characters. */
const mostUris = 10
const mostText = 200

/** What changed, for the log; undefined when neither the verifiers nor the redirect URIs did. */
export interface MirrorChange {
  /** `<id>,<id>-><id>`, newest first. */
  readonly verifiers?: string
  /** Those that came, with +, and those that went, with -. */
  readonly redirectURIs?: readonly string[]
}

/** @param previous undefined for a new one */
export function mirrorChange(client: OIDCClient, previous: OIDCClient | undefined): MirrorChange | undefined {
  const [before, after] = [verifiersOf(previous), verifiersOf(client)]
  const [past, present] = [urisOf(previous), urisOf(client)]
  const moved = [
    ...present.filter((uri) => !past.includes(uri)).map((uri) => `+${uri}`),
    ...past.filter((uri) => !present.includes(uri)).map((uri) => `-${uri}`),
  ]
  if (before === after && moved.length === 0) return undefined
  return {
    ...(before === after ? {} : { verifiers: `${before}->${after}` }),
    ...(moved.length === 0 ? {} : { redirectURIs: moved.slice(0, mostUris).map((uri) => uri.slice(0, mostText)) }),
  }
}

/** A spec that breaks a rule may have any shape. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

const urisOf = (client: OIDCClient | undefined): readonly string[] => [
  ...listOf(client?.spec.redirectURIs).map(String),
  ...listOf(client?.spec.postLogoutRedirectURIs).map(String),
]

const verifiersOf = (client: OIDCClient | undefined): string =>
  listOf(client?.spec.secret?.verifiers)
    .map((one) => (typeof one === 'object' && one !== null && 'sha256' in one ? String(one.sha256).slice(0, 8) : ''))
    .join()
