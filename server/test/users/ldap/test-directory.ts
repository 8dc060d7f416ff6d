// A real slapd with people and groups, and sources on it as each replica has one.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Attribute, Change, Client } from 'ldapts'
import { loadSettings } from '@nauthera/runtime/settings'
import { reapDirectory } from '@nauthera/local/processes/reaper'
import { startSlapd, suffix } from '@nauthera/local/programs/slapd'
import type { Slapd } from '@nauthera/local/programs/slapd'
import { settingsSchema } from '../../../src/settings.ts'
import type { LdapSourceSettings } from '../../../src/settings/sources.ts'

export const userBase = `ou=people,${suffix}`
export const groupBase = `ou=groups,${suffix}`

/** Not the administrator, whom no limit holds. */
const searcher = { dn: `cn=searcher,${suffix}`, password: 'the password of the searcher' }

const unit = (name: string) => `dn: ou=${name},${suffix}\nobjectClass: organizationalUnit\nou: ${name}`
const ldif = [
  unit('people'),
  unit('groups'),
  `dn: ${searcher.dn}\nobjectClass: person\ncn: searcher\nsn: searcher\nuserPassword: ${searcher.password}`,
].join('\n\n')

/** No other source has a domain. */
export const vouching = { own: [], ofOthers: [], rest: 'all' } as const

export interface NewEntry {
  readonly username: string
  readonly email: string
  readonly password: string
  readonly groups: readonly string[]
}

export interface TestDirectory {
  readonly slapd: Slapd
  /** The files that settings name. */
  readonly files: { readonly ca: string; readonly username: string; readonly password: string }
  /** Settings of a source on it. */
  settings(over?: Readonly<Record<string, unknown>>): LdapSourceSettings
  /** @returns the entry's key, its entryUUID */
  add(person: NewEntry): Promise<string>
  dnOf(key: string): Promise<string>
  change(key: string, changes: { username: string; groups: readonly string[] }): Promise<void>
  set(key: string, attribute: string, value: string): Promise<void>
  remove(key: string): Promise<void>
  /** Adds the group when it is new. @param member DN */
  join(group: string, member: string): Promise<void>
  leave(group: string, member: string): Promise<void>
  /** As the administrator of the directory. */
  asAdmin<T>(work: (client: Client) => Promise<T>): Promise<T>
  stop(): Promise<void>
}

/** @param options.ldif further entries; @param options.passwordPolicy as of startSlapd */
export async function startTestDirectory(
  options: { ldif?: string; passwordPolicy?: boolean } = {},
): Promise<TestDirectory> {
  const slapd = await startSlapd({ ...options, ldif: `${ldif}\n\n${options.ldif ?? ''}` })
  const directory = mkdtempSync(join(tmpdir(), 'nauthera-ldap-'))
  const forget = reapDirectory(directory)
  const files = { ca: join(directory, 'ca'), username: join(directory, 'dn'), password: join(directory, 'password') }
  writeFileSync(files.ca, slapd.ca)
  writeFileSync(files.username, searcher.dn)
  writeFileSync(files.password, searcher.password)

  const asAdmin = async <T>(work: (client: Client) => Promise<T>): Promise<T> => {
    const client = new Client({ url: slapd.url, tlsOptions: { ca: slapd.ca }, timeout: 20_000, connectTimeout: 20_000 })
    try {
      await client.bind(slapd.adminDn, slapd.adminPassword)
      return await work(client)
    } finally {
      await client.unbind()
    }
  }
  const dnOf = (key: string) => asAdmin((client) => entryOf(client, key)).then(({ dn }) => dn)
  const change = (dn: string, operation: 'add' | 'replace' | 'delete', type: string, values: string[]) =>
    asAdmin((client) => client.modify(dn, new Change({ operation, modification: new Attribute({ type, values }) })))
  return {
    slapd,
    files,
    settings: (over = {}) => settingsOf(slapd, files, over),
    asAdmin,
    dnOf,
    join: (group, member) => asAdmin((client) => joinGroup(client, group, member)),
    leave: (group, member) => change(`cn=${group},${groupBase}`, 'delete', 'member', [member]),
    async add(person) {
      const dn = `uid=${person.username},${userBase}`
      return asAdmin(async (client) => {
        await client.add(dn, {
          objectClass: ['inetOrgPerson'],
          uid: person.username,
          cn: `${person.username} Example`,
          sn: 'Example',
          mail: person.email,
          userPassword: person.password,
        })
        for (const group of person.groups) await joinGroup(client, group, dn)
        const found = await client.search(dn, { scope: 'base', attributes: ['entryUUID'] })
        return String(found.searchEntries[0]!['entryUUID'])
      })
    },
    change: async (key, { username, groups }) =>
      asAdmin(async (client) => {
        const { dn, memberOf } = await entryOf(client, key)
        for (const group of memberOf) await client.modify(group, withoutMember(dn))
        await client.modifyDN(dn, `uid=${username}`)
        for (const group of groups) await joinGroup(client, group, `uid=${username},${userBase}`)
      }),
    set: async (key, attribute, value) => change(await dnOf(key), 'replace', attribute, [value]),
    remove: (key) =>
      asAdmin(async (client) => {
        const { dn, memberOf } = await entryOf(client, key)
        for (const group of memberOf) await client.modify(group, withoutMember(dn))
        await client.del(dn)
      }),
    async stop() {
      await slapd.stop()
      forget()
    },
  }
}

/** As the settings of a server list it. */
export const sourceOf = ({ slapd, files }: Pick<TestDirectory, 'slapd' | 'files'>) => ({
  id: 'directory',
  type: 'ldap',
  urls: [slapd.url],
  caFile: files.ca,
  usernameFile: files.username,
  passwordFile: files.password,
  userBase,
  groups: { base: groupBase },
})

function settingsOf(
  slapd: Slapd,
  files: TestDirectory['files'],
  over: Readonly<Record<string, unknown>>,
): LdapSourceSettings {
  const source = { ...sourceOf({ slapd, files }), disabledFilter: '(employeeType=disabled)', ...over }
  const text = JSON.stringify({ issuer: 'http://localhost', database: { host: 'localhost' }, sources: [source] })
  const [parsed] = loadSettings(settingsSchema, { file: 'test', text }).sources
  if (parsed?.type !== 'ldap') throw new Error('no such source')
  return parsed
}

async function entryOf(client: Client, key: string): Promise<{ dn: string; memberOf: string[] }> {
  const options = { filter: `(entryUUID=${key})`, attributes: ['memberOf'] }
  const [entry] = (await client.search(suffix, options)).searchEntries
  if (entry === undefined) throw new Error(`no entry ${key}`)
  return { dn: entry.dn, memberOf: [entry['memberOf'] ?? []].flat().map(String) }
}

/** A group has a member, always: one that is nobody stays in each. */
const nobody = `cn=nobody,${suffix}`
const withoutMember = (dn: string) =>
  new Change({ operation: 'delete', modification: new Attribute({ type: 'member', values: [dn] }) })

async function joinGroup(client: Client, group: string, member: string): Promise<void> {
  const dn = `cn=${group},${groupBase}`
  await client.add(dn, { objectClass: ['groupOfNames'], cn: group, member: nobody }).catch((error: unknown) => {
    if (!/exists/i.test(String(error))) throw error
  })
  await client.modify(
    dn,
    new Change({ operation: 'add', modification: new Attribute({ type: 'member', values: [member] }) }),
  )
}

export const newName = (): string => `user-${randomUUID().slice(0, 8)}`

/** For tests in which the directory answers, on a machine that is busy with other things. */
export const patient = {
  patience: { connect: 30_000, answer: 30_000 },
  passwordQueue: { width: 16, waitMs: 30_000, longest: 1000 },
} as const
