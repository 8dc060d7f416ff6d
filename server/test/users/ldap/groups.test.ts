import { expect } from 'chai'
import { PresenceFilter } from 'ldapts'
import type { Search } from '../../../src/users/ldap/connection.ts'
import { groupsOf } from '../../../src/users/ldap/groups.ts'
import type { GroupSearch } from '../../../src/users/ldap/groups.ts'

const dn = 'cn=Ada (R*D),ou=people,dc=example'
const settings: GroupSearch = {
  from: 'search',
  base: 'ou=groups,dc=example',
  filter: new PresenceFilter({ attribute: 'objectClass' }),
  member: 'member',
  memberIs: 'dn',
  name: 'cn',
  nested: true,
}

describe(groupsOf.name, () => {
  async function asked(isActiveDirectory: boolean, over: Partial<GroupSearch> = {}) {
    const filters: string[] = []
    const search = async ({ filter }: Search) => {
      filters.push(filter.toString())
      return []
    }
    const person = { dn, username: 'ada', memberOf: [] }
    await groupsOf({ search, isActiveDirectory: async () => isActiveDirectory }, { ...settings, ...over }, person)
    return filters
  }

  it('lets Active Directory find groups of groups by itself, with one search', async () => {
    expect(await asked(true)).to.deep.equal([
      '(&(objectClass=*)(member:1.2.840.113556.1.4.1941:=cn=Ada \\28R\\2aD\\29,ou=people,dc=example))',
    ])
  })

  it('L11 asks for a DN as a value, whatever is in it', async () => {
    expect(await asked(false)).to.deep.equal(['(&(objectClass=*)(member=cn=Ada \\28R\\2aD\\29,ou=people,dc=example))'])
    expect(await asked(true, { nested: false })).to.deep.equal(await asked(false))
  })

  it('asks for the user name where groups list that', async () => {
    const posix = { member: 'memberUid', memberIs: 'username' } as const
    expect(await asked(true, posix)).to.deep.equal(['(&(objectClass=*)(memberUid=ada))'])
  })

  it('asks about all groups of one level together', async () => {
    const filters: string[] = []
    const search = async ({ filter }: Search) => {
      filters.push(filter.toString())
      const names = filters.length === 1 ? ['dev', 'ops'] : []
      return names.map((name) => ({ dn: `cn=${name}`, values: () => [name], bytes: () => [] }))
    }
    const person = { dn, username: 'ada', memberOf: [] }
    const found = await groupsOf({ search, isActiveDirectory: async () => false }, settings, person)
    expect(found).to.deep.equal(['dev', 'ops'])
    expect(filters[1]).to.equal('(&(objectClass=*)(|(member=cn=dev)(member=cn=ops)))')
  })

  it('L11 ends a walk among groups that have no end', async () => {
    let searches = 0
    const search = async () => {
      const name = `group-${++searches}`
      return [{ dn: `cn=${name},${settings.base}`, values: () => [name], bytes: () => [] }]
    }
    const person = { dn, username: 'ada', memberOf: [] }
    const found = await groupsOf({ search, isActiveDirectory: async () => false }, settings, person)
    expect(found).to.have.length(10)
  })

  it('L11 ends a walk with the group that makes 5000', async () => {
    let searches = 0
    const search = async () => {
      searches++
      return Array.from({ length: 5000 }, (_, n) => {
        const name = `group-${n}`
        return { dn: `cn=${name},${settings.base}`, values: () => [name], bytes: () => [] }
      })
    }
    const person = { dn, username: 'ada', memberOf: [] }
    const found = await groupsOf({ search, isActiveDirectory: async () => false }, settings, person)
    expect([found.length, searches]).to.deep.equal([5000, 1])
  })
})
