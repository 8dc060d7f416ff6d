// `npm run dev -- --with ldap`: a directory with two people beside the person in PostgreSQL.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startSlapd, suffix } from '@nauthera/local/programs/slapd'

export interface DemoDirectory {
  /** For the settings of the server. */
  readonly sources: readonly object[]
  readonly people: readonly { readonly name: string; readonly password: string; readonly groups: readonly string[] }[]
  /** Ends it at once; what it holds is kept for `again`. */
  kill(): Promise<void>
  /** Starts it again after `kill`, at the same port with the same people. */
  again(): Promise<void>
  stop(): Promise<void>
}

/** The keys stay the same from start to start: the records of the database hang on them. */
const people = [
  { name: 'grace', key: '7b8f2c4e-0a51-4c7c-9a37-2f4f5d0a1c01', groups: ['admins', 'dev'] },
  { name: 'nils', key: '7b8f2c4e-0a51-4c7c-9a37-2f4f5d0a1c02', groups: ['dev'] },
] as const

const searcher = `cn=nauthera,${suffix}`
const dnOf = (name: string) => `uid=${name},ou=people,${suffix}`

/** @param state where the files go that the settings name
 *  @throws Error that names the command which installs slapd */
export async function startDirectory(state: string): Promise<DemoDirectory> {
  const secret = () => randomBytes(9).toString('base64url')
  const account = secret()
  const known = people.map((person) => ({ ...person, password: secret() }))
  const groups = [...new Set(people.flatMap((person) => person.groups))]
  const unit = (name: string) => `dn: ou=${name},${suffix}\nobjectClass: organizationalUnit\nou: ${name}`
  const slapd = await startSlapd({
    // else doctor asks to renew it
    certificateMs: 30 * 86_400_000,
    ldif: [
      unit('people'),
      unit('groups'),
      `dn: ${searcher}\nobjectClass: person\ncn: nauthera\nsn: nauthera\nuserPassword: ${account}`,
      ...known.map(
        ({ name, key, password }) =>
          `dn: ${dnOf(name)}\nobjectClass: inetOrgPerson\nuid: ${name}\ncn: ${name}\nsn: ${name}\nmail: ${name}@example.com\nuserPassword: ${password}\nentryUUID: ${key}`,
      ),
      ...groups.map((group) => {
        const members = people.filter((person) => (person.groups as readonly string[]).includes(group))
        const lines = members.map(({ name }) => `member: ${dnOf(name)}`)
        return `dn: cn=${group},ou=groups,${suffix}\nobjectClass: groupOfNames\ncn: ${group}\n${lines.join('\n')}`
      }),
    ].join('\n\n'),
  })
  return {
    sources: writeSource(join(state, 'directory'), slapd, account),
    people: known,
    kill: () => slapd.kill(),
    again: () => slapd.again(),
    stop: () => slapd.stop(),
  }
}

function writeSource(place: string, slapd: { url: string; ca: string }, account: string): object[] {
  mkdirSync(place, { recursive: true })
  const write = (name: string, content: string): string => {
    writeFileSync(join(place, name), content, { mode: 0o600 })
    return join(place, name)
  }
  const source = {
    id: 'directory',
    type: 'ldap',
    urls: [slapd.url],
    caFile: write('ca.crt', slapd.ca),
    usernameFile: write('username', searcher),
    passwordFile: write('password', account),
    userBase: `ou=people,${suffix}`,
    groups: { base: `ou=groups,${suffix}` },
  }
  return [{ id: 'postgres', type: 'postgres' }, source]
}
