import { randomUUID } from 'node:crypto'
import { expect } from 'chai'
import fc from 'fast-check'
import { propertyRuns } from '@nauthera/harness/property-runs'
import { acrOf } from '../../../src/oidc/acr.ts'
import { standingGrant, termsOf } from '../../../src/oidc/artefacts/standing-grant.ts'
import type { ClientInstances } from '../../../src/oidc/clients/instances.ts'
import type { OidcClient } from '../../../src/oidc/clients/oidc-client.ts'
import { grantedByRefresh, grantedOf } from '../../../src/store/sessions/accounts.ts'
import type { GrantedRow } from '../../../src/store/sessions/accounts.ts'
import { statement } from '../../../src/store/driver/database.ts'
import type { Store } from '../../../src/store/store.ts'
import { isAlive } from '../../../src/store/tokens/grants.ts'
import { countsAtOnce, countsForPerson, personCounts, termsValues } from '../../../src/store/tokens/what-counts.ts'
import { freshStore } from '../../store/fresh-store.ts'
import type { FreshStore } from '../../store/fresh-store.ts'

// What a statement decides in SQL, where it also writes, is what the lane and the library decide: for the same rows, on a real PostgreSQL.

const groupNames = ['staff', 'finance', 'board']
const levels = ['urn:nauthera:password', 'urn:nauthera:mfa']
/** A rule is broken by few rows, so that one of several is often the only broken one. */
const rarely = <T>(usual: T, ...others: readonly T[]) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: fc.constantFrom(...others) })

const caseOf = fc.record({
  isDisabled: rarely(false, true),
  source: rarely('own', 'ldap'),
  own: fc.subarray(groupNames),
  link: fc.record({ groups: fc.subarray(groupNames), isValid: fc.boolean() }),
  session: rarely('alive', 'revoked', 'expired', 'newer', 'all ended', 'none', 'not named'),
  offline: fc.boolean(),
  grant: rarely('alive', 'revoked', 'expired', 'none'),
  parent: rarely('none', 'alive', 'revoked', 'expired', 'gone'),
  sector: rarely<string | undefined>(undefined, 'app.example.com', 'other.example.com'),
  client: fc.record({
    uid: rarely('uid', 'other'),
    config: fc.record({
      allowedGroups: rarely<readonly string[]>([], ['staff'], ['finance', 'board']),
      requiredAcr: rarely<readonly string[]>([], levels, levels.slice(1)),
      subjectType: rarely('public', 'pairwise'),
      sectorIdentifierUri: fc.constant(''),
      redirectUris: fc.constant(['https://app.example.com/callback']),
      audiences: fc.constant([]),
      scopes: fc.constant(['openid']),
    }),
  }),
  policy: fc.record({
    policy: rarely('optional' as const, 'off' as const, 'required' as const),
    requiredGroups: rarely<readonly string[]>([], ['board'], ['staff', 'finance']),
    enrolment: fc.constant('password' as const),
  }),
  amr: rarely<readonly string[]>(['pwd'], ['pwd', 'otp', 'mfa'], ['link']),
})

describe(countsAtOnce.name, () => {
  let fresh: FreshStore
  let store: Store
  before(async () => {
    fresh = await freshStore()
    store = fresh.replica()
  })
  after(() => fresh.stop())

  it('A6 T1 says yes exactly where lane and library do', async () => {
    const cases = fc.sample(caseOf, { numRuns: propertyRuns(500), seed: 20 }).map((one, n) => {
      const terms = termsOf(one.client as unknown as OidcClient, acrOf(one.amr), one.policy)
      const { clientUid, sector, allowedGroups, strictGroups } = termsValues(terms)
      const asked = {
        client_uid: clientUid ?? null,
        sector_now: sector ?? null,
        allowed: allowedGroups,
        strict: strictGroups,
      }
      return { ...one, ...asked, n, sector: one.sector ?? null, userId: randomUUID(), uid: randomUUID() }
    })
    await store.database.query(statement('test-counts-fill', fill), [JSON.stringify(cases)])
    type Row = GrantedRow & { n: number; counts: boolean; grant_alive: boolean; person: boolean }
    const rows = await store.database.query<Row>(statement('test-counts-ask', ask), [JSON.stringify(cases)])
    expect(rows).to.have.length(cases.length)
    let yes = 0
    for (const { n, counts, grant_alive, person, ...row } of rows) {
      const { client, policy, amr, source, parent } = cases[n]!
      const found = grantedOf(row as GrantedRow)
      const clients = { ensure: async () => undefined, registeredById: () => client } as unknown as ClientInstances
      const by = { artefact: { amr }, secondFactor: policy }
      const stands = countsForPerson(found) && (await standingGrant(found, clients, by)) !== undefined
      const isKnownHere = source === 'own' && parent === 'none'
      expect(counts, JSON.stringify(cases[n])).to.equal(stands && isKnownHere)
      if (counts) yes++
      expect([grant_alive, person]).to.deep.equal([found.grant !== undefined, personCounts.holds(found)])
    }
    expect(yes).to.be.within(cases.length / 20, cases.length / 2)
  })
})

const columns = `n integer, "userId" uuid, uid text, "isDisabled" boolean, source text, own text[], link jsonb, session text, "offline" boolean, "grant" text,
  parent text, sector text, client_uid text, sector_now text, allowed text[], strict text[]`
const cases = `jsonb_to_recordset($1) c(${columns})`
const hour = "interval '1 hour'"

/** Ids: that of the session is \`s<uid>\`, that of the grant \`g<uid>\`. */
const fill = `
  WITH c AS MATERIALIZED (SELECT * FROM ${cases}),
  new_users AS (INSERT INTO users (id, username, canonical_username, disabled_at, sessions_valid_after)
    SELECT "userId", uid, uid, CASE WHEN "isDisabled" THEN now() END, CASE WHEN session = 'all ended' THEN now() + ${hour} ELSE '-infinity' END FROM c),
  sources AS (INSERT INTO user_sources (user_id, source, source_key) SELECT "userId", source, uid FROM c WHERE source <> 'own'),
  names AS (INSERT INTO groups (id, name) SELECT gen_random_uuid(), name FROM unnest('{${groupNames.join(',')}}'::text[]) name RETURNING id, name),
  members AS (INSERT INTO group_members (user_id, group_id) SELECT "userId", names.id FROM c JOIN names ON names.name = ANY (own)),
  links AS (INSERT INTO upstream_links (issuer, subject, user_id, upstream, groups, valid_until)
    SELECT 'https://issuer.example.com', uid, "userId", 'corp', ARRAY(SELECT jsonb_array_elements_text(link->'groups')),
      now() + CASE WHEN (link->>'isValid')::boolean THEN ${hour} ELSE -${hour} END FROM c),
  sessions AS (INSERT INTO devices (session_uid, user_id, version, auth_time, expires_at, revoked_at)
    SELECT 's' || uid, "userId", CASE WHEN session = 'newer' THEN 9 ELSE 1 END, now(),
      now() + CASE WHEN session = 'expired' THEN -${hour} ELSE ${hour} END, CASE WHEN session = 'revoked' THEN now() END
    FROM c WHERE session <> 'none'),
  new_grants AS (INSERT INTO grants (id, user_id, client_uid, client_id, session_uid, offline, payload, expires_at, revoked_at)
    SELECT 'g' || uid, "userId", 'uid', 'app', 's' || uid, "offline", jsonb_strip_nulls(jsonb_build_object('openid', '{"scope": "openid"}'::jsonb, 'sector', sector)),
      now() + CASE WHEN "grant" = 'expired' THEN -${hour} ELSE ${hour} END, CASE WHEN "grant" = 'revoked' THEN now() END
    FROM c WHERE "grant" <> 'none'
    UNION ALL SELECT 'p' || uid, "userId", 'uid', 'app', NULL, true, '{}', now() + CASE WHEN parent = 'expired' THEN -${hour} ELSE ${hour} END,
      CASE WHEN parent = 'revoked' THEN now() END FROM c WHERE parent NOT IN ('none', 'gone'))
  INSERT INTO grant_parents (grant_id, parent_id) SELECT 'g' || uid, 'p' || uid FROM c WHERE parent <> 'none' AND "grant" <> 'none'`

/** The parameters of the statement: of each case. */
const parameters: Readonly<Record<string, string>> = {
  $userId: 'c."userId"',
  $sessionUid: "CASE WHEN c.session <> 'not named' THEN 's' || c.uid END",
  $version: '5',
  $authTime: 'now()',
  $grantId: "'g' || c.uid",
  $clientUid: 'c.client_uid',
  $sector: 'c.sector_now',
  $allowedGroups: 'c.allowed',
  $strictGroups: 'c.strict',
}
const ofCase = (sql: string) => sql.replaceAll(/\$\w+/g, (name) => `(${parameters[name]!})`)
const ask = `SELECT c.n, a.*, (${ofCase(countsAtOnce('a'))}) IS TRUE AS counts, ${personCounts.sql('a')} AS person,
    EXISTS (SELECT FROM grants t WHERE t.id = 'g' || c.uid AND ${isAlive('t')}) AS grant_alive
  FROM ${cases}, LATERAL (${ofCase(grantedByRefresh)}) a ORDER BY c.n`
