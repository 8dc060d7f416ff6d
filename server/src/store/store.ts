// Every table, bound to one database.
import type { Log } from '@nauthera/runtime/log'
import type { Metrics } from '@nauthera/runtime/metrics'
import { createAccounts } from './sessions/accounts.ts'
import type { Accounts } from './sessions/accounts.ts'
import { createAttempts } from './people/attempts.ts'
import type { Attempts } from './people/attempts.ts'
import { createAudit } from './audit/audit.ts'
import type { Audit, AuditSettings } from './audit/audit.ts'
import { createAuthorizations } from './tokens/authorizations.ts'
import type { Authorizations } from './tokens/authorizations.ts'
import type { Cache } from './cache/cache.ts'
import { createChanges } from './cache/changes.ts'
import { createDatabaseClock } from './clock.ts'
import type { DatabaseClock } from './clock.ts'
import { createConsents } from './people/consents.ts'
import type { Consents } from './people/consents.ts'
import { createCredentials } from './people/credentials.ts'
import type { Credentials } from './people/credentials.ts'
import { createDesk } from './desk.ts'
import type { Desk } from './desk.ts'
import { createDeviceCodes } from './tokens/device-codes.ts'
import type { DeviceCodes } from './tokens/device-codes.ts'
import { createDevices } from './sessions/devices.ts'
import type { Devices } from './sessions/devices.ts'
import type { KeyEncryptionRing } from './driver/envelope.ts'
import { createEpoch } from './epoch.ts'
import type { Epoch } from './epoch.ts'
import { createFactors } from './factors/factors.ts'
import type { Factors } from './factors/factors.ts'
import { createGrants } from './tokens/grants.ts'
import type { Grants } from './tokens/grants.ts'
import { createGroups } from './people/groups.ts'
import type { Groups } from './people/groups.ts'
import { createKeys } from './tokens/keys.ts'
import type { Keys } from './tokens/keys.ts'
import { createOneTime } from './tokens/one-time.ts'
import type { OneTime } from './tokens/one-time.ts'
import { createLoginLinks } from './people/login-links.ts'
import type { LoginLinks } from './people/login-links.ts'
import { createMailLinks } from './people/mail-links.ts'
import type { MailLinks } from './people/mail-links.ts'
import { createOutbox } from './outbox/outbox.ts'
import type { Outbox } from './outbox/outbox.ts'
import type { Database } from './driver/database.ts'
import { createPreferences } from './people/preferences.ts'
import type { Preferences } from './people/preferences.ts'
import { createPushedRequests } from './tokens/pushed-requests.ts'
import type { PushedRequests } from './tokens/pushed-requests.ts'
import { createReaper } from './reaper.ts'
import type { Reaper } from './reaper.ts'
import { createRedemptions } from './sessions/redemptions.ts'
import type { Redemptions } from './sessions/redemptions.ts'
import { createRenewals } from './sessions/renewals.ts'
import type { Renewals } from './sessions/renewals.ts'
import { createSectorMembers } from './tokens/sector-documents.ts'
import type { SectorMembers } from './tokens/sector-documents.ts'
import { createSignIns } from './sessions/sign-ins.ts'
import type { SignIns } from './sessions/sign-ins.ts'
import { createTokenAccounts } from './sessions/token-accounts.ts'
import type { TokenAccounts } from './sessions/token-accounts.ts'
import { createUpstreamLinks } from './factors/upstream-links.ts'
import type { UpstreamLinks } from './factors/upstream-links.ts'
import { createUsers } from './people/users.ts'
import type { Users } from './people/users.ts'

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
  readonly clock: DatabaseClock
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
  const clock = createDatabaseClock({ database, log, metrics })
  const reaper = createReaper({ database, clock, log, auditRetentionMs: auditSettings.retention })
  const accounts = createAccounts(needs)
  const grants = createGrants(needs)
  return {
    database,
    cache,
    oneTime: createOneTime(needs),
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
    grants,
    redemptions: createRedemptions(needs),
    renewals: createRenewals({ database, grants }),
    devices: createDevices(needs),
    deviceCodes: createDeviceCodes(needs),
    pushedRequests: createPushedRequests({ ...needs, ring }),
    sectorMembers: createSectorMembers(needs),
    signIns: createSignIns(needs),
    attempts: createAttempts(needs),
    outbox,
    mailLinks: createMailLinks(needs),
    loginLinks: createLoginLinks(needs),
    keys: createKeys({ ...needs, ring }),
    epoch: createEpoch(needs),
    clock,
    audit,
    reaper,
    async stop() {
      reaper.stop()
      clock.stop()
      await audit.stop()
      await cache?.stop()
      await database.stop()
    },
  }
}
