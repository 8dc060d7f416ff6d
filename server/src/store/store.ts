// Every table, bound to one database.
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { createAccounts } from './accounts.ts'
import type { Accounts } from './accounts.ts'
import { createAttempts } from './attempts.ts'
import type { Attempts } from './attempts.ts'
import { createAudit } from './audit.ts'
import type { Audit, AuditSettings } from './audit.ts'
import { createAuthorizations } from './authorizations.ts'
import type { Authorizations } from './authorizations.ts'
import type { Cache } from './cache.ts'
import { createChanges } from './changes.ts'
import { createConsents } from './consents.ts'
import type { Consents } from './consents.ts'
import { createCredentials } from './credentials.ts'
import type { Credentials } from './credentials.ts'
import { createDesk } from './desk.ts'
import type { Desk } from './desk.ts'
import { createDeviceCodes } from './device-codes.ts'
import type { DeviceCodes } from './device-codes.ts'
import { createDevices } from './devices.ts'
import type { Devices } from './devices.ts'
import type { KeyEncryptionRing } from './envelope.ts'
import { createEpoch } from './epoch.ts'
import type { Epoch } from './epoch.ts'
import { createFactors } from './factors.ts'
import type { Factors } from './factors.ts'
import { createGrants } from './grants.ts'
import type { Grants } from './grants.ts'
import { createGroups } from './groups.ts'
import type { Groups } from './groups.ts'
import { createKeys } from './keys.ts'
import type { Keys } from './keys.ts'
import { createOneTime } from './one-time.ts'
import type { OneTime } from './one-time.ts'
import { createLoginLinks } from './login-links.ts'
import type { LoginLinks } from './login-links.ts'
import { createMailLinks } from './mail-links.ts'
import type { MailLinks } from './mail-links.ts'
import { createOutbox } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import type { Database } from './postgres.ts'
import { createPreferences } from './preferences.ts'
import type { Preferences } from './preferences.ts'
import { createPushedRequests } from './pushed-requests.ts'
import type { PushedRequests } from './pushed-requests.ts'
import { createReaper } from './reaper.ts'
import type { Reaper } from './reaper.ts'
import { createRedemptions } from './redemptions.ts'
import type { Redemptions } from './redemptions.ts'
import { createRefreshFamilies } from './refresh-families.ts'
import type { RefreshFamilies } from './refresh-families.ts'
import { createRenewals } from './renewals.ts'
import type { Renewals } from './renewals.ts'
import { createSectorMembers } from './sector-documents.ts'
import type { SectorMembers } from './sector-documents.ts'
import { createSignIns } from './sign-ins.ts'
import type { SignIns } from './sign-ins.ts'
import { createTokenAccounts } from './token-accounts.ts'
import type { TokenAccounts } from './token-accounts.ts'
import { createUpstreamLinks } from './upstream-links.ts'
import type { UpstreamLinks } from './upstream-links.ts'
import { createUsers } from './users.ts'
import type { Users } from './users.ts'

export interface Store {
  readonly database: Database
  /** Undefined when nothing is cached. */
  readonly cache: Cache | undefined
  readonly oneTime: OneTime
  readonly users: Users
  readonly preferences: Preferences
  readonly upstreamLinks: UpstreamLinks
  readonly accounts: Accounts
  readonly tokenAccounts: TokenAccounts
  readonly groups: Groups
  readonly desk: Desk
  readonly credentials: Credentials
  readonly factors: Factors
  readonly consents: Consents
  readonly authorizations: Authorizations
  readonly grants: Grants
  readonly redemptions: Redemptions
  readonly refreshFamilies: RefreshFamilies
  readonly renewals: Renewals
  readonly devices: Devices
  readonly deviceCodes: DeviceCodes
  readonly pushedRequests: PushedRequests
  readonly sectorMembers: SectorMembers
  readonly signIns: SignIns
  readonly attempts: Attempts
  readonly outbox: Outbox
  readonly mailLinks: MailLinks
  readonly loginLinks: LoginLinks
  readonly keys: Keys
  readonly epoch: Epoch
  readonly audit: Audit
  readonly reaper: Reaper
  /** Writes the waiting audit rows, then closes the connections. */
  stop(): Promise<void>
}

/** @param options.cache stopped with the store; without one nothing is cached
 *  @param options.replica the name of this pod, for the audit log
 *  @param options.sendsMail whether mail is sent; default: no mail is queued
 *  @param options.auditSettings `retention` in milliseconds */
export function createStore(options: {
  database: Database
  cache?: Cache | undefined
  ring: KeyEncryptionRing
  log: Log
  metrics?: Metrics
  replica: string
  auditSettings: AuditSettings & { readonly retention: number }
  sendsMail?: boolean
}): Store {
  const { database, cache, ring, log, metrics, replica, auditSettings, sendsMail = false } = options
  const audit = createAudit({ database, log, metrics, replica, settings: auditSettings })
  const outbox = createOutbox({ database, ring: () => ring, audit, sendsMail })
  const needs = { database, audit, outbox, changes: createChanges(cache) }
  const reaper = createReaper({ database, log, auditRetentionMs: auditSettings.retention })
  const accounts = createAccounts(needs)
  const oneTime = createOneTime(needs)
  return {
    database,
    cache,
    oneTime,
    users: createUsers(needs),
    preferences: createPreferences(needs),
    upstreamLinks: createUpstreamLinks(needs),
    accounts,
    tokenAccounts: createTokenAccounts({ accounts, cache, metrics }),
    groups: createGroups(needs),
    desk: createDesk(needs),
    credentials: createCredentials(needs),
    factors: createFactors({ ...needs, ring }),
    consents: createConsents(needs),
    authorizations: createAuthorizations(needs),
    grants: createGrants(needs),
    redemptions: createRedemptions(needs),
    refreshFamilies: createRefreshFamilies(needs),
    renewals: createRenewals(needs),
    devices: createDevices(needs),
    deviceCodes: createDeviceCodes(needs),
    pushedRequests: createPushedRequests({ ...needs, ring, oneTime }),
    sectorMembers: createSectorMembers(needs),
    signIns: createSignIns(needs),
    attempts: createAttempts(needs),
    outbox,
    mailLinks: createMailLinks(needs),
    loginLinks: createLoginLinks(needs),
    keys: createKeys({ ...needs, ring }),
    epoch: createEpoch(needs),
    audit,
    reaper,
    async stop() {
      reaper.stop()
      await audit.stop()
      await cache?.stop()
      await database.stop()
    },
  }
}
