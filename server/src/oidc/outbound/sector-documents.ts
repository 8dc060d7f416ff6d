// Reads sector documents, which list the clients of a sector: otherwise any client could join a sector and correlate people. A document is
// read on demand, once a minute for each requester. A good answer stays valid for its client during an outage.
// Source: OpenID Connect Core 1.0 section 8.1.
import type { ClientConfig } from '@nauthera/proto/generated/nauthera/config/v1/config_pb'
import { wireGrant } from '@nauthera/rules/grants'
import { BoundedMap } from '@nauthera/runtime/bounded-map'
import { foreignUri } from '@nauthera/runtime/log'
import type { Log } from '@nauthera/runtime/log'
import { createAsking } from './asking.ts'
import type { Fetch } from './outbound-fetch.ts'

/** Addresses that are remembered, and characters of them and of their members. Whoever writes clients names the addresses, and may let
 *  each list 64 KiB. */
const mostRemembered = { entries: 10_000, weight: 16 * 1024 * 1024 }
const mostMembers = 1000
const mostBytes = 64 * 1024

type Config = Pick<ClientConfig, 'sectorIdentifierUri' | 'redirectUris' | 'grantTypes' | 'jwksUri'>

export interface SectorDocuments {
  /** @returns why the client is not known to be of the sector that it names; undefined when it is, or names none
   *  @throws CodedError of the store */
  fault(config: Config): Promise<string | undefined>
}

interface Known {
  readonly members: readonly string[]
  /** Whether it could not be read the last time. */
  readonly hasFailed: boolean
}

export function createSectorDocuments(needs: {
  /** The last good answers, of all replicas. */
  kept: {
    find(uri: string): Promise<readonly string[] | undefined>
    set(uri: string, members: readonly string[]): Promise<void>
  }
  fetch: Fetch
  /** The address of who asks now; undefined where addresses are unknown. */
  asker: () => string | undefined
  log: Log
  /** Milliseconds, monotonic. */
  now: () => number
}): SectorDocuments {
  const { kept, fetch, log } = needs
  const known = new BoundedMap<Known>(mostRemembered)
  const remember = (uri: string, one: Known) => known.set(uri, one, weightOf(uri, one))
  const asking = createAsking<'read' | 'unread'>({
    ...needs,
    remembers: 'answered',
    isFailure: (outcome) => outcome === 'unread',
  })

  const ask = async (uri: string): Promise<'read' | 'unread'> => {
    // it may have been forgotten meanwhile
    const last = known.get(uri)?.members ?? (await kept.find(uri)) ?? []
    const members = await readMembers(uri, fetch).catch((error: unknown) => {
      log.warn({ error, url: foreignUri(uri) }, 'the document of a sector cannot be read; what it said last stays')
    })
    remember(uri, { members: members ?? last, hasFailed: members === undefined })
    if (members === undefined) return 'unread'
    await kept.set(uri, members)
    return 'read'
  }
  const look = async (uri: string): Promise<Known> => {
    const found = known.get(uri)
    if (found !== undefined) return found
    const fresh = { members: (await kept.find(uri)) ?? [], hasFailed: false }
    // another request may have looked, and even asked, meanwhile: what it learned is newer
    const meanwhile = known.get(uri)
    if (meanwhile !== undefined) return meanwhile
    remember(uri, fresh)
    return fresh
  }

  return {
    async fault(config) {
      const { sectorIdentifierUri: uri } = config
      if (uri === '') return undefined
      const wanted = membersOf(config)
      const before = await look(uri)
      if (missing(wanted, before) === undefined) return undefined
      const asked = await asking.request({ of: uri }, () => ask(uri))
      if (asked.kind === 'failed') throw asked.error
      const after = known.get(uri) ?? before
      const lacks = missing(wanted, after)
      if (lacks === undefined) return undefined
      // why it could not be read says something about this network, and whoever asks may be anybody
      return after.hasFailed
        ? `the document of the sector at ${uri} cannot be read, the log of the server says why; it is read again after a minute`
        : `the document of the sector at ${uri} does not list ${lacks}; add it there, it is read again after a minute`
    },
  }
}

/** @returns characters, with what a text takes beside its own */
const weightOf = (uri: string, { members }: Known): number =>
  members.reduce((sum, member) => sum + member.length + 32, uri.length + 128)

/** Without a redirect, the address of its keys shows that a client is of the sector. */
const membersOf = ({ redirectUris, grantTypes, jwksUri }: Config): readonly string[] =>
  grantTypes.includes(wireGrant('device_code')) ? [...redirectUris, jwksUri] : redirectUris

const missing = (wanted: readonly string[], { members }: Known): string | undefined =>
  wanted.find((uri) => !members.includes(uri))

async function readMembers(uri: string, fetch: Fetch): Promise<readonly string[]> {
  const answer = await fetch(uri, { headers: { accept: 'application/json' } })
  if (answer.status !== 200) throw new Error(`the answer has the status ${answer.status}, not 200`)
  const text = await answer.text()
  if (text.length > mostBytes) throw new Error(`it is larger than ${mostBytes / 1024} KiB`)
  const members: unknown = JSON.parse(text)
  const isList = Array.isArray(members) && members.every((member) => typeof member === 'string')
  if (!isList || members.length > mostMembers) throw new Error(`it is no list of at most ${mostMembers} addresses`)
  return members
}
